//! The contract as plain, single-threaded code: the oracle of the property tests and the fuzz targets.
//!
//! It shares no type with the crate, so that nothing of the crate can make it agree.

use std::collections::BTreeMap;

/// Failures are counted up to here.
pub const MAX_FAILURES: u64 = 1_048_575;
/// Successes are counted up to here.
pub const MAX_SUCCESSES: u64 = (1 << 42) - 1;
/// The latest time that a store knows (May 2109): to it, a later clock stands still.
pub const MAX_TIME: u64 = (1 << 42) - 2;
/// A probe that is admitted later than this into a half-open (34 minutes) has its lease from here.
pub const MAX_PROBE_AGE: u64 = (1 << 21) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Closed,
    Open,
    HalfOpen,
    ForcedOpen,
    Disabled,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub state: State,
    pub failure_count: u64,
    pub success_count: u64,
    pub last_failure_time: u64,
    pub last_state_change: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Success,
    Failure,
    Ignored,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reported {
    Recorded,
    Stale,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TripRule {
    Consecutive,
    Total,
}

/// What decides; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    pub trip: TripRule,
    pub failure_threshold: u64,
    pub reset_timeout: u64,
    pub half_open_max: u64,
    pub success_threshold: u64,
    pub probe_lease: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            trip: TripRule::Consecutive,
            failure_threshold: 5,
            reset_timeout: 30_000,
            half_open_max: 1,
            success_threshold: 1,
            probe_lease: 30_000,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rejection {
    pub state: State,
    pub retry_after: u64,
}

/// A permit knows how many changes there had been when it was given.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    pub probe: bool,
    changes: u64,
    key_was_unknown: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change<K> {
    pub key: K,
    pub from: State,
    pub to: State,
    pub at: u64,
}

#[derive(Debug)]
struct Circuit {
    snapshot: Snapshot,
    /// Number of the change that brought it into its state.
    changed: u64,
    /// Number of the last removal of any circuit when this one was created.
    removals_before: u64,
    /// How long this opening lasts: said by the report that opened it, or else by the first check.
    open_for: Option<u64>,
    probes_out: u64,
    probe_successes: u64,
    /// How old the half-open was when its last probe was admitted: their lease runs from then.
    last_probe_age: u64,
}

/// The store.
#[derive(Debug)]
pub struct Store<K> {
    now: u64,
    circuits: BTreeMap<K, Circuit>,
    /// Changes of any circuit so far: transitions, and removals of circuits that there were.
    changes: u64,
    /// Number of the last removal of each key.
    removed: BTreeMap<K, u64>,
    /// Number of the last removal of any key.
    last_removal: u64,
    announced: Vec<Change<K>>,
}

impl<K: Ord + Clone> Store<K> {
    pub fn new(now: u64) -> Self {
        Store {
            now: now.min(MAX_TIME),
            circuits: BTreeMap::new(),
            changes: 0,
            removed: BTreeMap::new(),
            last_removal: 0,
            announced: Vec::new(),
        }
    }

    pub fn set_now(&mut self, ms: u64) {
        self.now = ms.min(MAX_TIME);
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
        let now = self.now;
        let circuit = &mut self.circuit(key).snapshot;
        if circuit.state != State::Disabled {
            count_failure(circuit, now);
        }
        *circuit
    }

    pub fn transition(&mut self, key: &K, to: State) -> Snapshot {
        self.circuit(key);
        self.change(key, to);
        self.circuits[key].snapshot
    }

    pub fn reset(&mut self, key: &K) {
        let Some(circuit) = self.circuits.remove(key) else {
            return;
        };
        self.changes += 1;
        self.removed.insert(key.clone(), self.changes);
        self.last_removal = self.changes;
        // To be forgotten is to be closed again, unless it was.
        let from = circuit.snapshot.state;
        if from != State::Closed {
            self.announce(key, from, State::Closed);
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

    pub fn acquire(&mut self, key: &K, rules: &Rules) -> Result<Permit, Rejection> {
        let now = self.now;
        let Some(circuit) = self.circuits.get_mut(key) else {
            return Ok(Permit {
                probe: false,
                changes: self.changes,
                key_was_unknown: true,
            });
        };
        let state = circuit.snapshot.state;
        let since = circuit.snapshot.last_state_change;
        let age = now.saturating_sub(since);
        match state {
            State::Closed | State::Disabled => Ok(Permit {
                probe: false,
                changes: circuit.changed,
                key_was_unknown: false,
            }),
            State::Open => {
                let open_for = *circuit.open_for.get_or_insert(rules.reset_timeout);
                // Never more than all of it, wherever the clock went.
                match (since + open_for).saturating_sub(now).min(open_for) {
                    0 => {
                        self.change(key, State::HalfOpen);
                        Ok(self.probe(key))
                    }
                    retry_after => Err(Rejection { state, retry_after }),
                }
            }
            State::HalfOpen if circuit.probes_out < rules.half_open_max => Ok(self.probe(key)),
            State::HalfOpen if age >= circuit.last_probe_age + rules.probe_lease => {
                self.change(key, State::HalfOpen);
                Ok(self.probe(key))
            }
            State::HalfOpen | State::ForcedOpen => Err(Rejection {
                state,
                retry_after: rules.reset_timeout,
            }),
        }
    }

    pub fn report(&mut self, key: &K, permit: Permit, outcome: Outcome, rules: &Rules) -> Reported {
        if self.is_stale(key, permit) {
            return Reported::Stale;
        }
        let now = self.now;
        match (self.peek(key).map(|circuit| circuit.state), outcome) {
            (None | Some(State::Closed), Outcome::Failure) => {
                let circuit = &mut self.circuit(key).snapshot;
                count_failure(circuit, now);
                if circuit.failure_count >= rules.failure_threshold {
                    self.open(key, rules);
                }
            }
            (Some(State::Closed), Outcome::Success) if rules.trip == TripRule::Consecutive => {
                self.circuit(key).snapshot.failure_count = 0;
            }
            (Some(State::HalfOpen), outcome) => {
                let circuit = self.circuit(key);
                circuit.probes_out -= 1;
                match outcome {
                    Outcome::Success => {
                        circuit.probe_successes += 1;
                        if circuit.probe_successes >= rules.success_threshold {
                            self.change(key, State::Closed);
                        }
                    }
                    Outcome::Failure => {
                        count_failure(&mut circuit.snapshot, now);
                        self.open(key, rules);
                    }
                    Outcome::Ignored => {}
                }
            }
            _ => {}
        }
        Reported::Recorded
    }

    pub fn release(&mut self, key: &K, permit: Permit, rules: &Rules) -> Reported {
        self.report(key, permit, Outcome::Ignored, rules)
    }

    /// Whether the store may answer `Stale` where the contract says `Recorded`: a permit that was
    /// given while its key was unknown, and another circuit removed since, before this one came to be.
    pub fn may_lose(&self, key: &K, permit: Permit) -> bool {
        let removals = match self.circuits.get(key) {
            Some(circuit) => circuit.removals_before,
            None => self.last_removal,
        };
        permit.key_was_unknown && !self.is_stale(key, permit) && removals > permit.changes
    }

    /// The transitions since the last call.
    pub fn take_announced(&mut self) -> Vec<Change<K>> {
        std::mem::take(&mut self.announced)
    }

    fn is_stale(&self, key: &K, permit: Permit) -> bool {
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
            probe_successes: 0,
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
        circuit.probe_successes = 0;
        circuit.last_probe_age = 0;
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

    fn open(&mut self, key: &K, rules: &Rules) {
        self.change(key, State::Open);
        self.circuit(key).open_for = Some(rules.reset_timeout);
    }

    fn probe(&mut self, key: &K) -> Permit {
        let now = self.now;
        let circuit = self.circuit(key);
        let age = now.saturating_sub(circuit.snapshot.last_state_change);
        circuit.last_probe_age = circuit.last_probe_age.max(age.min(MAX_PROBE_AGE));
        circuit.probes_out += 1;
        Permit {
            probe: true,
            changes: circuit.changed,
            key_was_unknown: false,
        }
    }
}

fn count_failure(circuit: &mut Snapshot, now: u64) {
    circuit.failure_count = (circuit.failure_count + 1).min(MAX_FAILURES);
    circuit.last_failure_time = circuit.last_failure_time.max(now);
}
