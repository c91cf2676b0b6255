//! A line of a guest's agent may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatrial::substrate::vm::noise;

fuzz_target!(|line: &str| noise::agent(line));
