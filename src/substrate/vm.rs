//! Virtual machines: a swarm with its own kernels, disks, clocks and network, made without root.

mod accelerator;
mod agent;
mod archive;
mod machine;
mod prepare;
mod progress;
mod qmp;
mod switch;

pub use agent::Ran;
pub use prepare::{Images, prepare};
pub use progress::Progress;
