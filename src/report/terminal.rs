//! A whole run on a terminal: what happened, what each check came to, and where to look.

use super::engines::Steps;
use super::live::planned;
use super::style::{Style, entries, verdict_word};
use super::{aftermath, breakdown, ledgers, pages, picture, tasks};
use crate::journal::timeline::{Timeline, Window};
use crate::journal::{Deed, Event, History};
use crate::plan::Check;
use crate::verdict::wording::seconds;
use crate::verdict::{Finding, Judgement, Verdict};

/// Tells a run and its judgement. Ends with a line end.
pub fn terminal(history: &History, judgement: &Judgement, style: &Style) -> String {
    let (timeline, style) = (Timeline::of(history), *style);
    let mut text = style.remark("PLANNED", &planned(&history.plan));
    text += &style.remark("CLAIM", &history.plan.title);
    text += &ran_with(history, style);
    text += &story(history, &timeline, style);
    let ledgers = ledgers::of(history);
    for line in ledgers.iter().flat_map(ledgers::Ledger::lines) {
        text += &style.remark("ROWS", &line);
    }
    for pages in pages::of(history) {
        text += &style.remark("REQUESTS", &pages.line());
    }
    let picture = picture::draw(history, &timeline, style);
    if !picture.is_empty() {
        text += &format!("\n{picture}");
    }
    if let Some(steps) = Steps::of(history) {
        text += &format!("\n{}", steps.text());
    }
    let tasks = tasks::text(history);
    if !tasks.is_empty() {
        text += &format!("\n{tasks}");
    }
    text.push('\n');
    for trouble in &judgement.trouble {
        text += &style.remark("TROUBLE", trouble);
    }
    let names = judgement.findings.iter().map(|finding| finding.check.len());
    let width = names.max().unwrap_or(0).max(13);
    for finding in &judgement.findings {
        text += &finding_line(finding, judgement, style, width);
    }
    text += &style.remark(
        verdict_word(judgement.verdict),
        &closing(history, judgement),
    );
    text + &hint(judgement)
}

/// What really ran.
fn ran_with(history: &History, style: Style) -> String {
    let header = &history.header;
    let versions = header
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"));
    let mut with: Vec<String> = versions.collect();
    with.push(format!("accelerator {}", header.accelerator));
    with.push(format!("patience {}", header.patience));
    with.push(format!("started from {}", header.started_from));
    let mut text = style.remark("WITH", &with.join(", "));
    for (name, identity) in &header.images {
        let short: String = identity.chars().take(19).collect();
        text += &style.remark("IMAGE", &format!("{name} is {short}"));
    }
    text
}

/// What happened, in order.
fn story(history: &History, timeline: &Timeline, style: Style) -> String {
    let mut text = String::new();
    let first = timeline
        .broken_span()
        .0
        .into_iter()
        .chain(timeline.changed_span().0);
    let first = first.map(|mark| mark.seq).min().unwrap_or(u64::MAX);
    let looks = history.looks(0, first);
    if let Some((mark, look)) = looks.iter().find(|(_, look)| look.holds) {
        text += &style.moment("STEADY", mark.at, &look.probes.join("; "));
    } else if let Some((mark, look)) = looks.last() {
        text += &style.moment("WAITING", mark.at, &look.probes.join("; "));
    }
    let allowed = history.plan.checks.iter().find_map(|check| match check {
        Check::Recovers { within } => Some(within.0),
        _ => None,
    });
    let mut parts: Vec<(u64, String)> = Vec::new();
    for (index, deed) in timeline.actions.iter().enumerate() {
        let begun = deed.acting.map_or(u64::MAX, |mark| mark.seq);
        parts.push((begun, action(index, deed, style)));
    }
    for (index, window) in timeline.faults.iter().enumerate() {
        let mut text = fault(history, index, window, style);
        if let Some((mark, took)) = aftermath::recovered(history, window) {
            let took = seconds(took);
            let allowed = allowed.map_or(String::new(), |a| format!(" (allowed {})", seconds(a)));
            text += &style.moment(
                "RECOVERED",
                mark.at,
                &format!("{took} after the fault{allowed}"),
            );
            for part in breakdown::of(history, window) {
                text += &format!("{:>25}{}\n", "", part.line());
            }
        }
        text += &ended(history, window, style);
        parts.push((window.struck().map_or(u64::MAX, |mark| mark.seq), text));
    }
    parts.sort_by_key(|(begun, _)| *begun);
    parts.iter().fold(text, |text, (_, part)| text + part)
}

/// An action, and what was seen of it.
fn action(index: usize, deed: &Deed, style: Style) -> String {
    let (name, words) = (deed.named(), &deed.words);
    let words = if words.is_empty() {
        String::new()
    } else {
        format!(": {words}")
    };
    let Some(acting) = deed.acting else {
        let said = format!("action {}: {name} never began{words}", index + 1);
        return style.remark("UNCONFIRMED", &said);
    };
    let refused = if deed.refused.is_some() {
        ", refused"
    } else {
        ""
    };
    let seen = match deed.confirmed {
        Some(seen) => format!(", seen in {}", seconds(seen.at.saturating_sub(acting.at))),
        None => ", not seen".to_owned(),
    };
    style.moment(
        "ACTION",
        acting.at,
        &format!("{name}{refused}{seen}{words}"),
    )
}

/// A fault, and what followed it.
fn fault(history: &History, index: usize, window: &Window, style: Style) -> String {
    let entry = |mark: crate::journal::timeline::Mark| {
        usize::try_from(mark.seq)
            .ok()
            .and_then(|index| history.entries.get(index))
    };
    let chosen = window
        .intent
        .and_then(entry)
        .and_then(|entry| match &entry.event {
            Event::Intent(intent) => Some(format!(" ({})", intent.chosen)),
            _ => None,
        });
    let chosen = chosen.unwrap_or_default();
    let Some(begun) = window.injecting.or(window.intent) else {
        return style.remark(
            "UNCONFIRMED",
            &format!("fault {}: {} never began", index + 1, window.named()),
        );
    };
    let mut text = match window.confirmed {
        Some(confirmed) => {
            let from = window.struck().unwrap_or(begun);
            let took = seconds(confirmed.at.saturating_sub(from.at));
            let said = format!("{}{chosen}, confirmed in {took}", window.named());
            let evidence = entry(confirmed).and_then(|entry| match &entry.event {
                Event::Confirmed { evidence, .. } => Some(format!(": {evidence}")),
                _ => None,
            });
            style.moment(
                "FAULT",
                begun.at,
                &format!("{said}{}", evidence.unwrap_or_default()),
            )
        }
        None => {
            let last = window
                .not_confirmed
                .and_then(entry)
                .and_then(|entry| match &entry.event {
                    Event::NotConfirmed { last, .. } => Some(format!(": {last}")),
                    _ => None,
                });
            let said = format!(
                "{}{chosen}, not confirmed{}",
                window.named(),
                last.unwrap_or_default()
            );
            style.moment("FAULT", begun.at, &said)
        }
    };
    for step in aftermath::of(history, window) {
        text += &format!("{:>25}{}\n", "", aftermath::line(&step));
    }
    text
}

/// How a fault ended.
fn ended(history: &History, window: &Window, style: Style) -> String {
    let Some(healing) = window.healing else {
        return String::new();
    };
    let last = window.healed.or(window.heal_failed);
    let Some(entry) = last.and_then(|mark| history.entries.get(usize::try_from(mark.seq).ok()?))
    else {
        return style.moment(
            "HEALING",
            healing.at,
            &format!("{}: no outcome", window.named()),
        );
    };
    let took = seconds(entry.at().saturating_sub(healing.at));
    match &entry.event {
        Event::Healed { evidence, .. } => style.moment(
            "HEALED",
            entry.at(),
            &format!("{evidence}, {took} after the heal began"),
        ),
        Event::HealFailed { error, .. } => style.moment(
            "TROUBLE",
            entry.at(),
            &format!("{} is not healed: {error}", window.named()),
        ),
        _ => String::new(),
    }
}

/// One check's line, with its evidence when it did not pass.
fn finding_line(finding: &Finding, judgement: &Judgement, style: Style, width: usize) -> String {
    let note = if judgement.failed_as_it_must(finding) {
        ", as it must"
    } else {
        ""
    };
    let seen = if finding.verdict == Verdict::Pass || finding.evidence.is_empty() {
        String::new()
    } else {
        format!(" [{}]", entries(&finding.evidence))
    };
    let said = format!("{:<width$} {}{note}{seen}", finding.check, finding.summary);
    style.remark(verdict_word(finding.verdict), &said)
}

/// The last line: what it all came to.
pub(super) fn closing(history: &History, judgement: &Judgement) -> String {
    let name = &history.plan.name;
    match &judgement.control {
        None => name.clone(),
        Some(control) if control.as_expected => {
            format!(
                "{name}: a control, failed by {} as it must",
                control.must_fail.join(", ")
            )
        }
        Some(control) => {
            let failed = if control.failed.is_empty() {
                "nothing".to_owned()
            } else {
                control.failed.join(", ")
            };
            let must = control.must_fail.join(", ");
            format!("{name}: a control that must fail by {must}, failed by {failed}")
        }
    }
}

/// Where to look next, unless everything is well.
fn hint(judgement: &Judgement) -> String {
    if judgement.verdict == Verdict::Pass {
        return String::new();
    }
    let bad = judgement
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Pass);
    let seqs: Vec<u64> = bad
        .flat_map(|finding| finding.evidence.iter().copied())
        .collect();
    let see = if seqs.is_empty() {
        String::new()
    } else {
        format!("; see journal {}", entries(&seqs))
    };
    format!("hint: replay the verdict with `seatrial check RUN`{see}\n")
}
