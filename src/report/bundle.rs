//! The evidence bundle of a run: what its journal says for people who look into it, and what was
//! kept of its machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::lanes;
use super::legible::{legible, line};
use super::repeat::repeat;
use crate::journal::timeline::Timeline;
use crate::journal::{Event, Exhibit, History};
use crate::verdict::wording::seconds;

/// Files for the run's folder that follow from the journal alone: where each is, and its text.
pub fn bundle(history: &History) -> [(&'static str, String); 3] {
    [
        ("evidence/repeat.txt", again(history)),
        ("evidence/tasks.txt", tasks(history)),
        ("evidence/nodes.txt", nodes(history)),
    ]
}

/// What was kept of the machines, in the order in which it was.
pub(super) fn exhibits(history: &History) -> impl Iterator<Item = (u64, &Exhibit)> {
    history
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Exhibit(exhibit) => Some((entry.seq, exhibit)),
            _ => None,
        })
}

/// A path that leads into the run's own folder and cannot lead anywhere else.
pub(super) fn is_ours(path: &str) -> bool {
    let plain = |part: &str| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(letter)
    };
    path.starts_with("evidence/") && path.split('/').all(plain)
}

/// The command that repeats the run, and what it ran with.
fn again(history: &History) -> String {
    let header = &history.header;
    let mut text = format!("{}\n\n", line(&repeat(header)));
    let _ = writeln!(text, "place        {}", line(&header.place));
    let _ = writeln!(text, "accelerator  {}", line(&header.accelerator));
    let _ = writeln!(text, "patience     {}", header.patience);
    let _ = writeln!(text, "started from {}", line(&header.started_from));
    let _ = writeln!(text, "seed         {:#x}", header.seed);
    let _ = writeln!(text, "seatrial     {}", line(&header.seatrial));
    for (name, version) in header.versions.iter().chain(&header.images) {
        let _ = writeln!(text, "{} {}", line(name), line(version));
    }
    text
}

/// Every task that was ever seen, slot by slot, and every state that it was seen in.
fn tasks(history: &History) -> String {
    let mut chains: BTreeMap<(&str, u64, &str), Vec<String>> = BTreeMap::new();
    let mut slots: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
    for entry in &history.entries {
        let at = format!("[{:>8}] entry {}", seconds(entry.at()), entry.seq);
        match &entry.event {
            Event::Task(task) => {
                slots.insert(&task.id, (&task.service, task.slot));
                let node = task.node.as_deref().unwrap_or("no node yet");
                let mut said = format!("{at}: {}, wanted {}, {node}", task.state, task.desired);
                if !task.message.is_empty() {
                    let _ = write!(said, " ({})", task.message);
                }
                let chain = chains.entry((&task.service, task.slot, &task.id));
                chain.or_default().push(said);
            }
            Event::TaskGone { id } => {
                if let Some((service, slot)) = slots.get(id.as_str()) {
                    let chain = chains.entry((*service, *slot, id)).or_default();
                    chain.push(format!("{at}: no longer listed"));
                }
            }
            _ => {}
        }
    }
    let mut chains: Vec<_> = chains.into_iter().collect();
    // Within a slot the oldest first; a chain is never empty, and begins with its own time.
    chains.sort_by(|((a, one, _), first), ((b, two, _), second)| {
        (a, one, &first[0]).cmp(&(b, two, &second[0]))
    });
    let mut text = String::new();
    for ((service, slot, id), chain) in chains {
        let _ = writeln!(text, "{}.{slot}, task {}", line(service), line(id));
        for said in chain {
            let _ = writeln!(text, "  {}", line(&said));
        }
        text.push('\n');
    }
    or_nothing(&text)
}

/// What became of the steady state, of each fault and action, of the leader and of every node.
fn nodes(history: &History) -> String {
    let mut text = String::new();
    for lane in lanes::of(history, &Timeline::of(history)) {
        let _ = writeln!(text, "{}", line(&lane.name));
        for stretch in &lane.stretches {
            let until = stretch.to.map_or("the end".to_owned(), seconds);
            let (from, entry) = (seconds(stretch.from), stretch.entry);
            let told = line(&stretch.told());
            let _ = writeln!(text, "  [{from:>8}] to {until:>8}, entry {entry}: {told}");
        }
        text.push('\n');
    }
    or_nothing(&text)
}

fn or_nothing(text: &str) -> String {
    match text.is_empty() {
        true => "nothing was seen\n".to_owned(),
        false => legible(text.trim_end()).into_owned() + "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_path_into_the_folder_is_a_link() {
        assert!(is_ours("evidence/server-3/engine.log"));
        for elsewhere in [
            "/etc/passwd",
            "evidence/../../x",
            "evidence//x",
            "evidence/.ssh",
            "javascript:alert(1)",
            "evidence/a\"b",
            "evidence/a b",
            "evidence/",
            "console/a.log",
            "evidence/javascript:x",
            "",
        ] {
            assert!(!is_ours(elsewhere), "{elsewhere}");
        }
    }
}
