//! Checks while another thread writes what they read, so many times a second.

use crate::{Length, undisturbed};
use breakerbox::{CircuitState, Outcome};
use breakerbox_benches::case::Case;
use breakerbox_benches::keys::{Distribution, Keys, SEGMENT};
use breakerbox_benches::own::Own;
use breakerbox_benches::rounds::{quantile, take_turns};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Std, Store};
use breakerbox_benches::table::{Table, percent};
use breakerbox_benches::threads::timed_beside;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

const ELSEWHERE: &str = "elsewhere.internal:443";

/// A second; the last one is as many as there can be.
const RATES: [u64; 5] = [0, 10_000, 100_000, 1_000_000, u64::MAX];

/// What the other thread does.
#[derive(Clone, Copy)]
enum Write {
    /// Moves a circuit, which draws a number from the gate.
    Transition,
    /// Lets a healthy circuit fail, and forget it by a success: twice a change of `unclean`.
    Failure,
}

pub(crate) struct Row {
    subject: &'static str,
    /// Threads that check.
    threads: usize,
    write: Write,
    /// Writes a second, as they were.
    rate: f64,
    /// By round, and those without a transition.
    times: Vec<f64>,
    alone: Vec<f64>,
}

impl Row {
    fn ns(&self) -> f64 {
        quantile(&self.times, 0.5)
    }

    /// Of the checking thread's time; none where it is less than what rounds differ by.
    fn lost(&self) -> Option<f64> {
        let is_seen = quantile(&self.alone, 0.9) < quantile(&self.times, 0.1);
        is_seen.then(|| 1.0 - quantile(&self.alone, 0.5) / self.ns())
    }

    fn lost_ns(&self) -> Option<f64> {
        self.lost().map(|lost| lost * 1e9 / self.rate)
    }
}

/// By one thread, and by as many as leave a core to the one that writes.
pub(crate) fn measure(keys: &'static Keys, length: Length) -> Vec<Row> {
    let own = Own::<Std>::new(Rules::OUT_OF_REACH, &keys.names);
    let handle = |key: &String| own.store.circuit(&**key).expect("there is room");
    let handles: Vec<_> = keys.names.iter().map(handle).collect();
    let lists = keys.lists(Distribution::Uniform);
    let by_handle = Case::new(lists.map(|i| &handles[i]), |circuit| {
        circuit.acquire(&own.limits).is_ok()
    });
    let by_key = Case::new(&*lists.names, |key| own.check(key));
    let call = Case::new(&*lists.names, |key| own.call::<false>(key));
    let up = Own::<Std>::new(Rules::OUT_OF_REACH, &keys.names);
    up.open("open.internal:443");
    let past_filter = Case::new(&*lists.names, |key| up.check(key));
    let mut readers = vec![1, keys.threads - 1];
    readers.dedup();
    let mut rows = Vec::new();
    for (subject, own, case, write) in [
        ("handle: check", &own, &by_handle, Write::Transition),
        ("key: check", &own, &by_key, Write::Transition),
        ("key: check, success", &own, &call, Write::Failure),
        ("key: check, gate up", &up, &past_filter, Write::Failure),
    ] {
        for &threads in &readers {
            rows.extend(of(own, (subject, case, threads), write, length));
        }
    }
    rows
}

fn of(
    own: &Own<Std>,
    (subject, case, threads): (&'static str, &Case<'_>, usize),
    write: Write,
    length: Length,
) -> Vec<Row> {
    let mut done = [const { Vec::new() }; RATES.len()];
    let rounds = take_turns(&[length.rounds; RATES.len()], |i| {
        let writer = Writer::new(own, write, RATES[i]);
        // A writer has the second list.
        let writing = Case::new(vec![vec![(); SEGMENT]; 2], |()| writer.next());
        let ns = undisturbed(|| timed_beside(case, threads, length.ops, &writing, usize::MAX));
        done[i].push(writer.rate());
        ns
    });
    let rows = rounds.iter().zip(&done).map(|(times, rates)| Row {
        subject,
        threads,
        write,
        rate: quantile(rates, 0.5),
        times: times.clone(),
        alone: rounds[0].clone(),
    });
    rows.collect()
}

/// Writes as often as it should.
struct Writer<'s> {
    own: &'s Own<Std>,
    write: Write,
    rate: u64,
    started: Instant,
    done: AtomicU64,
}

impl<'s> Writer<'s> {
    fn new(own: &'s Own<Std>, write: Write, rate: u64) -> Self {
        Self {
            own,
            write,
            rate,
            started: Instant::now(),
            done: AtomicU64::new(0),
        }
    }

    /// One if it is due, else a look at the clock.
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

    fn once(self, own: &Own<Std>) {
        match self {
            // Closed again: nobody is rejected, and the number is drawn all the same.
            Write::Transition => drop(own.store.transition(ELSEWHERE, CircuitState::Closed)),
            Write::Failure => {
                for outcome in [Outcome::Failure, Outcome::Success] {
                    if let Ok(permit) = own.store.acquire(ELSEWHERE, &own.limits) {
                        let _ = own.store.report(ELSEWHERE, permit, outcome, &own.limits);
                    }
                }
            }
        }
    }
}

pub(crate) fn table(rows: &[Row]) -> Table {
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
        let [low, high] = [0.1, 0.9].map(|part| quantile(&row.times, part));
        table.push(vec![
            row.subject.to_owned(),
            row.threads.to_string(),
            row.write.label().to_owned(),
            format!("{:.0}", row.rate),
            format!("{:.2} ({low:.2} – {high:.2})", row.ns()),
            row.lost().map_or("–".to_owned(), percent),
            row.lost_ns()
                .map_or("–".to_owned(), |ns| format!("{ns:.0} ns")),
        ]);
    }
    table
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "subject": row.subject,
            "threads": row.threads,
            "another": row.write.label(),
            "per_s": row.rate,
            "median_ns": row.ns(),
            "low_ns": quantile(&row.times, 0.1),
            "high_ns": quantile(&row.times, 0.9),
            "time_lost": row.lost(),
            "lost_ns_each": row.lost_ns(),
        })
    };
    rows.iter().map(row).collect()
}
