//! The parts of a report under rules over a window: the call counts in the window first, and the
//! circuit decides afterwards.

use super::rules::{Call, Tally};
use super::{Outcome, Permit, Rules, State, Store, Told};

impl<K: Ord + Clone> Store<K> {
    /// Returns whether the call of a report counts in a window.
    pub fn counts(&self, key: &K, permit: Permit, told: impl Into<Told>, rules: &Rules) -> bool {
        let state = self.peek(key).map(|circuit| circuit.state);
        rules.more.window.is_some()
            && told.into().outcome != Outcome::Ignored
            && matches!(state, None | Some(State::Closed))
            && !self.is_stale(key, permit)
    }

    /// Counts a call in its window, and nothing else.
    pub fn count(&mut self, key: &K, told: impl Into<Told>, rules: &Rules) {
        let (now, rough) = (self.now, self.rough);
        let circuit = self.circuit(key);
        circuit.watch(rules);
        if let Some(window) = rules.more.window {
            let time = if window.is_rough() { rough } else { now };
            window.count(&mut circuit.calls, time, Call::of(told.into(), rules));
        }
    }

    /// Turns a success, which counts in the latest bucket of a window of time, into a failure.
    pub fn fail_counted(&mut self, key: &K) {
        let calls = &mut self.circuit(key).calls;
        let latest = calls.iter().map(|call| call.tick).max();
        let in_latest = |call: &&mut Call| Some(call.tick) == latest && !call.failed;
        calls.iter_mut().find(in_latest).expect("it counts").failed = true;
        calls.sort_unstable();
    }

    /// Returns the counts of the window.
    pub fn tally(&self, key: &K) -> Tally {
        let calls = self.circuits.get(key).map(|circuit| &circuit.calls[..]);
        Tally::of(calls.unwrap_or_default())
    }

    /// Returns whether a call has been counted in a window of the circuit.
    pub fn has_window(&self, key: &K) -> bool {
        let circuit = self.circuits.get(key);
        circuit.is_some_and(|circuit| circuit.window.is_some())
    }

    /// Takes the rest of a report into account, unless the circuit has changed state since the
    /// permit was given. `by_window` says whether the window opens.
    pub fn decide(
        &mut self,
        key: &K,
        permit: Permit,
        told: impl Into<Told>,
        rules: &Rules,
        by_window: bool,
    ) {
        let told = told.into();
        if self.is_stale(key, permit) {
            return;
        }
        let state = self.peek(key).map(|circuit| circuit.state);
        match (state, told.outcome) {
            (None | Some(State::Closed), Outcome::Failure) => {
                self.fail(key, told, rules, by_window);
            }
            (Some(State::Closed), Outcome::Success) => self.succeed(key, told, rules, by_window),
            (Some(State::HalfOpen), _) => self.probed(key, permit, told, rules),
            _ => {}
        }
    }
}
