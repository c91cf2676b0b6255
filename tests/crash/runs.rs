//! The runs that are killed: together they have every kind of entry that a run can write.

use std::path::Path;

use seatrial::plan::{self, Outcome, Plan};
use seatrial::scenario::load;
use seatrial::substrate::Place;
use seatrial::substrate::sim::{Sabotage, Sim};

/// A run: a scenario file, and how its place misbehaves.
pub(crate) struct Run {
    pub(crate) name: &'static str,
    file: &'static str,
    sabotage: Option<Sabotage>,
    /// True if nothing in it ever looks like a broken promise.
    pub(crate) keeps: bool,
}

/// Every run.
pub(crate) fn all() -> Vec<Run> {
    use Sabotage::{FaultDoesNotBite, HealFails, MachineEnds, OrderDoesNothing, TearDownFails};
    let ends = MachineEnds("server-16".to_owned());
    vec![
        honest("stop", "mariadb-nfs-survives-node-stop"),
        control("power cut", "mariadb-nfs-v3-power-cut"),
        honest("pages", "nginx-nfs-answers-on-every-node"),
        honest("membership", "article/01-swarm-initialisation"),
        honest("node down", "article/03-node-down"),
        honest("removal", "article/07-removing-services"),
        honest("roles", "article/10-promote-and-demote"),
        honest("upgrade", "acceptance/upgrade-workers-first"),
        control("two databases", "article/13-two-databases-with-locks"),
        sabotaged("no bite", "article/03-node-down", FaultDoesNotBite),
        sabotaged("no heal", "article/03-node-down", HealFails),
        sabotaged("no action", "article/12-scaling", OrderDoesNothing),
        sabotaged("lost machine", "nginx-nfs-answers-on-every-node", ends),
        sabotaged("no tear-down", "article/03-node-down", TearDownFails),
    ]
}

fn honest(name: &'static str, file: &'static str) -> Run {
    Run {
        name,
        file,
        sabotage: None,
        keeps: true,
    }
}

/// One that must fail.
fn control(name: &'static str, file: &'static str) -> Run {
    Run {
        keeps: false,
        ..honest(name, file)
    }
}

fn sabotaged(name: &'static str, file: &'static str, sabotage: Sabotage) -> Run {
    Run {
        sabotage: Some(sabotage),
        keeps: false,
        ..honest(name, file)
    }
}

impl Run {
    /// The run of this name.
    pub(crate) fn named(name: &str) -> Self {
        let run = all().into_iter().find(|run| run.name == name);
        run.unwrap_or_else(|| panic!("no run is called `{name}`"))
    }

    /// What its swarm is.
    pub(crate) fn sim(&self) -> Sim {
        self.sabotage.clone().map_or_else(Sim::new, Sim::with)
    }

    /// What is to happen.
    pub(crate) fn plan(&self) -> Plan {
        let file = format!(
            "{}/scenarios/{}.yaml",
            env!("CARGO_MANIFEST_DIR"),
            self.file
        );
        let loaded = load(Path::new(&file)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let options = plan::Options {
            place: "sim".into(),
            capabilities: Sim::new().capabilities(),
            patience: 1.0,
            seed: 7,
            no_faults: false,
            environment: Default::default(),
            nodes: None,
        };
        match plan::plan(&loaded, &options).unwrap_or_else(|mistakes| panic!("{mistakes}")) {
            Outcome::Ready(plan) => *plan,
            Outcome::Skipped { reason, .. } => panic!("{file}: skipped: {reason}"),
        }
    }
}
