//! Who manages the swarm, and who is not in it, while actions change that.

use std::collections::BTreeSet;

use seatrial::journal::{ActionEntry, ActionIntent, ActionStep, Before, Membership};
use seatrial::plan::{Action, Change, Role};
use seatrial::scenario::{Target, Token};
use seatrial::units::Span;

use super::*;

fn node(name: &str) -> Target {
    Target::Node(name.to_owned())
}

fn join(role: Role, token: Token) -> Change {
    let node = "server-4".to_owned();
    Change::Join { node, role, token }
}

/// The numbers of nodes, in order.
fn numbers(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .filter_map(|name| name.strip_prefix("server-"))
        .collect()
}

/// The managers and, behind a dash, who is absent: once each change of one node is planned, once it
/// is begun, and once it was seen.
fn followed(changes: &[(Change, &str)]) -> Vec<String> {
    let mut plan = Story::kept("story", &[Check::Exercised]).plan;
    let actions = changes.iter().map(|(change, _)| Action {
        at: Span::secs(40),
        change: change.clone(),
        within: Span::secs(30),
    });
    plan.actions = actions.collect();
    let mut members = Membership::of(&plan);
    let mut told = Vec::new();
    for (action, (change, node)) in changes.iter().enumerate() {
        let intent = ActionIntent {
            verb: change.verb().to_owned(),
            targets: vec![(*node).to_owned()],
            chosen: change.about(),
            before: Before::default(),
        };
        let steps = [
            ActionStep::Intent(Box::new(intent)),
            ActionStep::Acting,
            ActionStep::Confirmed("seen".to_owned()),
        ];
        for step in steps {
            members.note(&plan, &Event::Action(ActionEntry { action, step }));
            let (managers, absent) = (numbers(&members.managers), numbers(&members.absent));
            told.push(format!("{managers}-{absent}"));
        }
    }
    told
}

#[rstest]
#[case::promoted(Change::Promote(node("server-4")), "server-4", ["123-", "123-", "1234-"])]
#[case::demoted(Change::Demote(node("server-3")), "server-3", ["123-", "12-", "12-"])]
#[case::left(Change::Leave(node("server-3")), "server-3", ["123-", "12-3", "12-3"])]
#[case::drained(Change::Drain(node("server-3")), "server-3", ["123-", "123-", "123-"])]
fn who_manages_the_swarm_is_followed(
    #[case] change: Change,
    #[case] name: &str,
    #[case] expected: [&str; 3],
) {
    assert_eq!(followed(&[(change, name)]), expected);
}

#[rstest]
#[case::as_worker(join(Role::Worker, Token::Right), ["123-4", "123-4", "123-"])]
#[case::as_manager(join(Role::Manager, Token::Right), ["123-4", "123-4", "1234-"])]
#[case::refused(join(Role::Manager, Token::Wrong), ["123-4", "123-4", "123-4"])]
fn who_left_is_absent_until_it_is_seen_to_be_back(
    #[case] change: Change,
    #[case] expected: [&str; 3],
) {
    let leave = Change::Leave(node("server-4"));
    let told = followed(&[(leave, "server-4"), (change, "server-4")]);
    assert_eq!(told[3..], expected);
}
