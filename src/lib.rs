//! Seatrial breaks a Docker Swarm on purpose and proves, with evidence, whether it keeps its
//! promises.
//!
//! One way through: a scenario file becomes a [`scenario::Scenario`], a [`plan::Plan`], a
//! [`run`] that acts and records, a [`journal`], and a [`verdict`] that [`check`] derives from
//! plan and journal alone. The modules below are in reading order.

pub mod capability;
pub mod journal;
pub mod plan;
pub mod scenario;
pub mod units;
pub mod verdict;

pub mod action;
pub mod fault;
pub mod heal;
pub mod leavings;
pub mod probe;
pub mod remote;
pub mod run;
pub mod substrate;
pub mod swarm;
pub mod wait;
pub mod workload;

pub mod check;
pub mod report;

pub mod gate;

pub mod trial;

pub use trial::trial;
