//! A journal that may hold anything is refused, or read, judged and told.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use seatrial::check::check;
use seatrial::journal::History;
use seatrial::report::{Style, html, json, junit, terminal};

fuzz_target!(|text: &str| {
    let Ok(history) = History::from_text(Path::new("journal.jsonl"), text) else {
        return;
    };
    let judgement = check(&history);
    assert!(!terminal(&history, &judgement, &Style::default()).is_empty());
    assert!(!json(&history, &judgement).is_empty());
    assert!(!junit(&history, &judgement).is_empty());
    assert!(!html(&history, &judgement).is_empty());
});
