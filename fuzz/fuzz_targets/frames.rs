//! What a machine sends to the switch may be anything, in reads of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seatrial::substrate::vm::noise;

fuzz_target!(|sent: (u8, Vec<u8>)| {
    let (cut, stream) = sent;
    noise::frames(&stream, cut.into());
});
