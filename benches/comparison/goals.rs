//! The goals that the comparison can judge.

use crate::measure::Row;
use breakerbox_benches::work::{BREAKER, BREAKER_HANDLE, HANDLE, LOAD, MUTEX, PAPAYA, STORE, Work};
use breakerbox_benches::world::{Gate, KEYS};

/// A bound on the ratio of two subjects that were measured side by side.
pub(crate) struct Goal {
    pub(crate) work: Work,
    pub(crate) subject: &'static str,
    pub(crate) against: &'static str,
    pub(crate) gate: Gate,
    keys: &'static [usize],
    threads: Threads,
    bound: Bound,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Threads {
    One,
    All,
    Any,
}

#[derive(Clone, Copy)]
enum Bound {
    /// Takes at most so many times as long.
    Cost(f64),
    /// Is at least so many times as fast.
    Speed(f64),
}

const HOT: &[usize] = KEYS.split_at(1).0;
const ANY: &[usize] = &KEYS;

const GOALS: &[Goal] = &{
    use Bound::{Cost, Speed};
    use Gate::{Down, Up};
    use Threads::{All, Any, One};
    use Work::{Check, CheckSuccess, RecordFailure};
    [
        goal(Check, HANDLE, Cost(1.7), LOAD, Down, HOT, Any),
        goal(Check, HANDLE, Cost(1.7), LOAD, Up, HOT, Any),
        goal(Check, STORE, Speed(15.0), MUTEX, Down, ANY, Any),
        goal(Check, STORE, Speed(3.0), MUTEX, Up, ANY, All),
        goal(Check, STORE, Speed(1.0), MUTEX, Up, ANY, One),
        goal(Check, STORE, Cost(1.2), PAPAYA, Up, ANY, Any),
        goal(CheckSuccess, HANDLE, Cost(10.0), LOAD, Down, HOT, Any),
        goal(
            CheckSuccess,
            BREAKER_HANDLE,
            Cost(10.0),
            LOAD,
            Down,
            HOT,
            Any,
        ),
        goal(CheckSuccess, STORE, Cost(10.0), LOAD, Down, HOT, Any),
        goal(CheckSuccess, BREAKER, Cost(10.0), LOAD, Down, HOT, Any),
        goal(CheckSuccess, STORE, Speed(20.0), MUTEX, Down, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(20.0), MUTEX, Down, HOT, All),
        goal(CheckSuccess, STORE, Speed(10.0), MUTEX, Up, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(10.0), MUTEX, Up, HOT, All),
        goal(RecordFailure, STORE, Speed(1.0), MUTEX, Down, ANY, Any),
    ]
};

const fn goal(
    work: Work,
    subject: &'static str,
    bound: Bound,
    against: &'static str,
    gate: Gate,
    keys: &'static [usize],
    threads: Threads,
) -> Goal {
    Goal {
        work,
        subject,
        against,
        gate,
        keys,
        threads,
        bound,
    }
}

/// A goal in one situation.
pub(crate) struct Judged {
    pub(crate) goal: &'static Goal,
    pub(crate) keys: usize,
    pub(crate) threads: usize,
    /// In the goal's own direction: a cost or a speed.
    pub(crate) ratio: f64,
    pub(crate) is_met: bool,
}

impl Goal {
    /// `≤ 1.7 × atomic load` takes as long, `≥ 15 × mutex store` is as fast.
    pub(crate) fn bound(&self) -> String {
        match self.bound {
            Bound::Cost(bound) => format!("≤ {bound} × {}", self.against),
            Bound::Speed(bound) => format!("≥ {bound} × {}", self.against),
        }
    }

    fn applies(&self, row: &Row) -> bool {
        let threads = match self.threads {
            Threads::One => row.threads == 1,
            Threads::All => row.threads > 1,
            Threads::Any => true,
        };
        let named = row.work == self.work && row.subject == self.subject && row.gate == self.gate;
        named && threads && self.keys.contains(&row.keys)
    }

    fn judge(&'static self, row: &Row, rows: &[Row]) -> Option<Judged> {
        let against = rows
            .iter()
            .find(|r| r.is_beside(row) && r.subject == self.against)?;
        let (ratio, is_met) = match self.bound {
            Bound::Cost(bound) => {
                let cost = row.over(against);
                (cost, cost <= bound)
            }
            Bound::Speed(bound) => {
                let speed = against.over(row);
                (speed, speed >= bound)
            }
        };
        let Row { keys, threads, .. } = *row;
        Some(Judged {
            goal: self,
            keys,
            threads,
            ratio,
            is_met,
        })
    }
}

/// Every goal, in every situation that was measured.
pub(crate) fn judge(rows: &[Row]) -> Vec<Judged> {
    let judged = GOALS.iter().flat_map(|goal| {
        let concerned = rows.iter().filter(|row| goal.applies(row));
        concerned.filter_map(|row| goal.judge(row, rows))
    });
    judged.collect()
}
