//! Real swarms of containers on a Docker engine.
//!
//! Goal: a swarm on an engine is broken, seen to be broken and judged as one of machines is, what
//! the engine cannot do is named, and nothing is left on it. Method: the program as users have it.
//! Without an engine, or without images, these tests are left out and say so;
//! `SEATRIAL_REQUIRE_DIND=1` makes that a failure.

#[path = "dind/faults.rs"]
mod faults;
#[path = "dind/ground.rs"]
mod ground;
#[path = "dind/killed.rs"]
mod killed;
