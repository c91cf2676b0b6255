//! What users see of a run, pinned.

use seatrial::check::check;
use seatrial::journal::{Event, Outcome};
use seatrial::plan::Check;
use seatrial::report::{Style, SummaryRow, json, line, summary, terminal};

#[path = "story/catalogue.rs"]
#[expect(dead_code, reason = "only some of the stories are shown")]
mod catalogue;
mod story;

use story::Story;

/// The story with everything in it.
fn whole(name: &str) -> Story {
    let checks = [
        catalogue::recovers(),
        catalogue::nothing_lost(),
        catalogue::never_two(),
        catalogue::answers(),
        Check::Exercised,
    ];
    Story::kept(name, &checks)
}

/// A story as a terminal shows it.
fn shown(story: &Story) -> String {
    let history = story.history();
    terminal(
        &history,
        &check(&history),
        &Style {
            colour: false,
            width: 100,
        },
    )
}

#[test]
fn a_run_that_passes() {
    insta::assert_snapshot!(shown(&whole("mariadb-nfs-survives-node-stop")));
}

#[test]
fn a_run_that_fails() {
    let mut story = whole("mariadb-nfs-survives-node-stop");
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    catalogue::settle(
        &mut story,
        9,
        &Outcome::Unknown("no answer within 5s".to_owned()),
    );
    story.change(|at, event| catalogue::fail_on("server-2", 60.0..75.0, *at, event));
    insta::assert_snapshot!(shown(&story));
}

#[test]
fn a_run_that_shows_too_little() {
    let mut story = whole("mariadb-nfs-survives-node-stop");
    story.without(|at, event| {
        at > 51.0 && !matches!(event, Event::Got { .. } | Event::Containers(_)) || at > 80.0
    });
    let last = "server-3 still answers".to_owned();
    story.at(80.0, Event::NotConfirmed { fault: 0, last });
    let what = "server-2: no space left in `runs`; free 2 GiB and run again".to_owned();
    story.at(80.0, Event::Trouble { what });
    insta::assert_snapshot!(shown(&story));
}

#[test]
fn a_control_that_fails_as_it_must() {
    let mut story = whole("async-export-loses-rows");
    story.plan.must_fail = vec!["nothing_lost".to_owned()];
    catalogue::read_everywhere(&mut story, &[(1, 12), (27, 38)]);
    insta::assert_snapshot!(shown(&story));
}

#[test]
fn progress_while_the_run_is_under_way() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    let lines = history
        .entries
        .iter()
        .filter_map(|entry| line(entry, &history.plan));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn many_runs_in_one_table() {
    let kept = whole("mariadb-nfs-survives-node-stop").history();
    let mut lossy = whole("async-export-loses-rows");
    catalogue::read_everywhere(&mut lossy, &[(1, 12), (27, 38)]);
    let lossy = lossy.history();
    insta::assert_snapshot!(summary(&[
        SummaryRow::of(&kept, &check(&kept), "runs/1"),
        SummaryRow::of(&lossy, &check(&lossy), "runs/2"),
        SummaryRow::skipped("nginx-on-nfs", "dind on this kernel has no routing mesh"),
    ]));
}

#[test]
fn programs_get_json() {
    let history = Story::kept("recovers", &[catalogue::recovers()]).history();
    insta::assert_snapshot!(json(&history, &check(&history)));
}

#[test]
fn colour_only_repeats_what_the_words_say() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    let judgement = check(&history);
    let coloured = terminal(
        &history,
        &judgement,
        &Style {
            colour: true,
            width: 100,
        },
    );
    assert!(coloured.contains("\u{1b}["));
    let plain = terminal(
        &history,
        &judgement,
        &Style {
            colour: false,
            width: 100,
        },
    );
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_picture_keeps_to_its_width() {
    let history = whole("mariadb-nfs-survives-node-stop").history();
    for width in [60, 80, 132] {
        let text = terminal(
            &history,
            &check(&history),
            &Style {
                colour: false,
                width,
            },
        );
        let picture = text.split("\n\n").nth(1).expect("a picture");
        assert!(
            picture.lines().all(|line| line.chars().count() <= width),
            "{picture}"
        );
        assert!(picture.contains("server-4"), "{picture}");
    }
}
