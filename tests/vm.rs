//! Real swarms of virtual machines.
//!
//! Goal: the harness tells a kept promise from a broken one where it counts, and leaves nothing
//! behind. Method: the scenarios that come with Seatrial, as they are and disturbed behind the
//! harness's back. Without images these tests are left out and say so; `SEATRIAL_REQUIRE_VM=1`
//! makes that a failure.

#[path = "vm/ground.rs"]
mod ground;
#[path = "vm/trial.rs"]
mod trial;

#[path = "vm/acts.rs"]
mod acts;
#[path = "vm/bundle.rs"]
mod bundle;
#[path = "vm/crash.rs"]
mod crash;
#[path = "vm/disturbed.rs"]
mod disturbed;
#[path = "vm/faults.rs"]
mod faults;
#[path = "vm/gate.rs"]
mod gate;
#[path = "vm/hosts.rs"]
mod hosts;
#[path = "vm/kept.rs"]
mod kept;
#[path = "vm/planted.rs"]
mod planted;
#[path = "vm/processes.rs"]
mod processes;
#[path = "vm/promises.rs"]
mod promises;
