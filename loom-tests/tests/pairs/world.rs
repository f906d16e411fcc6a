//! A world: one store, perhaps with a breaker over it and a handle, and the permits that are out.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};

use breakerbox::__steps::{count_alone, token, words};
use breakerbox::{
    Cause, CircuitBreaker, CircuitHandle, CircuitState, Export, InMemoryCircuitBreakerStore,
    ManualClock, Outcome, OwnedPermit, PermitToken, Policy, Rejected, Report, Reported,
    StateChange, StoreHandle,
};

use crate::rules::{PLAIN, Rules};

/// A hasher with fixed keys: a world must be the same each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
pub(crate) type Store = InMemoryCircuitBreakerStore<String, Hasher, ManualClock>;
pub(crate) type Breaker = CircuitBreaker<String, Hasher, ManualClock>;
pub(crate) type Handle = StoreHandle<String, Hasher, ManualClock>;
pub(crate) type Guarded = CircuitHandle<String, Hasher, ManualClock>;

/// The key of the circuit on which the operations meet.
pub(crate) const KEY: &str = "a";
/// The key of another circuit of its group.
pub(crate) const MATE: &str = "b";
/// A key that the store doesn't know.
pub(crate) const NEW: &str = "n";
/// The name of the one group.
pub(crate) const GROUP: &str = "group";

pub(crate) const START: u64 = 1_000_000;
/// The open time under every set of rules.
pub(crate) const OPEN_MS: u64 = 1_000;
/// The lease of a probe.
pub(crate) const LEASE_MS: u64 = 2_000;
/// The age from which a call counts as hung.
pub(crate) const HUNG_MS: u64 = 500;
/// The remaining open time of the circuit that is imported.
const IMPORTED_MS: u64 = 300;

/// The right to make a call.
pub(crate) enum Permit {
    Token(PermitToken),
    Owned(OwnedPermit<String, Hasher, ManualClock>),
}

impl Permit {
    pub(crate) fn token(&self) -> PermitToken {
        match self {
            Permit::Token(token) => *token,
            Permit::Owned(permit) => token(permit),
        }
    }

    pub(crate) fn is_probe(&self) -> bool {
        match self {
            Permit::Token(token) => token.is_probe(),
            Permit::Owned(permit) => permit.is_probe(),
        }
    }
}

/// An announced change, without its number, which differs between orders.
pub(crate) type Announced = (String, CircuitState, CircuitState, Cause);

/// A store, and everything that the operations of a pair share.
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) clock: ManualClock,
    pub(crate) store: Store,
    pub(crate) breaker: RefCell<Option<Breaker>>,
    /// The store's handle, in a world without a breaker.
    pub(crate) handle: RefCell<Option<Handle>>,
    pub(crate) guarded: RefCell<Option<Guarded>>,
    /// The permits that are out: those of the operations first, by their roles.
    pub(crate) permits: RefCell<Vec<Option<Permit>>>,
    /// The permits that the operations were given.
    pub(crate) given: [RefCell<Option<Permit>>; 2],
    pub(crate) made: RefCell<Vec<Handle>>,
    pub(crate) made_guarded: RefCell<Vec<Guarded>>,
    pub(crate) export: Export<String>,
    /// This split is no valid order, since its precondition doesn't hold.
    pub(crate) void: Cell<bool>,
    /// The generation in which a call was counted in its window, with the rest of its report to
    /// come.
    pub(crate) counted: Cell<Option<u64>>,
    /// The generation of the circuit that an import has put in place.
    pub(crate) restored: Cell<Option<u64>>,
    /// The import has found the circuit clean.
    pub(crate) found_clean: Cell<bool>,
    /// A permit that is being dropped counts as a failure.
    pub(crate) means: Cell<bool>,
    /// A call has brought its own policy, without a breaker.
    pub(crate) called: Cell<bool>,
    /// Rejections of checks that ask again, which aren't answers.
    pub(crate) unsaid: Cell<u64>,
    /// Permits don't hold the breaker, which may be dropped.
    pub(crate) leaving: bool,
    /// Circuits make room for others.
    pub(crate) bounded: bool,
    announced: Arc<Mutex<Vec<Announced>>>,
}

impl World {
    /// Creates an empty world with room for `room` circuits more than its rules say.
    pub(crate) fn new(
        rules: &'static Rules,
        ruled: bool,
        room: usize,
        export: Export<String>,
    ) -> Self {
        let clock = ManualClock::new(START);
        let announced = Arc::new(Mutex::new(Vec::new()));
        let listener = {
            let announced = Arc::clone(&announced);
            move |change: &StateChange<String>| {
                let StateChange { from, to, .. } = *change;
                let cause = without_probes(change.cause);
                announced.lock().expect("no thread panics with it").push((
                    change.key.clone(),
                    from,
                    to,
                    cause,
                ));
            }
        };
        // Large enough that the map's table never grows.
        let (breaker, store) = if ruled {
            let breaker = CircuitBreaker::keyed_builder()
                .hasher(Hasher::default())
                .clock(clock.clone())
                .capacity(32)
                .max_circuits(rules.max_circuits.map_or(1_000, |max| max + room))
                .policy(rules.policies())
                .on_state_change(listener)
                .build()
                .expect("it is valid");
            let store = breaker.store().clone();
            (Some(breaker), store)
        } else {
            let store = InMemoryCircuitBreakerStore::keyed_builder()
                .hasher(Hasher::default())
                .clock(clock.clone())
                .capacity(32)
                .on_state_change(listener);
            let store = match rules.max_circuits {
                Some(max) => store.max_circuits(max + room).build(),
                None => store.build(),
            };
            (None, store)
        };
        Self {
            policy: rules.policy(),
            clock,
            store,
            breaker: RefCell::new(breaker),
            handle: RefCell::new(None),
            guarded: RefCell::new(None),
            permits: RefCell::new(Vec::new()),
            given: [const { RefCell::new(None) }; 2],
            made: RefCell::new(Vec::new()),
            made_guarded: RefCell::new(Vec::new()),
            export,
            void: Cell::new(false),
            counted: Cell::new(None),
            restored: Cell::new(None),
            found_clean: Cell::new(false),
            means: Cell::new(false),
            called: Cell::new(false),
            unsaid: Cell::new(0),
            leaving: false,
            bounded: rules.max_circuits.is_some(),
            announced,
        }
    }

    /// Returns the export that is imported: [`KEY`]'s circuit, open for a while.
    pub(crate) fn exported() -> Export<String> {
        let other = World::new(&PLAIN, true, 0, Store::default().export());
        other.clock.set(START - (OPEN_MS - IMPORTED_MS));
        other.trip(KEY);
        other.clock.set(START);
        other.store.export()
    }

    /// Takes a handle of [`KEY`] that is held throughout.
    pub(crate) fn pin(&self) {
        match self.breaker() {
            Some(breaker) => {
                let handle = breaker.circuit(KEY).expect("there is room");
                self.guarded.replace(Some(handle));
            }
            None => {
                let handle = self.store.circuit(KEY).expect("there is room");
                self.handle.replace(Some(handle));
            }
        }
        // A circuit that a handle holds reads as unknown once it is reset.
        self.store.reset(KEY);
    }

    pub(crate) fn breaker(&self) -> Option<Breaker> {
        self.breaker.borrow().clone()
    }

    pub(crate) fn ask(&self, key: &str) -> Result<Permit, Rejected> {
        if self.leaving {
            self.called.set(true);
            return self.store.acquire(key, &self.policy).map(Permit::Token);
        }
        match &*self.breaker.borrow() {
            Some(breaker) => breaker.acquire_owned(key).map(Permit::Owned),
            None => self.store.acquire(key, &self.policy).map(Permit::Token),
        }
    }

    pub(crate) fn tell(&self, key: &str, permit: Permit, report: impl Into<Report>) -> Reported {
        match permit {
            Permit::Token(token) => {
                self.called.set(true);
                self.store.report(key, token, report, &self.policy)
            }
            Permit::Owned(permit) => permit.report(report),
        }
    }

    /// Returns the generation of [`KEY`]'s circuit.
    pub(crate) fn generation(&self) -> Option<u64> {
        let all = words(&self.store).into_iter();
        let mut own = all.filter(|(key, _)| key == KEY);
        own.next().map(|(_, words)| words.generation)
    }

    /// Takes a report's first step under rules over a window: counts the call there.
    pub(crate) fn count(&self, permit: Permit, failed: bool) {
        self.count_alone(permit.token(), failed);
        // On a closed circuit, this changes nothing else.
        let _ = self.tell(KEY, permit, Outcome::Ignored);
    }

    /// Counts a call in its window whose permit stays out.
    pub(crate) fn count_alone(&self, token: PermitToken, failed: bool) {
        let policy = match &*self.breaker.borrow() {
            Some(breaker) => breaker.policy(KEY),
            None => self.policy,
        };
        self.counted.set(self.generation());
        let counted = count_alone(&self.store, &KEY.to_owned(), token, failed, &policy);
        self.void.set(!counted);
    }

    /// Returns whether the steps that were taken are a valid order.
    pub(crate) fn is_order(&self) -> bool {
        let counted = self.counted.get();
        !self.void.get() && (counted.is_none() || counted != self.generation())
    }

    /// Takes one more permit.
    pub(crate) fn take(&self) {
        let permit = self.ask(KEY).ok();
        self.permits.borrow_mut().push(permit);
    }

    pub(crate) fn fail(&self, key: &str) {
        if let Ok(permit) = self.ask(key) {
            let _ = self.tell(key, permit, Outcome::Failure);
        }
    }

    /// Opens the circuit by its rules.
    pub(crate) fn trip(&self, key: &str) {
        for _ in 0..4 {
            match self.ask(key) {
                Ok(permit) => drop(self.tell(key, permit, Outcome::Failure)),
                Err(_) => return,
            }
        }
        panic!("four failures open by every rule");
    }

    /// Returns the announced changes, in no order.
    pub(crate) fn announced(&self) -> Vec<Announced> {
        let mut all = self
            .announced
            .lock()
            .expect("no thread panics with it")
            .clone();
        all.sort_by_cached_key(|announced| format!("{announced:?}"));
        all
    }
}

/// Drops the number of reported probes from a cause, since it is that of the moment of the
/// decision.
fn without_probes(cause: Cause) -> Cause {
    match cause {
        Cause::ProbesFailed { failed, .. } => Cause::ProbesFailed { failed, probes: 0 },
        Cause::ProbesSucceeded { succeeded, .. } => Cause::ProbesSucceeded {
            succeeded,
            probes: 0,
        },
        cause => cause,
    }
}

/// Returns a full store.
pub(crate) fn full(clock: &ManualClock) -> Store {
    let store = InMemoryCircuitBreakerStore::keyed_builder()
        .hasher(Hasher::default())
        .clock(clock.clone())
        .max_circuits(1)
        .build();
    store.transition(MATE, CircuitState::Disabled);
    store
}
