//! The breaker over any store: checks, and what it says of a key.

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
/// A store that fails, or doesn't answer within the
/// [store timeout](crate::AsyncCircuitBreakerBuilder::store_timeout), is treated as a closed circuit:
/// the call is admitted, its outcome isn't reported, and
/// [`store_failures`](Self::store_failures) counts it. Cloning is cheap.
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
    /// A permit that the store grants too late, or after this future was dropped, is given back
    /// in the background. A store that takes longer than the probe lease isn't waited for, unless
    /// the rules count hung calls.
    ///
    /// # Errors
    /// If the store rejects it, or the policy [forces](Policy::forced) it open; never because the
    /// store fails.
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
                        // Where it fails too, the slot waits for its lease.
                        drop(answer);
                    }
                })
            }
        };
        let errand = inner.errand(&policy, request, give_back);
        let token = match within(&*inner.runtime, inner.store_timeout, pin!(errand)).await {
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

    /// The store beneath.
    pub fn store(&self) -> &Arc<dyn CircuitBreakerStore<K>> {
        &self.inner.store
    }

    /// The policy of `key`.
    pub fn policy(&self, key: &K) -> Policy {
        self.inner.policy(key)
    }

    /// Returns a copy of all policies: to change some of them.
    pub fn policies(&self) -> PolicySet<K::Owned>
    where
        K::Owned: Clone,
    {
        let of = self.inner.policies.read(|of| of.map(Arc::clone));
        of.map_or_else(PolicySet::default, |of| of.set())
    }

    /// Replaces all policies, while calls go on: nobody waits. Each check and each report goes by
    /// one policy throughout, and one that begins after this has returned goes by `set`; what the
    /// store makes of circuits whose rules change is the store's affair. Groups are known to stores
    /// in memory alone.
    pub fn set_policies(&self, set: PolicySet<K::Owned>)
    where
        K: Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq,
    {
        let next = PolicyOf::of_set(set);
        self.inner.policies.update(|_| Some(Arc::clone(&next)));
    }

    /// Rejections that a [shadow](Policy::shadow) policy kept from taking place.
    pub fn shadowed(&self) -> u64 {
        self.inner.counters.total(Counted::Shadowed)
    }

    /// Returns what was counted of all calls since the breaker was made, by it and its clones. Of
    /// permits that are dropped it counts those that the store had granted. What circuits do
    /// ([`opened`](Totals::opened) and the fields after it) is known to their store alone, and 0
    /// here.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.inner.counters)
    }

    /// How often the store failed or didn't answer in time.
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
