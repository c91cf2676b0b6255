//! What a scenario needs of a place, which follows from what it says.

use super::{Fault, Options};
use crate::capability::{Capabilities, Capability};
use crate::scenario::{
    self, ActionVerb, Api, Cluster, Export, FaultAction, Isolate, Join, NfsVersion, Part, Probe,
    Scenario, Target, Token, Workload,
};

/// What a place lacks, as a reason to skip.
pub(super) fn missing(needs: &Capabilities, options: &Options) -> Option<String> {
    let lacking: Vec<String> = needs
        .difference(&options.capabilities)
        .map(|one| format!("no {one}"))
        .collect();
    let (last, others) = lacking.split_last()?;
    let others = if others.is_empty() {
        String::new()
    } else {
        others.join(", ") + " and "
    };
    let only_an_engine = needs
        .difference(&options.capabilities)
        .eq([&Capability::Upgrade]);
    let hint = match only_an_engine && options.place == "vm" {
        true => ": name one with `--upgrade-to`",
        false => "",
    };
    Some(format!("`{}` has {others}{last}{hint}", options.place))
}

/// What a scenario needs with these of its faults.
pub(super) fn needs(scenario: &Scenario, faults: &[Fault]) -> Capabilities {
    let asks =
        |probe: &Probe| matches!(probe, Probe::Sql(_) | Probe::Http(_) | Probe::Variables(_));
    let probes = || scenario.steady.iter().chain(&scenario.steady_after);
    let mesh = !scenario.workload.is_empty() || probes().any(asks);
    // What a machine had not flushed yet matters where somebody's data are looked at.
    let ledger = |load: &Workload| matches!(load, Workload::Ledger(_));
    let database = |probe: &Probe| matches!(probe, Probe::Sql(_) | Probe::Variables(_));
    let data = scenario.workload.iter().any(ledger) || probes().any(database);
    let on_storage = |fault: &Fault| *fault.action.target() == Target::Part(Part::Storage);
    let storage = faults.iter().any(on_storage).then_some(Capability::Storage);
    faults
        .iter()
        .map(|fault| of_fault(&fault.action, data || on_storage(fault)))
        .chain(storage)
        .chain(of_cluster(&scenario.cluster))
        .chain(
            scenario
                .actions
                .iter()
                .filter_map(|one| of_action(&one.verb)),
        )
        .chain(mesh.then_some(Capability::RoutingMesh))
        .collect()
}

fn of_fault(action: &FaultAction, flushed: bool) -> Capability {
    match action {
        FaultAction::Stop(_) => Capability::CleanStop,
        FaultAction::Kill(_) if flushed => Capability::PowerCut,
        FaultAction::Kill(_) => Capability::SuddenEnd,
        FaultAction::Pause(_) => Capability::Pause,
        FaultAction::Isolate(Isolate::Whole(_)) => Capability::Isolation,
        FaultAction::Isolate(Isolate::Partly(_)) | FaultAction::Drop(_) => Capability::Flows,
        FaultAction::Slow(_) => Capability::SlowFlows,
        FaultAction::Crash(_) | FaultAction::Restart(_) | FaultAction::KillTask(_) => {
            Capability::EngineEnd
        }
        FaultAction::Skew(_) => Capability::Clock,
        FaultAction::Fill(_) => Capability::FullDisk,
    }
}

fn of_cluster(cluster: &Cluster) -> impl Iterator<Item = Capability> {
    let nfs = cluster.nfs.map(|version| match version {
        NfsVersion::V3 | NfsVersion::V3NoLock => Capability::NfsV3,
        NfsVersion::V42 => Capability::NfsV42,
    });
    let api = match cluster.api {
        Api::Closed => None,
        Api::Tls => Some(Capability::Tls),
        Api::Plain => Some(Capability::PlainApi),
    };
    let early = cluster.export == Some(Export::Async);
    let set_up = early || cluster.nfs == Some(NfsVersion::V3NoLock);
    nfs.into_iter()
        .chain(early.then_some(Capability::AsyncShare))
        .chain(set_up.then_some(Capability::Storage))
        .chain(cluster.balancer.then_some(Capability::Balancer))
        .chain(cluster.registry.then_some(Capability::Registry))
        .chain(api)
}

fn of_action(verb: &scenario::ActionVerb) -> Option<Capability> {
    match verb {
        ActionVerb::Upgrade(_) => Some(Capability::Upgrade),
        ActionVerb::Write(_) => Some(Capability::Storage),
        ActionVerb::Join(Join::How(how)) if how.token == Some(Token::Rotated) => {
            Some(Capability::Tokens)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use super::*;
    use crate::plan::FaultEnd;
    use crate::units::Span;

    /// What a scenario with this line needs where a worker loses its power.
    fn needed(line: &str) -> Capabilities {
        let text =
            format!("scenario: a\nbecause: b\ncluster: {{ managers: 3 }}\n{line}\nexpect: []\n");
        let loaded = scenario::parse(Path::new("a.yaml"), &text).expect("sound");
        let kill = Fault {
            at: Span::secs(10),
            action: FaultAction::Kill(Target::Worker),
            end: FaultEnd::After(Span::secs(60)),
        };
        needs(&loaded.scenario, &[kill])
    }

    #[rstest]
    #[case::a_page("workload: [ get: { port: 80, body: hello, rate: 5/s } ]", false)]
    #[case::a_ledger("workload: [ ledger: { service: mariadb, rate: 5/s } ]", true)]
    #[case::a_database("steady: [ sql: { service: mariadb, query: SELECT 1 } ]", true)]
    fn who_looks_at_data_needs_a_power_cut(#[case] line: &str, #[case] cut: bool) {
        assert_eq!(needed(line).contains(&Capability::PowerCut), cut);
    }

    #[rstest]
    #[case("right", false)]
    #[case("wrong", false)]
    #[case("rotated", true)]
    fn only_a_rotated_token_takes_a_rotation(#[case] token: &str, #[case] rotated: bool) {
        let join = format!("join: {{ node: server-3, token: {token} }}");
        let needs = needed(&format!("actions: [ {{ at: 1s, do: {{ {join} }} }} ]"));
        assert_eq!(needs.contains(&Capability::Tokens), rotated);
    }

    #[rstest]
    #[case::the_engine(
        "vm",
        Capability::Upgrade,
        "`vm` has no engine to upgrade to: name one with `--upgrade-to`"
    )]
    #[case::another_thing("vm", Capability::Pause, "`vm` has no pause of a machine")]
    #[case::elsewhere("dind", Capability::Upgrade, "`dind` has no engine to upgrade to")]
    fn an_option_is_named_where_it_would_help(
        #[case] place: &str,
        #[case] lacks: Capability,
        #[case] reason: &str,
    ) {
        let options = Options {
            place: place.to_owned(),
            capabilities: Capabilities::new(),
            patience: 1.0,
            seed: 7,
            no_faults: false,
            environment: [].into(),
            nodes: None,
        };
        let told = missing(&[lacks].into(), &options);
        assert_eq!(told.as_deref(), Some(reason));
    }
}
