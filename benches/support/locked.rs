//! What people write themselves: a map of circuits behind one lock.

use super::circuit::{Circuit, Snapshot, State};
use super::rules::Rules;
use super::store::{ByHand, Hasher, Std};
use std::collections::HashMap;

type Map<S, C> = HashMap<String, C, S>;

/// With the map's own default hasher the one that the goals name: `Mutex<HashMap<String, Snapshot>>`.
pub type MutexStore<S = Std, C = Snapshot> = Exclusive<std::sync::Mutex<Map<S, C>>>;
pub type ParkingMutexStore<S = Std, C = Snapshot> = Exclusive<parking_lot::Mutex<Map<S, C>>>;
pub type RwLockStore<S = Std, C = Snapshot> = Shared<std::sync::RwLock<Map<S, C>>>;
pub type ParkingRwLockStore<S = Std, C = Snapshot> = Shared<parking_lot::RwLock<Map<S, C>>>;

/// A lock that one thread at a time has.
pub trait Lock: Send + Sync + 'static {
    type Target;

    fn of(target: Self::Target) -> Self;

    fn with<R>(&self, op: impl FnOnce(&mut Self::Target) -> R) -> R;
}

/// A lock that readers share.
pub trait SharedLock: Lock {
    fn look<R>(&self, op: impl FnOnce(&Self::Target) -> R) -> R;
}

/// Every operation takes the lock, once.
pub struct Exclusive<L> {
    circuits: L,
    rules: Rules,
}

/// Closed circuits are checked, and snapshots taken, under a shared lock.
pub struct Shared<L> {
    circuits: L,
    rules: Rules,
}

impl<L, S, C> ByHand for Exclusive<L>
where
    L: Lock<Target = Map<S, C>>,
    S: Hasher,
    C: Circuit,
{
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        Self {
            circuits: L::of(closed(keys)),
            rules,
        }
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn look<R>(&self, key: &str, op: impl FnOnce(&C) -> R) -> Option<R> {
        self.circuits.with(|circuits| circuits.get(key).map(op))
    }

    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        self.circuits.with(|circuits| circuits.get_mut(key).map(op))
    }

    #[inline]
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> R {
        self.circuits.with(|circuits| with(circuits, key, op))
    }
}

impl<L, S, C> ByHand for Shared<L>
where
    L: SharedLock<Target = Map<S, C>>,
    S: Hasher,
    C: Circuit,
{
    type Circuit = C;

    fn of(rules: Rules, keys: &[String]) -> Self {
        Self {
            circuits: L::of(closed(keys)),
            rules,
        }
    }

    fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    fn look<R>(&self, key: &str, op: impl FnOnce(&C) -> R) -> Option<R> {
        self.circuits.look(|circuits| circuits.get(key).map(op))
    }

    #[inline]
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> Option<R> {
        self.circuits.with(|circuits| circuits.get_mut(key).map(op))
    }

    #[inline]
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut C) -> R) -> R {
        self.circuits.with(|circuits| with(circuits, key, op))
    }

    #[inline]
    fn admits(&self, key: &str) -> bool {
        match self.look(key, |circuit| circuit.snapshot().state) {
            None | Some(State::Closed) => true,
            Some(_) => {
                let rules = self.rules;
                self.known(key, |circuit| circuit.snapshot_mut().check(rules))
                    .unwrap_or(true)
            }
        }
    }
}

fn closed<S: Hasher, C: Circuit>(keys: &[String]) -> Map<S, C> {
    keys.iter().map(|key| (key.clone(), C::default())).collect()
}

/// No allocation for a known key.
#[inline]
fn with<S: Hasher, C: Circuit, R>(
    circuits: &mut Map<S, C>,
    key: &str,
    op: impl FnOnce(&mut C) -> R,
) -> R {
    match circuits.get_mut(key) {
        Some(circuit) => op(circuit),
        None => op(circuits.entry(key.to_owned()).or_default()),
    }
}

/// Standard locks yield a guard unless they are poisoned, parking_lot's always.
macro_rules! locks {
    ($lock:ty, $exclusive:ident $($unwrap:ident)?) => {
        impl<T: Send + Sync + 'static> Lock for $lock {
            type Target = T;

            fn of(target: T) -> Self {
                Self::new(target)
            }

            #[inline]
            fn with<R>(&self, op: impl FnOnce(&mut T) -> R) -> R {
                op(&mut *self.$exclusive()$(.$unwrap())?)
            }
        }
    };
    ($lock:ty, $exclusive:ident, $shared:ident $($unwrap:ident)?) => {
        locks!($lock, $exclusive $($unwrap)?);

        impl<T: Send + Sync + 'static> SharedLock for $lock {
            #[inline]
            fn look<R>(&self, op: impl FnOnce(&T) -> R) -> R {
                op(&*self.$shared()$(.$unwrap())?)
            }
        }
    };
}

locks!(std::sync::Mutex<T>, lock unwrap);
locks!(parking_lot::Mutex<T>, lock);
locks!(std::sync::RwLock<T>, write, read unwrap);
locks!(parking_lot::RwLock<T>, write, read);
