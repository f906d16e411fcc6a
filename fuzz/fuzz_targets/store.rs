//! The store, its handles and its asynchronous face, against the model.
#![no_main]

mod history;
#[path = "../../tests/support/mod.rs"]
mod support;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

use history::{Settings, Step};
use support::pair::Pair;

#[derive(Arbitrary, Debug)]
struct History {
    settings: Settings,
    start: u16,
    steps: Vec<Step>,
}

fuzz_target!(|history: History| {
    let rules = history.settings.0.uncapped();
    let mut pair = Pair::new(rules, history.start.into());
    for step in history.steps {
        pair.apply(step.op(&rules));
    }
});
