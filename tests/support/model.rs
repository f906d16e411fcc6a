//! The contract as plain, single-threaded code: the oracle of the property tests and the fuzz
//! targets.
//!
//! It decides with types of its own, so that no part of the crate can make it agree.

#[path = "parts.rs"]
mod parts;
#[path = "rules.rs"]
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use rules::{Call, Judged};
pub use rules::{DURATIONS, FailureCounting, More, Rules, Tally, Window};

/// The highest count of failures.
pub const MAX_FAILURES: u64 = 1_048_575;
/// The highest count of successes.
pub const MAX_SUCCESSES: u64 = (1 << 42) - 1;
/// The latest time that a store knows (May 2109); for it, a later clock stands still.
pub const MAX_TIME: u64 = (1 << 42) - 2;
/// The number of leases in one half-open state after which its probes free no slot.
pub const LEASES: u64 = 15;
/// The longest duration that a report can state (24 days).
pub const MAX_TOLD: u64 = (1 << 31) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot {
    pub state: State,
    pub failure_count: u64,
    pub success_count: u64,
    pub last_failure_time: u64,
    pub last_state_change: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    Success,
    Failure,
    Ignored,
}

/// A report of a call; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Told {
    pub outcome: Outcome,
    pub took: u64,
    pub retry_after: u64,
}

impl From<Outcome> for Told {
    fn from(outcome: Outcome) -> Self {
        Told {
            outcome,
            took: 0,
            retry_after: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reported {
    Recorded,
    Stale,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rejection {
    pub state: State,
    pub retry_after: u64,
}

/// A permit, which keeps the number of changes before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Permit {
    pub probe: bool,
    /// The lease of its half-open state in which a probe was admitted.
    lease: u64,
    changes: u64,
    key_was_unknown: bool,
    /// The number of its in-flight slot.
    slot: Option<u64>,
}

impl Permit {
    /// Returns whether its key had no circuit when it was given.
    pub fn was_unknown(&self) -> bool {
        self.key_was_unknown
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Change<K> {
    pub key: K,
    pub from: State,
    pub to: State,
    pub at: u64,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Circuit {
    snapshot: Snapshot,
    /// The number of the change that brought it into its state.
    changed: u64,
    /// The number of the last removal of any circuit when this one was created.
    removals_before: u64,
    /// The length of this opening: set by the report that opened it, or else by the first check.
    open_for: Option<u64>,
    /// The probes of the current lease.
    probes_out: u64,
    lease: u64,
    probe_successes: u64,
    probe_failures: u64,
    /// Openings without a stable time between.
    openings: u64,
    /// Set if it has not changed state since it was created.
    is_new: bool,
    /// The calls of this closed period that are in the window, and the window's form.
    calls: Vec<Call>,
    window: Option<Window>,
    /// The calls in flight of this closed period, if they were ever counted: number and time.
    slots: Option<Vec<(u64, u64)>>,
    /// The age of the half-open state when its last probe was admitted, from which their lease
    /// runs.
    last_probe_age: u64,
}

/// The store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Store<K> {
    now: u64,
    /// How late the rough clock is.
    lag: u64,
    /// What it shows.
    rough: u64,
    circuits: BTreeMap<K, Circuit>,
    /// Changes of any circuit so far: transitions, and removals of existing circuits.
    changes: u64,
    /// The number of the last removal of each key.
    removed: BTreeMap<K, u64>,
    /// The number of the last removal of any key.
    last_removal: u64,
    announced: Vec<Change<K>>,
    /// Circuits that have a place in the group of all keys.
    places: BTreeSet<K>,
    /// Openings that the group's cap held back.
    pub held_back: u64,
    slots: u64,
}

impl<K: Ord + Clone> Store<K> {
    pub fn new(now: u64) -> Self {
        Store {
            now: now.min(MAX_TIME),
            lag: 0,
            rough: now.min(MAX_TIME),
            circuits: BTreeMap::new(),
            changes: 0,
            removed: BTreeMap::new(),
            last_removal: 0,
            announced: Vec::new(),
            places: BTreeSet::new(),
            held_back: 0,
            slots: 0,
        }
    }

    pub fn set_now(&mut self, ms: u64) {
        self.now = ms.min(MAX_TIME);
        self.rough = ms.saturating_sub(self.lag).min(MAX_TIME);
    }

    /// Lets the rough clock be late by `lag` from the next time on.
    pub fn set_lag(&mut self, lag: u64) {
        self.lag = lag;
    }

    pub fn get_state(&mut self, key: &K) -> Snapshot {
        self.circuit(key).snapshot
    }

    pub fn record_success(&mut self, key: &K) -> Snapshot {
        let circuit = &mut self.circuit(key).snapshot;
        if circuit.state != State::Disabled {
            circuit.success_count = (circuit.success_count + 1).min(MAX_SUCCESSES);
        }
        *circuit
    }

    pub fn record_failure(&mut self, key: &K) -> Snapshot {
        let rough = self.rough;
        let circuit = &mut self.circuit(key).snapshot;
        if circuit.state != State::Disabled {
            count_failure(circuit, rough);
        }
        *circuit
    }

    pub fn transition(&mut self, key: &K, to: State) -> Snapshot {
        self.circuit(key);
        self.change(key, to);
        if to == State::Closed {
            // By hand: it counts as recovered, whatever came before.
            self.circuit(key).openings = 0;
        }
        self.circuits[key].snapshot
    }

    pub fn reset(&mut self, key: &K) {
        let Some(circuit) = self.circuits.remove(key) else {
            return;
        };
        self.places.remove(key);
        self.changes += 1;
        self.removed.insert(key.clone(), self.changes);
        self.last_removal = self.changes;
        // A removed circuit counts as closed again, unless it was closed.
        let from = circuit.snapshot.state;
        if from != State::Closed {
            self.announce(key, from, State::Closed);
        }
    }

    /// Removes a clean circuit to make room: calls in flight still count.
    pub fn forget_clean(&mut self, key: &K) {
        let clean = |circuit: &Circuit| {
            circuit.snapshot.state == State::Closed && circuit.snapshot.failure_count == 0
        };
        if self.circuits.get(key).is_some_and(clean) {
            let circuit = self.circuits.remove(key).expect("it is there");
            self.removed.insert(key.clone(), circuit.changed);
            self.last_removal = self.last_removal.max(circuit.changed);
        }
    }

    pub fn clear(&mut self) {
        let keys: Vec<K> = self.circuits.keys().cloned().collect();
        for key in keys {
            self.reset(&key);
        }
    }

    pub fn destroy(&mut self) {
        self.clear();
    }

    pub fn peek(&self, key: &K) -> Option<Snapshot> {
        self.circuits.get(key).map(|circuit| circuit.snapshot)
    }

    pub fn snapshots(&self) -> BTreeMap<K, Snapshot> {
        let live = self.circuits.iter();
        live.map(|(key, circuit)| (key.clone(), circuit.snapshot))
            .collect()
    }

    /// Counts the circuits that have a place in the group.
    pub fn places(&self) -> u64 {
        self.places.len() as u64
    }

    /// Drops all windows: rules without one apply from now on.
    pub fn forget_windows(&mut self) {
        for circuit in self.circuits.values_mut() {
            (circuit.calls, circuit.window) = (Vec::new(), None);
        }
    }

    pub fn acquire(&mut self, key: &K, rules: &Rules) -> Result<Permit, Rejection> {
        if rules.more.hung_calls > 0 {
            self.circuit(key);
        }
        let (now, rough) = (self.now, self.rough);
        let Some(circuit) = self.circuits.get_mut(key) else {
            return Ok(Permit {
                probe: false,
                lease: 0,
                changes: self.changes,
                key_was_unknown: true,
                slot: None,
            });
        };
        let state = circuit.snapshot.state;
        let since = circuit.snapshot.last_state_change;
        let age = now.saturating_sub(since);
        match state {
            State::Closed => self.admit(key, rules),
            State::Disabled => Ok(self.permit(key)),
            State::Open => {
                let fixed = rules.open_for(circuit.openings - 1);
                let open_for = *circuit.open_for.get_or_insert(fixed);
                // Never more than the whole time, whatever the clock did.
                let left = |now| (since + open_for).saturating_sub(now).min(open_for);
                // The rough clock answers only where so little doesn't matter.
                let time = if left(rough) > 100 { rough } else { now };
                match left(time) {
                    0 => {
                        self.change(key, State::HalfOpen);
                        Ok(self.probe(key))
                    }
                    retry_after => Err(Rejection { state, retry_after }),
                }
            }
            State::HalfOpen if rules.half_open_is_over(age) => {
                if rules.more.then_close {
                    self.change(key, State::Closed);
                } else {
                    self.open(key, rules, 0);
                }
                self.acquire(key, rules)
            }
            State::HalfOpen if circuit.probes_out < rules.half_open_max => Ok(self.probe(key)),
            State::HalfOpen if age >= circuit.last_probe_age + rules.probe_lease => {
                circuit.lease = (circuit.lease + 1).min(LEASES);
                circuit.probes_out = 0;
                Ok(self.probe(key))
            }
            State::HalfOpen | State::ForcedOpen => Err(Rejection {
                state,
                retry_after: rules.reset_timeout,
            }),
        }
    }

    /// Admits a call to a closed circuit, unless too many calls hang in it.
    fn admit(&mut self, key: &K, rules: &Rules) -> Result<Permit, Rejection> {
        let mut permit = self.permit(key);
        if rules.more.hung_calls == 0 {
            return Ok(permit);
        }
        self.slots += 1;
        let (now, number) = (self.now, self.slots);
        let circuit = self.circuit(key);
        circuit.watch(rules);
        let slots = circuit.slots.as_mut().expect("they are counted");
        let is_hung = |(_, since): &&(u64, u64)| now.saturating_sub(*since) >= rules.more.hung_ms;
        let hung = slots.iter().filter(is_hung).count() as u64;
        if hung >= rules.more.hung_calls && self.open(key, rules, 0) {
            return self.acquire(key, rules);
        }
        let slots = self.circuit(key).slots.as_mut().expect("it is closed");
        if slots.len() < 64 {
            slots.push((number, now));
            permit.slot = Some(number);
        }
        Ok(permit)
    }

    fn permit(&mut self, key: &K) -> Permit {
        Permit {
            probe: false,
            lease: 0,
            changes: self.circuit(key).changed,
            key_was_unknown: false,
            slot: None,
        }
    }

    pub fn report(
        &mut self,
        key: &K,
        permit: Permit,
        told: impl Into<Told>,
        rules: &Rules,
    ) -> Reported {
        let told = told.into();
        let told = Told {
            took: told.took.min(MAX_TOLD),
            retry_after: told.retry_after.min(MAX_TOLD),
            ..told
        };
        if let (Some(slot), Some(circuit)) = (permit.slot, self.circuits.get_mut(key)) {
            let slots = circuit.slots.iter_mut();
            slots.for_each(|slots| slots.retain(|(number, _)| *number != slot));
        }
        if self.is_stale(key, permit) {
            return Reported::Stale;
        }
        let by_window = self.counts(key, permit, told, rules) && {
            self.count(key, told, rules);
            rules.window_opens(self.tally(key))
        };
        self.decide(key, permit, told, rules, by_window);
        Reported::Recorded
    }

    fn fail(&mut self, key: &K, told: Told, rules: &Rules, by_window: bool) {
        let rough = self.rough;
        let circuit = self.circuit(key);
        count_failure(&mut circuit.snapshot, rough);
        if circuit.snapshot.failure_count >= rules.failure_threshold || by_window {
            self.open(key, rules, told.retry_after);
        }
    }

    fn succeed(&mut self, key: &K, told: Told, rules: &Rules, by_window: bool) {
        let circuit = self.circuit(key);
        if rules.trip == FailureCounting::Consecutive {
            circuit.snapshot.failure_count = 0;
        }
        if by_window {
            self.open(key, rules, told.retry_after);
        }
    }

    fn probed(&mut self, key: &K, permit: Permit, told: Told, rules: &Rules) {
        let rough = self.rough;
        let circuit = self.circuit(key);
        if permit.lease == circuit.lease && circuit.lease < LEASES {
            circuit.probes_out -= 1;
        }
        // A slow success is no sign of recovery where slow calls open.
        let failed = match told.outcome {
            Outcome::Ignored => return,
            Outcome::Failure => true,
            Outcome::Success => rules.is_slow(told.took),
        };
        circuit.probe_failures += u64::from(failed);
        circuit.probe_successes += u64::from(!failed);
        if failed {
            let last = &mut circuit.snapshot.last_failure_time;
            *last = rough.max(*last);
        }
        match rules.judge(circuit.probe_successes, circuit.probe_failures) {
            Judged::Undecided => {}
            Judged::Recovered => self.change(key, State::Closed),
            Judged::Failed => {
                if failed {
                    count_failure(&mut circuit.snapshot, rough);
                }
                self.open(key, rules, told.retry_after);
            }
        }
    }

    pub fn release(&mut self, key: &K, permit: Permit, rules: &Rules) -> Reported {
        self.report(key, permit, Outcome::Ignored, rules)
    }

    /// Returns whether the store may answer `Stale` where the contract says `Recorded`: the permit
    /// was given while its key was unknown, and another circuit was removed before this one was
    /// created.
    pub fn may_lose(&self, key: &K, permit: Permit) -> bool {
        let removals = match self.circuits.get(key) {
            Some(circuit) => circuit.removals_before,
            None => self.last_removal,
        };
        permit.key_was_unknown && !self.is_stale(key, permit) && removals > permit.changes
    }

    /// Returns the transitions since the last call.
    pub fn take_announced(&mut self) -> Vec<Change<K>> {
        std::mem::take(&mut self.announced)
    }

    /// Returns whether the circuit has changed state since the permit was given.
    pub fn is_stale(&self, key: &K, permit: Permit) -> bool {
        let last_change = match self.circuits.get(key) {
            Some(circuit) => circuit.changed,
            None => self.last_removal_of(key),
        };
        last_change > permit.changes
    }

    fn last_removal_of(&self, key: &K) -> u64 {
        self.removed.get(key).copied().unwrap_or(0)
    }

    fn circuit(&mut self, key: &K) -> &mut Circuit {
        let changed = self.last_removal_of(key);
        let (now, removals_before) = (self.now, self.last_removal);
        self.circuits.entry(key.clone()).or_insert_with(|| Circuit {
            snapshot: Snapshot {
                state: State::Closed,
                failure_count: 0,
                success_count: 0,
                last_failure_time: 0,
                last_state_change: now,
            },
            changed,
            removals_before,
            open_for: None,
            probes_out: 0,
            lease: 0,
            probe_successes: 0,
            probe_failures: 0,
            openings: 0,
            is_new: true,
            calls: Vec::new(),
            window: None,
            slots: None,
            last_probe_age: 0,
        })
    }

    fn change(&mut self, key: &K, to: State) {
        self.changes += 1;
        let (now, changed) = (self.now, self.changes);
        let circuit = self.circuit(key);
        let snapshot = &mut circuit.snapshot;
        let from = std::mem::replace(&mut snapshot.state, to);
        snapshot.last_state_change = now;
        match to {
            State::Closed | State::Disabled => {
                snapshot.failure_count = 0;
                snapshot.success_count = 0;
            }
            State::HalfOpen => snapshot.success_count = 0,
            State::Open | State::ForcedOpen => {}
        }
        circuit.changed = changed;
        circuit.open_for = None;
        circuit.probes_out = 0;
        circuit.lease = 0;
        circuit.probe_successes = 0;
        circuit.probe_failures = 0;
        circuit.last_probe_age = 0;
        circuit.is_new = false;
        circuit.forget_calls();
        if to == State::Open {
            circuit.openings = 1;
        }
        if matches!(to, State::Closed | State::Disabled) {
            self.places.remove(key);
        }
        self.announce(key, from, to);
    }

    fn announce(&mut self, key: &K, from: State, to: State) {
        self.announced.push(Change {
            key: key.clone(),
            from,
            to,
            at: self.now,
        });
    }

    /// Opens by a rule, unless the group's cap holds it back.
    fn open(&mut self, key: &K, rules: &Rules, retry_after: u64) -> bool {
        let now = self.now;
        let circuit = &self.circuits[key];
        let was_closed = circuit.snapshot.state == State::Closed;
        let closed_for = now.saturating_sub(circuit.snapshot.last_state_change);
        let follows = !was_closed
            || rules.more.factor > 1_000 && !circuit.is_new && closed_for < rules.more.stable_after;
        let openings = if follows { circuit.openings } else { 0 };
        if let (true, Some(cap)) = (was_closed, rules.more.cap) {
            if self.places() >= cap {
                self.held_back += 1;
                return false;
            }
            self.places.insert(key.clone());
        }
        self.change(key, State::Open);
        let circuit = self.circuit(key);
        circuit.openings = (openings + 1).min(63);
        let own = rules.open_for(circuit.openings - 1);
        let asked = retry_after.min(rules.more.retry_after_max);
        circuit.open_for = Some(own.max(asked).min(MAX_TIME));
        true
    }

    fn probe(&mut self, key: &K) -> Permit {
        let now = self.now;
        let circuit = self.circuit(key);
        let age = now.saturating_sub(circuit.snapshot.last_state_change);
        circuit.last_probe_age = circuit.last_probe_age.max(twelve_bits(age));
        circuit.probes_out += 1;
        Permit {
            probe: true,
            lease: circuit.lease,
            changes: circuit.changed,
            key_was_unknown: false,
            slot: None,
        }
    }
}

impl Circuit {
    fn forget_calls(&mut self) {
        self.calls.clear();
        self.window = None;
        self.slots = None;
    }

    /// Fits the record of single calls to the rules.
    fn watch(&mut self, rules: &Rules) {
        if self.window != rules.more.window {
            self.calls.clear();
            self.window = rules.more.window;
        }
        if rules.more.hung_calls > 0 {
            self.slots.get_or_insert_default();
        }
    }
}

/// Returns the first number from `ms` on whose nonzero bits span at most twelve.
pub fn twelve_bits(ms: u64) -> u64 {
    let mut unit = 1;
    while ms.div_ceil(unit) > 4_095 {
        unit *= 2;
    }
    ms.next_multiple_of(unit)
}

fn count_failure(circuit: &mut Snapshot, now: u64) {
    circuit.failure_count = (circuit.failure_count + 1).min(MAX_FAILURES);
    circuit.last_failure_time = circuit.last_failure_time.max(now);
}
