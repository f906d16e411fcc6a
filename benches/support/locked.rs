//! What people write themselves: a map of snapshots behind one lock.
//!
//! Written as well as one would without thinking about locks for long: no allocation for a known
//! key, no clock read where none is needed, and the one that is needed before the lock is taken.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    Open,
    /// One probe is out.
    HalfOpen,
}

/// The same five fields as breakerbox's.
#[derive(Clone, Copy, Default)]
pub struct Snapshot {
    state: State,
    failure_count: u64,
    success_count: u64,
    last_failure_time: u64,
    last_state_change: u64,
}

#[derive(Clone, Copy)]
pub struct Rules {
    pub failure_threshold: u64,
    pub reset_timeout_ms: u64,
}

type Circuits<S = RandomState> = HashMap<String, Snapshot, S>;

impl Snapshot {
    fn enter(&mut self, state: State, now: u64) {
        self.state = state;
        self.last_state_change = now;
    }

    fn check(&mut self, rules: Rules) -> bool {
        match self.state {
            State::Closed => true,
            State::HalfOpen => false,
            State::Open => {
                let now = now_ms();
                let over = now >= self.last_state_change + rules.reset_timeout_ms;
                if over {
                    self.success_count = 0;
                    self.enter(State::HalfOpen, now);
                }
                over
            }
        }
    }

    fn success(&mut self) {
        self.success_count += 1;
        if self.state == State::HalfOpen {
            self.success_count = 0;
            self.enter(State::Closed, now_ms());
        }
        self.failure_count = 0;
    }

    fn failure(&mut self, rules: Rules, now: u64) {
        self.count_failure(now);
        let trips = match self.state {
            State::Closed => self.failure_count >= rules.failure_threshold,
            State::HalfOpen => true,
            State::Open => false,
        };
        if trips {
            self.enter(State::Open, now);
        }
    }

    fn count_failure(&mut self, now: u64) {
        self.failure_count += 1;
        self.last_failure_time = now;
    }
}

/// `op` on the circuit of `key`, created if it was unknown.
fn with<R, S: BuildHasher>(
    circuits: &mut Circuits<S>,
    key: &str,
    op: impl FnOnce(&mut Snapshot) -> R,
) -> R {
    match circuits.get_mut(key) {
        Some(circuit) => op(circuit),
        None => op(circuits.entry(key.to_owned()).or_default()),
    }
}

fn now_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    unix.map_or(0, |unix| {
        unix.as_secs() * 1_000 + u64::from(unix.subsec_millis())
    })
}

/// `Mutex<HashMap<String, Snapshot>>` with the map's own default hasher.
pub struct MutexStore<S = RandomState> {
    circuits: Mutex<Circuits<S>>,
    rules: Rules,
}

impl MutexStore {
    pub fn new(rules: Rules, keys: &[String]) -> Self {
        Self::hashed_by(RandomState::new(), rules, keys)
    }
}

impl<S: BuildHasher> MutexStore<S> {
    /// With another hasher than the map's own.
    pub fn hashed_by(hasher: S, rules: Rules, keys: &[String]) -> Self {
        Self {
            circuits: Mutex::new(closed(hasher, keys)),
            rules,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Circuits<S>> {
        self.circuits.lock().unwrap()
    }

    pub fn check(&self, key: &str) -> bool {
        let rules = self.rules;
        self.lock()
            .get_mut(key)
            .is_none_or(|circuit| circuit.check(rules))
    }

    pub fn success(&self, key: &str) {
        with(&mut self.lock(), key, Snapshot::success);
    }

    pub fn failure(&self, key: &str) {
        let now = now_ms();
        with(&mut self.lock(), key, |circuit| {
            circuit.failure(self.rules, now)
        });
    }

    pub fn record_failure(&self, key: &str) -> Snapshot {
        let now = now_ms();
        with(&mut self.lock(), key, |circuit| {
            circuit.count_failure(now);
            *circuit
        })
    }

    pub fn snapshot(&self, key: &str) -> Option<Snapshot> {
        self.lock().get(key).copied()
    }

    pub fn open(&self, key: &str) {
        with(&mut self.lock(), key, |circuit| {
            circuit.enter(State::Open, now_ms())
        });
    }

    pub fn zero(&self) {
        self.lock().values_mut().for_each(zero);
    }
}

/// The same behind one `RwLock`: closed circuits are checked, and snapshots taken, under a shared
/// lock.
pub struct RwLockStore {
    circuits: RwLock<Circuits>,
    rules: Rules,
}

impl RwLockStore {
    pub fn new(rules: Rules, keys: &[String]) -> Self {
        Self {
            circuits: RwLock::new(closed(RandomState::new(), keys)),
            rules,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Circuits> {
        self.circuits.read().unwrap()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Circuits> {
        self.circuits.write().unwrap()
    }

    pub fn check(&self, key: &str) -> bool {
        match self.read().get(key) {
            None => return true,
            Some(circuit) if circuit.state == State::Closed => return true,
            Some(_) => {}
        }
        let rules = self.rules;
        self.write()
            .get_mut(key)
            .is_none_or(|circuit| circuit.check(rules))
    }

    pub fn success(&self, key: &str) {
        with(&mut self.write(), key, Snapshot::success);
    }

    pub fn failure(&self, key: &str) {
        let now = now_ms();
        with(&mut self.write(), key, |circuit| {
            circuit.failure(self.rules, now)
        });
    }

    pub fn record_failure(&self, key: &str) -> Snapshot {
        let now = now_ms();
        with(&mut self.write(), key, |circuit| {
            circuit.count_failure(now);
            *circuit
        })
    }

    pub fn snapshot(&self, key: &str) -> Option<Snapshot> {
        self.read().get(key).copied()
    }

    pub fn open(&self, key: &str) {
        with(&mut self.write(), key, |circuit| {
            circuit.enter(State::Open, now_ms())
        });
    }

    pub fn zero(&self) {
        self.write().values_mut().for_each(zero);
    }
}

fn closed<S: BuildHasher>(hasher: S, keys: &[String]) -> Circuits<S> {
    let mut circuits = HashMap::with_hasher(hasher);
    circuits.extend(keys.iter().map(|key| (key.clone(), Snapshot::default())));
    circuits
}

/// Nothing counted, in whatever state.
fn zero(circuit: &mut Snapshot) {
    circuit.failure_count = 0;
    circuit.success_count = 0;
}
