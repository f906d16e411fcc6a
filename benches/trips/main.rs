//! How soon another thread is rejected when a circuit trips.
//!
//! `cargo bench -p breakerbox-benches --bench trips [-- --quick | --smoke] [--markdown]` prints a
//! table and which goals are met, and writes `target/comparison/trips.json`. It fails if one of
//! ours admits a check that began after the trip had returned.
//!
//! Two threads run at the same time. One reports the fifth failure of a call that was admitted
//! before; the other asks for the same circuit without pause, and reads the clock after each
//! check. Measured is the time from the start of that report, and from its return, to the end of
//! the first check that is rejected. Each trip has a circuit of its own.
//!
//! It does **not** measure:
//! - a watcher that sleeps or does something else in between, nor more than one;
//! - how soon the closing of a circuit is seen, or a trip by a window's rule;
//! - threads that don't run: a trip during which one of the two was preempted is left out, and
//!   counted (by Linux; elsewhere none is). One that waits for a lock isn't.

mod race;
mod report;
mod subjects;

use breakerbox_benches::keys::Keys;
use breakerbox_benches::locked::{MutexStore, ParkingMutexStore, ParkingRwLockStore, RwLockStore};
use breakerbox_benches::options::{Effort, Options};
use breakerbox_benches::results;
use breakerbox_benches::sharded::{CircuitLockStore, ShardedStore};
use breakerbox_benches::store::ByHand;
use race::Seen;
use std::process::ExitCode;
use std::thread;
use subjects::{ByHandle, ByKey, Subject, Written};

const HANDLE: &str = "handle";
const STORE: &str = "store";
const STORE_GATE_UP: &str = "store, others open";
const OURS: [&str; 3] = [HANDLE, STORE, STORE_GATE_UP];

type Add = fn(&mut Vec<Seen>, &'static str, &[String]);

const WRITTEN: [(&str, Add); 6] = [
    ("mutex store", add_written::<MutexStore>),
    ("parking_lot mutex store", add_written::<ParkingMutexStore>),
    ("rwlock store", add_written::<RwLockStore>),
    (
        "parking_lot rwlock store",
        add_written::<ParkingRwLockStore>,
    ),
    ("sharded mutex store", add_written::<ShardedStore>),
    ("circuit mutex store", add_written::<CircuitLockStore>),
];

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("not measured: two threads have to run at the same time, and there is one core");
        return ExitCode::SUCCESS;
    }
    let trips = options.effort.pick(1_000, 1_000, 50);
    let rounds = options.effort.pick(11, 1, 1);

    let keys = &Keys::of(trips, 1).names;
    let mut seen = Vec::new();
    for _ in 0..rounds {
        // All anew: what has tripped is no use again.
        add(&mut seen, HANDLE, &ByHandle::new(keys), trips);
        add(&mut seen, STORE, &ByKey::new(keys, false), trips);
        add(&mut seen, STORE_GATE_UP, &ByKey::new(keys, true), trips);
        for (name, add_written) in WRITTEN {
            add_written(&mut seen, name, keys);
        }
    }

    println!(
        "median, p99: from the start of the report that trips to the end of the first check that\n\
         the other thread saw rejected; after return: from the report's return, negative where the\n\
         rejection was first. report: how long it took. late admissions: checks that were admitted\n\
         and had begun after the return; seen by an atomic flag, not by the clock. left out: trips\n\
         during which one of the two threads was preempted; their late admissions count.\n"
    );
    let table = report::table(&seen);
    print!("{}", table.plain());
    let admits_late = |of: &Seen| OURS.contains(&of.subject) && of.late() > 0;
    if seen.iter().any(admits_late) {
        eprintln!("a check was admitted after the trip had returned");
        return ExitCode::FAILURE;
    }
    if options.effort == Effort::Smoke {
        return ExitCode::SUCCESS;
    }
    report::print_goals(&seen, &OURS);
    if options.markdown {
        results::print_section("trips", &table.markdown());
    }
    match results::write(
        env!("CARGO_TARGET_TMPDIR"),
        "trips.json",
        &report::json(&seen),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the results could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn add_written<S: ByHand>(seen: &mut Vec<Seen>, name: &'static str, keys: &[String]) {
    add(seen, name, &Written::<S>::new(keys), keys.len());
}

fn add<S: Subject>(seen: &mut Vec<Seen>, name: &'static str, subject: &S, trips: usize) {
    let trips = race::run(subject, trips);
    match seen.iter_mut().find(|of| of.subject == name) {
        Some(of) => of.trips.extend(trips),
        None => seen.push(Seen {
            subject: name,
            trips,
        }),
    }
}
