//! The breaker: a store with rules, permits that report themselves, and guarded calls.

mod admission;
mod builder;
mod call;
mod handle;
mod inspect;
mod permit;
mod policies;

pub use builder::CircuitBreakerBuilder;
use builder::DEFAULT_CIRCUITS;
pub use handle::CircuitHandle;
pub use permit::{OwnedPermit, Permit};

use crate::clock::{Clock, SystemClock};
use crate::error::{Rejected, StoreFull};
use crate::key::ToKey;
use crate::rules::{Forced, Policy, PolicySet};
use crate::snapshot::CircuitBreakerSnapshot;
use crate::stats::Counted;
use crate::store::InMemoryCircuitBreakerStore;
use crate::sync::PlainArc;
use call::CallTimeout;
use permit::{Keyed, Owned};
use policies::Policies;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Circuit breakers in memory, one per key: the store with rules over it.
///
/// Synchronous and without locks; cloning is cheap and shares the circuits. While no circuit is
/// open or half-open, a check is one atomic load, whatever the key; while none has failures to
/// forget either, a success is two. Neither writes anything that other threads read. (While a policy
/// looks at slow or hung calls, or forces a state, checks read their policies; while one has a
/// window, successes count in it.) A key that never failed takes no memory.
///
/// ```
/// use breakerbox::CircuitBreaker;
/// use std::time::Duration;
///
/// let breaker: CircuitBreaker = CircuitBreaker::builder()
///     .failure_threshold(2)
///     .reset_timeout(Duration::from_secs(10))
///     .on_state_change(|change| println!("{}: {} to {}", change.key, change.from, change.to))
///     .build()?;
///
/// for _ in 0..2 {
///     let permit = breaker.acquire("search")?;
///     let _ = permit.failure(); // or success(), ignore(), or drop it
/// }
/// let rejected = breaker.acquire("search").unwrap_err();
/// assert_eq!(rejected.retry_after_secs(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CircuitBreaker<K = String, S = RandomState, C = SystemClock> {
    store: InMemoryCircuitBreakerStore<K, S, C>,
    rules: PlainArc<Rules<K, S, C>>,
    call_timeout: Option<CallTimeout>,
}

/// The policies of a breaker and its clones, which hold the store's gate where they have to.
struct Rules<K, S, C> {
    policies: Policies<K>,
    store: InMemoryCircuitBreakerStore<K, S, C>,
    /// Makes all circuits of the store unwatched. (A function pointer, since `Drop` can't have the
    /// bounds.)
    unwatch: fn(&InMemoryCircuitBreakerStore<K, S, C>),
}

impl<K, S, C> Drop for Rules<K, S, C> {
    /// The store may outlive its rules.
    fn drop(&mut self) {
        self.policies.retire(&self.store.inner.shared.summary);
        if self.store.is_shared() {
            (self.unwatch)(&self.store);
        }
    }
}

impl<K: Hash + Eq + Clone> CircuitBreaker<K> {
    /// A breaker with the default settings: 5 consecutive failures open a circuit, 30 s later
    /// one probe decides. It holds 100,000 circuits.
    pub fn new() -> Self {
        let store = InMemoryCircuitBreakerStore::builder()
            .max_circuits(DEFAULT_CIRCUITS)
            .build();
        Self::from_parts(store, PolicySet::default(), None)
    }

    /// A breaker with other settings.
    pub fn builder() -> CircuitBreakerBuilder<K> {
        CircuitBreakerBuilder::new()
    }
}

impl<K: Hash + Eq + Clone> Default for CircuitBreaker<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Asks to make a call. The permit borrows breaker and key, and holds nothing else: report
    /// how the call went, or drop it (see [`DroppedPermit`](crate::DroppedPermit)).
    ///
    /// # Errors
    /// If the circuit is open, forced open, or half-open with all probe slots taken; or if a rule
    /// [forces](Self::forced) it open.
    #[inline]
    pub fn acquire<'a, Q>(
        &'a self,
        key: &'a Q,
    ) -> Result<Permit<impl permit::Target + use<'a, K, S, C, Q>>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let admitted = self.admit(key)?;
        Ok(Permit::new(Keyed { breaker: self, key }, admitted))
    }

    /// As [`acquire`](Self::acquire), for frameworks: the permit owns what it needs, is
    /// `'static`, and may go to another thread. Costs a clone of the breaker and of the key.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned<Q>(&self, key: &Q) -> Result<OwnedPermit<K, S, C>, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        Ok(self.acquire(key)?.owned_by(|| Owned {
            breaker: self.clone(),
            key: key.to_key(),
        }))
    }

    /// A handle of one circuit, for an upstream or a connection that one keeps.
    ///
    /// # Errors
    /// If the store is full.
    pub fn circuit<Q>(&self, key: &Q) -> Result<CircuitHandle<K, S, C>, StoreFull>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let circuit = self.store.circuit(key)?;
        self.sync_watch::<K>(circuit.key(), circuit.cell());
        Ok(CircuitHandle::new(self.clone(), circuit))
    }

    /// The circuit of `key` if it is known; see [`InMemoryCircuitBreakerStore::peek`].
    pub fn peek<Q>(&self, key: &Q) -> Option<CircuitBreakerSnapshot>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.store.peek(key)
    }
}

impl<K, S, C> CircuitBreaker<K, S, C> {
    /// The store beneath: to look, to force a state, to reset.
    pub fn store(&self) -> &InMemoryCircuitBreakerStore<K, S, C> {
        &self.store
    }

    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn needing(&self) -> (u64, u64) {
        self.rules.policies.needing()
    }

    /// Rejections that a [shadow](Policy::shadow) policy kept from taking place.
    pub fn shadowed(&self) -> u64 {
        self.store.inner.counters.total(Counted::Shadowed)
    }
}

impl<K: Hash + Eq + Clone, S: BuildHasher, C: Clock> CircuitBreaker<K, S, C> {
    /// The policy of `key`.
    pub fn policy<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.rules.policies.declared(key)
    }

    /// A copy of all policies: to change one of them.
    pub fn policies(&self) -> PolicySet<K> {
        self.rules.policies.get()
    }

    /// Replaces all policies while calls go on; no call waits. Each check and each report goes by
    /// one set of policies throughout, and one that begins after this has returned goes by `set`,
    /// with the exception below.
    ///
    /// Circuits stay as they are: an open one keeps its time, a closed one its failures, and the
    /// window of a closed one what is in it, unless it is of another length now; then it begins
    /// anew. O(circuits).
    ///
    /// The exception: if another thread is closing a circuit while the policies are replaced, calls
    /// on handles of that circuit may go by the former set until that thread goes on.
    pub fn set_policies(&self, set: PolicySet<K>)
    where
        K: Send + Sync + 'static,
    {
        self.put_policies(set);
        self.sync_watches();
    }

    pub(crate) fn put_policies(&self, set: PolicySet<K>)
    where
        K: Send + Sync + 'static,
    {
        self.rules.policies.replace(set, &self.store.inner.shared);
    }

    pub(crate) fn sync_watches(&self) {
        let mut panic = None;
        self.store.inner.map.for_each(|found, cell| {
            // A panic of the user's code for one key must not keep other circuits from their rules.
            let sync = AssertUnwindSafe(|| self.sync_watch::<K>(found.key(), cell));
            panic = catch_unwind(sync).err().or(panic.take());
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Returns the state that is forced on `key`: [by
    /// hand](InMemoryCircuitBreakerStore::steer_prefix), or else by its [policy](Policy::forced).
    /// Snapshots show the circuit's own state, which is kept beneath it.
    pub fn forced<Q>(&self, key: &Q) -> Option<Forced>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store.inner.forced(key, &self.policy(key))
    }

    /// Returns how long the circuit of `key` still rejects: `Some` if it is open, zero where the
    /// next call may probe. `None` under a [forced](Self::forced) state, which lasts until it is
    /// lifted. Has no side effects.
    pub fn retry_after<Q>(&self, key: &Q) -> Option<Duration>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &self.store.inner;
        let policy = self.policy(key);
        if inner.forced(key, &policy).is_some() {
            return None;
        }
        let left = inner.map.get(self.store.hashed(key), |cell| {
            cell.open_for(&inner.shared, &policy)
        })??;
        Some(Duration::from_millis(left))
    }
}

impl<K, S, C> Clone for CircuitBreaker<K, S, C> {
    /// Another reference to the same circuits, with the same rules.
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            rules: PlainArc::clone(&self.rules),
            call_timeout: self.call_timeout.clone(),
        }
    }
}

impl<K, S, C> fmt::Debug for CircuitBreaker<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
