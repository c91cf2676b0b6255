//! Runs a plan on real machines, with somebody who may act behind the harness's back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use seatrial::capability::Capabilities;
use seatrial::check::check;
use seatrial::journal::{self, Answer, Entry, Event, History, Journal, Outcome};
use seatrial::plan::{Plan, Role};
use seatrial::report::{Style, terminal};
use seatrial::run::{self, Options, Summary};
use seatrial::substrate::vm::{Vm, VmLab};
use seatrial::substrate::{Identity, Lab, Place, Trouble};
use seatrial::verdict::{Finding, Judgement};
use seatrial::wait::{Look, until};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ground::{Ground, say};

/// Successes of the workload before anybody disturbs it: twice what `exercised` asks for.
const WARM: u64 = 20;

/// The pace of looking.
const PACE: Duration = Duration::from_millis(500);

/// A run that is over.
pub(crate) struct Told {
    pub(crate) history: History,
    pub(crate) judgement: Judgement,
    /// What a terminal shows of it.
    pub(crate) report: String,
    journal: PathBuf,
    folder: TempDir,
}

impl Told {
    /// The finding of one check.
    pub(crate) fn finding(&self, check: &str) -> &Finding {
        let found = self
            .judgement
            .findings
            .iter()
            .find(|one| one.check == check);
        found.unwrap_or_else(|| panic!("nobody judged `{check}`:\n{}", self.report))
    }

    /// The events that a finding rests on.
    pub(crate) fn evidence(&self, check: &str) -> Vec<&Event> {
        let seqs = &self.finding(check).evidence;
        let entries = self.history.entries.iter();
        entries
            .filter(|entry| seqs.contains(&entry.seq))
            .map(|entry| &entry.event)
            .collect()
    }

    /// The folder of the run, as long as this is held.
    pub(crate) fn run(&self) -> &Path {
        self.journal.parent().expect("a journal in a folder")
    }

    /// What its journal comes to when it is read once more.
    pub(crate) fn judged_again(&self) -> Judgement {
        check(&journal::read(&self.journal).expect("a journal that can be read"))
    }
}

impl Drop for Told {
    /// A run that was not what its test expects is kept, to be looked into.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            say(&format!("kept: `{}`", self.folder.path().display()));
        }
    }
}

/// What somebody who disturbs a run has at hand.
pub(crate) struct Scene {
    pub(crate) lab: Arc<VmLab>,
    pub(crate) plan: Plan,
}

impl Scene {
    /// Runs a command in a machine; it must succeed.
    pub(crate) async fn exec(&self, machine: &str, command: &str) -> Result<String, String> {
        let ran = self.lab.exec(machine, command).await;
        let ran = ran.map_err(|trouble| trouble.to_string())?;
        if ran.code == 0 {
            return Ok(ran.out);
        }
        Err(format!(
            "`{command}` on `{machine}` ended with {}: {}",
            ran.code, ran.err
        ))
    }

    /// The node that a service's only task runs on, as soon as any manager says so.
    pub(crate) async fn host_of(&self, service: &str) -> Result<String, String> {
        let nodes = &self.plan.topology.nodes;
        let managers: Vec<&str> = nodes
            .iter()
            .filter(|node| node.role == Role::Manager)
            .map(|node| node.name.as_str())
            .collect();
        let managers = &managers;
        let look = || async move {
            let mut last = Look::CannotTell("no manager was asked".to_owned());
            for manager in managers {
                let view = match self.lab.view(manager).await {
                    Ok(view) => view,
                    Err(error) => {
                        last = Look::CannotTell(error.to_string());
                        continue;
                    }
                };
                match view.live(service).find_map(|task| task.node.clone()) {
                    Some(node) => return Look::Holds(node),
                    None => last = Look::NotYet("it has no live task".to_owned()),
                }
            }
            last
        };
        let host = until(format!("the node of `{service}`"), PACE * 60, PACE, look).await;
        host.map_err(|late| late.to_string())
    }

    /// Kills the processes of a service's containers on a node, as a kernel short of memory does.
    pub(crate) async fn kill(&self, service: &str, node: &str) -> Result<(), String> {
        let known = self.plan.service(service).ok_or("no such service")?;
        let label = format!("com.docker.swarm.service.name={}", known.full_name);
        let command = format!("docker kill -s KILL $(docker ps -q --filter label={label})");
        self.exec(node, &command).await.map(drop)
    }
}

/// The machines, and whoever wants to act on them.
struct Watched {
    vm: Vm,
    lab: Arc<OnceLock<Arc<VmLab>>>,
}

#[async_trait]
impl Place for Watched {
    fn capabilities(&self) -> Capabilities {
        self.vm.capabilities()
    }

    fn identity(&self, plan: &Plan) -> Identity {
        self.vm.identity(plan)
    }

    async fn bring_up(&self, plan: &Plan, journal: &Journal) -> Result<Arc<dyn Lab>, Trouble> {
        let lab = self.vm.lab(plan, Some(journal)).await?;
        let lab = self.lab.get_or_init(|| lab);
        Ok(Arc::clone(lab) as Arc<dyn Lab>)
    }

    async fn inventory(&self) -> Result<BTreeSet<String>, Trouble> {
        self.vm.inventory().await
    }
}

/// Runs a plan; nobody disturbs it.
pub(crate) async fn run(ground: &Ground, plan: &Plan) -> Told {
    run_disturbed(ground, plan, async |_| Ok(())).await
}

/// Runs a plan; `disturb` acts once the workload works. The run is judged and shown.
pub(crate) async fn run_disturbed(
    ground: &Ground,
    plan: &Plan,
    disturb: impl AsyncFnOnce(Scene) -> Result<(), String>,
) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Arc::new(OnceLock::new());
    let place = Watched {
        vm: ground.vm.clone(),
        lab: Arc::clone(&lab),
    };
    let (successes, mut warm) = watch::channel(0_u64);
    let options = Options {
        folder: folder.path().join("run"),
        command_line: std::env::args().collect(),
        listener: Some(Arc::new(move |entry: &Entry| {
            if succeeded(&entry.event) {
                successes.send_modify(|count| *count += 1);
            }
        })),
        stop: CancellationToken::new(),
    };
    let over = CancellationToken::new();
    let running = async {
        let summary = run::run(&place, plan, options).await;
        over.cancel();
        summary
    };
    let acting = over.run_until_cancelled(async {
        let warm = warm.wait_for(|count| *count >= WARM).await.map(drop);
        warm.map_err(|_| "the run ended before its workload worked".to_owned())?;
        let lab = Arc::clone(lab.get().ok_or("a workload without a lab")?);
        let plan = plan.clone();
        disturb(Scene { lab, plan }).await
    });
    let (summary, acted) = tokio::join!(running, acting);
    let told = judged(&summary.expect("a journal"), folder);
    assert_eq!(acted, Some(Ok(())), "whoever was to disturb the run");
    told
}

/// True for a success of a workload.
fn succeeded(event: &Event) -> bool {
    match event {
        Event::Inserted { outcome, .. } => *outcome == Outcome::Acknowledged,
        Event::Got { answer, .. } => *answer == Answer::Right,
        _ => false,
    }
}

/// Judges a run, and shows it.
fn judged(summary: &Summary, folder: TempDir) -> Told {
    let history = journal::read(&summary.journal).expect("a journal that can be read");
    let judgement = check(&history);
    let report = terminal(&history, &judgement, &Style::default());
    say(&report);
    Told {
        history,
        judgement,
        report,
        journal: summary.journal.clone(),
        folder,
    }
}
