//! `intact` at its edges.

use super::*;
use story::{NODES, checked, table};

/// What the database says through `server-2`, and what that comes to.
fn said(words: &[(&str, &str)]) -> Finding {
    judged(intact(), |story| {
        catalogue::says_through(story, "server-2", &table("server-2", words));
    })
}

#[rstest]
#[case::warning(&[("Warning", "odd"), ("status", "OK")], "warning: odd through server-2")]
#[case::error(&[("error", "Corrupt")], "error: Corrupt through server-2")]
#[case::no_table(
    &[("Error", "Table 'seatrial.ledger' doesn't exist"), ("status", "Operation failed")],
    "error: Table 'seatrial.ledger' doesn't exist, status: Operation failed through server-2"
)]
#[case::many(
    &[("warning", "1"), ("warning", "2"), ("warning", "3"), ("warning", "4"), ("error", "Corrupt")],
    "warning: 3 and 2 more through server-2"
)]
fn any_complaint_is_a_failure(#[case] words: &[(&str, &str)], #[case] part: &str) {
    says(&said(words), Verdict::Fail, part);
}

#[test]
fn a_remark_is_no_complaint() {
    let words = [("note", "it has no checksum"), ("status", "OK")];
    says(&said(&words), Verdict::Pass, "sound, through 4 nodes");
}

#[rstest]
#[case::nothing(&[])]
#[case::no_status(&[("note", "it has no checksum")])]
fn an_answer_without_a_status_says_nothing(#[case] words: &[(&str, &str)]) {
    says(
        &said(words),
        Verdict::Unknown,
        "server-2: it gave no status",
    );
}

#[test]
fn a_complaint_of_all_nodes_is_told_once() {
    let finding = judged(intact(), |story| {
        for node in NODES {
            let corrupt = table(node, &[("error", "Corrupt")]);
            catalogue::says_through(story, node, &corrupt);
        }
    });
    let all = "error: Corrupt through server-1, server-2, server-3, server-4";
    says(&finding, Verdict::Fail, all);
}

#[test]
fn a_node_that_was_not_asked_is_missed() {
    let finding = judged(intact(), |story| {
        story.without(|_, e| matches!(e, Event::TableCheck(one) if one.via == "server-4"));
    });
    says(&finding, Verdict::Unknown, "server-4: it was not asked");
    let nobody = judged(intact(), |story| {
        story.without(|_, event| matches!(event, Event::TableCheck(_)));
    });
    says(&nobody, Verdict::Unknown, "server-1: it was not asked");
}

#[test]
fn another_databases_table_is_another() {
    let finding = judged(intact(), |story| {
        story.change(|_, event| {
            if let Event::TableCheck(one) = event {
                "other".clone_into(&mut one.service);
            }
        });
    });
    says(&finding, Verdict::Unknown, "it was not asked");
}

/// A sound table counts at the end only; one that is not sound counts whenever it was seen.
#[rstest]
#[case::under_a_fault(80.0, "a fault was in force")]
#[case::under_load(92.0, "rows were still written")]
fn a_table_is_sound_only_at_the_end(#[case] at: f64, #[case] why: &str) {
    let moved = |words: &[(&str, &str)]| {
        judged(intact(), |story| {
            story.without(|_, e| matches!(e, Event::TableCheck(one) if one.via == "server-2"));
            story.at(at, table("server-2", words));
        })
    };
    says(&moved(&[("status", "OK")]), Verdict::Unknown, why);
    says(&moved(&[("error", "Corrupt")]), Verdict::Fail, "Corrupt");
}

#[test]
fn one_complaint_outweighs_what_nobody_said() {
    let finding = judged(intact(), |story| {
        let corrupt = table("server-2", &[("error", "Corrupt")]);
        catalogue::says_through(story, "server-2", &corrupt);
        let silent = checked("server-1", Err("no session within 30s".to_owned()));
        catalogue::says_through(story, "server-1", &silent);
    });
    says(&finding, Verdict::Fail, "error: Corrupt through server-2");
}
