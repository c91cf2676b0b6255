//! What must be true of the run.

use super::{Decoder, Form};
use crate::scenario::yaml::Node;
use crate::scenario::{Answers, Control, Expectation, Recovers};

pub(super) const EXPECTATION: Form = Form {
    name: "expectation",
    keys: &[
        "recovers",
        "nothing_lost",
        "never_two",
        "answers",
        "control",
        "intact",
    ],
    example: "recovers: { within: 3m }",
};

pub(super) const RECOVERS: Form = Form {
    name: "`recovers`",
    keys: &["within"],
    example: "recovers: { within: 3m }",
};

pub(super) const ANSWERS: Form = Form {
    name: "`answers`",
    keys: &["workload", "share", "gap"],
    example: "answers: { workload: get, share: 99%, gap: 10s }",
};

const CONTROL: &[(&str, Control)] = &[("kept", Control::Kept), ("lost", Control::Lost)];

impl Decoder<'_> {
    pub(super) fn expectation(&mut self, node: &Node) -> Option<Expectation> {
        let (verb, node) = self.verb(&EXPECTATION, node)?;
        match verb {
            "recovers" => self.recovers(node).map(Expectation::Recovers),
            "nothing_lost" => self.text(verb, node).map(Expectation::NothingLost),
            "never_two" => self.text(verb, node).map(Expectation::NeverTwo),
            "answers" => self.answers(node).map(Expectation::Answers),
            "control" => self.word(verb, node, CONTROL).map(Expectation::Control),
            _ => self.text(verb, node).map(Expectation::Intact),
        }
    }

    fn recovers(&mut self, node: &Node) -> Option<Recovers> {
        let fields = self.fields(&RECOVERS, node)?;
        self.need(&fields, "within", Self::unit)
            .map(|within| Recovers { within })
    }

    fn answers(&mut self, node: &Node) -> Option<Answers> {
        let fields = self.fields(&ANSWERS, node)?;
        let workload = self.need(&fields, "workload", Self::text);
        let share = self.maybe(&fields, "share", Self::unit);
        let gap = self.maybe(&fields, "gap", Self::unit);
        Some(Answers {
            workload: workload?,
            share: share?,
            gap: gap?,
        })
    }
}
