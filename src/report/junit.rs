//! Runs as JUnit XML, for whatever shows test results: a suite a run, a case a check.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::legible::legible;
use super::style::{Style, entries};
use super::{caveat, terminal};
use crate::journal::History;
use crate::verdict::{Finding, Judgement, Verdict};

/// One run as a file. Ends with a line end.
pub fn junit(history: &History, judgement: &Judgement) -> String {
    let mut results = Junit::default();
    results.ran(history, judgement);
    results.text()
}

/// Many scenarios in one file. A pass is a case without more, a fail is a failure, an unknown is an
/// error; what a control must fail by is no failure.
#[derive(Clone, Debug)]
pub struct Junit(Report);

impl Default for Junit {
    fn default() -> Self {
        Self(Report::new("seatrial"))
    }
}

impl Junit {
    /// Adds a run.
    pub fn ran(&mut self, history: &History, judgement: &Judgement) {
        let suite = ran(&history.plan.name, history, judgement);
        self.0.add_test_suite(suite);
    }

    /// Adds one of several runs of a scenario: some readers take suites of one name for one.
    pub fn repeated(&mut self, number: u32, history: &History, judgement: &Judgement) {
        let name = format!("{} #{number}", history.plan.name);
        self.0.add_test_suite(ran(&name, history, judgement));
    }

    /// Adds a scenario that the plan skipped.
    pub fn skipped(&mut self, scenario: &str, reason: &str) {
        let mut status = TestCaseStatus::skipped();
        status.set_type("skipped").set_message(&*legible(reason));
        self.0.add_test_suite(without_checks(scenario, status));
    }

    /// Adds a scenario that left nothing that could be judged.
    pub fn trouble(&mut self, scenario: &str, what: &str) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("trouble").set_message(&*legible(what));
        self.0.add_test_suite(without_checks(scenario, status));
    }

    /// The whole file. Ends with a line end.
    pub fn text(&self) -> String {
        let text = self.0.to_string();
        text.expect("a string takes all that is written")
    }
}

fn ran(name: &str, history: &History, judgement: &Judgement) -> TestSuite {
    let name = legible(name);
    let mut suite = TestSuite::new(&*name);
    if let (Some(first), Some(last)) = (history.entries.first(), history.entries.last()) {
        suite.set_time(last.at());
        let began = first.wall.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        suite.extra.insert("timestamp".into(), began.into());
    }
    suite.add_properties(properties(history, judgement));
    let mut worst = Verdict::Pass;
    for finding in &judgement.findings {
        let verdict = if judgement.failed_as_it_must(finding) {
            Verdict::Pass
        } else {
            finding.verdict
        };
        worst = worst.and(verdict);
        suite.add_test_case(case(&name, finding, verdict));
    }
    if worst < judgement.verdict {
        // Nothing was judged: a suite without a case would look like a success.
        let said = "no check says so";
        let finding = Finding::new("verdict", judgement.verdict, said, Vec::new());
        suite.add_test_case(case(&name, &finding, judgement.verdict));
    }
    let told = terminal(history, judgement, &Style::default());
    let caveat = caveat(history).map_or(String::new(), |caveat| format!("{caveat}\n\n"));
    suite.set_system_out(&*legible(&(caveat + &told)));
    if !judgement.trouble.is_empty() {
        suite.set_system_err(&*legible(&judgement.trouble.join("\n")));
    }
    suite
}

/// One check.
fn case(suite: &str, finding: &Finding, verdict: Verdict) -> TestCase {
    let seen = match finding.evidence.as_slice() {
        [] => String::new(),
        evidence => format!("\njournal {}", entries(evidence)),
    };
    let summary = legible(&finding.summary);
    let said = format!("{}: {summary}{seen}\n", finding.verdict);
    let bad = |kind, named: &str| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(named).set_message(&*summary);
        status.set_description(format!("{said}judge it again with `seatrial check RUN`\n"));
        status
    };
    let status = match verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => bad(NonSuccessKind::Failure, "fail"),
        Verdict::Unknown => bad(NonSuccessKind::Error, "unknown"),
    };
    let mut case = TestCase::new(&*legible(&finding.check), status);
    case.set_classname(suite).set_system_out(said);
    case
}

/// What ran, and with what.
fn properties(history: &History, judgement: &Judgement) -> Vec<Property> {
    let header = &history.header;
    let mut all = vec![
        ("verdict".to_owned(), judgement.verdict.to_string()),
        ("claim".to_owned(), history.plan.title.clone()),
        ("place".to_owned(), header.place.clone()),
        ("accelerator".to_owned(), header.accelerator.clone()),
        ("patience".to_owned(), header.patience.to_string()),
        ("seed".to_owned(), format!("{:#x}", header.seed)),
        ("started_from".to_owned(), header.started_from.clone()),
        ("seatrial".to_owned(), header.seatrial.clone()),
    ];
    if let Some(control) = &judgement.control {
        all.push(("must_fail".to_owned(), control.must_fail.join(", ")));
    }
    let versions = header.versions.iter();
    all.extend(versions.map(|(name, version)| (format!("version.{name}"), version.clone())));
    let images = header.images.iter();
    all.extend(images.map(|(name, identity)| (format!("image.{name}"), identity.clone())));
    let properties = all
        .iter()
        .map(|(name, value)| Property::new(&*legible(name), &*legible(value)));
    properties.collect()
}

/// A suite whose one case is the run itself.
fn without_checks(scenario: &str, status: TestCaseStatus) -> TestSuite {
    let scenario = legible(scenario);
    let mut case = TestCase::new("run", status);
    case.set_classname(&*scenario);
    let mut suite = TestSuite::new(&*scenario);
    suite.add_test_case(case);
    suite
}
