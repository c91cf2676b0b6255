//! Refusals about what is expected: of whom, and whether it could be told from its contrary.

use super::{Docket, words};
use crate::scenario::{Answers, Expectation, Part, Recovers, Target, Workload};
use crate::units::Span;

/// The check that asks what holds before and after; no scenario expects it by name.
const STEADY: &str = "steady";

impl Docket<'_> {
    pub(super) fn expectations(&mut self) {
        let scenario = self.scenario();
        // Actions are judged without being told to, by `exercised`, `refused` and `steady`; and
        // what is to hold after the load by `steady` too.
        let implied = !scenario.actions.is_empty() || !scenario.steady_after.is_empty();
        let judged = implied && scenario.faults.is_empty();
        if scenario.expect.is_empty() && !judged {
            let title = match scenario.faults.len() {
                0 => "nothing would be judged",
                _ => "these faults have no judge",
            };
            let help = "write what must be true, such as `recovers: { within: 3m }`";
            self.refuse("expect", title, help);
        }
        for (index, expectation) in scenario.expect.iter().enumerate() {
            let name = expectation.name();
            let path = format!("expect[{index}].{name}");
            let same = |other: &Expectation| match (other, expectation) {
                (Expectation::NeverTwo(one), Expectation::NeverTwo(two))
                | (Expectation::Intact(one), Expectation::Intact(two)) => one == two,
                _ => other.name() == name,
            };
            if scenario.expect[..index].iter().any(same) {
                self.refuse(
                    &path,
                    format!("`{name}` is expected twice"),
                    "keep one of them",
                );
            }
            match expectation {
                Expectation::Recovers(recovers) => self.recovers(&path, recovers),
                Expectation::NothingLost(workload) => self.workload(&path, workload, "ledger"),
                Expectation::Answers(answers) => self.answers(&path, answers),
                Expectation::Control(_) if scenario.faults.is_empty() => {
                    let help = "write a fault, or remove `control`";
                    self.refuse(&path, "control is judged while a fault lasts", help);
                }
                Expectation::Intact(service) => self.intact(&path, service),
                Expectation::Control(_) | Expectation::NeverTwo(_) => {}
            }
        }
        self.must_fail();
    }

    fn recovers(&mut self, path: &str, recovers: &Recovers) {
        let scenario = self.scenario();
        if scenario.faults.is_empty() {
            let help = "write a fault, or remove `recovers`";
            self.refuse(path, "there is nothing to recover from", help);
        }
        if scenario.steady.is_empty() {
            let help = "write what holds again under `steady`";
            self.refuse(path, "without `steady` nobody can see recovery", help);
        }
        let path = format!("{path}.within");
        let within = recovers.within;
        if within == Span::default() {
            self.refuse(
                &path,
                "nothing recovers in no time",
                "write a duration such as `3m`",
            );
        }
        let stretched = within.stretched(self.patience);
        for fault in &scenario.faults {
            let Some(duration) = fault.duration.filter(|duration| stretched >= *duration) else {
                continue;
            };
            let verb = fault.action.verb();
            let longer = if within >= duration {
                format!("{within} is not shorter than the {duration} that `{verb}` lasts")
            } else {
                let patience = self.patience;
                format!(
                    "{within} at a patience of {patience} is not shorter than the {duration} \
                         that `{verb}` lasts"
                )
            };
            let title = format!("{longer}: recovery could not be told from the cure");
            let help =
                format!("write less, or leave `for` out: `{verb}` then lasts until recovery");
            self.refuse(&path, title, help);
        }
    }

    fn answers(&mut self, path: &str, answers: &Answers) {
        self.workload(&format!("{path}.workload"), &answers.workload, "get");
        if answers.gap == Some(Span::default()) {
            let help = "write a duration such as `10s`";
            self.refuse(&format!("{path}.gap"), "there is always some gap", help);
        }
        let balanced = self.scenario().workload.iter().any(|workload| {
            matches!(workload, Workload::Get(get) if get.via == Some(Target::Part(Part::Balancer)))
        });
        let left_out = [
            ("share", answers.share.is_none()),
            ("gap", answers.gap.is_none()),
        ];
        // What a health check allows follows from faults: nobody knows what an action may cost.
        let derived = balanced && self.scenario().actions.is_empty();
        for (key, _) in left_out.into_iter().filter(|(_, out)| *out && !derived) {
            let title = format!("`{key}` is missing in `answers`");
            let help = "write `answers: { workload: get, share: 99%, gap: 10s }`; only a `get` \
                        `via: balancer` may leave it to the balancer's health check, and only \
                        where there are no `actions`";
            self.refuse(path, title, help);
        }
    }

    /// The check `steady` is in every run; it can fail only of what is asked after the load.
    fn steady_fails(&mut self, path: &str) {
        let scenario = self.scenario();
        let asked = !scenario.steady_after.is_empty()
            || !scenario.actions.is_empty()
            || !scenario.faults.is_empty();
        if scenario.steady.is_empty() || !asked {
            let title = "`steady` cannot fail here";
            let help = "write `steady`, and under `steady_after` what must not hold in the end";
            self.refuse(path, title, help);
        }
    }

    /// The only table that the harness knows is a ledger's.
    fn intact(&mut self, path: &str, service: &str) {
        if self.service(path, service).is_none() {
            return;
        }
        let writes = |one: &Workload| matches!(one, Workload::Ledger(l) if l.service == service);
        if !self.scenario().workload.iter().any(writes) {
            let title = format!("no ledger is written to `{service}`, so it has no table to check");
            let help =
                format!("write `ledger: {{ service: {service}, rate: 10/s }}` under `workload`");
            self.refuse(path, title, help);
        }
    }

    /// That a workload of this name is there, and of the kind that the check judges.
    fn workload(&mut self, path: &str, name: &str, kind: &str) {
        let declared = || self.scenario().workload.iter().map(Workload::name);
        if name == kind && declared().any(|known| known == name) {
            return;
        }
        let title = match name {
            "ledger" | "get" if name != kind => format!("a `{name}` workload cannot show this"),
            "ledger" | "get" => format!("there is no `{name}` under `workload`"),
            _ => format!("there is no workload `{name}`"),
        };
        let help = if declared().any(|known| known == kind) {
            format!("write `{kind}`")
        } else {
            format!("write `{kind}` here, and a `{kind}` under `workload`")
        };
        let mistake = self.loaded.mistake(path, title);
        let mistake = if name == kind {
            mistake
        } else {
            mistake.did_you_mean(name, [kind])
        };
        self.mistakes.push(mistake.help(help));
    }

    fn must_fail(&mut self) {
        let scenario = self.scenario();
        let steady = (!scenario.steady.is_empty()).then_some("steady");
        let services = self.stack.is_some() || !self.later.is_empty() || !self.readable;
        let undisturbed = services.then_some("undisturbed");
        let implied = || steady.into_iter().chain(undisturbed);
        let expected = || {
            let named = scenario.expect.iter().map(Expectation::name);
            named.chain(implied())
        };
        for (index, name) in scenario.must_fail.iter().enumerate() {
            let path = format!("must_fail[{index}]");
            if scenario.must_fail[..index].contains(name) {
                self.refuse(
                    &path,
                    format!("`{name}` is named twice"),
                    "keep one of them",
                );
            } else if name == STEADY {
                self.steady_fails(&path);
            } else if expected().all(|known| known != name) {
                let mistake = self
                    .loaded
                    .mistake(
                        &path,
                        format!("nothing here that could fail is called `{name}`"),
                    )
                    .did_you_mean(name, expected())
                    .help(format!("what could fail: {}", words(expected())));
                self.mistakes.push(mistake);
            }
        }
    }
}
