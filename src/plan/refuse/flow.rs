//! Refusals about faults of single flows: those that strike nothing, or could not be told.

use super::Docket;
use crate::scenario::{FaultAction, Flow, Slow, Target};
use crate::units::{Share, Span};

/// The longest that frames may be held: whoever asks then still gets an answer, after two of them,
/// before a prober takes the silence for a cut.
const LONGEST: Span = Span::secs(1);

/// The least share that is lost: of fewer frames none may be seen in time.
const LEAST: Share = Share(0.01);

/// The most: above, a link is rather cut than slow.
const MOST: Share = Share(0.5);

impl Docket<'_> {
    /// Examines a flow at a path such as `faults[0].do.drop`.
    pub(super) fn flow(&mut self, path: &str, flow: Flow<'_>) {
        if let Some(from) = flow.from {
            self.target(&format!("{path}.from"), from);
            let same = from == flow.node && *from != Target::Worker && *from != Target::Manager;
            if same {
                let title = format!("nothing is between `{from}` and itself");
                let help = "write another machine, or leave `from` out for everybody";
                self.refuse(&format!("{path}.from"), title, help);
            }
        }
        if let Some(slow) = flow.slow {
            self.slow(path, slow);
        }
    }

    fn slow(&mut self, path: &str, slow: &Slow) {
        let delay = slow.delay.unwrap_or_default();
        let jitter = slow.jitter.unwrap_or_default();
        if delay == Span::default() && slow.loss.is_none() {
            let help = "write `delay: 100ms`, `loss: 1%` or both";
            self.refuse(path, "this link would be as quick as before", help);
        }
        if jitter > Span::default() && jitter >= delay {
            let title = format!("a jitter of {jitter} leaves nothing of a delay of {delay}");
            let help = "write less than the delay, or it could not be seen";
            self.refuse(&format!("{path}.jitter"), title, help);
        }
        if Span(delay.0 + jitter.0) > LONGEST {
            let title = format!("frames would be held for more than {LONGEST}");
            let help = "write less, or `isolate`: whoever waits so long takes it for silence";
            self.refuse(&format!("{path}.delay"), title, help);
        }
        if slow.loss.is_some_and(|loss| loss < LEAST || loss > MOST) {
            let title = format!("a loss is from {LEAST} to {MOST}");
            let help = "write one in between, or `isolate`";
            self.refuse(&format!("{path}.loss"), title, help);
        }
    }
}

/// Where in a fault its machine is written.
pub(super) fn aim(path: &str, action: &FaultAction) -> String {
    match (action.flow(), action) {
        (Some(_), _) | (None, FaultAction::Skew(_)) => format!("{path}.node"),
        _ => path.to_owned(),
    }
}
