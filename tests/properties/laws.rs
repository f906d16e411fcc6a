//! Laws that hold for every history, stated without the model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use breakerbox::{
    CircuitBreakerSnapshot, CircuitState, Clock, InMemoryCircuitBreakerStore, Outcome, PermitToken,
    Policy, Reported, StateChange, StoreHandle,
};

use crate::START;
use crate::support::clock::LaggingClock;
use crate::support::model::Rules;
use crate::support::ops::{Op, name};
use crate::support::system::{Call, Store};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

/// How late the rough clock is.
const LAG: u64 = 4;

pub(crate) struct Laws {
    store: Store,
    clock: LaggingClock,
    policy: Policy,
    handles: BTreeMap<String, StoreHandle<String, std::hash::RandomState, LaggingClock>>,
    permits: Vec<(String, PermitToken)>,
    /// The probes among them whose lease runs, with its start.
    leases: Vec<(PermitToken, u64)>,
    changes: Arc<Mutex<Vec<StateChange<String>>>>,
    states: BTreeMap<String, CircuitState>,
}

impl Laws {
    pub(crate) fn new(rules: Rules) -> Self {
        let clock = LaggingClock::new(START, LAG);
        let changes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&changes);
        let store = InMemoryCircuitBreakerStore::builder()
            .clock(clock.clone())
            .on_state_change(move |change: &StateChange<String>| {
                heard.lock().unwrap().push(change.clone());
            })
            .build();
        Laws {
            store,
            clock,
            policy: rules.policy(),
            handles: BTreeMap::new(),
            permits: Vec::new(),
            leases: Vec::new(),
            changes,
            states: BTreeMap::new(),
        }
    }

    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Call {
                key,
                call: Call::Acquire,
                ..
            } => self.acquire(name(key)),
            Op::Call { key, call, .. } => self.told(name(key), call),
            Op::Burst { key, call, times } => {
                (0..times).for_each(|_| self.told(name(key), call));
            }
            Op::Report { permit, told, .. } => self.report(permit, told.outcome.into()),
            Op::Release { permit, .. } => self.report(permit, Outcome::Ignored),
            Op::Pin { key } => {
                let handle = self.store.circuit(name(key)).unwrap();
                self.handles.insert(name(key).to_owned(), handle);
            }
            Op::Unpin { key } => drop(self.handles.remove(name(key))),
            Op::Advance { ms } => self.clock.advance_ms(ms),
            Op::SetNow { ms } => self.clock.set(ms),
            Op::Under(_) => {}
        }
    }

    /// Checks that a rejected call's circuit rejects, that an admitted one's doesn't, and counts
    /// probes.
    fn acquire(&mut self, key: &str) {
        let answer = self.store.acquire(key, &self.policy);
        let state = self.store.peek(key).map(|circuit| circuit.state);
        match answer {
            Err(rejected) => {
                assert!(matches!(rejected.state(), Open | HalfOpen | ForcedOpen));
                assert_eq!(state, Some(rejected.state()));
                assert!(
                    !rejected.retry_after().is_zero(),
                    "there is a time to wait for"
                );
            }
            Ok(permit) if permit.is_probe() => {
                assert_eq!(state, Some(HalfOpen));
                self.permits.push((key.to_owned(), permit));
                let (now, lease) = (self.clock.now_ms(), self.policy.probe_lease());
                let runs = |since: u64| u128::from(now.saturating_sub(since)) < lease.as_millis();
                self.leases.retain(|(_, since)| runs(*since));
                self.leases.push((permit, now));
                let out = self.probes_out(permit.generation());
                assert!(
                    out <= self.policy.half_open_max() as usize,
                    "{out} probes are in flight"
                );
            }
            Ok(permit) => {
                assert!(matches!(state, None | Some(Closed | Disabled)), "{state:?}");
                self.permits.push((key.to_owned(), permit));
            }
        }
        for change in self.chain() {
            assert!(
                matches!(change.from, Open | HalfOpen) && change.to == HalfOpen,
                "{change:?}"
            );
        }
    }

    /// Counts the probes of this half-open state whose lease runs.
    fn probes_out(&self, generation: u64) -> usize {
        let of = |(permit, _): &&(PermitToken, u64)| permit.generation() == generation;
        self.leases.iter().filter(of).count()
    }

    /// Checks that a stale report changes nothing, and that a valid one may only open a closed
    /// circuit or decide a half-open one.
    fn report(&mut self, index: usize, outcome: Outcome) {
        let Some(index) = index.checked_rem(self.permits.len()) else {
            return;
        };
        let (key, permit) = self.permits.swap_remove(index);
        if let Some(at) = self.leases.iter().position(|(probe, _)| *probe == permit) {
            let _ = self.leases.swap_remove(at);
        }
        let before = self.all();
        let reported = self.store.report(&*key, permit, outcome, &self.policy);
        let changes = self.chain();
        if reported == Reported::Stale || outcome == Outcome::Ignored {
            assert_eq!(self.all(), before);
            assert_eq!(changes, []);
            return;
        }
        for change in &changes {
            let legal = match outcome {
                Outcome::Failure => matches!(change.from, Closed | HalfOpen) && change.to == Open,
                _ => (change.from, change.to) == (HalfOpen, Closed),
            };
            assert!(legal, "{outcome:?}: {change:?}");
        }
        assert!(changes.len() <= 1, "{changes:?}");
        if let (Outcome::Failure, Some(circuit)) = (outcome, self.store.peek(&*key)) {
            let threshold = u64::from(self.policy.failure_threshold().unwrap());
            let full = circuit.state == Closed && circuit.failure_count >= threshold;
            assert!(
                !full,
                "the failure that reaches the threshold opens: {circuit:?}"
            );
        }
    }

    /// Checks that a command has its effect, and no other.
    fn told(&mut self, key: &str, call: Call) {
        let before = self.all();
        match call {
            Call::GetState => {
                self.store.get_state(key);
            }
            Call::RecordSuccess => {
                self.store.record_success(key);
            }
            Call::RecordFailure => {
                self.store.record_failure(key);
            }
            Call::Transition(to) => {
                let circuit = self.store.transition(key, to.into());
                assert_eq!(circuit.state, to.into());
                assert_eq!(self.chain().len(), 1, "one transition, one event");
            }
            Call::Reset => self.store.reset(key),
            Call::Clear => self.store.clear(),
            Call::Destroy => self.store.destroy(),
            Call::Peek => {
                let _ = self.store.peek(key);
            }
            Call::Acquire | Call::Report(..) | Call::Tell(..) | Call::Release(_) => {
                unreachable!("handled above")
            }
        }
        let removed = matches!(call, Call::Reset | Call::Clear | Call::Destroy);
        for change in self.chain() {
            assert!(
                removed && change.from != Closed && change.to == Closed,
                "{change:?}"
            );
        }
        for (other, circuit) in before {
            if other != key && !matches!(call, Call::Clear | Call::Destroy) {
                assert_eq!(
                    self.store.peek(&*other),
                    Some(circuit),
                    "{call:?} of {key:?}"
                );
            }
        }
    }

    /// Returns the changes since the last look, and checks that each begins where the one before
    /// ended.
    fn chain(&mut self) -> Vec<StateChange<String>> {
        let changes = std::mem::take(&mut *self.changes.lock().unwrap());
        for change in &changes {
            let before = self
                .states
                .insert(change.key.clone(), change.to)
                .unwrap_or(Closed);
            assert_eq!(change.from, before, "{change:?}");
        }
        changes
    }

    fn all(&self) -> BTreeMap<String, CircuitBreakerSnapshot> {
        self.store.snapshots().into_iter().collect()
    }
}
