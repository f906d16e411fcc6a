//! The crate and the model, driven together: every answer, snapshot and event is compared.

use std::sync::{Arc, Mutex, MutexGuard};

use breakerbox::{Cause, InMemoryCircuitBreakerStore, StateChange};

use super::clock::LaggingClock;
use super::model::{Change, MAX_TIME, Rules};
use super::system::{Answer, Call, Face, Modelled, Real, Store, System};

/// The changes that a store announced, with their generations.
pub type Announced = Arc<Mutex<Vec<(Change<String>, u64)>>>;

/// A store and its model, at the same time and under the same rules.
pub struct Pair {
    pub real: Real,
    pub model: Modelled,
    now: u64,
    announced: Announced,
    last_generation: u64,
    /// Keys by permit number, `None` once reported.
    permits: Vec<Option<String>>,
    /// Reports that the store answered as stale where the contract allows it.
    pub lost: usize,
}

impl Pair {
    /// Makes a new store.
    pub fn new(rules: Rules, now: u64) -> Self {
        Self::lagging(rules, now, 0)
    }

    /// Makes a new store whose rough clock is late by `lag`.
    pub fn lagging(rules: Rules, now: u64, lag: u64) -> Self {
        let clock = LaggingClock::new(now, lag);
        let announced = Announced::default();
        let store = InMemoryCircuitBreakerStore::builder()
            .clock(clock.clone())
            .on_state_change(note_in(&announced))
            .build();
        let mut pair = Self::over(store, clock, announced, rules, now);
        pair.model.store.set_lag(lag);
        pair.set_now(now);
        pair
    }

    /// Wraps an existing store; its changes go to `announced`.
    pub fn over(
        store: Store,
        clock: LaggingClock,
        announced: Announced,
        rules: Rules,
        now: u64,
    ) -> Self {
        Pair {
            real: Real::new(store, clock, rules),
            model: Modelled::new(rules, now),
            now,
            announced,
            last_generation: 0,
            permits: Vec::new(),
            lost: 0,
        }
    }

    /// Makes one call of both; panics where they differ.
    pub fn call(&mut self, face: Face, key: &str, call: Call) -> Answer {
        let answer = self.answer(face, key, call);
        self.compare();
        answer
    }

    /// Makes one call, and compares the answers but not the circuits.
    pub fn answer(&mut self, face: Face, key: &str, call: Call) -> Answer {
        let may_lose = match call {
            Call::Report(number, _) | Call::Tell(number, _) | Call::Release(number) => {
                self.permits[number] = None;
                let permit = self.model.permit(number).expect("an outstanding permit");
                self.model.store.may_lose(&key.to_owned(), permit)
            }
            _ => false,
        };
        self.real.face = face;
        let real = self.real.call(key, call);
        if may_lose && real == Answer::Stale {
            let (Call::Report(number, _) | Call::Tell(number, _) | Call::Release(number)) = call
            else {
                unreachable!("only reports are lost");
            };
            self.model.take_permit(number);
            self.lost += 1;
        } else {
            let expected = self.model.call(key, call);
            assert_eq!(real, expected, "{face:?} {key:?} {call:?} at {}", self.now);
        }
        if matches!(real, Answer::Admitted | Answer::Probe) {
            self.permits.push(Some(key.to_owned()));
        }
        real
    }

    /// Reports the `index`-th outstanding permit, wrapping around.
    pub fn report(&mut self, face: Face, index: usize, call: impl FnOnce(usize) -> Call) {
        let outstanding: Vec<usize> = self.outstanding().collect();
        if let Some(&number) = outstanding.get(index % outstanding.len().max(1)) {
            let key = self.permits[number].clone().expect("it is outstanding");
            self.call(face, &key, call(number));
        }
    }

    /// Returns the numbers of the permits that haven't been reported.
    pub fn outstanding(&self) -> impl Iterator<Item = usize> + '_ {
        let held = self.permits.iter().enumerate();
        held.filter_map(|(number, key)| key.is_some().then_some(number))
    }

    /// Takes a handle in the store, which creates the circuit.
    pub fn pin(&mut self, key: &str) {
        self.real.pin(key);
        self.model.call(key, Call::GetState);
        self.compare();
    }

    /// Drops the handle, if there is one, which has no visible effect.
    pub fn unpin(&mut self, key: &str) {
        self.real.unpin(key);
        self.compare();
    }

    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn set_now(&mut self, ms: u64) {
        self.now = ms;
        self.real.set_now(ms);
        self.model.set_now(ms);
        self.compare();
    }

    /// Replaces the policy.
    pub fn set_rules(&mut self, rules: Rules) {
        self.real.set_rules(rules);
        self.model.set_rules(rules);
    }

    pub fn advance(&mut self, ms: u64) {
        self.set_now(self.now.saturating_add(ms));
    }

    /// Compares all circuits, and all changes announced since the last comparison.
    pub fn compare(&mut self) {
        let expected = self.model.snapshots();
        assert_eq!(self.real.snapshots(), expected);
        assert_eq!(self.real.store.len(), expected.len());
        assert_eq!(self.real.store.is_empty(), expected.is_empty());

        let announced = std::mem::take(&mut *lock(&self.announced));
        for (_, generation) in &announced {
            assert!(*generation > self.last_generation, "generations grow");
            self.last_generation = *generation;
        }
        let announced = announced.into_iter().map(|(change, _)| change);
        let expected = self.model.store.take_announced();
        assert_eq!(by_key(announced), by_key(expected));
    }
}

/// Returns a listener that records its changes.
pub fn note_in(announced: &Announced) -> impl Fn(&StateChange<String>) + Send + Sync + 'static {
    let announced = Arc::clone(announced);
    move |change| {
        // A held back trip is announced once in a while, and is no transition.
        if matches!(change.cause, Cause::EjectionCap { .. }) {
            return;
        }
        let heard = Change {
            key: change.key.clone(),
            from: change.from.into(),
            to: change.to.into(),
            at: change.at.min(MAX_TIME),
        };
        lock(&announced).push((heard, change.generation));
    }
}

/// Sorts by key: only a clear announces several keys, in no order.
fn by_key(changes: impl IntoIterator<Item = Change<String>>) -> Vec<Change<String>> {
    let mut changes: Vec<_> = changes.into_iter().collect();
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
