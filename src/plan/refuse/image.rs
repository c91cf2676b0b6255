//! Refusals about images: of a registry that is not there, or that no service runs.

use super::{Docket, words};
use crate::plan::Stack;
use crate::plan::topology::REGISTRY;
use crate::scenario::Pull;

/// True for an image of the lab's registry.
fn is_pulled(image: &str) -> bool {
    let rest = image.strip_prefix(REGISTRY);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

impl Docket<'_> {
    /// An image of the lab's registry needs that registry.
    pub(super) fn pulled(&mut self) {
        let Some(stack) = self.stack.filter(|_| self.topology.registry.is_none()) else {
            return;
        };
        let mut services = stack.services.iter();
        if let Some(service) = services.find(|service| is_pulled(&service.image)) {
            let title = format!("the image of `{}` is pulled from {REGISTRY}", service.name);
            self.refuse("deploy", title, "write `registry: true` in `cluster`");
        }
    }

    /// An image that is pulled beforehand must be one that tasks will need.
    pub(super) fn pull(&mut self, aim: &str, pull: &Pull) {
        let (path, image) = (format!("{aim}.image"), pull.image.as_str());
        if is_pulled(image) && self.topology.registry.is_none() {
            let title = format!("there is no registry at {REGISTRY}");
            self.refuse(&path, title, "write `registry: true` in `cluster`");
        }
        // A stack that cannot be read may use any image, and its own mistakes are told.
        let all_read = self.readable && self.later.len() == self.deploys();
        let later = self.later.iter().map(|(_, stack)| stack);
        let stacks: Vec<&Stack> = self.stack.into_iter().chain(later).collect();
        let services = || stacks.iter().flat_map(|stack| &stack.services);
        let known = || services().map(|service| service.image.as_str());
        if !all_read || known().any(|known| known == image) {
            return;
        }
        let title = format!("no stack of the scenario uses `{image}`");
        let help = format!(
            "write an image as the stack file does, variables and all: {}",
            words(known())
        );
        let mistake = self.loaded.mistake(&path, title);
        self.mistakes
            .push(mistake.did_you_mean(image, known()).help(help));
    }

    /// How many actions deploy a stack.
    fn deploys(&self) -> usize {
        let actions = self.scenario().actions.iter();
        let deploys = actions.filter(|action| action.verb.verb() == "deploy");
        deploys.count()
    }
}
