//! The files of the simulated share, and the pages that are made of them.

use std::collections::BTreeMap;

use super::Sabotage;
use super::world::World;
use crate::journal::ApiError;
use crate::plan::Change;
use crate::scenario::Part;

impl World {
    /// Puts on the share what the plan puts there.
    pub(super) fn fill_share(&mut self) {
        let files = self.plan.share.iter();
        let files = files.filter(|(path, _)| !path.ends_with('/'));
        self.files = files.map(|(p, c)| (p.clone(), c.clone())).collect();
    }

    /// Overwrites a file on the storage machine itself: no network is needed.
    pub(super) fn write(&mut self, path: &str, content: &str) -> Result<(), ApiError> {
        let name = self.plan.topology.part(Part::Storage);
        let live = name.and_then(|name| self.named(name));
        if !live.is_some_and(|machine| machine.live(self.now)) {
            let what = "the storage machine has no power".to_owned();
            return Err(ApiError::Unreachable(what));
        }
        self.files.insert(path.to_owned(), content.to_owned());
        Ok(())
    }

    /// What a node reads in a file, where it has the share mounted.
    pub(super) fn read(&self, node: usize, path: &str) -> Result<Option<String>, String> {
        if !self.live(node) {
            return Err("the machine has no power".to_owned());
        }
        let machine = &self.machines[node];
        if machine.isolated || !self.reaches(Part::Storage) {
            return Err("no answer of the share".to_owned());
        }
        if self.is(&Sabotage::UnreadableFile(machine.name.clone())) {
            return Err("Input/output error".to_owned());
        }
        Ok(self.files_on(node).get(path).cloned())
    }

    /// True for the content of a file at another time than now, as the node of a task sees it.
    pub(super) fn is_of_another_time(&self, task: usize, body: &str) -> bool {
        let Some(node) = self.tasks.get(task).and_then(|task| task.node) else {
            return false;
        };
        let written = self
            .plan
            .actions
            .iter()
            .filter_map(|one| match &one.change {
                Change::Write { content, .. } => Some(content),
                _ => None,
            });
        let mut ever = self.plan.share.values().chain(written);
        let mut now = self.files_on(node).values();
        ever.any(|content| content == body) && now.all(|content| content != body)
    }

    /// The files as a node sees them.
    fn files_on(&self, node: usize) -> &BTreeMap<String, String> {
        match self.is(&Sabotage::StaleFile(self.machines[node].name.clone())) {
            true => &self.plan.share,
            false => &self.files,
        }
    }
}
