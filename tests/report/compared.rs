//! What comparing runs says: worse, better, nothing, and that it cannot tell.

use std::path::Path;

use insta::assert_snapshot;
use rstest::rstest;
use seatrial::check::check;
use seatrial::journal::{Answer, Event, History};
use seatrial::plan::{Check, Workload};
use seatrial::report::{
    Comparison, Figures, Outcome, Style, Unlike, compare, comparison, comparisons_json,
    comparisons_markdown, comparisons_schema, trend, trend_json,
};
use serde_json::Value;

use super::catalogue;
use super::story::{Story, got, sealed};
use super::{control, failing, too_little, whole};

const NAME: &str = "mariadb-nfs-survives-node-stop";

fn figures(history: &History) -> Figures {
    Figures::of(history, &check(history))
}

/// Of a story as it would be on the simulated place, whose noise is small beside the story's 25 s.
fn of(story: &Story) -> Figures {
    on("sim", story)
}

/// Of a story as it would be on a place that emulates nothing.
fn on(place: &str, story: &Story) -> Figures {
    let text = story.text().replace("\"tcg\"", "\"none\"");
    let text = text.replace("\"place\":\"vm\"", &format!("\"place\":\"{place}\""));
    let history = History::from_text(Path::new("journal.jsonl"), &sealed(&text));
    figures(&history.expect("a sound journal"))
}

/// A run whose steady state is back so many seconds later, because its task was healthy later.
fn slower(seconds: f64) -> Story {
    let mut story = whole(NAME);
    story.change(|at, event| {
        let back = matches!(
            event,
            Event::Steady(_) | Event::Recovered { .. } | Event::Task(_) | Event::Healing { .. }
        );
        if back && (66.3..77.0).contains(at) {
            *at += seconds;
        }
    });
    story
}

/// Several runs of which each took so much longer.
fn several(seconds: &[f64]) -> Vec<Figures> {
    seconds
        .iter()
        .map(|seconds| of(&slower(*seconds)))
        .collect()
}

fn compared(base: &[Figures], new: &[Figures]) -> Comparison {
    compare(base, new).expect("runs of one scenario")
}

#[test]
fn a_run_is_no_different_from_itself() {
    let runs = [of(&whole(NAME))];
    let same = compared(&runs, &runs);
    assert_eq!(same.outcome(), Outcome::NoDifference);
    assert_eq!(
        same.sentence(),
        "no difference: nothing changed by more than noise; one run each: a change of a recovery \
         under 4.0s is called noise"
    );
}

#[test]
fn one_run_each_says_little_and_says_so() {
    let pair = |seconds| compared(&[of(&whole(NAME))], &several(&[seconds]));
    let little = pair(2.0);
    assert_eq!(
        little.outcome(),
        Outcome::NoDifference,
        "{}",
        little.sentence()
    );
    assert!(
        little.sentence().contains("one run each"),
        "{}",
        little.sentence()
    );
    let much = pair(6.0);
    assert_eq!(much.outcome(), Outcome::Worse, "{}", much.sentence());
    assert!(
        much.sentence()
            .contains("6.0s longer (health: 6.0s longer)"),
        "{}",
        much.sentence()
    );
    let less = compared(&several(&[6.0]), &[of(&whole(NAME))]);
    assert_eq!(less.outcome(), Outcome::Better, "{}", less.sentence());
}

#[test]
fn with_repeats_two_seconds_are_told_and_half_a_second_is_not() {
    let base = several(&[0.0, 0.3, 0.1, 0.4, 0.2, 0.5]);
    let told = |seconds: &[f64]| compared(&base, &several(seconds));
    let two = told(&[2.0, 2.3, 2.1, 2.4, 2.2, 2.5]);
    assert_eq!(two.outcome(), Outcome::Worse, "{}", two.sentence());
    assert!(two.sentence().contains("2.0s longer"), "{}", two.sentence());
    let half = told(&[0.6, 0.7, 0.9, 0.8, 0.65, 0.75]);
    assert_eq!(half.outcome(), Outcome::NoDifference, "{}", half.sentence());
    let mixed = told(&[0.0, 5.0, 0.1, 0.2, 5.0, 0.2]);
    assert_eq!(
        mixed.outcome(),
        Outcome::NoDifference,
        "{}",
        mixed.sentence()
    );
}

/// With three runs each no test can tell; what counts is larger than the noise of three, and apart.
#[test]
fn too_few_for_a_test_are_not_taken_for_many() {
    let base = several(&[0.0, 1.0, 2.0]);
    let told = |seconds: &[f64]| compared(&base, &several(seconds));
    assert_eq!(told(&[2.1, 2.2, 3.0]).outcome(), Outcome::NoDifference);
    let far = told(&[4.0, 5.0, 6.0]);
    assert_eq!(far.outcome(), Outcome::Worse, "{}", far.sentence());
    let not_apart = told(&[1.5, 5.0, 6.0]);
    assert_eq!(
        not_apart.outcome(),
        Outcome::NoDifference,
        "{}",
        not_apart.sentence()
    );
    let said = not_apart.sentence();
    assert!(said.contains("too few runs for a test"), "{said}");
    assert!(said.contains("under 2.3s"), "{said}");
}

/// Which node is struck is for the seed to choose, and no merit of a version.
#[test]
fn recoveries_from_other_blows_are_not_compared() {
    let of_leader = |seconds| {
        let mut story = slower(seconds);
        story.change(|_, event| {
            if let Event::Poll(poll) = event {
                for manager in &mut poll.managers {
                    manager.leader = manager.leader.take().map(|_| "server-3".to_owned());
                }
            }
        });
        of(&story)
    };
    let told = |base: &[Figures], new: &[Figures]| compared(base, new);
    let other = told(&[of(&whole(NAME))], &[of_leader(6.0)]);
    let said = other.sentence();
    assert_eq!(other.outcome(), Outcome::NoDifference, "{said}");
    assert!(said.contains("they struck other kinds of nodes"), "{said}");
    let json = comparisons_json(std::slice::from_ref(&other));
    assert!(json.contains("fault 1 struck"), "{json}");
    // Those that can be compared are.
    let some = told(&[of(&whole(NAME)), of_leader(0.0)], &[of_leader(6.0)]);
    assert_eq!(some.outcome(), Outcome::Worse, "{}", some.sentence());
    let none = told(&[of(&whole(NAME)), of_leader(6.0)], &[of_leader(6.0)]);
    assert_eq!(none.outcome(), Outcome::NoDifference, "{}", none.sentence());
}

/// Numbers of more runs say no more; a broken promise does.
#[test]
fn a_promise_that_was_broken_long_ago_counts() {
    let base = vec![of(&whole(NAME)); 35];
    let mut new = base.clone();
    new[0] = of(&failing());
    let told = compared(&base, &new);
    assert_eq!(told.outcome(), Outcome::Worse, "{}", told.sentence());
    assert_eq!(compared(&base, &base).outcome(), Outcome::NoDifference);
}

#[test]
fn what_the_harness_did_not_ask_is_not_missed() {
    let beside = |answer: Answer| {
        let mut story = whole(NAME);
        for index in 0..10 {
            let at = 25.0 + f64::from(index);
            story.at(at + 0.01, got("server-1", at, answer.clone()));
        }
        compared(&[of(&whole(NAME))], &[of(&story)]).outcome()
    };
    let unasked = Answer::Unasked("no way to it".to_owned());
    assert_eq!(beside(unasked), Outcome::NoDifference);
    let failed = Answer::Failed("no answer within 2s".to_owned());
    assert_eq!(beside(failed), Outcome::Worse);
}

/// Two recoveries of one version may be seconds apart there.
#[test]
fn containers_and_hosts_are_no_simulation() {
    for place in ["dind", "hosts"] {
        let pair = [whole(NAME), slower(7.0)].map(|story| on(place, &story));
        let told = compared(&pair[..1], &pair[1..]);
        assert_eq!(told.outcome(), Outcome::NoDifference, "{}", told.sentence());
    }
}

#[test]
fn comparisons_are_what_their_schema_says() {
    let validator = jsonschema::validator_for(&comparisons_schema()).expect("a sound schema");
    let one = |story: &Story| figures(&story.history());
    let [good, bad, none] = [whole(NAME), failing(), too_little()].map(|story| one(&story));
    let pairs = [
        compared(&[good.clone(), good.clone()], std::slice::from_ref(&bad)),
        compared(&[bad], std::slice::from_ref(&good)),
        compared(&[good], &[none]),
    ];
    let mut all: Value = serde_json::from_str(&comparisons_json(&pairs)).expect("JSON");
    let errors = validator.iter_errors(&all).map(|error| error.to_string());
    assert_eq!(errors.collect::<Vec<_>>(), [""; 0]);
    for place in [
        "/0",
        "/0/base/0",
        "/0/checks/0",
        "/0/quantities/0",
        "/0/quantities/0/base",
    ] {
        let mut more = all.clone();
        let object = more.pointer_mut(place).and_then(Value::as_object_mut);
        object
            .expect("an object")
            .insert("odd".to_owned(), Value::Null);
        assert!(!validator.is_valid(&more), "{place} may have anything");
    }
    *all.pointer_mut("/1/outcome").expect("it is there") = "splendid".into();
    assert!(!validator.is_valid(&all));
}

/// A promise that was kept and is broken is no noise, however seldom.
#[test]
fn one_broken_promise_in_many_runs_is_worse() {
    let good = || of(&whole(NAME));
    let base = [good(), good(), good(), good(), good()];
    let new = [good(), good(), good(), good(), of(&failing())];
    let worse = compared(&base, &new);
    assert_eq!(worse.outcome(), Outcome::Worse);
    let said = worse.sentence();
    assert!(
        said.contains("`nothing_lost` did not pass in 1 of 5 runs, before in 0 of 5"),
        "{said}"
    );
    let better = compared(&new, &base);
    assert_eq!(
        better.outcome(),
        Outcome::NoDifference,
        "{}",
        better.sentence()
    );
}

#[test]
fn a_run_without_a_verdict_shows_nothing() {
    let (good, blind) = (of(&whole(NAME)), of(&too_little()));
    let told = |base: &[Figures], new: &[Figures]| compared(base, new).outcome();
    let one = std::slice::from_ref;
    assert_eq!(told(one(&good), one(&blind)), Outcome::Unknown);
    assert_eq!(told(one(&blind), one(&good)), Outcome::Unknown);
    assert_eq!(
        told(&[good.clone(), blind.clone()], one(&good)),
        Outcome::NoDifference
    );
    let worse = [of(&failing()), blind.clone()];
    assert_eq!(
        told(one(&good), &worse),
        Outcome::Worse,
        "what is known to be worse is"
    );
    let said = compared(one(&good), one(&blind));
    assert!(
        said.sentence().contains("cannot tell: 1 of 1 runs"),
        "{}",
        said.sentence()
    );
}

#[test]
fn a_control_that_no_longer_fails_is_worse() {
    let sound = {
        let mut story = control();
        catalogue::read_everywhere(&mut story, &[(1, 15), (27, 38)]);
        story
    };
    let worse = compared(&[of(&control())], &[of(&sound)]);
    assert_eq!(worse.outcome(), Outcome::Worse, "{}", worse.sentence());
    assert!(
        worse.sentence().contains("did not pass in 1 of 1 run"),
        "{}",
        worse.sentence()
    );
    // How many rows it loses is chance.
    let mut fewer = control();
    catalogue::read_everywhere(&mut fewer, &[(1, 10), (27, 38)]);
    let same = compared(&[of(&control())], &[of(&fewer)]);
    assert_eq!(same.outcome(), Outcome::NoDifference, "{}", same.sentence());
}

#[test]
fn different_scenarios_are_refused() {
    let (one, other) = (of(&whole("one")), of(&whole("other")));
    let refused = |base: &[Figures], new: &[Figures]| compare(base, new).expect_err("refused");
    let unlike = refused(std::slice::from_ref(&one), &[other]);
    assert_eq!(
        unlike,
        Unlike::Scenario("one".to_owned(), "other".to_owned())
    );
    let mut story = whole("one");
    story.plan.faults[0].at = seatrial::units::Span::secs(31);
    story.plan.workloads.reverse();
    let unlike = refused(std::slice::from_ref(&one), &[of(&story)]);
    let said = unlike.to_string();
    assert!(said.contains("faults and workload differ"), "{said}");
    assert_eq!(refused(&[], &[one]), Unlike::Nothing("one".to_owned()));
}

/// Plans a story again for a place of this patience.
fn stretch(story: &mut Story, patience: f64) {
    let factor = patience / story.plan.patience;
    story.plan.patience = patience;
    for check in &mut story.plan.checks {
        if let Check::Recovers { within } | Check::Answers { gap: within, .. } = check {
            *within = within.stretched(factor);
        }
    }
    for workload in &mut story.plan.workloads {
        let (Workload::Ledger { within, .. } | Workload::Get { within, .. }) = workload;
        *within = within.stretched(factor);
    }
}

#[test]
fn a_promise_of_more_is_another_promise() {
    let mut story = whole(NAME);
    for check in &mut story.plan.checks {
        if let Check::Recovers { within } = check {
            *within = within.stretched(2.0);
        }
    }
    let told = compared(&[of(&whole(NAME))], &[of(&story)]);
    let json: Value = serde_json::from_str(&comparisons_json(&[told])).expect("JSON");
    let differs = json[0]["differs"].as_array().expect("a list");
    let expectations = |one: &Value| {
        let said = one.as_str().unwrap_or_default();
        said.starts_with("the scenario's expectations #")
    };
    assert!(differs.iter().any(expectations), "{differs:?}");
}

/// Another seed, place of the budgets, or patience is no other scenario.
#[test]
fn what_else_differs_is_named_first() {
    let mut story = whole(NAME);
    stretch(&mut story, 2.0);
    story.plan.seed = 99;
    story.plan.deadlines.heal = seatrial::units::Span::secs(999);
    story.plan.title = "another claim".to_owned();
    story.plan.steady.clear();
    let text = story
        .text()
        .replace("20.10.24+dfsg1", "20.10.25")
        .replace("\"tcg\"", "\"kvm\"");
    let other = History::from_text(Path::new("journal.jsonl"), &sealed(&text)).expect("a journal");
    let told = compared(&[figures(&whole(NAME).history())], &[figures(&other)]);
    let json: Value = serde_json::from_str(&comparisons_json(&[told])).expect("JSON");
    let differs = json[0]["differs"].as_array().expect("a list");
    let differs: Vec<&str> = differs.iter().filter_map(Value::as_str).collect();
    assert_eq!(differs[0], "accelerator tcg, then kvm");
    assert!(differs[1].starts_with("patience "), "{differs:?}");
    assert_eq!(differs[2], "docker 20.10.24+dfsg1, then 20.10.25");
    assert!(
        differs[3].starts_with("the scenario's steady state #"),
        "{differs:?}"
    );
    assert_eq!(differs.len(), 4, "{differs:?}");
}

/// A comparison in which much is worse.
fn much_worse() -> Comparison {
    let mut lossy = slower(6.0);
    catalogue::read_everywhere(&mut lossy, &[(1, 12), (27, 38)]);
    compared(&several(&[0.0, 1.0]), &[of(&lossy), of(&slower(7.0))])
}

#[test]
fn a_comparison_reads_well() {
    assert_snapshot!("compared", comparison(&much_worse(), &Style::default()));
    assert_snapshot!("compared-markdown", comparisons_markdown(&[much_worse()]));
}

#[rstest]
#[case::colour(true)]
#[case::plain(false)]
fn words_carry_what_colour_repeats(#[case] colour: bool) {
    let style = Style { colour, width: 100 };
    let told = comparison(&much_worse(), &style);
    assert_eq!(told.contains('\u{1b}'), colour);
    assert!(told.contains("WORSE"), "{told}");
}

#[test]
fn a_trend_reads_well() {
    let mut runs = several(&[0.0, 1.0, 7.0]);
    runs.extend([
        of(&too_little()),
        of(&failing()),
        of(&control()),
        of(&control()),
    ]);
    assert_snapshot!("trend", trend(&runs));
    let named: Vec<(String, Figures)> = runs
        .into_iter()
        .map(|run| ("runs/1".to_owned(), run))
        .collect();
    let json: Value = serde_json::from_str(&trend_json(&named)).expect("JSON");
    assert_eq!(json[0]["control"], true);
    assert_eq!(json[0]["runs"].as_array().expect("runs").len(), 2);
    let first = &json[1]["runs"][0];
    assert_eq!(first["run"], "runs/1");
    assert_eq!(
        first["quantities"]["recovery from stop host_of: mariadb"],
        25.0
    );
}

/// What is kept of a run is read back as it was written.
#[test]
fn figures_are_read_back() {
    for story in [whole(NAME), failing(), too_little(), control()] {
        let figures = of(&story);
        let text = serde_json::to_string(&figures).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Figures>(&text).expect("figures"),
            figures
        );
    }
}
