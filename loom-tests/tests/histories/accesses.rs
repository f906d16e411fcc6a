//! Counts the shared words that each hot operation reads and writes, and their cache lines. A
//! healthy check and its success write none.
//!
//! The facade reports the store's own words, not what happens inside papaya (each look-up pins the
//! thread, in a line of its own), crossbeam-epoch or `Arc`. `cargo xtask instructions` counts
//! locked instructions, theirs included.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use breakerbox::__steps::{Access, Step, with_hook};
use breakerbox_benches::hot::{NOTHING, OPERATIONS, PLANTED};

const LINE: usize = 64;

/// Operations that write no shared word and need no look at the map.
const HEALTHY: [&str; 8] = [
    "handle: check",
    "handle: check, success",
    "key: check, all closed",
    "key: check, success, all closed",
    "breaker: check, all closed",
    "breaker: check, success, all closed",
    "breaker's handle: check",
    "breaker's handle: check, success",
];

/// The same while a circuit of another stripe is open.
const HEALTHY_BY_FILTER: [&str; 4] = [
    "key: check, another open",
    "key: check, another open, unknown",
    "key: check, success, another open",
    "key: check, success, another open, unknown",
];

#[derive(Clone, Default, Debug)]
struct Tally {
    loads: usize,
    updates: usize,
    look_ups: usize,
    slots: usize,
    statistics: usize,
    touched: BTreeSet<usize>,
    written: BTreeSet<usize>,
}

impl Tally {
    /// Counts one run of the operation `name`, after everything that is created once was created.
    fn of(name: &str) -> Self {
        let operation = OPERATIONS.iter().find(|operation| operation.name == name);
        let run = (operation.expect("the operation has this name").prepare)();
        run(2);
        let tally = Rc::new(RefCell::new(Self::default()));
        let hook = {
            let tally = Rc::clone(&tally);
            move |step| tally.borrow_mut().add(step)
        };
        with_hook(hook, || run(1));
        tally.take()
    }

    fn add(&mut self, step: Step) {
        match step {
            Step::Load(Access { address, .. }) => {
                self.loads += 1;
                self.touched.insert(address / LINE);
            }
            Step::Update(Access { address, .. }) => {
                self.updates += 1;
                self.touched.insert(address / LINE);
                self.written.insert(address / LINE);
            }
            Step::Map => self.look_ups += 1,
            Step::EpochCell => self.slots += 1,
            Step::Statistic => self.statistics += 1,
            Step::Moved | Step::User => {}
        }
    }

    fn writes(&self) -> usize {
        self.updates + self.statistics
    }
}

#[test]
fn a_healthy_check_and_its_success_write_nothing() {
    for name in HEALTHY.into_iter().chain(HEALTHY_BY_FILTER) {
        let tally = Tally::of(name);
        assert!(tally.loads > 0, "{name}: nothing is seen: {tally:?}");
        assert_eq!(tally.writes(), 0, "{name}: {tally:?}");
        assert_eq!((tally.look_ups, tally.slots), (0, 0), "{name}: {tally:?}");
    }
}

#[test]
fn a_healthy_check_is_one_load() {
    for name in ["handle: check", "key: check, all closed"] {
        assert_eq!(Tally::of(name).loads, 1, "{name}");
    }
}

#[test]
fn what_writes_is_seen_to_write() {
    for name in ["handle: record_failure", "key: check, failure"] {
        let tally = Tally::of(name);
        assert!(
            tally.updates > 0 && tally.written.len() == 1,
            "{name}: {tally:?}"
        );
    }
    // The store's count, and the circuit's.
    assert_eq!(Tally::of("key: rejection").statistics, 2);
}

/// Prints a line for each operation, which `cargo xtask instructions` reads.
#[test]
fn accesses_are_told() {
    for operation in OPERATIONS {
        let name = operation.name;
        if [NOTHING, PLANTED].contains(&name)
            || name.starts_with("atomic")
            || name.starts_with("mutex")
        {
            continue;
        }
        let tally = Tally::of(name);
        println!(
            "accesses: {name}: loads {}, updates {}, look-ups {}, slots {}, statistics {}, touched {}, written {}",
            tally.loads,
            tally.updates,
            tally.look_ups,
            tally.slots,
            tally.statistics,
            tally.touched.len(),
            tally.written.len(),
        );
    }
}
