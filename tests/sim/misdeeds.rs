//! The table of what the place can do wrong: the plan, the misdeed, its mark in the journal, the
//! verdict that it must come to, and the finding that must have noticed.

use seatrial::plan::{Plan, Probe};
use seatrial::scenario::{FaultAction, MountKind, Target};
use seatrial::substrate::sim::Sabotage;
use seatrial::units::Span;
use seatrial::verdict::Verdict::{self, Fail, Unknown};

use super::marks::*;
use super::plans::{self, paused, with_fault};
use super::{askers, cuts, inward, leavings, probes, upgrade};

/// True for a journal that shows the misdeed.
pub(crate) type Mark = fn(&seatrial::journal::History) -> bool;

/// One line of the table.
pub(crate) struct Misdeed {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    pub(crate) sabotage: Sabotage,
    pub(crate) mark: Mark,
    pub(crate) verdict: Verdict,
    pub(crate) noticed_by: &'static str,
}

/// The whole table.
pub(crate) fn all() -> Vec<Misdeed> {
    let parts = [
        rows_of_the_ledger(),
        the_table_itself(),
        pages(),
        askers::misdeeds(),
        what_is_to_hold(),
        two_at_once(),
        faults(),
        cuts::misdeeds(),
        inward::misdeeds(),
        leavings::misdeeds(),
        heals(),
        managers_and_engines(),
        probes::misdeeds(),
        recoveries(),
        actions(),
        upgrade::misdeeds(),
        tokens(),
        the_place(),
        clocks(),
    ];
    parts.into_iter().flatten().collect()
}

/// A line whose verdict is `Fail`.
pub(crate) fn fail(
    name: &'static str,
    plan: Plan,
    sabotage: Sabotage,
    mark: Mark,
    noticed_by: &'static str,
) -> Misdeed {
    Misdeed {
        name,
        plan,
        sabotage,
        mark,
        verdict: Fail,
        noticed_by,
    }
}

/// A line whose verdict is `Unknown`.
pub(crate) fn unknown(
    name: &'static str,
    plan: Plan,
    sabotage: Sabotage,
    mark: Mark,
    noticed_by: &'static str,
) -> Misdeed {
    Misdeed {
        verdict: Unknown,
        ..fail(name, plan, sabotage, mark, noticed_by)
    }
}

fn server(number: u8) -> String {
    format!("server-{number}")
}

/// A database whose host is turned off cleanly.
pub(crate) fn stopped() -> Plan {
    let stop = FaultAction::Stop(plans::database_host());
    with_fault(plans::database(), 10, stop)
}

/// A database whose host is cut off.
pub(crate) fn isolated() -> Plan {
    with_fault(
        plans::database(),
        10,
        FaultAction::Isolate(Target::Worker.into()),
    )
}

/// A page, and a worker without power.
pub(crate) fn web() -> Plan {
    with_fault(plans::web(), 10, FaultAction::Kill(Target::Worker))
}

/// A database whose leader has no power.
pub(crate) fn headless() -> Plan {
    with_fault(plans::database(), 10, FaultAction::Kill(Target::Leader))
}

/// The page, with one more probe.
fn asking(probe: Probe) -> Plan {
    let mut plan = web();
    plan.steady.push(probe);
    plan
}

/// The page, with a port that is to be closed.
fn closed() -> Plan {
    let via = Target::EveryNode;
    asking(Probe::PortClosed { via, port: 2375 })
}

/// The page, with a mount that is to be of NFS.
fn mounted() -> Plan {
    asking(Probe::Mount {
        service: "nginx".to_owned(),
        at: "/usr/share/nginx/html".to_owned(),
        read_only: Some(true),
        kind: Some(MountKind::Nfs),
    })
}

/// A database that is to have a setting.
pub(crate) fn configured() -> Plan {
    let mut plan = stopped();
    plan.steady.push(Probe::Variables {
        service: "mariadb".to_owned(),
        port: 3306,
        set: [("max_connections".to_owned(), "100".to_owned())].into(),
        within: Span::secs(2),
    });
    plan
}

/// The page, of which the steady state knows nothing: only who loads it can notice.
pub(crate) fn unprobed() -> Plan {
    let mut plan = web();
    plan.steady.pop();
    plan
}

fn rows_of_the_ledger() -> Vec<Misdeed> {
    use Sabotage::*;
    let by = "nothing_lost";
    let lost = acknowledged_is_missing;
    let unread = ReadBackUnavailable(server(2));
    vec![
        fail("a lost row", stopped(), LoseRow, lost, by),
        fail(
            "an acknowledgement without a commit",
            stopped(),
            AckWithoutCommit,
            lost,
            by,
        ),
        fail("a row stored twice", stopped(), DuplicateRow, duplicate, by),
        fail(
            "a row with another's content",
            stopped(),
            StrangeRow,
            strange,
            by,
        ),
        fail(
            "a second writer",
            stopped(),
            SecondWriter,
            rows_of_nobody,
            by,
        ),
        fail(
            "a refused row that is there",
            stopped(),
            RefusedRowStays,
            refused_is_there,
            by,
        ),
        fail(
            "a table that is dropped",
            stopped(),
            TableDropped,
            no_table,
            by,
        ),
        unknown(
            "a ledger that cannot be read",
            stopped(),
            unread,
            unreadable,
            by,
        ),
    ]
}

fn the_table_itself() -> Vec<Misdeed> {
    use Sabotage::*;
    let (checked, unread) = (plans::checked(stopped()), ReadBackUnavailable(server(2)));
    let never = WorkloadNeverConnects;
    vec![
        fail(
            "a corrupt table",
            checked.clone(),
            CorruptTable,
            complaint,
            "intact",
        ),
        unknown(
            "a table that cannot be checked",
            checked,
            unread,
            unchecked,
            "intact",
        ),
        unknown(
            "a workload that never connects",
            stopped(),
            never,
            nothing_acknowledged,
            EX,
        ),
    ]
}

/// The finding that tells whether anything was put to the test.
const EX: &str = "exercised";

fn pages() -> Vec<Misdeed> {
    use Sabotage::*;
    let (stale, other) = (StaleBody(server(1)), WrongService(server(1)));
    let balanced = with_fault(plans::balanced(), 10, FaultAction::Kill(Target::Worker));
    let by = "answers";
    vec![
        unknown(
            "yesterday's page",
            web(),
            stale.clone(),
            never_load,
            "steady",
        ),
        unknown(
            "an error page",
            web(),
            WrongBody(server(1)),
            never_load,
            "steady",
        ),
        fail("yesterday's page under load", unprobed(), stale, wrong, by),
        fail("another service's page", web(), other, wrong, by),
        fail("half a page", web(), HalfPages(server(1)), half_a_page, by),
        unknown("no way to a page", web(), NoWay(server(1)), no_way, by),
        fail(
            "a blind balancer",
            balanced,
            BalancerNeverChecks,
            lost_at_the_balancer,
            by,
        ),
    ]
}

fn what_is_to_hold() -> Vec<Misdeed> {
    use Sabotage::*;
    let (open, silent) = (OpenPort(server(1)), SilentPorts(server(1)));
    let by = "steady";
    vec![
        unknown("an open port", closed(), open, never_load, by),
        unknown("a port that says nothing", closed(), silent, never_load, by),
        unknown(
            "a mount of another kind",
            mounted(),
            LocalMounts,
            never_load,
            by,
        ),
        unknown(
            "a configuration nobody reads",
            configured(),
            DefaultSettings,
            never_load,
            by,
        ),
        unknown(
            "a service that never starts",
            stopped(),
            SteadyNeverHolds,
            never_load,
            by,
        ),
    ]
}

fn two_at_once() -> Vec<Misdeed> {
    use Sabotage::*;
    let by = "never_two";
    let ends = SecondServerEnds;
    vec![
        fail(
            "a second live task",
            stopped(),
            SecondLiveTask,
            two_of_a_slot,
            by,
        ),
        fail(
            "an old task that runs again",
            stopped(),
            ResurrectedTask,
            two_of_a_slot,
            by,
        ),
        unknown(
            "an engine that hangs",
            stopped(),
            EngineHangs(server(4)),
            silent_engine,
            by,
        ),
        unknown(
            "a second server that ends",
            plans::two_servers(),
            ends,
            task_failed,
            QUIET,
        ),
    ]
}

/// The finding that tells what happened behind our back.
const QUIET: &str = "undisturbed";

fn faults() -> Vec<Misdeed> {
    use Sabotage::*;
    let unseen = not_confirmed;
    vec![
        unknown(
            "a stop that is a no-op",
            stopped(),
            FaultDoesNotBite,
            unseen,
            EX,
        ),
        unknown(
            "a power cut that is a no-op",
            web(),
            FaultDoesNotBite,
            unseen,
            EX,
        ),
        unknown(
            "an isolation that is a no-op",
            isolated(),
            IsolateNoOp,
            unseen,
            EX,
        ),
        unknown(
            "a node that claims to be off",
            web(),
            PowerLooksOff,
            unseen,
            EX,
        ),
        unknown("a pause that is a no-op", paused(), PauseNoOp, unseen, EX),
    ]
}

fn heals() -> Vec<Misdeed> {
    use Sabotage::*;
    let by = "run";
    vec![
        unknown(
            "a node that stays off",
            stopped(),
            HealFails,
            heal_failed,
            by,
        ),
        unknown(
            "a node that stays cut off",
            isolated(),
            HealFails,
            heal_failed,
            by,
        ),
        unknown(
            "a heal that never ends",
            stopped(),
            HealHangs,
            heal_failed,
            by,
        ),
    ]
}

fn managers_and_engines() -> Vec<Misdeed> {
    use Sabotage::*;
    let by = "recovers";
    let lies = EveryNodeLooksReady;
    vec![
        unknown(
            "managers that hang",
            stopped(),
            ApiHangs,
            silent_managers,
            by,
        ),
        unknown(
            "an unknown enum value",
            stopped(),
            ApiNotUnderstood,
            babbling_managers,
            by,
        ),
        unknown(
            "half an answer",
            stopped(),
            HalfAnswers,
            babbling_managers,
            by,
        ),
        fail(
            "nodes that lie about their state",
            stopped(),
            lies,
            nobody_is_down,
            by,
        ),
    ]
}

fn recoveries() -> Vec<Misdeed> {
    use Sabotage::*;
    let (gone, by) = (not_recovered, "recovers");
    vec![
        fail(
            "a database that stays away",
            stopped(),
            DatabaseNeverComesBack,
            gone,
            by,
        ),
        fail(
            "a leader that never returns",
            headless(),
            LeaderNeverReturns,
            gone,
            by,
        ),
    ]
}

fn actions() -> Vec<Misdeed> {
    use Sabotage::*;
    let (scaled, removed) = (plans::scaled(4), plans::removed());
    let unseen = action_not_seen;
    vec![
        unknown(
            "an order that does nothing",
            scaled.clone(),
            OrderDoesNothing,
            unseen,
            EX,
        ),
        fail(
            "a scale-up that loses requests",
            scaled,
            ScaleLosesRequests,
            request_lost,
            "answers",
        ),
        unknown(
            "a container that outlives its service",
            removed,
            RemovedContainerStays,
            unseen,
            EX,
        ),
    ]
}

fn tokens() -> Vec<Misdeed> {
    use Sabotage::*;
    let (plan, by) = (plans::intruder, "refused");
    let unseen = action_not_seen;
    let deaf = SilentToJoins(server(1));
    vec![
        fail(
            "a wrong token that is taken",
            plan(),
            AnyTokenJoins,
            unseen,
            by,
        ),
        unknown(
            "a token that nobody looked at",
            plan(),
            TokensUnheard,
            unseen,
            by,
        ),
        unknown("a token that one manager ignores", plan(), deaf, unseen, by),
    ]
}

fn the_place() -> Vec<Misdeed> {
    use Sabotage::*;
    let by = "run";
    vec![
        unknown(
            "machines that cannot be made",
            stopped(),
            BringUpFails,
            trouble,
            by,
        ),
        unknown(
            "a stack that is not taken",
            stopped(),
            DeployFails,
            trouble,
            by,
        ),
        unknown(
            "a steady state that cannot be kept",
            stopped(),
            CheckpointFails,
            trouble,
            by,
        ),
        unknown("a probe that panics", closed(), ProbePanics, panicked, by),
    ]
}

fn clocks() -> Vec<Misdeed> {
    use Sabotage::*;
    let node = NodeClockJumps(server(2));
    vec![
        unknown(
            "a node's clock that jumps",
            stopped(),
            node,
            told_from_the_future,
            QUIET,
        ),
        unknown(
            "this computer's clock that jumps",
            stopped(),
            HostClockJumps,
            clock_jumped,
            "run",
        ),
        unknown(
            "a machine that ends by itself",
            web(),
            MachineEnds(server(2)),
            gave_way,
            "answers",
        ),
    ]
}
