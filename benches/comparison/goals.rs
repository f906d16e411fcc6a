//! The goals that the comparison can judge.

use crate::measure::Row;
use crate::scenarios::{MANY, MILLION, Scenario};
use breakerbox_benches::contenders::{
    BREAKER, FLOOR, HANDLE, Kind, MUTEX, MUTEX_COARSE, PAPAYA, RECLOSER, RECLOSER_OBJECT, STORE,
};
use breakerbox_benches::fixture::Condition;
use breakerbox_benches::work::{Failing, Work};

/// A bound on the ratio of contenders that were measured side by side.
pub(crate) struct Goal {
    work: Work,
    contender: &'static str,
    bound: Bound,
    against: Against,
    condition: Option<Condition>,
    keys: &'static [usize],
    threads: Threads,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Threads {
    One,
    /// As many threads as cores.
    All,
    /// One thread or all. More threads than cores measure the scheduler.
    Any,
}

#[derive(Clone, Copy)]
enum Bound {
    /// At most N times as long.
    Cost(f64),
    /// At least N times as fast.
    Speed(f64),
    /// Not slower by more than the spread: the 10 % quantile of its rounds is at most the 90 %
    /// quantile of the other's.
    Spread,
}

#[derive(Clone, Copy)]
enum Against {
    One(&'static str),
    /// The fastest bare map.
    Maps,
    /// The fastest peer, in a map or alone.
    Peers,
    /// The fastest store, or peer in a map.
    Stores,
    /// The fastest store, or peer alone, since a handle has no look-up either.
    Objects,
    /// The same contender with one thread.
    OneThread,
}

const HOT: &[usize] = &[1];
const COLD: &[usize] = &[MANY];
const ANY: &[usize] = &[1, MANY];
const HUGE: &[usize] = &[MILLION];
const EVERY: &[usize] = &[1, MANY, MILLION];

#[rustfmt::skip] // A table.
const GOALS: &[Goal] = &{
    use Against::{Maps, Objects, One as Only, OneThread, Peers, Stores};
    use Bound::{Cost, Speed, Spread};
    use Threads::{All, Any, One};
    use Work::{Check, CheckSuccess, RecordFailure, Storm};
    const CALLS: Work = Work::Windowed(Failing::None);
    const CALLS_1_PERCENT: Work = Work::Windowed(Failing::Percent);
    const TIME: Work = Work::Timed(Failing::None);
    const CLOSED: Option<Condition> = Some(Condition::AllClosed);
    const OPEN: Option<Condition> = Some(Condition::OneOpen);
    [
        goal(Check, HANDLE, Cost(1.7), Only(FLOOR), CLOSED, HOT, Any),
        goal(Check, HANDLE, Cost(1.7), Only(FLOOR), OPEN, HOT, Any),
        goal(CheckSuccess, HANDLE, Cost(10.0), Only(FLOOR), CLOSED, HOT, Any),
        goal(CheckSuccess, STORE, Cost(10.0), Only(FLOOR), CLOSED, HOT, Any),
        goal(CheckSuccess, BREAKER, Cost(10.0), Only(FLOOR), CLOSED, HOT, Any),
        goal(CheckSuccess, HANDLE, Speed(5.0), Peers, CLOSED, ANY, Any),
        goal(CheckSuccess, STORE, Speed(5.0), Peers, CLOSED, ANY, Any),
        goal(CheckSuccess, BREAKER, Speed(5.0), Peers, CLOSED, ANY, Any),
        goal(Check, STORE, Speed(15.0), Only(MUTEX), CLOSED, ANY, Any),
        goal(Check, STORE, Speed(3.0), Only(MUTEX), OPEN, ANY, All),
        goal(Check, STORE, Speed(1.0), Only(MUTEX), OPEN, ANY, One),
        goal(Check, STORE, Cost(1.2), Maps, OPEN, ANY, Any),
        goal(CheckSuccess, STORE, Speed(20.0), Only(MUTEX), CLOSED, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(20.0), Only(MUTEX), CLOSED, HOT, All),
        goal(CheckSuccess, STORE, Speed(10.0), Only(MUTEX), OPEN, HOT, All),
        goal(CheckSuccess, BREAKER, Speed(10.0), Only(MUTEX), OPEN, HOT, All),
        // Each round is asserted to have exactly one trip.
        goal(Storm, STORE, Speed(3.3), Only(MUTEX), CLOSED, HOT, All),
        goal(Storm, HANDLE, Speed(3.0), Only(MUTEX), CLOSED, HOT, All),
        goal(RecordFailure, STORE, Speed(1.4), Only(MUTEX), CLOSED, HOT, Any),
        goal(RecordFailure, STORE, Speed(0.9), Only(MUTEX), CLOSED, COLD, Any),
        // Compared with the same mutex store, which reads the precise clock.
        goal(CALLS, HANDLE, Speed(10.0), Only(MUTEX), CLOSED, HOT, Any),
        goal(CALLS, HANDLE, Speed(2.0), Only(RECLOSER_OBJECT), CLOSED, HOT, Any),
        goal(CALLS, HANDLE, Cost(1.05), OneThread, CLOSED, HOT, All),
        goal(CALLS, STORE, Speed(2.0), Only(MUTEX), CLOSED, HOT, Any),
        goal(CALLS, STORE, Speed(3.0), Only(MUTEX), CLOSED, COLD, Any),
        goal(CALLS, STORE, Speed(1.5), Only(RECLOSER), CLOSED, COLD, Any),
        goal(TIME, HANDLE, Speed(5.0), Only(MUTEX), CLOSED, HOT, Any),
        goal(TIME, HANDLE, Speed(3.0), Only(MUTEX_COARSE), CLOSED, HOT, Any),
        goal(TIME, HANDLE, Speed(5.0), Only(RECLOSER_OBJECT), CLOSED, HOT, All),
        goal(TIME, STORE, Speed(2.5), Only(MUTEX), CLOSED, HOT, Any),
        goal(TIME, STORE, Speed(2.0), Only(MUTEX), CLOSED, COLD, Any),
        goal(CALLS_1_PERCENT, HANDLE, Cost(1.0), Only(RECLOSER_OBJECT), CLOSED, HOT, Any),
        goal(Check, STORE, Cost(1.6), Only(PAPAYA), OPEN, HUGE, Any),
        goal(Check, HANDLE, Spread, Objects, None, EVERY, Any),
        goal(Check, STORE, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, HANDLE, Spread, Objects, None, EVERY, Any),
        goal(CheckSuccess, STORE, Spread, Stores, None, EVERY, Any),
        goal(CheckSuccess, BREAKER, Spread, Stores, None, EVERY, Any),
    ]
};

const fn goal(
    work: Work,
    contender: &'static str,
    bound: Bound,
    against: Against,
    condition: Option<Condition>,
    keys: &'static [usize],
    threads: Threads,
) -> Goal {
    Goal {
        work,
        contender,
        bound,
        against,
        condition,
        keys,
        threads,
    }
}

/// A goal, judged in every scenario that was measured.
pub(crate) struct Judged {
    pub(crate) goal: &'static Goal,
    pub(crate) scenarios: Vec<Verdict>,
}

pub(crate) struct Verdict {
    pub(crate) scenario: Scenario,
    /// The contender that it was compared with.
    pub(crate) against: &'static str,
    pub(crate) ratio: f64,
    pub(crate) is_met: bool,
}

impl Judged {
    /// Counts the scenarios in which the goal is met.
    pub(crate) fn met(&self) -> usize {
        let met = self.scenarios.iter().filter(|verdict| verdict.is_met);
        met.count()
    }

    /// Returns the scenario that is furthest from the goal, or nearest to missing it.
    pub(crate) fn worst(&self) -> Option<&Verdict> {
        let badness = |verdict: &Verdict| {
            let missed = if verdict.is_met { 0.0 } else { 1e9 };
            match self.goal.bound {
                Bound::Speed(_) => missed - verdict.ratio,
                Bound::Cost(_) | Bound::Spread => missed + verdict.ratio,
            }
        };
        let scenarios = self.scenarios.iter();
        scenarios.max_by(|a, b| badness(a).total_cmp(&badness(b)))
    }
}

impl Goal {
    pub(crate) fn label(&self) -> String {
        let condition = match self.condition {
            Some(condition) => format!(", {}", condition.label()),
            None => String::new(),
        };
        let keys = if self.keys == HUGE {
            ", a million keys"
        } else {
            ""
        };
        let threads = match self.threads {
            Threads::One => ", 1 thread",
            Threads::All => ", all threads",
            Threads::Any => "",
        };
        let bound = match self.bound {
            Bound::Cost(bound) => format!("≤ {bound} × "),
            Bound::Speed(bound) => format!("≥ {bound} × "),
            Bound::Spread => "no slower than ".to_owned(),
        };
        let against = match self.against {
            Against::One(contender) => contender,
            Against::Maps => "the fastest bare map",
            Against::Peers => "the fastest peer",
            Against::Stores => "every store and peer",
            Against::Objects => "every store and peer's object",
            Against::OneThread => "itself with 1 thread",
        };
        let (work, contender) = (self.work.label(), self.contender);
        format!("{work}, {contender}{condition}{keys}{threads}: {bound}{against}")
    }

    fn applies(&self, row: &Row, cores: usize) -> bool {
        let scenario = row.scenario;
        let threads = match self.threads {
            Threads::One => scenario.threads == 1,
            Threads::All => scenario.threads == cores && cores > 1,
            Threads::Any => scenario.threads == 1 || scenario.threads == cores,
        };
        let named = scenario.work == self.work && row.contender.name == self.contender;
        let condition = self.condition.is_none_or(|it| it == scenario.condition);
        named && condition && threads && self.keys.contains(&scenario.keys)
    }

    fn is_against(&self, other: &Row) -> bool {
        let kind = other.contender.kind;
        match self.against {
            Against::One(contender) => contender == other.contender.name,
            Against::Maps => kind == Kind::Map,
            Against::Peers => matches!(kind, Kind::Peer | Kind::Object),
            Against::Stores => matches!(kind, Kind::Store | Kind::Peer),
            Against::Objects => matches!(kind, Kind::Store | Kind::Object),
            Against::OneThread => false,
        }
    }

    fn judge(&self, row: &Row, rows: &[Row]) -> Option<Verdict> {
        let against = match self.against {
            Against::OneThread => rows.iter().find(|other| {
                let alone = Scenario {
                    threads: 1,
                    ..row.scenario
                };
                other.scenario == alone && other.contender.name == row.contender.name
            })?,
            _ => rows
                .iter()
                .filter(|other| other.scenario == row.scenario && self.is_against(other))
                .min_by(|a, b| a.median().total_cmp(&b.median()))?,
        };
        let (cost, speed) = (row.over(against), against.over(row));
        let (ratio, is_met) = match self.bound {
            Bound::Cost(bound) => (cost, cost <= bound),
            Bound::Speed(bound) => (speed, speed >= bound),
            Bound::Spread => (cost, row.low() <= against.high()),
        };
        Some(Verdict {
            scenario: row.scenario,
            against: against.contender.name,
            ratio,
            is_met,
        })
    }
}

/// Judges every goal that has measurements, on a machine with `cores` cores.
pub(crate) fn judge(rows: &[Row], cores: usize) -> Vec<Judged> {
    let judged = GOALS.iter().map(|goal| {
        let concerned = rows.iter().filter(|row| goal.applies(row, cores));
        Judged {
            goal,
            scenarios: concerned.filter_map(|row| goal.judge(row, rows)).collect(),
        }
    });
    judged
        .filter(|judged| !judged.scenarios.is_empty())
        .collect()
}
