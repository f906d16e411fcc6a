//! The breaker itself: a store, the policies over it, and queries that need both.

use super::policies::Policies;
use crate::clock::{Clock, SystemClock};
use crate::key::ToKey;
use crate::rules::{Forced, Policy, PolicySet};
use crate::runtime::CallTimeout;
use crate::stats::Counted;
use crate::store::InMemoryCircuitBreakerStore;
use crate::sync::PlainArc;
use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// Circuit breakers in memory, one per key: a store with policies over it.
///
/// Synchronous and without locks; cloning is cheap and shares the circuits. While no circuit is
/// open or half-open, a check is one atomic load, whatever the key; while none has failures to
/// forget either, a success is two. Neither writes anything that other threads read. (While a
/// policy counts slow or hung calls, or forces a state, checks read their policies; while one has a
/// window, successes count in it.) Without a window, a key that never failed takes no memory.
///
/// ```
/// use breakerbox::CircuitBreaker;
/// use std::time::Duration;
///
/// let breaker = CircuitBreaker::builder()
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
    pub(super) store: InMemoryCircuitBreakerStore<K, S, C>,
    pub(super) rules: PlainArc<Rules<K, S, C>>,
    pub(super) call_timeout: Option<CallTimeout>,
}

/// A [`CircuitBreaker`] that reads a clock of type `C`.
///
/// ```
/// use breakerbox::{CircuitBreaker, ClockedBreaker, ConfigError, ManualClock};
///
/// fn breaker_for_test(clock: &ManualClock) -> Result<ClockedBreaker<ManualClock>, ConfigError> {
///     CircuitBreaker::builder().clock(clock.clone()).build()
/// }
/// # let _ = breaker_for_test(&ManualClock::new(0));
/// ```
pub type ClockedBreaker<C, K = String> = CircuitBreaker<K, RandomState, C>;

/// The policies of a breaker and its clones, whose needs they release from the store's
/// summary when they go.
pub(super) struct Rules<K, S, C> {
    pub(super) policies: Policies<K>,
    store: InMemoryCircuitBreakerStore<K, S, C>,
    /// Makes all circuits of the store unwatched. (A function pointer, since `Drop` can't
    /// have the bounds.)
    unwatch: fn(&InMemoryCircuitBreakerStore<K, S, C>),
}

impl<K, S, C> Drop for Rules<K, S, C> {
    /// Releases what the store, which may outlive its policies, holds for them.
    fn drop(&mut self) {
        self.policies.retire(&self.store.shared().summary);
        if self.store.is_shared() {
            (self.unwatch)(&self.store);
        }
    }
}

impl<K: Hash + Eq, S, C> Rules<K, S, C> {
    /// Makes a circuit watched if its policy needs that, and unwatched otherwise. `watch` does it
    /// by the policy that it is given.
    pub(super) fn sync_watch<Q>(&self, key: &Q, watch: impl Fn(&Policy))
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        loop {
            let policy = self.policies.of(key);
            watch(&policy);
            // Look again if the policies were replaced meanwhile: that replacement may have visited
            // the circuit before this thread.
            if self.policies.is_current(&policy) {
                return;
            }
        }
    }
}

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    pub(super) fn from_parts(
        store: InMemoryCircuitBreakerStore<K, S, C>,
        policies: PolicySet<K>,
        call_timeout: Option<CallTimeout>,
    ) -> Self {
        let policies = Policies::new(policies, store.shared());
        let rules = Rules {
            policies,
            store: store.clone(),
            unwatch: InMemoryCircuitBreakerStore::unwatch_all,
        };
        Self {
            rules: PlainArc::new(rules),
            store,
            call_timeout,
        }
    }
}

impl<K, S, C> CircuitBreaker<K, S, C> {
    /// Returns the store of the breaker.
    pub fn store(&self) -> &InMemoryCircuitBreakerStore<K, S, C> {
        &self.store
    }

    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn needing(&self) -> (u64, u64) {
        self.rules.policies.needing()
    }

    /// Returns the number of rejections that a [shadow](Policy::shadow) policy kept from taking
    /// place.
    pub fn shadowed(&self) -> u64 {
        self.store.counted(Counted::Shadowed)
    }
}

impl<K: Hash + Eq + Clone, S: BuildHasher, C: Clock> CircuitBreaker<K, S, C> {
    /// Returns the policy of `key`, as it was declared.
    pub fn policy<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.rules.policies.declared(key)
    }

    /// Returns a copy of all policies, to change one of them.
    pub fn policies(&self) -> PolicySet<K> {
        self.rules.policies.get()
    }

    /// Replaces all policies while calls go on; no call waits. Each check and each report goes by
    /// one set of policies throughout. One that begins after this has returned goes by `set`, with
    /// the exception below.
    ///
    /// Circuits stay as they are: an open one keeps its time, a closed one its failures and its
    /// window. A window whose length has changed begins anew. O(circuits).
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
        self.rules.policies.replace(set, self.store.shared());
    }

    pub(crate) fn sync_watches(&self) {
        let mut panic = None;
        self.store.watch_each(|key, watch| {
            // A panic of the user's code for one key must not keep other circuits from
            // their policies.
            let sync = AssertUnwindSafe(|| self.rules.sync_watch::<K>(key, watch));
            panic = catch_unwind(sync).err().or(panic.take());
        });
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Returns the state that is forced on `key`: [by
    /// hand](InMemoryCircuitBreakerStore::steer_prefix), or else by its [policy](Policy::forced).
    /// Snapshots show the circuit's own state, which is kept meanwhile.
    #[must_use]
    pub fn forced<Q>(&self, key: &Q) -> Option<Forced>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store.forced_by(key, &self.policy(key))
    }

    /// Returns how long the circuit of `key` still rejects: `Some` if it is open, zero if the next
    /// call may probe. `None` under a [forced](Self::forced) state, which lasts until it is lifted.
    /// Has no side effects.
    #[must_use]
    pub fn retry_after<Q>(&self, key: &Q) -> Option<Duration>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let policy = self.policy(key);
        if self.store.forced_by(key, &policy).is_some() {
            return None;
        }
        let left = self.store.open_for(key, &policy)?;
        Some(left.into())
    }
}

impl<K, S, C> Clone for CircuitBreaker<K, S, C> {
    /// Makes another reference to the same circuits, with the same policies.
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
        let call_timeout = self.call_timeout.as_ref().map(|timeout| timeout.after);
        f.debug_struct("CircuitBreaker")
            .field("store", &self.store)
            .field("call_timeout", &call_timeout)
            .finish_non_exhaustive()
    }
}
