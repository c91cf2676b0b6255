//! What is done to a machine from inside of it, and what its own kernel says of it.

use std::time::Duration;

use jiff::SignedDuration;

/// One act inside of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inward {
    /// The engine's process gets SIGKILL; whoever started it starts the next.
    CrashEngine,
    /// The engine is ended and started in order.
    RestartEngine,
    /// The engine runs, and answers; nothing is done to one that does.
    StartEngine,
    /// The first process of this container gets SIGKILL.
    KillContainer(String),
    /// The clock is set to this much ahead of ours; to ours for nothing.
    SetClock(Duration),
    /// The engine's disk is filled to the last block.
    FillDisk,
    /// What filled it is removed; nothing is done where nothing did.
    EmptyDisk,
}

/// How a machine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// What runs as its engine: another word after every start of it; none while nothing runs.
    pub engine: Option<String>,
    /// How far its clock is ahead of ours.
    pub ahead: SignedDuration,
    /// How many bytes are free on the engine's disk.
    pub free: u64,
    /// True if a small file could be written there.
    pub writes: bool,
}
