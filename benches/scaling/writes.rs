//! Checks while another thread writes the memory that they read, N times a second.

use crate::Length;
use breakerbox::{CircuitState, Outcome};
use breakerbox_benches::case::Case;
use breakerbox_benches::fixture::ELSEWHERE;
use breakerbox_benches::keys::{Keys, SEGMENT};
use breakerbox_benches::own::Own;
use breakerbox_benches::rounds::{quantile, take_turns};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Store};
use breakerbox_benches::table::{Table, percent};
use breakerbox_benches::threads::{timed_beside, undisturbed};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Writes a second; the last rate is the highest possible.
const RATES: [u64; 5] = [0, 10_000, 100_000, 1_000_000, u64::MAX];

/// The other thread's work.
#[derive(Clone, Copy)]
enum Write {
    /// Moves a circuit, which takes a number from the summary.
    Transition,
    /// Lets a healthy circuit fail, and forget it by a success: two changes of `unclean`.
    Failure,
}

#[derive(Serialize)]
pub(crate) struct Row {
    contender: &'static str,
    /// Threads that check.
    threads: usize,
    /// The writes of the other thread.
    another: &'static str,
    /// The rate that was asked for, if any.
    #[serde(skip)]
    wanted: u64,
    /// The rate that was reached.
    per_s: f64,
    median_ns: f64,
    low_ns: f64,
    high_ns: f64,
    /// The share of the checking threads' time that is lost; `None` where rounds differ by more.
    time_lost: Option<f64>,
    lost_ns_each: Option<f64>,
}

impl Row {
    fn of(
        of: (&'static str, usize, &'static str),
        wanted: u64,
        per_s: f64,
        rounds: [&[f64]; 2],
    ) -> Self {
        let (contender, threads, another) = of;
        let [times, alone] = rounds;
        let [low_ns, median_ns, high_ns] = [0.1, 0.5, 0.9].map(|part| quantile(times, part));
        let is_seen = quantile(alone, 0.9) < low_ns;
        let time_lost = is_seen.then(|| 1.0 - quantile(alone, 0.5) / median_ns);
        Self {
            contender,
            threads,
            another,
            wanted,
            per_s,
            median_ns,
            low_ns,
            high_ns,
            time_lost,
            lost_ns_each: time_lost.map(|lost| lost * 1e9 / per_s),
        }
    }

    /// Returns whether the documents have this row: with the most threads, and a million writes a
    /// second.
    pub(crate) fn is_recorded(&self, cores: usize) -> bool {
        self.threads == cores - 1 && self.wanted == 1_000_000
    }
}

/// Measures with one thread, and with as many as leave a core to the writer.
pub(crate) fn measure(keys: &Keys, length: Length) -> Vec<Row> {
    let own: Own = Own::new(Rules::OUT_OF_REACH, keys.names);
    let handle = |key: &String| own.store.circuit(&**key).expect("there is room");
    let handles: Vec<_> = keys.names.iter().map(handle).collect();
    let by_handle = Case::new(keys.map(|i| &handles[i]), |circuit| {
        circuit.acquire(&own.policy).is_ok()
    });
    let by_key = Case::new(&*keys.lists, |key| own.check(key));
    let call = Case::new(&*keys.lists, |key| own.call::<false>(key));
    let open: Own = Own::new(Rules::OUT_OF_REACH, keys.names);
    open.open("open.internal:443");
    let past_filter = Case::new(&*keys.lists, |key| open.check(key));
    let mut readers = vec![1, keys.lists.len() - 1];
    readers.dedup();
    let mut rows = Vec::new();
    for (contender, own, case, write) in [
        ("handle: check", &own, &by_handle, Write::Transition),
        ("key: check", &own, &by_key, Write::Transition),
        ("key: check, success", &own, &call, Write::Failure),
        ("key: check, one open", &open, &past_filter, Write::Failure),
    ] {
        for &threads in &readers {
            rows.extend(measure_one(own, (contender, case, threads), write, length));
        }
    }
    rows
}

fn measure_one(
    own: &Own,
    (contender, case, threads): (&'static str, &Case<'_>, usize),
    write: Write,
    length: Length,
) -> Vec<Row> {
    let mut done = [const { Vec::new() }; RATES.len()];
    let rounds = take_turns(&[length.rounds; RATES.len()], |i| {
        let writer = Writer::new(own, write, RATES[i]);
        // A writer has the second list.
        let writing = Case::new(vec![vec![(); SEGMENT]; 2], |()| writer.next());
        let ns = undisturbed(|| timed_beside(case, threads, length.ops, &writing, usize::MAX)).ns;
        done[i].push(writer.rate());
        ns
    });
    let of = (contender, threads, write.label());
    let row = |i: usize| {
        Row::of(
            of,
            RATES[i],
            quantile(&done[i], 0.5),
            [&rounds[i], &rounds[0]],
        )
    };
    (0..RATES.len()).map(row).collect()
}

/// The thread that writes at a given rate.
struct Writer<'s> {
    own: &'s Own,
    write: Write,
    rate: u64,
    started: Instant,
    done: AtomicU64,
}

impl<'s> Writer<'s> {
    fn new(own: &'s Own, write: Write, rate: u64) -> Self {
        Self {
            own,
            write,
            rate,
            started: Instant::now(),
            done: AtomicU64::new(0),
        }
    }

    /// Writes if a write is due, else only looks at the clock.
    fn next(&self) {
        let due = self.started.elapsed().as_secs_f64() * self.rate as f64;
        if due >= (self.done.load(Relaxed) + 1) as f64 {
            self.write.once(self.own);
            self.done.fetch_add(1, Relaxed);
        }
    }

    fn rate(&self) -> f64 {
        self.done.load(Relaxed) as f64 / self.started.elapsed().as_secs_f64()
    }
}

impl Write {
    fn label(self) -> &'static str {
        match self {
            Write::Transition => "moves",
            Write::Failure => "fails and recovers",
        }
    }

    fn once(self, own: &Own) {
        match self {
            // Closed again: no call is rejected, but the transition takes a number.
            Write::Transition => drop(own.store.transition(ELSEWHERE, CircuitState::Closed)),
            Write::Failure => {
                for outcome in [Outcome::Failure, Outcome::Success] {
                    if let Ok(permit) = own.store.acquire(ELSEWHERE, &own.policy) {
                        let _ = own.store.report(ELSEWHERE, permit, outcome, &own.policy);
                    }
                }
            }
        }
    }
}

pub(crate) fn table<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Table {
    let mut table = Table::new(&[
        "",
        "threads",
        "while another circuit",
        "a second",
        "ns (10 % – 90 % of rounds)",
        "time lost",
        "lost each time",
    ]);
    for row in rows {
        let (median, low, high) = (row.median_ns, row.low_ns, row.high_ns);
        table.push(vec![
            row.contender.to_owned(),
            row.threads.to_string(),
            row.another.to_owned(),
            format!("{:.0}", row.per_s),
            format!("{median:.2} ({low:.2} – {high:.2})"),
            row.time_lost.map_or("–".to_owned(), percent),
            row.lost_ns_each
                .map_or("–".to_owned(), |ns| format!("{ns:.0} ns")),
        ]);
    }
    table
}
