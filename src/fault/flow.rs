//! `drop`, `slow`, and `isolate` of one direction or one pair: a rule for frames of the LAN.
//!
//! That nothing arrives proves no rule: somebody must have tried, and what the rule leaves alone
//! must have passed.

use std::time::Duration;

use async_trait::async_trait;

use super::{Fault, watch};
use crate::journal::{Intent, Rule, Slowness};
use crate::plan::Direction;
use crate::substrate::{Dialled, Lab, Tally, Trouble};
use crate::units::{Port, Span};
use crate::wait::Look;

/// A port that nobody listens on, so that a live kernel refuses a connection to it (`tcpmux`, of
/// the IANA registry of ports).
const PROBE: Port = Port::tcp(1);

/// A fault of one flow.
pub(super) struct Flow {
    verb: &'static str,
}

/// Frames of one port that are dropped.
pub(super) const DROP: Flow = Flow { verb: "drop" };

/// Frames that are delayed, or lost now and then.
pub(super) const SLOW: Flow = Flow { verb: "slow" };

#[async_trait]
impl Fault for Flow {
    fn verb(&self) -> &'static str {
        self.verb
    }

    async fn survey(&self, lab: &dyn Lab, mut intent: Intent) -> Intent {
        let rule = intent.rule.as_mut();
        if let Some(rule) = rule.filter(|rule| rule.slow.is_some()) {
            let before = round_trip(lab, rule).await;
            if let Some(slow) = rule.slow.as_mut() {
                let us = before.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
                slow.before_us = us;
            }
        }
        intent
    }

    async fn inject(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), Trouble> {
        lab.impose(intent.fault, rule_of(intent)?, true).await
    }

    async fn confirm(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        seen_in_force(lab, intent, deadline).await
    }

    async fn lasted(&self, lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
        lasted(lab, intent).await
    }

    async fn heal(
        &self,
        lab: &dyn Lab,
        intent: &Intent,
        deadline: Duration,
    ) -> Result<String, String> {
        lift(lab, intent, deadline).await
    }
}

/// The rule of an intent that must have one.
fn rule_of(intent: &Intent) -> Result<&Rule, Trouble> {
    let missing = || Trouble(format!("`{}` does not say which frames", intent.verb));
    intent.rule.as_ref().ok_or_else(missing)
}

/// Looks until the rule is seen to be in force.
pub(super) async fn seen_in_force(
    lab: &dyn Lab,
    intent: &Intent,
    deadline: Duration,
) -> Result<String, String> {
    let rule = rule_of(intent).map_err(|trouble| trouble.0)?;
    let number = intent.fault;
    let what = format!("the frames of `{}`{rule} to be struck", rule.node);
    let first = lab.tally(number).await;
    let look = || async move {
        match &rule.slow {
            None => look_cut(lab, number, rule).await,
            Some(slow) => look_slow(lab, number, (rule, slow), first).await,
        }
    };
    watch::seen(what, deadline, look).await
}

/// Whether the rule was in force from its beginning until now, by all that was counted of it. Where
/// nobody else speaks on its port, the last of it is what is tried here.
pub(super) async fn lasted(lab: &dyn Lab, intent: &Intent) -> Result<(), String> {
    let rule = rule_of(intent).map_err(|trouble| trouble.0)?;
    if rule.slow.is_none() {
        // Whether that can be tried shows in what is counted.
        let _ = exchange(lab, intent.fault, rule).await;
    }
    let tally = lab.tally(intent.fault).await;
    let (node, meant) = (&rule.node, tally.meant);
    if meant.sent == 0 {
        return Err(format!("nobody can tell what became of `{node}`{rule}"));
    }
    let fault = match &rule.slow {
        None if meant.delivered > 0 => {
            let (passed, sent) = (meant.delivered, meant.sent);
            format!("{passed} of {sent} frames that are meant passed")
        }
        Some(slow) if tally.mean_hold() < least_once(slow) => {
            let held = tally.mean_hold();
            format!("frames that are meant were held for {held:.1?} on average")
        }
        _ => return Ok(()),
    };
    Err(format!("`{node}`{rule} did not last: {fault}"))
}

/// Takes the rule away, and looks until what it struck passes again.
pub(super) async fn lift(
    lab: &dyn Lab,
    intent: &Intent,
    deadline: Duration,
) -> Result<String, String> {
    let rule = rule_of(intent).map_err(|trouble| trouble.0)?;
    let number = intent.fault;
    let lifted = lab.impose(number, rule, false).await;
    lifted.map_err(|trouble| trouble.0)?;
    let what = format!("the frames of `{}`{rule} to pass", rule.node);
    let look = || look_free(lab, number, rule);
    watch::seen(what, deadline, look).await
}

/// What was tried, and what the LAN counted meanwhile.
struct Tried {
    /// From the witness to the machine, and back, on the port that is meant.
    there: Dialled,
    back: Dialled,
    counted: Tally,
}

/// Sends frames both ways, on the port that is meant or on one that nobody listens on.
async fn exchange(lab: &dyn Lab, number: usize, rule: &Rule) -> Result<Tried, String> {
    let before = lab.tally(number).await;
    let port = rule.port.unwrap_or(PROBE);
    let there = lab.dial(&rule.witness, &rule.node, port).await?;
    let back = lab.dial(&rule.node, &rule.witness, port).await?;
    let counted = lab.tally(number).await.since(before);
    Ok(Tried {
        there,
        back,
        counted,
    })
}

/// One look at frames that should be dropped.
async fn look_cut(lab: &dyn Lab, number: usize, rule: &Rule) -> Look<String> {
    let (node, witness) = (&rule.node, &rule.witness);
    let tried = match exchange(lab, number, rule).await {
        Ok(tried) => tried,
        Err(why) => return Look::CannotTell(why),
    };
    if tried.there.answer.is_some() || tried.back.answer.is_some() {
        return Look::NotYet(format!("`{witness}` and `{node}` still answer each other"));
    }
    let Tally {
        meant,
        opposite,
        rest,
        ..
    } = tried.counted;
    if meant.delivered > 0 {
        let (passed, sent) = (meant.delivered, meant.sent);
        return Look::NotYet(format!("{passed} of {sent} frames that are meant passed"));
    }
    if meant.sent == 0 {
        return Look::NotYet("no frame that is meant was sent, so nobody can tell".to_owned());
    }
    let passed = (opposite.delivered, rest.delivered);
    let spared = match spared(lab, rule, passed).await {
        Ok(spared) => spared,
        Err(why) => return Look::NotYet(why),
    };
    let sent = meant.sent;
    Look::Holds(format!(
        "of {sent} frames of `{node}`{rule} none was delivered, and `{witness}` got no \
         answer{spared}"
    ))
}

/// What the rule must leave alone, as it was seen to pass: how many frames the other way, and of
/// all others.
async fn spared(lab: &dyn Lab, rule: &Rule, (back, rest): (u64, u64)) -> Result<String, String> {
    let node = &rule.node;
    if rule.direction != Direction::Both {
        return match back {
            0 => Err(format!("no frame of `{node}` passed the other way either")),
            _ => Ok(format!("; {back} passed the other way, and {rest} others")),
        };
    }
    if rule.port.is_some() {
        let other = lab.dial(&rule.witness, node, PROBE).await?;
        return match other.answer {
            Some(_) => Ok(format!("; it answers on {PROBE}")),
            None => Err(format!("`{node}` does not answer on {PROBE} either")),
        };
    }
    match rest {
        _ if rule.from.is_empty() => Ok(String::new()),
        0 => Err(format!("no other frame of `{node}` passed either")),
        _ => Ok(format!("; {rest} others passed")),
    }
}

/// One look at frames that should be slow, or lost.
async fn look_slow(
    lab: &dyn Lab,
    number: usize,
    (rule, slow): (&Rule, &Slowness),
    first: Tally,
) -> Look<String> {
    let tried = match exchange(lab, number, rule).await {
        Ok(tried) => tried,
        Err(why) => return Look::CannotTell(why),
    };
    // Few of a few frames are lost: it takes all since the first look.
    let Tally { meant, lost, .. } = lab.tally(number).await.since(first);
    if meant.delivered == 0 {
        return Look::NotYet("no frame that is meant arrived, so nobody can tell".to_owned());
    }
    let mut seen = Vec::new();
    if slow.loss.0 > 0.0 {
        if lost == 0 {
            let sent = meant.sent;
            return Look::NotYet(format!("none of {sent} frames that are meant was lost"));
        }
        seen.push(format!("{lost} of {} frames were lost", meant.sent));
    }
    if slow.delay > Span::default() {
        match slowed(rule, slow, &tried) {
            Ok(said) => seen.push(said),
            Err(why) => return Look::NotYet(why),
        }
    }
    Look::Holds(format!("`{}`{rule}: {}", rule.node, seen.join("; ")))
}

/// Whether a round trip took as much longer as it must; of a port of UDP, which answers nobody,
/// whether the LAN held its frames.
fn slowed(rule: &Rule, slow: &Slowness, tried: &Tried) -> Result<String, String> {
    let least = least(rule, slow);
    if rule.port.is_some_and(|port| port.udp) {
        let held = tried.counted.mean_hold();
        let once = least_once(slow);
        return match held >= once {
            true => Ok(format!("its frames were held for {held:.1?} on average")),
            false => Err(format!("its frames were held for {held:.1?} only")),
        };
    }
    let before = slow.before_us.map(Duration::from_micros);
    let Some(before) = before else {
        return Err("no round trip was measured before the fault".to_owned());
    };
    let Some(took) = tried.there.took else {
        return Err(format!("`{}` does not answer", rule.node));
    };
    let told = format!("a round trip took {before:.1?} before and {took:.1?} now");
    match took.saturating_sub(before) >= least {
        true => Ok(told),
        false => Err(format!("{told}, which is not {least:?} more")),
    }
}

/// The least for which a frame is held.
fn least_once(slow: &Slowness) -> Duration {
    slow.delay.0.saturating_sub(slow.jitter.0)
}

/// The least that a rule adds to a round trip.
fn least(rule: &Rule, slow: &Slowness) -> Duration {
    let once = least_once(slow);
    match rule.direction {
        Direction::Both => once * 2,
        Direction::In | Direction::Out => once,
    }
}

/// One look at frames that should pass at once again.
async fn look_free(lab: &dyn Lab, number: usize, rule: &Rule) -> Look<String> {
    let (node, witness) = (&rule.node, &rule.witness);
    let tried = match exchange(lab, number, rule).await {
        Ok(tried) => tried,
        Err(why) => return Look::CannotTell(why),
    };
    let passed = tried.counted.meant.delivered;
    if passed == 0 {
        return Look::NotYet(format!("no frame of `{node}`{rule} was delivered"));
    }
    if rule.port.is_some_and(|port| port.udp) {
        let held = tried.counted.mean_hold();
        return match held.is_zero() {
            true => Look::Holds(format!("{passed} frames of `{node}`{rule} passed")),
            false => Look::NotYet(format!("frames of `{node}` are still held")),
        };
    }
    let Some(took) = tried.there.took else {
        return Look::NotYet(format!("`{node}` does not answer `{witness}`"));
    };
    let slow = rule.slow.filter(|slow| slow.delay > Span::default());
    let longer = |slow: &Slowness| {
        let before = slow.before_us.map(Duration::from_micros);
        took.saturating_sub(before.unwrap_or_default())
    };
    match slow {
        Some(slow) if longer(&slow) >= least(rule, &slow) => {
            Look::NotYet(format!("a round trip takes {took:.1?}"))
        }
        _ => Look::Holds(format!("`{node}` answers `{witness}` in {took:.1?}")),
    }
}

/// The quickest of a few round trips.
async fn round_trip(lab: &dyn Lab, rule: &Rule) -> Option<Duration> {
    let port = rule.port.filter(|port| !port.udp).unwrap_or(PROBE);
    let tried = lab.dial(&rule.witness, &rule.node, port).await;
    tried.ok().and_then(|tried| tried.took)
}
