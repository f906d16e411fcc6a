//! Other crates' circuit breakers. None has a store by key, so there is one object per key, in a
//! concurrent map, and for handles the object itself.
//!
//! They have no raw `record_failure` and no snapshot of state, counts and times, so they are left
//! out of those works. Only failsafe has a check that doesn't make a call; circuitbreaker-rs and
//! tower-resilience tell their state, in one load, but only their calls ever let a probe through.

mod breaker_crate;
mod circuitbreaker_rs;
mod failsafe;
mod recloser;
mod tower;

pub use breaker_crate::BreakerCrate;
pub use circuitbreaker_rs::CircuitBreakerRs;
pub use failsafe::{Failsafe, FailsafeRate};
pub use recloser::Recloser;
pub use tower::{TowerResilience, timers};

use super::rules::Rules;
use super::store::{Circuits, Std};

/// One circuit of another crate.
pub trait Peer: Send + Sync + Sized + 'static {
    fn new(rules: Rules) -> Self;

    /// Makes a circuit that rejects, for as long as the rules say.
    fn open(rules: Rules) -> Self;

    /// Makes a guarded call that succeeds or fails, and returns whether it was admitted.
    fn call<const FAILS: bool>(&self) -> bool;

    /// Makes such a call with an outcome that isn't known before.
    #[inline]
    fn call_that(&self, fails: bool) -> bool {
        match fails {
            true => self.call::<true>(),
            false => self.call::<false>(),
        }
    }
}

/// One object per key, made when its key is first used.
pub struct ByKey<P> {
    objects: papaya::HashMap<String, P, Std>,
    rules: Rules,
}

/// The objects alone, as a caller may keep them.
pub struct Held<P> {
    pub objects: Vec<P>,
}

impl<P: Peer> ByKey<P> {
    #[inline]
    pub fn with<R>(&self, key: &str, op: impl FnOnce(&P) -> R) -> R {
        let objects = self.objects.pin();
        match objects.get(key) {
            Some(object) => op(object),
            None => op(objects.get_or_insert_with(key.to_owned(), || P::new(self.rules))),
        }
    }

    #[inline]
    pub fn call<const FAILS: bool>(&self, key: &str) -> bool {
        self.with(key, P::call::<FAILS>)
    }

    #[inline]
    pub fn call_that(&self, key: &str, fails: bool) -> bool {
        self.with(key, |peer| peer.call_that(fails))
    }
}

/// Opens and closes by replacing the object, since not every peer can be told to.
impl<P: Peer> Circuits for ByKey<P> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        let objects = papaya::HashMap::with_capacity_and_hasher(keys.len() + 1, Std::default());
        for key in keys {
            objects.pin().insert(key.clone(), P::new(rules));
        }
        Self { objects, rules }
    }

    fn open(&self, key: &str) {
        self.objects
            .pin()
            .insert(key.to_owned(), P::open(self.rules));
    }

    fn close(&self, key: &str) {
        self.objects
            .pin()
            .insert(key.to_owned(), P::new(self.rules));
    }
}

/// Ignores other circuits: an object doesn't depend on them, and none here is ever told to open.
impl<P: Peer> Circuits for Held<P> {
    fn new(rules: Rules, keys: &[String]) -> Self {
        Self {
            objects: keys.iter().map(|_| P::new(rules)).collect(),
        }
    }

    fn open(&self, _key: &str) {}

    fn close(&self, _key: &str) {}
}
