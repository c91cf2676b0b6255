//! The harness against itself: it is killed at every kind of journal entry, and `seatrial heal`,
//! from another process, leaves nothing behind.
//!
//! Goal: whatever a killed run made is found by its journal and removed, and no such run passes.
//! Method: this program starts itself as a harness that ends with SIGKILL as soon as an entry is
//! written, before its writer goes on. Its swarm is simulated and leaves nothing; beside it are
//! real folders, a socket and a process that passes for a machine. The program that users have is
//! ended within a line, by a limit on the size of its files.
//!
//! `cargo test --test crash matrix -- --nocapture` prints the table. `SEATRIAL_CRASH_POINTS` says
//! how many entries of each kind in each run are tried (1).

#[path = "crash/harness.rs"]
mod harness;
#[path = "crash/healed.rs"]
mod healed;
#[path = "crash/killer.rs"]
mod killer;
#[path = "crash/kinds.rs"]
mod kinds;
#[path = "crash/left.rs"]
mod left;
#[path = "crash/litter.rs"]
mod litter;
#[path = "crash/matrix.rs"]
mod matrix;
#[path = "crash/planted.rs"]
mod planted;
#[path = "crash/runs.rs"]
mod runs;
#[path = "crash/tally.rs"]
mod tally;
#[path = "crash/torn.rs"]
mod torn;
