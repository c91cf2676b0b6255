//! A scenario file that may hold anything is refused, or read and planned.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seatrial::plan::{Options, plan};
use seatrial::scenario::parse;
use seatrial::substrate::Place;
use seatrial::substrate::sim::Sim;

fuzz_target!(|text: &str| {
    let mistakes = match parse(Path::new("scenarios/any.yaml"), text) {
        Ok(loaded) => {
            let options = Options {
                place: "sim".into(),
                capabilities: Sim::new().capabilities(),
                patience: 1.0,
                seed: 7,
                no_faults: false,
                environment: Default::default(),
                nodes: None,
            };
            plan(&loaded, &options).err()
        }
        Err(mistakes) => Some(mistakes),
    };
    if let Some(mistakes) = mistakes {
        assert!(!mistakes.render(true).is_empty());
    }
});
