//! A line of QEMU's monitor may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatrial::substrate::vm::noise;

fuzz_target!(|line: &str| noise::monitor(line));
