//! A whole run on one page that needs nothing else: no network, no script, no other file.
//!
//! The templates are in `templates/`. They escape all that they are given; the page is made legible
//! as a whole at the end, and its policy forbids it to load anything.

use askama::Template;

use super::legible::{legible, line};
use super::repeat::repeat;
use super::style::verdict_word;
use super::terminal::closing;
use super::{caveat, clients, lanes};
use crate::journal::timeline::{Mark, Timeline};
use crate::journal::{History, Phase};
use crate::plan;
use crate::verdict::wording::{count, counted, seconds};
use crate::verdict::{Finding, Judgement, Verdict};

mod bars;
mod chart;
mod cited;
mod events;
mod exhibits;
mod measured;
mod story;
mod tables;

use chart::{Axis, Chart};
use cited::{Cited, Cites, Shown};
use events::Happening;
use exhibits::ExhibitRow;
use measured::Fact;
use story::{ActionPart, FaultPart};
use tables::{ClientRow, TaskRow};

/// How many entries a finding names, and how many troubles are told.
const EVIDENCE_MAX: usize = 24;
const TROUBLE_MAX: usize = 20;

/// How much of the plan is shown, in letters.
const PLAN_MAX: usize = 100_000;

/// All that the page says, in its order.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    name: String,
    title: String,
    because: String,
    verdict: &'static str,
    class: &'static str,
    closing: String,
    caveat: &'a str,
    truncated: bool,
    decisive: Vec<FindingRow>,
    trouble: Vec<String>,
    more_trouble: Option<String>,
    findings: Vec<FindingRow>,
    facts: Vec<Fact>,
    faults: Vec<FaultPart>,
    actions: Vec<ActionPart>,
    engines: Option<tables::Steps>,
    chart: Chart,
    from: String,
    to: String,
    happenings: Vec<Happening>,
    more_happenings: Option<String>,
    clients: Vec<ClientRow>,
    tasks: Vec<TaskRow>,
    exhibits: Vec<ExhibitRow>,
    more_exhibits: Option<String>,
    ran_with: Vec<(String, String)>,
    plan: String,
    entries: Vec<Shown>,
    all_entries: String,
}

/// One finding.
struct FindingRow {
    check: String,
    word: &'static str,
    class: &'static str,
    summary: String,
    cites: Cites,
}

/// The run and its judgement as one page of HTML that is XML too. Ends with a line end.
pub fn html(history: &History, judgement: &Judgement) -> String {
    let timeline = Timeline::of(history);
    // Whoever cites first has its entries on the page for certain.
    let mut cited = Cited::new(history);
    let findings = findings(judgement, |_| true, &mut cited);
    let decisive = findings_that_decide(judgement, &mut cited);
    let lanes = lanes::of(history, &timeline);
    let axis = axis(&timeline);
    let told = clients::of(history, axis.drawn.clone(), bars::SLICES);
    let facts = measured::of(history, &timeline, judgement, &told, &mut cited);
    let faults = story::faults(history, &timeline, &mut cited);
    let actions = story::actions(&timeline, &mut cited);
    let engines = tables::steps(history, &mut cited);
    let (happenings, beyond) = events::of(&lanes, &mut cited);
    let clients = tables::clients(&told, &mut cited);
    let tasks = tables::tasks(history, &mut cited);
    let (exhibits, more_exhibits) = exhibits::of(history, &mut cited);
    let chart = chart::draw(&axis, &timeline, &lanes, &told, &mut cited);
    let troubles = judgement.trouble.len().saturating_sub(TROUBLE_MAX) as u64;
    let trouble = judgement.trouble.iter().take(TROUBLE_MAX);
    let page = Page {
        name: line(&history.plan.name),
        title: line(&history.plan.title),
        because: line(&history.plan.because),
        verdict: verdict_word(judgement.verdict),
        class: class(judgement.verdict),
        closing: line(&closing(history, judgement)),
        caveat: caveat(history).unwrap_or_default(),
        truncated: history.truncated,
        decisive,
        trouble: trouble.map(|what| line(what)).collect(),
        more_trouble: (troubles > 0).then(|| count(troubles)),
        findings,
        facts,
        faults,
        actions,
        engines,
        chart,
        from: seconds(axis.drawn.start),
        to: seconds(axis.drawn.end),
        happenings,
        more_happenings: (beyond > 0).then(|| count(beyond as u64)),
        clients,
        tasks,
        exhibits,
        more_exhibits,
        ran_with: ran_with(history),
        plan: plan::text(&history.plan).chars().take(PLAN_MAX).collect(),
        entries: cited.into_shown(),
        all_entries: counted(history.entries.len() as u64, "line"),
    };
    let page = page.render().expect("a string takes all that is written");
    format!("{}\n", legible(&page).trim_end())
}

/// From the start of the load to the read-back, as in a terminal; without a load, the whole run.
fn axis(timeline: &Timeline) -> Axis {
    let at = |mark: Option<Mark>| mark.map(|mark| mark.at);
    let load = at(timeline.phase(Phase::Load)).unwrap_or_default();
    let over = at(timeline.phase(Phase::ReadBack)).unwrap_or(timeline.end);
    Axis {
        drawn: load..over.max(load),
    }
}

/// A verdict as the page marks it, beside its word.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Unknown => "unknown",
        Verdict::Fail => "fail",
    }
}

/// The findings that are so, in their order.
fn findings(
    judgement: &Judgement,
    so: impl Fn(&Finding) -> bool,
    cited: &mut Cited,
) -> Vec<FindingRow> {
    let wanted = judgement.findings.iter().filter(|finding| so(finding));
    let rows = wanted.map(|finding| {
        let note = if judgement.failed_as_it_must(finding) {
            " (as it must)"
        } else {
            ""
        };
        FindingRow {
            check: finding.check.clone(),
            word: verdict_word(finding.verdict),
            class: class(finding.verdict),
            summary: format!("{}{note}", line(&finding.summary)),
            cites: cited.some(&finding.evidence, EVIDENCE_MAX),
        }
    });
    rows.collect()
}

/// The findings that made the verdict what it is; none where everything passed.
fn findings_that_decide(judgement: &Judgement, cited: &mut Cited) -> Vec<FindingRow> {
    let decides = |finding: &Finding| {
        let as_it_must = judgement.failed_as_it_must(finding);
        match judgement.verdict {
            Verdict::Pass => as_it_must,
            verdict => finding.verdict == verdict && !as_it_must,
        }
    };
    findings(judgement, decides, cited)
}

/// What ran, and with what.
fn ran_with(history: &History) -> Vec<(String, String)> {
    let header = &history.header;
    let mut with = vec![
        ("place".to_owned(), header.place.clone()),
        ("accelerator".to_owned(), header.accelerator.clone()),
        (
            "patience".to_owned(),
            format!("{} (what time budgets are multiplied by)", header.patience),
        ),
        ("started from".to_owned(), header.started_from.clone()),
        ("seed".to_owned(), format!("{:#x}", header.seed)),
        ("command".to_owned(), header.command_line.join(" ")),
        ("repeat with".to_owned(), repeat(header)),
        ("seatrial".to_owned(), header.seatrial.clone()),
    ];
    if let Some(first) = history.entries.first() {
        with.push(("began".to_owned(), first.wall.to_string()));
    }
    let versions = header.versions.iter();
    with.extend(versions.map(|(name, version)| (name.clone(), version.clone())));
    let images = header.images.iter();
    with.extend(images.map(|(name, identity)| (format!("image {name}"), identity.clone())));
    let shown = with
        .into_iter()
        .map(|(name, what)| (line(&name), line(&what)));
    shown.collect()
}
