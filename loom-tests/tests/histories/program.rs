//! Random programs: a few operations for a few threads, on circuits that have a past.

use fastrand::Rng;

use crate::support::model::{FailureCounting, More, Outcome, Rules, State, Window};

pub(crate) const START: u64 = 1_000;
/// The time at which the threads begin: circuits opened at the start are due, and leases are over.
pub(crate) const DUE: u64 = START + 10;

/// The number of keys in a program.
pub(crate) const KEYS: usize = 2;

/// One operation on one circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Do {
    GetState,
    Peek,
    RecordSuccess,
    RecordFailure,
    Transition(State),
    Reset,
    /// Clears all circuits.
    Clear,
    Acquire,
    /// Reports the permit that the operation of that number was given.
    Report(usize, Outcome),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Its place among all steps of the program.
    pub(crate) number: usize,
    pub(crate) key: usize,
    pub(crate) by_handle: bool,
    pub(crate) what: Do,
}

/// The operations that come first, one after the other, and those of each thread after them.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) rules: Rules,
    /// The store's bound.
    pub(crate) max_circuits: Option<usize>,
    /// Keys whose circuits a handle holds throughout.
    pub(crate) pinned: [bool; KEYS],
    pub(crate) before: Vec<Step>,
    pub(crate) threads: Vec<Vec<Step>>,
}

const STATES: [State; 5] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
];

const OUTCOMES: [Outcome; 4] = [
    Outcome::Success,
    Outcome::Failure,
    Outcome::Failure,
    Outcome::Ignored,
];

/// Outcomes under rules over a window: successes too may open a circuit.
const OUTCOMES_IN_WINDOW: [Outcome; 6] = [
    Outcome::Success,
    Outcome::Success,
    Outcome::Success,
    Outcome::Failure,
    Outcome::Failure,
    Outcome::Ignored,
];

/// Chooses rules over a window that holds all calls at both times, in one bucket or in two.
fn window(random: &mut Rng) -> More {
    let by_count = random.bool();
    More {
        window: Some(match random.u8(..4) {
            0 | 1 => Window::Calls(random.u64(1..=4)),
            2 => Window::Ms(100),
            _ => Window::Ms(10_000),
        }),
        // From four on, a success can open a circuit that has no failures in a row: two failures
        // and two successes.
        minimum_calls: random.u64(1..=4),
        failures_in_window: if by_count { random.u64(1..=2) } else { 0 },
        failure_rate: if by_count { 0 } else { random.u64(1..=2) * 50 },
        ..More::NONE
    }
}

/// A program that is being written.
struct Draft<'a> {
    random: &'a mut Rng,
    steps: usize,
    pinned: [bool; KEYS],
    outcomes: &'static [Outcome],
}

impl Draft<'_> {
    fn step(&mut self, key: usize, what: Do) -> Step {
        let number = self.steps;
        self.steps += 1;
        let by_handle = self.pinned[key] && self.random.bool() && what != Do::Clear;
        Step {
            number,
            key,
            by_handle,
            what,
        }
    }

    /// Returns the steps of up to nine successes on the first key: its window may become full, and
    /// its circuit known by hash.
    fn successes(&mut self) -> Vec<Step> {
        let successes = self.random.usize(..10);
        let call = |_| {
            let check = self.step(0, Do::Acquire);
            let report = Do::Report(check.number, Outcome::Success);
            [check, self.step(0, report)]
        };
        (0..successes).flat_map(call).collect()
    }

    /// Returns a random step. `permits` holds the numbers and keys of the permits that this thread
    /// may report.
    fn random_step(&mut self, permits: &mut Vec<(usize, usize)>) -> Step {
        // Mostly the same circuit: threads that never meet show nothing.
        let key = if self.random.u8(..4) == 0 { 1 } else { 0 };
        let what = match self.random.u8(..20) {
            0..=5 if !permits.is_empty() => {
                let (number, key) = permits.swap_remove(self.random.usize(..permits.len()));
                let outcome = self.outcomes[self.random.usize(..self.outcomes.len())];
                return self.step(key, Do::Report(number, outcome));
            }
            0..=8 => Do::Acquire,
            9 | 10 => Do::RecordSuccess,
            11..=13 => Do::RecordFailure,
            14 | 15 => Do::Transition(STATES[self.random.usize(..STATES.len())]),
            16 => Do::Reset,
            17 => Do::Clear,
            18 => Do::GetState,
            _ => Do::Peek,
        };
        let step = self.step(key, what);
        if what == Do::Acquire {
            permits.push((step.number, key));
        }
        step
    }
}

impl Program {
    /// Returns the program of that seed.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let has_window = random.bool();
        let rules = Rules {
            trip: if random.bool() {
                FailureCounting::Consecutive
            } else {
                FailureCounting::Total
            },
            // Often high enough for the window to open first.
            failure_threshold: random.u64(1..=if has_window { 5 } else { 3 }),
            reset_timeout: 10,
            half_open_max: random.u64(1..=2),
            success_threshold: random.u64(1..=2),
            probe_lease: 10,
            more: if has_window {
                window(&mut random)
            } else {
                More::NONE
            },
        }
        .valid();
        let bounded = random.u8(..4) == 0;
        let pinned = [(); KEYS].map(|()| !bounded && random.bool());
        let mut draft = Draft {
            random: &mut random,
            steps: 0,
            pinned,
            outcomes: if has_window {
                &OUTCOMES_IN_WINDOW
            } else {
                &OUTCOMES
            },
        };

        let mut permits = Vec::new();
        let mut before: Vec<Step> = (0..draft.random.usize(..6))
            .map(|_| draft.random_step(&mut permits))
            .collect();
        // Not in a store with a bound, where evictions between them make too many histories.
        if has_window && !bounded && draft.random.bool() {
            before.extend(draft.successes());
        }
        if has_window {
            // More calls in flight, since reports are what a window sees.
            for _ in 0..draft.random.usize(..4) {
                let check = draft.step(0, Do::Acquire);
                permits.push((check.number, 0));
                before.push(check);
            }
        }
        let threads = 2 + draft.random.usize(..2);
        // Each permit that is out belongs to one thread, which reports it.
        let mut shares = vec![Vec::new(); threads];
        for permit in permits {
            shares[draft.random.usize(..threads)].push(permit);
        }
        let threads = shares
            .iter_mut()
            .map(|permits| {
                let steps = 1 + draft.random.usize(..4 - threads / 3);
                (0..steps).map(|_| draft.random_step(permits)).collect()
            })
            .collect();
        Program {
            rules,
            max_circuits: bounded.then_some(1),
            pinned,
            before,
            threads,
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.before.len() + self.threads.iter().map(Vec::len).sum::<usize>()
    }
}
