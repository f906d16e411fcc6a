//! A handle of one circuit, with the breaker's rules.

use super::CircuitBreaker;
use super::permit::{Handled, Owned, OwnedPermit, Permit, Target};
use crate::clock::{Clock, SystemClock};
use crate::error::Rejected;
use crate::store::StoreHandle;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::ops::Deref;

/// A handle of one circuit and the breaker's rules: a healthy check is one load of the
/// circuit's own word.
///
/// Dereferences to the store's [`StoreHandle`] for everything that isn't a guarded call.
///
/// ```
/// use breakerbox::{CircuitBreaker, CircuitState};
///
/// let breaker: CircuitBreaker = CircuitBreaker::new();
/// let search = breaker.circuit("search")?; // once, where the upstream is set up
/// let permit = search.acquire()?; // for each call
/// let _ = permit.success();
/// assert_eq!(search.get_state().state, CircuitState::Closed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CircuitHandle<K = String, S = RandomState, C = SystemClock> {
    pub(super) breaker: CircuitBreaker<K, S, C>,
    pub(super) circuit: StoreHandle<K, S, C>,
}

impl<K, S, C> CircuitHandle<K, S, C> {
    pub(super) fn new(breaker: CircuitBreaker<K, S, C>, circuit: StoreHandle<K, S, C>) -> Self {
        Self { breaker, circuit }
    }

    /// The breaker whose rules apply.
    pub fn breaker(&self) -> &CircuitBreaker<K, S, C> {
        &self.breaker
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// See [`CircuitBreaker::acquire`].
    ///
    /// # Errors
    /// If the circuit is open, forced open, or half-open with all probe slots taken.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<impl Target + use<'_, K, S, C>>, Rejected> {
        Ok(Permit::new(Handled(self), self.admit()?))
    }

    /// See [`CircuitBreaker::acquire_owned`].
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned(&self) -> Result<OwnedPermit<K, S, C>, Rejected> {
        Ok(self.acquire()?.owned_by(|| Owned {
            breaker: self.breaker.clone(),
            key: self.circuit.key().clone(),
        }))
    }
}

impl<K, S, C> Deref for CircuitHandle<K, S, C> {
    type Target = StoreHandle<K, S, C>;

    fn deref(&self) -> &StoreHandle<K, S, C> {
        &self.circuit
    }
}

impl<K: Clone, S, C> Clone for CircuitHandle<K, S, C> {
    fn clone(&self) -> Self {
        Self {
            breaker: self.breaker.clone(),
            circuit: self.circuit.clone(),
        }
    }
}

impl<K: fmt::Debug, S, C> fmt::Debug for CircuitHandle<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CircuitHandle").field(&self.circuit).finish()
    }
}
