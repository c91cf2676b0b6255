//! Changes the swarm on purpose, as an operator would, and looks whether it changed.
//!
//! What an action is confirmed by is what managers and engines say afterwards, never that an order
//! was taken. There is no undo; the intent holds what one by hand would need.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;

use crate::journal::{ActionIntent, ApiError, Before, ServiceBefore};
use crate::plan::{Change, Plan};
use crate::scenario::Token;
use crate::substrate::{Lab, Order};
use crate::swarm::{Remains, View};
use crate::wait::{self, Look};

mod availability;
mod image;
mod membership;
mod role;
mod service;
mod share;
mod upgrade;

pub use upgrade::{Landscape, in_order};

/// How often an action is looked at while it is being confirmed.
pub const PACE: Duration = Duration::from_millis(500);

/// How long one manager, or one engine, may take to answer, should the place forget its deadline.
const ANSWER: Duration = Duration::from_secs(10);

/// What an action stands on.
pub struct Ground<'a> {
    /// The door to the world.
    pub lab: &'a dyn Lab,
    /// What is to happen.
    pub plan: &'a Plan,
    /// The managers that may be asked: neither broken, nor about to be none.
    pub managers: Vec<String>,
    /// The nodes that are neither broken nor out of the swarm.
    pub nodes: Vec<String>,
}

/// One way to change a swarm.
#[async_trait]
pub trait Action: Send + Sync {
    /// The service that is changed, if it is one.
    fn service(&self) -> Option<&str> {
        None
    }

    /// The image that the targets are to have, if it is about one.
    fn image(&self) -> Option<&str> {
        None
    }

    /// The file of the share that is written, if it is one.
    fn file(&self) -> Option<&str> {
        None
    }

    /// Why the change could not be seen, judged by what is there before it.
    ///
    /// # Errors
    /// When it is so already, or nobody could tell.
    fn fits(&self, targets: &[String], before: &Before) -> Result<(), String>;

    /// Gives the orders.
    ///
    /// # Errors
    /// When one is refused, or nobody says whether it was taken.
    async fn act(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Result<(), ApiError>;

    /// Looks once whether the swarm changed; says what was seen.
    async fn look(&self, ground: &Ground<'_>, intent: &ActionIntent) -> Look<String>;
}

/// The action that a plan's change means; none for an upgrade, which is many changes: the run takes
/// the nodes in turn, by what is in `upgrade`.
pub fn of(change: &Change) -> Option<Box<dyn Action>> {
    Some(match change.clone() {
        Change::Scale { service, replicas } => Box::new(service::Scale { service, replicas }),
        Change::Update {
            service,
            image,
            env,
            args,
        } => Box::new(service::Update {
            service,
            image,
            env,
            args,
        }),
        Change::Remove { service } => Box::new(service::Remove { service }),
        Change::Deploy(stack) => Box::new(service::Deploy { stack }),
        Change::Promote(_) => Box::new(role::Promote),
        Change::Demote(_) => Box::new(role::Demote),
        Change::Drain(_) => Box::new(availability::Drain),
        Change::Activate(_) => Box::new(availability::Activate),
        Change::Leave(_) => Box::new(membership::Leave),
        Change::Join { role, token, .. } => Box::new(membership::Join { role, token }),
        Change::Pull { image, .. } => Box::new(image::Pull { image }),
        Change::Write { path, content } => Box::new(share::Write { path, content }),
        Change::Upgrade(_) => return None,
    })
}

impl Ground<'_> {
    /// What is there before an action on these nodes.
    ///
    /// # Errors
    /// When nobody says, or the service is not there.
    pub async fn before(&self, action: &dyn Action, targets: &[String]) -> Result<Before, String> {
        if let Some(path) = action.file() {
            // No manager is needed for the share, so none is asked.
            let file = self.first_read(path).await?;
            return Ok(Before {
                file,
                ..Before::default()
            });
        }
        let view = self.view().await.map_err(|error| error.to_string())?;
        let holders = match action.image() {
            Some(image) => self.holders(image, targets).await?,
            None => Vec::new(),
        };
        let Some(name) = action.service() else {
            return Ok(Before {
                nodes: view.nodes,
                holders,
                ..Before::default()
            });
        };
        let seen = self
            .service(name)
            .await
            .map_err(|error| error.to_string())?;
        let seen = seen.ok_or_else(|| format!("the managers list no service `{name}`"))?;
        let tasks = view.live(name).map(|task| task.id.clone()).collect();
        Ok(Before {
            service: Some(ServiceBefore {
                replicas: seen.replicas,
                image: seen.image,
                args: seen.args,
                env: seen.env.into_keys().collect(),
            }),
            tasks,
            nodes: view.nodes,
            holders,
            ..Before::default()
        })
    }

    /// The targets whose own engine lists an image.
    async fn holders(&self, image: &str, targets: &[String]) -> Result<Vec<String>, String> {
        let asked = targets.iter().map(|node| async move {
            let has = within(self.lab.has_image(node, image)).await;
            let has = has.map_err(|error| format!("the engine of `{node}`: {error}"))?;
            Ok(has.then(|| node.clone()))
        });
        let all: Result<Vec<Option<String>>, String> = join_all(asked).await.into_iter().collect();
        all.map(|all| all.into_iter().flatten().collect())
    }

    /// Gives an order by the first manager that answers. An order that was perhaps taken may be
    /// given again: each is of the kind that is the same when given twice. While a leader is being
    /// elected nobody takes orders, and that is no refusal: whoever asks has a deadline.
    ///
    /// Only one manager hears of a token that is not valid: after a second attempt nobody could
    /// tell which of them was refused, and for what.
    async fn order(&self, order: &Order) -> Result<(), ApiError> {
        let intrudes = matches!(order, Order::Join { token, .. } if *token != Token::Right);
        let count = if intrudes { 1 } else { self.managers.len() };
        loop {
            let mut last = ApiError::Unreachable("no manager is left to ask".to_owned());
            let mut again = false;
            for manager in self.managers.iter().take(count) {
                match self.lab.order(manager, order).await {
                    Err(silent @ (ApiError::Unreachable(_) | ApiError::TimedOut(_))) => {
                        last = silent;
                    }
                    Err(error) if leaderless(&error) || (!intrudes && busy(&error)) => {
                        (last, again) = (error, true);
                    }
                    answered => return answered,
                }
            }
            if !again {
                return Err(last);
            }
            wait::pause(PACE).await;
        }
    }

    /// The list of the first manager that gives one.
    async fn view(&self) -> Result<View, ApiError> {
        self.first(|manager| self.lab.view(manager)).await
    }

    /// What the first manager that answers says of a service; none if it is not there.
    async fn service(&self, name: &str) -> Result<Option<crate::swarm::ServiceSeen>, ApiError> {
        self.first(|manager| self.lab.service(manager, name)).await
    }

    /// What the first manager that answers still lists of a service.
    async fn remains(&self, name: &str) -> Result<Remains, ApiError> {
        self.first(|manager| self.lab.remains(manager, name)).await
    }

    /// The answer of the first manager that gives one.
    async fn first<'b, T>(
        &'b self,
        ask: impl Fn(&'b str) -> BoxFuture<'b, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let mut last = ApiError::Unreachable("no manager is left to ask".to_owned());
        for manager in &self.managers {
            match within(ask(manager)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The containers of a service by node, asked of every node's own engine: identity of the task,
    /// and whether it runs.
    ///
    /// # Errors
    /// When an engine does not answer: it might hold one.
    async fn containers(&self, service: &str) -> Result<Vec<Held>, String> {
        let asked = self.plan.node_names().map(|node| async move {
            let listed = within(self.lab.containers(node)).await;
            let listed = listed.map_err(|error| format!("the engine of `{node}`: {error}"))?;
            let held = listed.into_iter().filter(|one| one.service == service);
            let held = held.map(|one| Held {
                node: node.to_owned(),
                task: one.task,
                running: one.running,
            });
            Ok(held.collect::<Vec<Held>>())
        });
        let all: Result<Vec<Vec<Held>>, String> = join_all(asked).await.into_iter().collect();
        all.map(|all| all.into_iter().flatten().collect())
    }
}

/// A container of a service.
struct Held {
    node: String,
    task: String,
    running: bool,
}

/// One question, with a deadline.
async fn within<T>(question: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    timeout(ANSWER, question)
        .await
        .unwrap_or_else(|_| Err(ApiError::TimedOut(format!("{ANSWER:?}"))))
}

/// What managers say while they elect a leader (moby: `daemon/cluster`; swarmkit:
/// `manager/state/raft/raft.go`, `ErrLostLeadership` and `ErrNoRaftMember`, and
/// `manager/raftselector/raftselector.go`, `ErrClusterNoLeader`).
const LEADERLESS: [&str; 4] = [
    "does not have a leader",
    "lost leader status",
    "no elected cluster leader",
    "not yet part of a raft cluster",
];

/// What a manager says when whom it asked on our behalf did not answer it (gRPC: `codes`,
/// `DeadlineExceeded` and `Unavailable`). A node that joins may say so for other reasons.
const BUSY: [&str; 2] = ["context deadline exceeded", "code = Unavailable"];

/// True while the managers elect a leader.
fn leaderless(error: &ApiError) -> bool {
    says(error, &LEADERLESS)
}

/// True when somebody behind the manager that we asked did not answer.
fn busy(error: &ApiError) -> bool {
    says(error, &BUSY)
}

fn says(error: &ApiError, signs: &[&str]) -> bool {
    matches!(error, ApiError::Refused { message, .. }
        if signs.iter().any(|sign| message.contains(sign)))
}

/// An error as a look: a refusal is a fact, silence is none.
fn unseen<T>(error: &ApiError) -> Look<T> {
    match error {
        ApiError::Refused { .. } => Look::NotYet(error.to_string()),
        _ => Look::CannotTell(error.to_string()),
    }
}

/// Why an action that is so already cannot be seen.
fn already(is: bool, said: impl FnOnce() -> String) -> Result<(), String> {
    if is { Err(said()) } else { Ok(()) }
}

/// Whether a node's own engine runs no container of the plan's services.
async fn idle(ground: &Ground<'_>, node: &str) -> Look<String> {
    match within(ground.lab.containers(node)).await {
        Ok(all) if all.iter().any(|one| one.running) => {
            Look::NotYet(format!("a container still runs on `{node}`"))
        }
        Ok(_) => Look::Holds(format!("`{node}` runs no container")),
        Err(error) => Look::CannotTell(format!("the engine of `{node}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> ApiError {
        let (status, message) = (500, message.to_owned());
        ApiError::Refused { status, message }
    }

    #[test]
    fn an_election_is_told_from_a_refusal() {
        let elections = [
            "rpc error: code = Unknown desc = The swarm does not have a leader.",
            "rpc error: code = Aborted desc = operation aborted due to lost leader status",
            "rpc error: code = Unavailable desc = no elected cluster leader",
            "node is not yet part of a raft cluster",
        ];
        for words in elections {
            assert!(leaderless(&refused(words)), "{words}");
        }
        let silences = [
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            "rpc error: code = Unavailable desc = all SubConns are in TransientFailure",
        ];
        for words in silences {
            assert!(
                busy(&refused(words)) && !leaderless(&refused(words)),
                "{words}"
            );
        }
        let no = refused("A valid join token is necessary to join this cluster");
        assert!(!leaderless(&no) && !busy(&no));
        let silent = ApiError::TimedOut("context deadline exceeded".to_owned());
        assert!(!leaderless(&silent) && !busy(&silent));
    }
}
