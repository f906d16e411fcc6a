//! The breaker and its model, driven together.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use breakerbox::{
    CallError, CircuitBreaker, DroppedPermit, EjectionCap, Group, OwnedPermit, PolicySet, Rejected,
    Reported,
};

use super::clock::LaggingClock;
use super::model::{self, Outcome, Rejection, Rules, Told};
use super::ops::{KEYS, Op, name};
use super::pair::{Announced, Pair, note_in};

type Breaker = CircuitBreaker<String, std::hash::RandomState, LaggingClock>;
type Held = OwnedPermit<String, std::hash::RandomState, LaggingClock>;

/// The meaning of a dropped permit; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    Ignored,
    Failure,
    FailureIfOlder(u64),
}

/// The course of a guarded call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guarded {
    Succeed,
    Fail,
    Panic,
}

/// One step of a history of the breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerOp {
    /// Takes a permit and holds it.
    Hold {
        key: usize,
        by_handle: bool,
    },
    Report {
        permit: usize,
        outcome: Outcome,
    },
    Drop {
        permit: usize,
    },
    /// Takes a borrowed permit and reports it, or drops it, at once.
    Guard {
        key: usize,
        by_handle: bool,
        outcome: Option<Outcome>,
    },
    Call {
        key: usize,
        by_handle: bool,
        does: Guarded,
    },
    /// Replaces the policies.
    Replace(Rules),
    /// Operates on the store below.
    Store(Op),
}

pub struct BreakerPair {
    breaker: Breaker,
    below: Pair,
    rules: Rules,
    dropped: Dropped,
    held: Vec<Holding>,
}

struct Holding {
    key: &'static str,
    real: Held,
    model: model::Permit,
    since: Option<u64>,
}

impl BreakerPair {
    pub fn new(rules: Rules, dropped: Dropped, now: u64) -> Self {
        let clock = LaggingClock::new(now, 0);
        let announced = Announced::default();
        let breaker = CircuitBreaker::builder()
            .policy(policies(rules, dropped))
            .on_state_change(note_in(&announced))
            .clock(clock.clone())
            .build()
            .expect("the tests ask for a valid policy");
        let store = breaker.store().clone();
        let below = Pair::over(store, clock, announced, rules.uncapped(), now);
        BreakerPair {
            breaker,
            below,
            rules,
            dropped,
            held: Vec::new(),
        }
    }

    /// Runs one step on both; panics where they differ.
    pub fn apply(&mut self, op: BreakerOp) {
        match op {
            BreakerOp::Hold { key, by_handle } => self.hold(name(key), by_handle),
            BreakerOp::Report { permit, outcome } => {
                if let Some(held) = self.take(permit) {
                    let real = held.real.report(breakerbox::Outcome::from(outcome));
                    let told = self.told(outcome, held.since);
                    self.report(held.key, held.model, told, Some(real));
                }
            }
            BreakerOp::Drop { permit } => {
                if let Some(held) = self.take(permit) {
                    drop(held.real);
                    let told = self.told(self.of_dropped(held.since), held.since);
                    self.report(held.key, held.model, told, None);
                }
            }
            BreakerOp::Guard {
                key,
                by_handle,
                outcome,
            } => {
                self.guard(name(key), by_handle, outcome);
            }
            BreakerOp::Call {
                key,
                by_handle,
                does,
            } => self.guarded(name(key), by_handle, does),
            BreakerOp::Replace(rules) => self.replace(rules),
            // The store uses the breaker's policy.
            BreakerOp::Store(Op::Under(_)) => {}
            BreakerOp::Store(op) => self.below.apply(op),
        }
        self.below.compare();
        let store = self.breaker.store();
        let places = store.open_in_group(GROUP).unwrap_or(0);
        assert_eq!(places, self.below.model.store.places());
        assert_eq!(store.held_back(), self.below.model.store.held_back);
    }

    fn replace(&mut self, rules: Rules) {
        self.breaker.set_policies(policies(rules, self.dropped));
        self.rules = rules;
        self.below.set_rules(rules.uncapped());
        let store = &mut self.below.model.store;
        if rules.more.window.is_none() {
            store.forget_windows();
        }
    }

    fn hold(&mut self, key: &'static str, by_handle: bool) {
        let real = if by_handle {
            let handle = self.breaker.circuit(key).expect("the store has no bound");
            self.created(key);
            handle.acquire_owned()
        } else {
            self.breaker.acquire_owned(key)
        };
        let probe = real
            .as_ref()
            .map(|permit| permit.is_probe())
            .map_err(|rejected| *rejected);
        if let (Some(model), Ok(real)) = (self.admit(key, probe), real) {
            self.held.push(Holding {
                key,
                real,
                model,
                since: self.began(),
            });
        }
    }

    fn guard(&mut self, key: &str, by_handle: bool, outcome: Option<Outcome>) {
        let handle = by_handle.then(|| {
            let handle = self.breaker.circuit(key).expect("the store has no bound");
            self.created(key);
            handle
        });
        // The permit borrows the breaker, so the comparison uses a clone.
        let breaker = self.breaker.clone();
        let permit = match &handle {
            Some(handle) => handle.acquire().map(|permit| {
                let probe = permit.is_probe();
                (
                    probe,
                    outcome.map(|outcome| permit.report(breakerbox::Outcome::from(outcome))),
                )
            }),
            None => breaker.acquire(key).map(|permit| {
                let probe = permit.is_probe();
                (
                    probe,
                    outcome.map(|outcome| permit.report(breakerbox::Outcome::from(outcome))),
                )
            }),
        };
        let probe = permit
            .as_ref()
            .map(|(probe, _)| *probe)
            .map_err(|rejected| *rejected);
        if let (Some(model), Ok((_, real))) = (self.admit(key, probe), permit) {
            let outcome = outcome.unwrap_or_else(|| self.of_dropped(self.began()));
            self.report(key, model, outcome.into(), real);
        }
    }

    fn guarded(&mut self, key: &str, by_handle: bool, does: Guarded) {
        let upstream = || match does {
            Guarded::Succeed => Ok(1),
            Guarded::Fail => Err(2),
            // Without the message that a panic prints.
            Guarded::Panic => resume_unwind(Box::new(3)),
        };
        let real = if by_handle {
            let handle = self.breaker.circuit(key).expect("the store has no bound");
            self.created(key);
            catch_unwind(AssertUnwindSafe(|| handle.call(upstream)))
        } else {
            catch_unwind(AssertUnwindSafe(|| self.breaker.call(key, upstream)))
        };
        let admitted = self.below.model.store.acquire(&key.to_owned(), &self.rules);
        let Ok(permit) = admitted else {
            let rejection = admitted.unwrap_err();
            let Ok(Err(CallError::Rejected(rejected))) = real else {
                panic!("{real:?}, but the model says {rejection:?}");
            };
            assert_eq!(Rejection::from(rejected), rejection);
            return;
        };
        let outcome = match (does, real) {
            (Guarded::Succeed, Ok(Ok(1))) => Outcome::Success,
            (Guarded::Fail, Ok(Err(CallError::Inner(2)))) => Outcome::Failure,
            (Guarded::Panic, Err(payload)) if payload.is::<i32>() => Outcome::Failure,
            (does, real) => panic!("{does:?} gave {real:?}"),
        };
        self.report(key, permit, outcome.into(), None);
    }

    /// Returns the report of a call that began then.
    fn told(&self, outcome: Outcome, since: Option<u64>) -> Told {
        let now = self.below.now();
        let took = since.map_or(0, |since| now.saturating_sub(since));
        Told {
            took: if is_timed(self.rules, self.dropped) {
                took
            } else {
                0
            },
            ..outcome.into()
        }
    }

    /// Returns the start of a call that begins now, if permits record it.
    fn began(&self) -> Option<u64> {
        is_timed(self.rules, self.dropped).then(|| self.below.now())
    }

    /// Checks in the model, and compares with whether the breaker's permit is a probe.
    fn admit(&mut self, key: &str, real: Result<bool, Rejected>) -> Option<model::Permit> {
        let model = self.below.model.store.acquire(&key.to_owned(), &self.rules);
        let expected = model.map(|permit| permit.probe);
        assert_eq!(real.map_err(Rejection::from), expected, "check of {key:?}");
        model.ok()
    }

    /// Reports to the model; `real` is the breaker's answer, if it gave one.
    fn report(&mut self, key: &str, permit: model::Permit, told: Told, real: Option<Reported>) {
        let key = &key.to_owned();
        let store = &mut self.below.model.store;
        let may_lose = store.may_lose(key, permit);
        let lost = match real {
            Some(real) => real == Reported::Stale,
            // No answer: a report that changed nothing may be a lost one.
            None => self.breaker.peek(key).map(model::Snapshot::from) == store.peek(key),
        };
        if may_lose && lost {
            self.below.lost += 1;
            return;
        }
        let expected = store.report(key, permit, told, &self.rules);
        if let Some(real) = real {
            assert_eq!(
                model::Reported::from(real),
                expected,
                "report of {told:?} to {key:?}"
            );
        }
    }

    fn created(&mut self, key: &str) {
        self.below.model.store.get_state(&key.to_owned());
    }

    fn of_dropped(&self, since: Option<u64>) -> Outcome {
        let age = since.map_or(0, |since| self.below.now().saturating_sub(since));
        match self.dropped {
            Dropped::Ignored => Outcome::Ignored,
            Dropped::Failure => Outcome::Failure,
            Dropped::FailureIfOlder(least) if age >= least => Outcome::Failure,
            Dropped::FailureIfOlder(_) => Outcome::Ignored,
        }
    }

    fn take(&mut self, index: usize) -> Option<Holding> {
        let index = index.checked_rem(self.held.len())?;
        Some(self.held.swap_remove(index))
    }
}

/// The group that all keys are in, where there is a cap.
const GROUP: &str = "all";

fn policies(rules: Rules, dropped: Dropped) -> PolicySet<String> {
    let ms = Duration::from_millis;
    let dropped = match dropped {
        Dropped::Ignored => DroppedPermit::Ignored,
        Dropped::Failure => DroppedPermit::Failure,
        Dropped::FailureIfOlder(age) => DroppedPermit::FailureIfOlder(ms(age)),
    };
    let policy = rules
        .policy()
        .to_builder()
        .dropped_permit(dropped)
        .build()
        .unwrap();
    let set = PolicySet::new(policy);
    match rules.more.cap {
        None => set,
        Some(cap) => {
            let percent = (cap * 100).div_ceil(KEYS.len() as u64);
            let cap = EjectionCap::Percent(percent as u32);
            set.group(GROUP, Group::of(KEYS.map(String::from), cap).unwrap())
        }
    }
}

/// Returns whether permits record when they began.
fn is_timed(rules: Rules, dropped: Dropped) -> bool {
    rules.more.slow_ms != 0 || matches!(dropped, Dropped::FailureIfOlder(_))
}
