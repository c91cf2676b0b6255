//! What every node ran, before an upgrade and after each node's turn.

use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::Serialize;

use super::markdown::plain;
use crate::journal::timeline::Timeline;
use crate::journal::{Deed, Engine, Engines, History};
use crate::verdict::wording::seconds;

/// A table of one upgrade: a row a step, a column a node.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Steps {
    /// What each column is: the step, the nodes, how long the step took, and what it came to.
    pub(super) header: Vec<String>,
    /// A row a step, with a cell for each column.
    pub(super) rows: Vec<Vec<String>>,
    /// The numbers of the journal's entries that each row comes from.
    pub(super) entries: Vec<Vec<u64>>,
}

impl Steps {
    /// What every node ran, step by step; none without an upgrade that began.
    pub fn of(history: &History) -> Option<Self> {
        let timeline = Timeline::of(history);
        let mut deeds = timeline.actions.iter();
        let deed = deeds.find(|deed| !deed.engines.is_empty())?;
        let nodes: Vec<&str> = history.plan.node_names().collect();
        let mut header = vec!["step".to_owned()];
        header.extend(nodes.iter().map(|node| (*node).to_owned()));
        header.extend(["took".to_owned(), "then".to_owned()]);
        let mut rows = vec![row("before", &deed.engines, &nodes, "", "")];
        rows.extend(turns(deed, &nodes));
        let before = deed.intent.into_iter().map(|intent| intent.seq).collect();
        let turns = deed.turns.iter().map(|turn| turn.evidence().collect());
        Some(Self {
            header,
            rows,
            entries: [before].into_iter().chain(turns).collect(),
        })
    }

    /// The table for people. Ends with a line end.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(&self.header);
        table.add_rows(&self.rows);
        let lines = table.to_string();
        let lines = lines
            .lines()
            .map(|line| format!("{:12}{}\n", "", line.trim_end()));
        lines.collect()
    }

    /// The table as Markdown. Ends with an empty line.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| plain(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let ruler = "|---".repeat(self.header.len());
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{ruler}|\n{rows}\n", line(&self.header))
    }
}

/// A row for each node that had its turn.
fn turns(deed: &Deed, nodes: &[&str]) -> Vec<Vec<String>> {
    let rows = deed.turns.iter().map(|turn| {
        let over = turn.as_before.or(turn.differs);
        let took = turn.draining.zip(over);
        let took = took.map_or(String::new(), |(from, to)| {
            seconds(to.at.saturating_sub(from.at))
        });
        let then = match (turn.as_before, turn.differs, turn.back) {
            (Some(_), ..) => "as before",
            (_, Some(_), _) => "not as before",
            (_, _, Some(_)) => "not seen to be as before",
            _ => "not seen to come back",
        };
        row(&turn.node, &turn.engines, nodes, &took, then)
    });
    rows.collect()
}

fn row(step: &str, engines: &Engines, nodes: &[&str], took: &str, then: &str) -> Vec<String> {
    let told = |engine: &Engine| {
        let kernel = engine.kernel.trim_end_matches(DEBIAN);
        let kernel: String = kernel.chars().take(KERNEL).collect();
        format!("{}, linux {kernel}", engine.engine)
    };
    let cells = nodes
        .iter()
        .map(|node| engines.get(*node).map_or("-".to_owned(), told));
    let first = [step.to_owned()].into_iter();
    let last = [took.to_owned(), then.to_owned()];
    first.chain(cells).chain(last).collect()
}

/// What Debian's kernels for machines have at their end, and says nothing of their age.
const DEBIAN: &str = "-cloud-amd64";

/// So much of the rest of a kernel's release is shown, as much as `6.12.118+deb13`.
const KERNEL: usize = 14;
