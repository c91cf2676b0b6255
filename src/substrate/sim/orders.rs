//! What the simulated swarm makes of orders.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Sabotage;
use super::world::World;
use crate::journal::ApiError;
use crate::plan::{Role, Service, Stack};
use crate::scenario::Token;
use crate::substrate::Order;
use crate::swarm::ServiceSeen;

/// How long [`Sabotage::ScaleLosesRequests`] lasts.
const LOSSY: Duration = Duration::from_secs(5);

/// How long a [`Sabotage::DeafNode`] is deaf: longer than a gap that anybody allows.
const DEAF: Duration = Duration::from_secs(15);

/// How long pages hang under [`Sabotage::PagesHang`].
const HANGS: Duration = Duration::from_secs(20);

/// How long [`Sabotage::ShareRests`] lasts.
const RESTS: Duration = Duration::from_secs(90);

/// What the identity of a node that joined again begins with.
const AGAIN: &str = "node-again";

/// What is wanted of a service that runs.
pub(super) struct Wanted {
    pub(super) replicas: Option<u32>,
    image: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    /// Counts updates.
    pub(super) generation: u64,
}

impl Wanted {
    /// As its stack file wants it.
    pub(super) fn of(service: &Service) -> Self {
        Self {
            replicas: service.replicas,
            image: service.image.clone(),
            args: Vec::new(),
            env: BTreeMap::new(),
            generation: 0,
        }
    }

    /// The image of its newest tasks.
    pub(super) fn image(&self) -> &str {
        &self.image
    }

    /// As the managers list it.
    pub(super) fn seen(&self, rolled: bool) -> ServiceSeen {
        let state = if rolled { "completed" } else { "updating" };
        ServiceSeen {
            replicas: self.replicas,
            image: self.image.clone(),
            args: self.args.clone(),
            env: self.env.clone(),
            update: (self.generation > 0).then(|| state.to_owned()),
        }
    }
}

fn refused(message: &str) -> ApiError {
    ApiError::Refused {
        status: 400,
        message: message.to_owned(),
    }
}

impl World {
    /// Does what it is told.
    pub(super) fn obey(&mut self, order: &Order) -> Result<(), ApiError> {
        if self.is(&Sabotage::OrderDoesNothing) {
            return Ok(());
        }
        match order {
            Order::Scale { service, replicas } => self.scale(service, *replicas),
            Order::Update {
                service,
                image,
                env,
                args,
            } => {
                let wanted = self.services.get_mut(service);
                let wanted = wanted.ok_or_else(|| refused("no such service"))?;
                wanted.image = image.clone().unwrap_or(wanted.image.clone());
                wanted.args = args.clone().unwrap_or(wanted.args.clone());
                wanted.env.extend(env.clone());
                wanted.generation += 1;
                Ok(())
            }
            Order::Remove { service } => {
                self.services.remove(service);
                self.drop_tasks(|task, _| task == service);
                if let Some(stack) = self.plan.stack_of(service)
                    && self.is_empty(stack)
                {
                    let name = stack.name.clone();
                    self.networks.remove(&name);
                }
                Ok(())
            }
            Order::Deploy(stack) => {
                self.take(stack);
                Ok(())
            }
            Order::Role { node, role } => {
                let manager = *role == Role::Manager;
                self.set(node, |machine| machine.manager = manager)
            }
            Order::Availability { node, drain } => {
                self.set(node, |machine| machine.drained = *drain)
            }
            Order::Leave { node } => self.leave(node),
            Order::Forget { node } => {
                let is_down = self.machine(node).is_some_and(|i| self.machines[i].down);
                if !is_down {
                    return Err(refused("the node is not down and can't be removed"));
                }
                self.set(node, |machine| machine.id = String::new())
            }
            Order::Join { node, role, token } => self.join(node, *role, *token),
            Order::Pull { node, image } => {
                let machine = self.machine(node).filter(|i| self.live(*i));
                let gone = || ApiError::Unreachable("connection refused".to_owned());
                let pulled = self.pull(machine.ok_or_else(gone)?, image);
                pulled.map_err(|why| refused(&why))
            }
            Order::Exchange { node } => self.exchange(node),
            Order::Write { path, content } => self.write(path, content),
        }
    }

    /// True for a stack that has no service left.
    pub(super) fn is_empty(&self, stack: &Stack) -> bool {
        let mut services = stack.services.iter();
        services.all(|one| !self.services.contains_key(&one.name))
    }

    /// Changes a node.
    fn set(
        &mut self,
        node: &str,
        set: impl FnOnce(&mut super::world::Machine),
    ) -> Result<(), ApiError> {
        let index = self.next_index();
        let machine = self.machines.iter_mut().find(|m| m.name == node);
        let machine = machine.ok_or_else(|| refused("no such node"))?;
        machine.index = index;
        set(machine);
        Ok(())
    }

    pub(super) fn scale(&mut self, service: &str, replicas: u32) -> Result<(), ApiError> {
        let wanted = self.services.get_mut(service);
        let wanted = wanted.ok_or_else(|| refused("no such service"))?;
        wanted.replicas = Some(replicas);
        if self.is(&Sabotage::ScaleLosesRequests) {
            self.lossy = Some((self.now + LOSSY, 0));
        }
        for slot in 1..=u64::from(replicas) {
            let mut tasks = self.tasks.iter();
            if !tasks.any(|task| task.service == service && task.slot == slot && task.wanted) {
                self.create(service, slot, None, self.now);
            }
        }
        self.drop_tasks(|task, slot| task == service && slot > u64::from(replicas));
        Ok(())
    }

    /// Tasks that are to end, and then to vanish from the list.
    fn drop_tasks(&mut self, which: impl Fn(&str, u64) -> bool) {
        for i in 0..self.tasks.len() {
            let Some(task) = self.tasks.get(i) else {
                continue;
            };
            if which(&task.service, task.slot) {
                self.change(i, |task| (task.wanted, task.removed) = (false, true));
            }
        }
    }

    fn leave(&mut self, node: &str) -> Result<(), ApiError> {
        let Some(i) = self.machine(node) else {
            return Err(refused("no such node"));
        };
        if self.machines[i].manager {
            return Err(refused("the node participates as a manager"));
        }
        self.drop_processes(i);
        self.set(node, |machine| {
            (machine.member, machine.down) = (false, true);
        })?;
        let here: Vec<usize> = (0..self.tasks.len())
            .filter(|task| self.tasks[*task].node == Some(i))
            .collect();
        for task in here {
            self.change(task, |task| task.removed = true);
        }
        Ok(())
    }

    fn join(&mut self, node: &str, role: Role, token: Token) -> Result<(), ApiError> {
        if token != Token::Right && self.is(&Sabotage::TokensUnheard) {
            return Err(refused(
                "rpc error: code = Unavailable desc = dial tcp: refused",
            ));
        }
        if token != Token::Right && !self.is(&Sabotage::AnyTokenJoins) {
            return Err(refused(
                "A valid join token is necessary to join this cluster",
            ));
        }
        self.identity += 1;
        let id = format!("{AGAIN}{:02}", self.identity);
        self.set(node, |machine| {
            (machine.member, machine.manager) = (true, role == Role::Manager);
            (machine.id, machine.down, machine.lost) = (id, false, None);
            machine.drained = false;
        })
    }

    /// True for a machine that new tasks may be placed on.
    pub(super) fn takes_tasks(&self, machine: usize) -> bool {
        self.heard(machine) && self.machines.get(machine).is_some_and(|m| !m.drained)
    }

    /// True for a machine that new tasks of this service may be placed on.
    pub(super) fn may_run(&self, machine: usize, service: &str) -> bool {
        let service = self.plan.service(service);
        let off_managers = service.is_some_and(|service| service.only_workers);
        let manager = self.machines.get(machine).is_some_and(|m| m.manager);
        self.takes_tasks(machine) && !(off_managers && manager)
    }

    /// A task on a node that takes none any more moves at once; a global one just ends.
    pub(super) fn evict(&mut self, i: usize) {
        let Some(task) = self.tasks.get(i).filter(|task| task.wanted) else {
            return;
        };
        let machine = task.node.and_then(|node| self.machines.get(node));
        if !machine.is_some_and(|m| m.drained || !m.member) {
            return;
        }
        let (service, slot) = (task.service.clone(), task.slot);
        self.change(i, |task| task.wanted = false);
        if slot > 0 && self.services.contains_key(&service) {
            self.create(&service, slot, None, self.now);
        }
    }

    /// A global service has a task on every node that takes tasks.
    pub(super) fn spread(&mut self) {
        let global = self
            .services
            .iter()
            .filter(|(_, wanted)| wanted.replicas.is_none());
        let global: Vec<String> = global.map(|(name, _)| name.clone()).collect();
        for service in global {
            for node in 0..self.machines.len() {
                let mut tasks = self.tasks.iter();
                let has = tasks.any(|t| t.service == service && t.wanted && t.node == Some(node));
                if !has && self.may_run(node, &service) && !self.is_ignored(node) {
                    self.create(&service, 0, Some(node), self.now);
                }
            }
        }
    }

    /// True for a newcomer under [`Sabotage::NewcomersGetNoTask`].
    fn is_ignored(&self, machine: usize) -> bool {
        let again = |one: &super::world::Machine| one.id.starts_with(AGAIN);
        self.is(&Sabotage::NewcomersGetNoTask) && self.machines.get(machine).is_some_and(again)
    }

    /// Tasks of an older order are replaced one after the other.
    pub(super) fn roll(&mut self) {
        let newest = |service: &str| self.services.get(service).map_or(0, |one| one.generation);
        let old = |task: &super::tasks::Task| {
            task.wanted && task.slot > 0 && task.generation < newest(&task.service)
        };
        let ready = |service: &str| {
            let mut of = self
                .tasks
                .iter()
                .filter(|task| task.service == service && task.wanted);
            of.all(|task| task.state == "running")
        };
        let next = self
            .tasks
            .iter()
            .position(|task| old(task) && ready(&task.service));
        let Some(i) = next else { return };
        let (service, slot) = (self.tasks[i].service.clone(), self.tasks[i].slot);
        self.change(i, |task| task.wanted = false);
        self.create(&service, slot, None, self.now);
    }

    /// True when no task of an older order is left.
    pub(super) fn rolled(&self, service: &str) -> bool {
        let newest = self.services.get(service).map_or(0, |one| one.generation);
        let mut of = self
            .tasks
            .iter()
            .filter(|task| task.service == service && task.wanted);
        of.all(|task| task.slot == 0 || task.generation == newest && task.state == "running")
    }

    /// True while this node refuses every request on purpose.
    pub(super) fn is_deaf(&self, node: &str) -> bool {
        let recent = self.was_struck_within(DEAF);
        recent && self.is(&Sabotage::DeafNode(node.to_owned()))
    }

    /// True while nobody who stores on the share is answered, on purpose.
    pub(super) fn share_rests(&self) -> bool {
        let recent = self.was_struck_within(RESTS);
        recent && self.is(&Sabotage::ShareRests)
    }

    /// True while this machine takes requests for pages and says nothing, on purpose.
    pub(super) fn pages_hang(&self, machine: usize) -> bool {
        let recent = self.was_struck_within(HANGS);
        let named = |one: &super::world::Machine| Sabotage::PagesHang(one.name.clone());
        recent
            && self
                .machines
                .get(machine)
                .is_some_and(|one| self.is(&named(one)))
    }

    /// True for a request that is lost on purpose.
    pub(super) fn loses_request(&mut self) -> bool {
        let now = self.now;
        let Some((until, count)) = self.lossy.as_mut().filter(|(until, _)| now < *until) else {
            return false;
        };
        let _ = until;
        *count += 1;
        count.is_multiple_of(3)
    }
}
