//! The goals that the comparison can judge.

use crate::cells::{Cell, MANY, MILLION};
use crate::measure::Row;
use breakerbox_benches::subjects::{
    BREAKER, BREAKER_FAST, BREAKER_HANDLE, HANDLE, Kind, LOAD, MUTEX, PAPAYA, PAPAYA_FAST, STORE,
    STORE_COARSE, STORE_FAST, STORE_FEW,
};
use breakerbox_benches::work::Work;
use breakerbox_benches::world::Gate;

/// A bound on the ratio of subjects that were measured side by side.
pub(crate) struct Goal {
    work: Work,
    subject: &'static str,
    bound: Bound,
    against: Against,
    gate: Option<Gate>,
    keys: &'static [usize],
    threads: Threads,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Threads {
    One,
    /// As many as cores.
    All,
    /// Either. More threads than cores measure the scheduler.
    Any,
}

#[derive(Clone, Copy)]
enum Bound {
    /// Takes at most so many times as long.
    Cost(f64),
    /// Is at least so many times as fast.
    Speed(f64),
    /// Isn't slower by more than the spread: nine rounds of ten of one, and nine of ten of the
    /// other, leave no overlap.
    Spread,
}

#[derive(Clone, Copy)]
enum Against {
    One(&'static str),
    /// The fastest bare map with the same hasher.
    Maps,
    /// The fastest peer, in a map or alone.
    Peers,
    /// The fastest store with the same hasher, or peer in a map.
    Stores,
    /// The fastest peer alone, or store: a handle has nothing slower beside it.
    All,
}

const HOT: &[usize] = &[1];
const ANY: &[usize] = &[1, 16, MANY];
const HUGE: &[usize] = &[MILLION];
const EVERY: &[usize] = &[1, 16, MANY, MILLION];

#[rustfmt::skip] // A table.
const GOALS: &[Goal] = &{
    use Against::{All as Anything, Maps, One as Only, Peers, Stores};
    use Bound::{Cost, Speed, Spread};
    use Threads::{All, Any, One};
    use Work::{Check, CheckSuccess, RecordFailure, Storm};
    const DOWN: Option<Gate> = Some(Gate::Down);
    const UP: Option<Gate> = Some(Gate::Up);
    [
        goal(Check, HANDLE, Cost(1.7), Only(LOAD), DOWN, HOT, Any),
        goal(Check, HANDLE, Cost(1.7), Only(LOAD), UP, HOT, Any),
        goal(CheckSuccess, HANDLE, Cost(10.0), Only(LOAD), DOWN, HOT, Any),
        goal(CheckSuccess, BREAKER_HANDLE, Cost(10.0), Only(LOAD), DOWN, HOT, Any),
        goal(CheckSuccess, STORE, Cost(10.0), Only(LOAD), DOWN, HOT, Any),
        goal(CheckSuccess, BREAKER, Cost(10.0), Only(LOAD), DOWN, HOT, Any),
        goal(CheckSuccess, HANDLE, Speed(5.0), Peers, DOWN, ANY, Any),
        goal(CheckSuccess, BREAKER_HANDLE, Speed(5.0), Peers, DOWN, ANY, Any),
        goal(CheckSuccess, STORE, Speed(5.0), Peers, DOWN, ANY, Any),
        goal(CheckSuccess, BREAKER, Speed(5.0), Peers, DOWN, ANY, Any),
        goal(Check, STORE, Speed(15.0), Only(MUTEX), DOWN, ANY, Any),
        goal(Check, STORE, Speed(3.0), Only(MUTEX), UP, ANY, All),
        goal(Check, STORE, Speed(1.0), Only(MUTEX), UP, ANY, One),
        goal(Check, STORE, Cost(1.2), Maps, UP, ANY, Any),
        goal(Check, STORE_FAST, Cost(1.2), Maps, UP, ANY, Any),
        goal(CheckSuccess, STORE, Speed(20.0), Only(MUTEX), DOWN, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(20.0), Only(MUTEX), DOWN, HOT, All),
        goal(CheckSuccess, STORE, Speed(10.0), Only(MUTEX), UP, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(10.0), Only(MUTEX), UP, HOT, All),
        // That each round has exactly one trip is asserted as it is measured.
        goal(Storm, STORE, Speed(3.0), Only(MUTEX), DOWN, HOT, All),
        goal(Storm, HANDLE, Speed(3.0), Only(MUTEX), DOWN, HOT, All),
        goal(RecordFailure, STORE, Speed(1.0), Only(MUTEX), DOWN, ANY, Any),
        // Beside the same mutex store, which reads the precise clock.
        goal(Storm, STORE_COARSE, Speed(3.0), Only(MUTEX), DOWN, HOT, All),
        goal(RecordFailure, STORE_COARSE, Speed(1.0), Only(MUTEX), DOWN, ANY, Any),
        goal(Check, STORE, Cost(1.15), Only(STORE_FEW), DOWN, HUGE, Any),
        goal(Check, STORE, Cost(1.6), Only(PAPAYA), UP, HUGE, Any),
        goal(Check, STORE_FAST, Cost(1.6), Only(PAPAYA_FAST), UP, HUGE, Any),
        goal(Check, HANDLE, Spread, Anything, None, EVERY, Any),
        goal(Check, STORE, Spread, Stores, None, EVERY, Any),
        goal(Check, STORE_FAST, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, HANDLE, Spread, Anything, None, EVERY, Any),
        goal(CheckSuccess, STORE, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, STORE_FAST, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, BREAKER, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, BREAKER_FAST, Spread, Stores, None, EVERY, Any),
    ]
};

const fn goal(
    work: Work,
    subject: &'static str,
    bound: Bound,
    against: Against,
    gate: Option<Gate>,
    keys: &'static [usize],
    threads: Threads,
) -> Goal {
    Goal {
        work,
        subject,
        bound,
        against,
        gate,
        keys,
        threads,
    }
}

/// A goal, in every cell that was measured.
pub(crate) struct Judged {
    pub(crate) goal: &'static Goal,
    pub(crate) cells: Vec<Verdict>,
}

/// A goal in one cell.
pub(crate) struct Verdict {
    pub(crate) cell: Cell,
    /// Whom it was held against.
    pub(crate) against: &'static str,
    /// In the goal's own direction: a cost or a speed.
    pub(crate) ratio: f64,
    pub(crate) is_met: bool,
}

impl Goal {
    /// `check by store, gate up: ≥ 3 × mutex store`.
    pub(crate) fn label(&self) -> String {
        let gate = self.gate.map_or("in any state", Gate::label);
        let threads = match self.threads {
            Threads::One => ", 1 thread",
            Threads::All => ", all threads",
            Threads::Any => "",
        };
        let bound = match self.bound {
            Bound::Cost(bound) => format!("≤ {bound} × "),
            Bound::Speed(bound) => format!("≥ {bound} × "),
            Bound::Spread => "no slower, but for the spread, than ".to_owned(),
        };
        let against = match self.against {
            Against::One(subject) => subject,
            Against::Maps => "the fastest bare map",
            Against::Peers => "the fastest peer",
            Against::Stores => "every store and peer",
            Against::All => "every store and peer's object",
        };
        let (work, subject) = (self.work.label(), self.subject);
        format!("{work}, {subject}, {gate}{threads}: {bound}{against}")
    }

    /// The greater, the further from being met; to compare cells by.
    pub(crate) fn badness(&self, verdict: &Verdict) -> f64 {
        let missed = if verdict.is_met { 0.0 } else { 1e9 };
        match self.bound {
            Bound::Speed(_) => missed - verdict.ratio,
            Bound::Cost(_) | Bound::Spread => missed + verdict.ratio,
        }
    }

    fn applies(&self, row: &Row, cores: usize) -> bool {
        let cell = row.cell;
        let threads = match self.threads {
            Threads::One => cell.threads == 1,
            Threads::All => cell.threads == cores && cores > 1,
            Threads::Any => cell.threads == 1 || cell.threads == cores,
        };
        let named = cell.work == self.work && row.subject.name == self.subject;
        let gate = self.gate.is_none_or(|gate| gate == cell.gate);
        named && gate && threads && self.keys.contains(&cell.keys)
    }

    fn is_against(&self, own: &Row, other: &Row) -> bool {
        let kind = other.subject.kind;
        let same_hasher = own.subject.hasher == other.subject.hasher;
        match self.against {
            Against::One(subject) => subject == other.subject.name,
            Against::Maps => kind == Kind::Map && same_hasher,
            Against::Peers => matches!(kind, Kind::Peer | Kind::HeldPeer),
            Against::Stores => matches!(kind, Kind::Store | Kind::Peer) && same_hasher,
            Against::All => matches!(kind, Kind::Store | Kind::HeldPeer),
        }
    }

    fn judge(&self, row: &Row, rows: &[Row]) -> Option<Verdict> {
        let against = rows
            .iter()
            .filter(|other| other.cell == row.cell && self.is_against(row, other))
            .min_by(|a, b| a.median().total_cmp(&b.median()))?;
        let (cost, speed) = (row.over(against), against.over(row));
        let (ratio, is_met) = match self.bound {
            Bound::Cost(bound) => (cost, cost <= bound),
            Bound::Speed(bound) => (speed, speed >= bound),
            Bound::Spread => (cost, row.low() <= against.high()),
        };
        Some(Verdict {
            cell: row.cell,
            against: against.subject.name,
            ratio,
            is_met,
        })
    }
}

/// Every goal of which something was measured, on a machine with so many cores.
pub(crate) fn judge(rows: &[Row], cores: usize) -> Vec<Judged> {
    let judged = GOALS.iter().map(|goal| {
        let concerned = rows.iter().filter(|row| goal.applies(row, cores));
        Judged {
            goal,
            cells: concerned.filter_map(|row| goal.judge(row, rows)).collect(),
        }
    });
    judged.filter(|judged| !judged.cells.is_empty()).collect()
}
