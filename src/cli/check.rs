//! `seatrial check`: judges a journal again, from the journal alone.

use super::record::Which;
use super::{Exit, output};

/// What `check` is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

/// Prints each finding and the verdict.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let record = args.which.read()?;
    let judgement = &record.judgement;
    let mut text = record.warning().unwrap_or_default();
    for finding in &judgement.findings {
        let (verdict, check, summary) = (finding.verdict, &finding.check, &finding.summary);
        text += &format!("{verdict:>8}  {check:<13} {summary}\n");
    }
    for trouble in &judgement.trouble {
        text += &format!("{:>8}  {trouble}\n", "trouble");
    }
    if let Some(control) = &judgement.control {
        let must = control.must_fail.join(", ");
        let failed = match control.failed.as_slice() {
            [] => "nothing failed".to_owned(),
            some => format!("failed: {}", some.join(", ")),
        };
        text += &format!("{:>8}  must fail: {must}; {failed}\n", "control");
    }
    let name = &record.history.plan.name;
    text += &format!("\n{name}: {}\n", judgement.verdict);
    output::print(&text)?;
    Ok(judgement.verdict.into())
}
