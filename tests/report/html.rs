//! The page: sound, alone, legible for everybody, and never longer than can be opened.

use std::collections::BTreeSet;

use seatrial::check::check;
use seatrial::journal::{
    ActionEntry, ActionIntent, ActionStep, Answer, Before, Event, Exhibit, History, Kept,
};
use seatrial::plan::{Action, Change};
use seatrial::report::html;
use seatrial::units::Span;

use super::page::{Element, elements};
use super::story::{self, NODES, Story, micros};
use super::{many_tasks, outcomes, whole};

fn page(history: &History) -> String {
    html(history, &check(history))
}

/// What a page could be steered with.
const HOSTILE: &str =
    "<script>alert('x')</script>\"&amp;]]>\u{1b}[31m\u{0}\u{202e}\r</title>--><!--";

/// The numbers of the entries that a page holds.
fn held(page: &[Element]) -> BTreeSet<u64> {
    let ids = page
        .iter()
        .filter_map(|element| element.get("id")?.strip_prefix('e')?.parse().ok());
    ids.collect()
}

/// Every story whose page is looked at.
fn stories() -> Vec<Story> {
    let mut stories: Vec<Story> = outcomes().into_iter().map(|(_, story)| story).collect();
    stories.extend([
        many_tasks(),
        with_an_action(),
        hostile(),
        never_steady(),
        exhibited(),
    ]);
    stories
}

/// A run in which a service is scaled.
fn with_an_action() -> Story {
    let mut story = whole("scaled");
    story.plan.actions.push(Action {
        at: Span::secs(5),
        change: Change::Scale {
            service: "nginx".to_owned(),
            replicas: 4,
        },
        within: Span::secs(60),
    });
    let steps = [
        ActionStep::Intent(Box::new(ActionIntent {
            verb: "scale".to_owned(),
            targets: Vec::new(),
            chosen: "nginx to 4".to_owned(),
            before: Before::default(),
        })),
        ActionStep::Acting,
        ActionStep::Acted,
        ActionStep::Confirmed("4 tasks run".to_owned()),
    ];
    for (index, step) in steps.into_iter().enumerate() {
        let at = 30.0 + index as f64;
        story.at(at, Event::Action(ActionEntry { action: 0, step }));
    }
    story
}

/// An entry about a piece of evidence.
pub(crate) fn exhibit(path: &str, kept: Result<u64, &str>) -> Event {
    let kept = kept.map(|bytes| Kept {
        bytes,
        sha256: "0".repeat(64),
        cut: bytes > 200_000,
    });
    Event::Exhibit(Exhibit {
        path: path.to_owned(),
        kept: kept.map_err(str::to_owned),
    })
}

/// A run with evidence beside it, some of it by hostile names.
pub(crate) fn exhibited() -> Story {
    let mut story = whole("exhibited");
    let all = [
        exhibit("evidence/server-3/engine.log", Ok(262_139)),
        exhibit("evidence/server-3/ipvs.txt", Err("it has no power")),
        exhibit("evidence/../../secret", Ok(1)),
        exhibit(&format!("javascript:{HOSTILE}"), Ok(1)),
    ];
    for (index, event) in all.into_iter().enumerate() {
        story.at(103.0 + index as f64 / 10.0, event);
    }
    story
}

#[test]
fn evidence_is_linked_only_within_the_folder_of_the_run() {
    let text = page(&exhibited().history());
    let page = elements(&text);
    let links = page.iter().filter_map(|one| one.get("href"));
    let files: Vec<&str> = links.filter(|link| !link.starts_with('#')).collect();
    let wanted = [
        "evidence/repeat.txt",
        "evidence/tasks.txt",
        "evidence/nodes.txt",
        "evidence/server-3/engine.log",
    ];
    assert_eq!(files, wanted);
    for told in [
        "262,139 bytes, the end of it",
        "not there: it has no power",
        "evidence/../../secret",
    ] {
        assert!(text.contains(told), "{told}");
    }
    let none = self::page(&whole("none").history());
    assert!(!none.contains("evidence/") && !none.contains("#evidence"));
}

/// A run that never came to its load.
fn never_steady() -> Story {
    let mut story = whole("never-steady");
    story.without(|at, event| at > 19.0 && *event != Event::End);
    story.cut = true;
    story
}

/// A run in which whatever can be named is named to steer the page.
fn hostile() -> Story {
    let mut story = whole("hostile");
    let evil = || HOSTILE.to_owned();
    for text in [
        &mut story.plan.name,
        &mut story.plan.title,
        &mut story.plan.because,
    ] {
        *text = evil();
    }
    story.plan.place = evil();
    story.change(|_, event| match event {
        Event::Intent(intent) => intent.chosen = evil(),
        Event::Confirmed { evidence, .. } | Event::Healed { evidence, .. } => *evidence = evil(),
        Event::Steady(look) => look.probes = vec![evil()],
        Event::Task(task) => (task.node, task.message) = (Some(evil()), evil()),
        Event::Got { answer, .. } if *answer != Answer::Right => *answer = Answer::Wrong(evil()),
        Event::Poll(poll) => {
            for answer in &mut poll.managers {
                answer.leader = Some(evil());
            }
        }
        _ => {}
    });
    story.at(60.0, Event::Trouble { what: evil() });
    story
}

#[test]
fn a_page_is_well_formed_and_has_one_of_each_landmark() {
    for story in stories() {
        let page = elements(&page(&story.history()));
        for landmark in ["html", "h1", "header", "nav", "main", "footer"] {
            let count = page.iter().filter(|one| one.name == landmark).count();
            assert_eq!(count, 1, "{landmark}");
        }
        let titles = page.iter().filter(|one| one.name == "title");
        assert_eq!(
            titles.filter(|one| one.within == ["html", "head"]).count(),
            1
        );
        let root = page.first().expect("an element");
        assert_eq!((root.name.as_str(), root.get("lang")), ("html", Some("en")));
    }
}

#[test]
fn a_page_asks_for_nothing() {
    const NEVER: [&str; 13] = [
        "script",
        "link",
        "img",
        "image",
        "iframe",
        "object",
        "embed",
        "audio",
        "video",
        "base",
        "form",
        "use",
        "foreignObject",
    ];
    for story in stories() {
        let text = page(&story.history());
        for never in ["http:", "https:", "src=", "@import", "\"javascript:"] {
            assert!(!text.contains(never), "{never}");
        }
        for (at, _) in text.match_indices("url(") {
            assert!(text[at..].starts_with("url(#"), "{}", &text[at..at + 40]);
        }
        for element in elements(&text) {
            assert!(!NEVER.contains(&element.name.as_str()), "{}", element.name);
            for name in element.attributes.keys() {
                assert!(!name.starts_with("on") && name != "style", "{name}");
            }
        }
    }
}

#[test]
fn every_link_leads_somewhere_and_every_id_is_there_once() {
    for story in stories() {
        let page = elements(&page(&story.history()));
        let ids: Vec<&str> = page.iter().filter_map(|one| one.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len());
        let links = page.iter().filter_map(|one| one.get("href"));
        let links: Vec<&str> = links.collect();
        assert!(links.len() > 10, "only {} links", links.len());
        for link in links {
            match link.strip_prefix('#') {
                Some(id) => assert!(unique.contains(id), "{link} leads nowhere"),
                None => assert!(
                    link.starts_with("evidence/") && !link.contains(".."),
                    "{link}"
                ),
            }
        }
        let labels = page.iter().filter_map(|one| one.get("aria-labelledby"));
        for label in labels {
            assert!(unique.contains(label), "nothing is called {label}");
        }
    }
}

#[test]
fn whatever_decided_is_on_the_page() {
    for (_, story) in outcomes() {
        let history = story.history();
        let judgement = check(&history);
        let page = elements(&html(&history, &judgement));
        let held = held(&page);
        let linked = |seq: &u64| {
            let link = format!("#e{seq}");
            page.iter().any(|one| one.get("href") == Some(&link))
        };
        for finding in &judgement.findings {
            let first: Vec<u64> = finding.evidence.iter().copied().take(12).collect();
            assert!(
                first.iter().all(|seq| held.contains(seq) && linked(seq)),
                "{finding:?}"
            );
        }
    }
}

#[test]
fn headings_go_down_one_at_a_time() {
    for story in stories() {
        let mut before = 0;
        for heading in elements(&page(&story.history())) {
            let Some(level) = heading
                .name
                .strip_prefix('h')
                .and_then(|n| n.parse::<u32>().ok())
            else {
                continue;
            };
            assert!(level <= before + 1, "h{level} after h{before}");
            before = level;
        }
    }
}

#[test]
fn tables_say_what_they_hold_and_drawings_are_told_in_words() {
    for story in stories() {
        let page = elements(&page(&story.history()));
        let of = |name: &str| page.iter().filter(move |one| one.name == name).count();
        assert_eq!(of("table"), of("caption"));
        assert!(
            page.iter()
                .filter(|one| one.name == "th")
                .all(|one| one.get("scope").is_some())
        );
        for drawing in page.iter().filter(|one| one.name == "svg") {
            assert_eq!(drawing.get("aria-hidden"), Some("true"));
        }
        // What is hidden from a reader cannot be reached with the keyboard either.
        let drawn = page
            .iter()
            .filter(|one| one.within.contains(&"svg".to_owned()));
        for link in drawn.filter(|one| one.name == "a") {
            assert_eq!(link.get("tabindex"), Some("-1"));
        }
        // A box that can be pointed at says what it is: no state is told by its colour alone.
        let boxes = page.iter().enumerate().filter(|(_, one)| {
            let legend = one.within.iter().any(|name| name == "li");
            let ground = matches!(one.get("class"), Some("band"))
                || one.within.contains(&"pattern".to_owned());
            one.name == "rect" && !legend && !ground
        });
        for (index, _) in boxes {
            let title = page.get(index + 1).expect("something follows");
            assert_eq!(title.name, "title");
            assert!(title.text.contains(": "), "{}", title.text);
        }
    }
}

#[test]
fn all_that_is_drawn_is_said() {
    let text = page(&whole("mariadb-nfs-survives-node-stop").history());
    let words = text
        .split("<h3 id=\"told-title\">")
        .nth(1)
        .expect("the words");
    for told in [
        "<th scope=\"row\">server-3</th><td>down to the managers</td>",
        "<th scope=\"row\">server-3</th><td>no power</td>",
        "<th scope=\"row\">leader</th><td>leads: server-1</td>",
        "<th scope=\"row\">fault 1</th><td>in force: stop server-3</td>",
        "<th scope=\"row\">fault 1</th><td>being healed: stop server-3</td>",
        "<th scope=\"row\">mariadb.1</th><td>runs: on server-4</td>",
        "<th scope=\"row\">steady state</th><td>does not hold: mariadb 0/1</td>",
        "<th scope=\"row\">phase</th><td>read back</td>",
    ] {
        assert!(words.contains(told), "{told}");
    }
}

#[test]
fn a_node_that_nobody_spoke_of_is_not_called_ready() {
    let row = |story: &Story, words: &str| {
        let row = format!("<th scope=\"row\">server-3</th><td>{words}</td>");
        page(&story.history()).contains(&row)
    };
    let silent = "not certain: no word since its power is back";
    let mut story = whole("silent");
    assert!(
        !row(&story, silent),
        "the managers called it down meanwhile"
    );
    story.without(|at, event| matches!(event, Event::Node(_)) && at > 20.0);
    assert!(row(&story, silent));
    let mut story = whole("neither");
    story.at(54.0, story::node_seen("server-4", 29, "unknown"));
    let text = page(&story.history());
    assert!(text.contains("<th scope=\"row\">server-4</th><td>not certain: unknown</td>"));
}

#[test]
fn the_verdict_comes_first_and_says_why() {
    let pages = outcomes().map(|(_, story)| page(&story.history()));
    let [passing, failing, unknown, control] = pages;
    assert!(passing.contains("<p>Every check passed.</p>"));
    assert!(passing.contains("<strong class=\"verdict pass\">PASS</strong>"));
    let why = "<li><code>nothing_lost</code>: 2 rows lost (13-14)";
    assert!(failing.contains(why) && failing.contains("<title>FAIL: "));
    assert!(unknown.contains("<strong class=\"verdict unknown\">UNKNOWN</strong>"));
    assert!(unknown.contains("server-2: no space left in `runs`"));
    assert!(control.contains("failed by nothing_lost as it must"));
}

#[test]
fn what_a_journal_says_is_shown_and_never_obeyed() {
    let text = page(&hostile().history());
    assert!(!text.contains("<script") && !text.contains("<!--"));
    assert!(text.contains("&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#34;&#38;amp;"));
    assert!(text.contains("␛[31m␀\u{fffd}␍"));
    let steers = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
    assert!(!text.contains(steers));
}

/// A journal of so many entries: requests, half of them lost, nodes and tasks that come and go,
/// and trouble all the while.
fn long(entries: u64) -> History {
    let mut story = whole("long");
    story.without(|_, event| matches!(event, Event::Got { .. }));
    story.change(|_, event| {
        if let Event::Confirmed { evidence, .. } = event {
            *evidence = "no power, ".repeat(500);
        }
    });
    let mut history = story.history();
    let place = history
        .entries
        .iter()
        .position(|entry| entry.at_us > micros(20.5));
    let rest = history.entries.split_off(place.expect("a place"));
    for index in 0..entries {
        let mut entry = rest[0].clone();
        let at = 20.5 + 74.0 * index as f64 / entries as f64;
        let node = NODES[(index % 4) as usize];
        let (ready, answer) = if index / 1000 % 2 == 0 {
            ("ready", Answer::Right)
        } else {
            ("down", Answer::Failed("no answer within 2s".to_owned()))
        };
        entry.event = match index % 100 {
            0..4 => story::node_seen(node, index, ready),
            10 => story::task(
                &format!("task-{}", index / 300),
                index,
                node,
                "running",
                "running",
            ),
            20 => Event::Trouble {
                what: format!("\"trouble\" & {}", "x".repeat(300)),
            },
            _ => story::got(node, at - 0.001, answer),
        };
        entry.at_us = micros(at);
        history.entries.push(entry);
    }
    history.entries.extend(rest);
    history.entries.sort_by_key(|entry| entry.at_us);
    for (seq, entry) in history.entries.iter_mut().enumerate() {
        entry.seq = seq as u64;
    }
    history
}

#[test]
fn the_page_of_a_long_run_can_be_opened() {
    let history = long(100_000);
    let text = page(&history);
    assert!(text.len() < 5_000_000, "{} bytes", text.len());
    let page = elements(&text);
    assert!(held(&page).len() < 5_000);
    let anchors: BTreeSet<&str> = page.iter().filter_map(|one| one.get("id")).collect();
    for link in page.iter().filter_map(|one| one.get("href")) {
        assert!(anchors.contains(&link[1..]), "{link} leads nowhere");
    }
    for cut in [
        "more changes, in the journal",
        "more, in the journal",
        "more letters",
    ] {
        assert!(text.contains(cut), "{cut}");
    }
}

#[test]
fn a_simulated_run_says_so() {
    let mut story = whole("simulated");
    story.plan.place = "sim".to_owned();
    let words = "never a verdict about Swarm";
    assert!(page(&story.history()).contains(words));
    assert!(!page(&whole("real").history()).contains(words));
}
