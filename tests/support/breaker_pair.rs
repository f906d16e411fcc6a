//! The breaker and its model, driven together.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use breakerbox::{
    CallError, CircuitBreaker, DroppedPermit, ManualClock, OwnedPermit, Rejected, Reported,
};

use super::model::{self, Outcome, Rejection, Rules};
use super::ops::{Op, name};
use super::pair::{Announced, Pair, note_in};
use super::system::trip_rule;

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;
type Held = OwnedPermit<String, std::hash::RandomState, ManualClock>;

/// What becomes of a permit that nobody reports; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dropped {
    Ignored,
    Failure,
    FailureIfOlder(u64),
}

/// What a guarded call does.
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
    /// Something that somebody does to the store below.
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
    since: u64,
}

impl BreakerPair {
    pub fn new(rules: Rules, dropped: Dropped, now: u64) -> Self {
        let clock = ManualClock::new(now);
        let announced = Announced::default();
        let ms = Duration::from_millis;
        let breaker = CircuitBreaker::builder()
            .trip_rule(trip_rule(rules.trip))
            .failure_threshold(rules.failure_threshold as u32)
            .reset_timeout(ms(rules.reset_timeout))
            .half_open_max(rules.half_open_max as u32)
            .success_threshold(rules.success_threshold as u32)
            .probe_lease(ms(rules.probe_lease))
            .dropped_permit(match dropped {
                Dropped::Ignored => DroppedPermit::Ignored,
                Dropped::Failure => DroppedPermit::Failure,
                Dropped::FailureIfOlder(age) => DroppedPermit::FailureIfOlder(ms(age)),
            })
            .on_state_change(note_in(&announced))
            .clock(clock.clone())
            .build()
            .expect("the tests ask for valid limits");
        let below = Pair::over(breaker.store().clone(), clock, announced, rules, now);
        BreakerPair {
            breaker,
            below,
            rules,
            dropped,
            held: Vec::new(),
        }
    }

    /// One step of both; panics where they differ.
    pub fn apply(&mut self, op: BreakerOp) {
        match op {
            BreakerOp::Hold { key, by_handle } => self.hold(name(key), by_handle),
            BreakerOp::Report { permit, outcome } => {
                if let Some(held) = self.take(permit) {
                    let real = held.real.report(breakerbox::Outcome::from(outcome));
                    self.settle(held.key, held.model, outcome, Some(real));
                }
            }
            BreakerOp::Drop { permit } => {
                if let Some(held) = self.take(permit) {
                    drop(held.real);
                    let outcome = self.of_dropped(held.since);
                    self.settle(held.key, held.model, outcome, None);
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
            // The breaker keeps its limits.
            BreakerOp::Store(Op::Under(_)) => {}
            BreakerOp::Store(op) => self.below.apply(op),
        }
        self.below.compare();
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
                since: self.below.now(),
            });
        }
    }

    fn guard(&mut self, key: &str, by_handle: bool, outcome: Option<Outcome>) {
        let handle = by_handle.then(|| {
            let handle = self.breaker.circuit(key).expect("the store has no bound");
            self.created(key);
            handle
        });
        // The permit borrows the breaker: seen to by what it answers.
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
            let outcome = outcome.unwrap_or_else(|| self.of_dropped(self.below.now()));
            self.settle(key, model, outcome, real);
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
        self.settle(key, permit, outcome, None);
    }

    /// Checks in the model, and compares with whether the breaker's permit is a probe.
    fn admit(&mut self, key: &str, real: Result<bool, Rejected>) -> Option<model::Permit> {
        let model = self.below.model.store.acquire(&key.to_owned(), &self.rules);
        let expected = model.map(|permit| permit.probe);
        assert_eq!(real.map_err(Rejection::from), expected, "check of {key:?}");
        model.ok()
    }

    /// Reports to the model; `real` is what the breaker said, where it says.
    fn settle(
        &mut self,
        key: &str,
        permit: model::Permit,
        outcome: Outcome,
        real: Option<Reported>,
    ) {
        let key = &key.to_owned();
        let store = &mut self.below.model.store;
        let may_lose = store.may_lose(key, permit);
        let lost = match real {
            Some(real) => real == Reported::Stale,
            // It didn't say: a report that changed nothing may be taken for a lost one.
            None => self.breaker.peek(key).map(model::Snapshot::from) == store.peek(key),
        };
        if may_lose && lost {
            self.below.lost += 1;
            return;
        }
        let expected = store.report(key, permit, outcome, &self.rules);
        if let Some(real) = real {
            assert_eq!(
                model::Reported::from(real),
                expected,
                "report of {outcome:?} to {key:?}"
            );
        }
    }

    fn created(&mut self, key: &str) {
        self.below.model.store.get_state(&key.to_owned());
    }

    fn of_dropped(&self, since: u64) -> Outcome {
        match self.dropped {
            Dropped::Ignored => Outcome::Ignored,
            Dropped::Failure => Outcome::Failure,
            Dropped::FailureIfOlder(age) if self.below.now().saturating_sub(since) >= age => {
                Outcome::Failure
            }
            Dropped::FailureIfOlder(_) => Outcome::Ignored,
        }
    }

    fn take(&mut self, index: usize) -> Option<Holding> {
        let index = index.checked_rem(self.held.len())?;
        Some(self.held.swap_remove(index))
    }
}
