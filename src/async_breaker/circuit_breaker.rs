//! The breaker over any store: its checks, and its answers about a key.

use super::permit::AsyncPermit;
use super::policies::PolicyOf;
use super::remote::Remote;
use crate::clock::Instant;
use crate::contract::{BoxFuture, CircuitBreakerStore, StoreResult};
use crate::error::Rejected;
use crate::key::ToKey;
use crate::rules::{Policy, PolicySet};
use crate::runtime::within;
use crate::stats::Counted;
use crate::store::Totals;
use crate::sync::atomic::Ordering;
use crate::word::PermitToken;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;

/// Circuit breakers over a store that may be far away: [`CircuitBreakerStore`].
///
/// If the store fails, or doesn't answer within the [store
/// timeout](super::AsyncCircuitBreakerBuilder::store_timeout), the call is admitted as by a closed
/// circuit, and its outcome isn't reported. [`store_failures`](Self::store_failures) counts that.
/// Cloning is cheap.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use breakerbox::{AsyncCircuitBreaker, InMemoryCircuitBreakerStore};
/// use std::sync::Arc;
///
/// let store = Arc::new(InMemoryCircuitBreakerStore::new()); // or one in Redis
/// let breaker = AsyncCircuitBreaker::<str>::builder(store).failure_threshold(3).build()?;
/// let permit = breaker.acquire("search").await?;
/// permit.failure().await;
/// # Ok(()) }
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// ```
pub struct AsyncCircuitBreaker<K: ?Sized> {
    pub(super) inner: Arc<Remote<K>>,
}

impl<K> AsyncCircuitBreaker<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// Asks to make a call. The permit owns what it needs.
    ///
    /// A permit that the store grants too late, or after this future was dropped, is given back in
    /// the background. An answer that takes longer than the probe lease isn't waited for there,
    /// unless the policy counts hung calls.
    ///
    /// # Errors
    /// Returns [`Rejected`] if the store rejects the call, or the policy [forces](Policy::forced)
    /// the circuit open. A store that fails rejects no call.
    pub async fn acquire(&self, key: &K) -> Result<AsyncPermit<K>, Rejected> {
        let inner = &self.inner;
        let policy = inner.policy(key);
        let key = Arc::new(key.to_owned());
        if let Some(forced) = policy.forced {
            return inner.by_force(forced, &policy).map(|()| AsyncPermit {
                inner: Arc::clone(inner),
                key,
                token: None,
                since: None,
            });
        }
        let request = {
            let (inner, key) = (Arc::clone(inner), Arc::clone(&key));
            async move { inner.store.acquire((*key).borrow(), &policy).await }
        };
        let give_back = {
            let (inner, key) = (Arc::clone(inner), Arc::clone(&key));
            move |late: StoreResult<Result<PermitToken, Rejected>>| -> BoxFuture<'static, ()> {
                Box::pin(async move {
                    if let Ok(Ok(late)) = late {
                        let answer = inner.store.release((*key).borrow(), late, &policy).await;
                        // If that fails too, the probe stays out until its lease is over.
                        drop(answer);
                    }
                })
            }
        };
        let finisher = inner.finisher(&policy, None, request, give_back);
        let token = match within(&*inner.runtime, inner.store_timeout, pin!(finisher)).await {
            Some(Ok(Ok(token))) => Some(token),
            Some(Ok(Err(rejected))) => {
                inner.reject(rejected, &policy)?;
                None
            }
            Some(Err(_)) | None => {
                inner.store_failed();
                None
            }
        };
        let since = policy.times().then(Instant::now);
        Ok(AsyncPermit {
            inner: Arc::clone(inner),
            key,
            token,
            since,
        })
    }

    /// Returns the store of the breaker.
    pub fn store(&self) -> &Arc<dyn CircuitBreakerStore<K>> {
        &self.inner.store
    }

    /// Returns the policy of `key`.
    pub fn policy(&self, key: &K) -> Policy {
        self.inner.policy(key)
    }

    /// Returns a copy of all policies, to change some of them.
    pub fn policies(&self) -> PolicySet<K::Owned>
    where
        K::Owned: Clone,
    {
        let of = self.inner.policies.read(|of| of.map(Arc::clone));
        of.map_or_else(PolicySet::default, |of| of.set())
    }

    /// Replaces all policies while calls go on; no call waits. Each check and each report goes by
    /// one policy throughout, and one that begins after this has returned goes by `set`. The effect
    /// on existing circuits is up to the store. Groups have no effect here.
    pub fn set_policies(&self, set: PolicySet<K::Owned>)
    where
        K: Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq,
    {
        let next = PolicyOf::of_set(set);
        self.inner.policies.update(|_| Some(Arc::clone(&next)));
    }

    /// Returns the number of rejections that a [shadow](Policy::shadow) policy kept from taking
    /// place.
    pub fn shadowed(&self) -> u64 {
        self.inner.counters.total(Counted::Shadowed)
    }

    /// Returns the counts of all calls by the breaker and its clones since it was made. Only
    /// permits that the store had granted count as dropped. The counts of circuits
    /// ([`opened`](Totals::opened) and the fields after it) are 0 here: only the store knows them.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.inner.counters)
    }

    /// Returns the number of times that the store failed or didn't answer in time.
    pub fn store_failures(&self) -> u64 {
        // Relaxed: a statistic.
        self.inner.store_failures.load(Ordering::Relaxed)
    }
}

impl<K: ?Sized> Clone for AsyncCircuitBreaker<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K: ?Sized> fmt::Debug for AsyncCircuitBreaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call_timeout = self.inner.call_timeout.as_ref();
        let call_timeout = call_timeout.map(|timeout| timeout.after);
        f.debug_struct("AsyncCircuitBreaker")
            .field("store_timeout", &self.inner.store_timeout)
            .field("call_timeout", &call_timeout)
            .finish_non_exhaustive()
    }
}
