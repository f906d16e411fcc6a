//! The builder of a breaker over any store.

use super::circuit_breaker::AsyncCircuitBreaker;
use super::policies::PolicyOf;
use super::remote::Remote;
use crate::contract::CircuitBreakerStore;
use crate::error::ConfigError;
use crate::key::ToKey;
use crate::rules::{Policy, PolicyBuilder, PolicySet, everyday, positive_ms};
use crate::runtime::{AsyncRuntime, CallTimeout, default_runtime, needs_runtime};
use crate::stats::Counters;
use crate::sync::{EpochCell, PlainAtomicU64};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// The time that a breaker waits for its store, by default.
const STORE_TIMEOUT: Duration = Duration::from_millis(50);

/// A builder of an [`AsyncCircuitBreaker`]. A setting that isn't set keeps its default.
#[must_use]
pub struct AsyncCircuitBreakerBuilder<K: ?Sized> {
    store: Arc<dyn CircuitBreakerStore<K>>,
    everyday: PolicyBuilder,
    policies: Option<Arc<PolicyOf<K>>>,
    store_timeout: Duration,
    call_timeout: Option<Duration>,
    runtime: Option<Arc<dyn AsyncRuntime>>,
}

impl<K: ?Sized + 'static> AsyncCircuitBreakerBuilder<K> {
    fn new(store: Arc<dyn CircuitBreakerStore<K>>) -> Self {
        Self {
            store,
            everyday: Policy::builder(),
            policies: None,
            store_timeout: STORE_TIMEOUT,
            call_timeout: None,
            runtime: default_runtime(),
        }
    }

    /// Sets the number of failures in a row that opens a closed circuit: 1 to 1,000,000; default 5.
    pub fn failure_threshold(self, failures: u32) -> Self {
        Self {
            everyday: self.everyday.failure_threshold(failures),
            ..self
        }
    }

    /// Sets the time for which an open circuit rejects before it admits a probe: more than 0,
    /// rounded up to whole milliseconds; default 30 s.
    pub fn reset_timeout(self, timeout: Duration) -> Self {
        Self {
            everyday: self.everyday.reset_timeout(timeout),
            ..self
        }
    }

    /// Sets the number of probes of a half-open circuit that may be out at once: 1 to 100; default
    /// 1.
    pub fn half_open_max(self, probes: u32) -> Self {
        Self {
            everyday: self.everyday.half_open_max(probes),
            ..self
        }
    }

    /// Sets the number of successful probes that closes a half-open circuit: 1 to 100; default 1.
    pub fn success_threshold(self, successes: u32) -> Self {
        Self {
            everyday: self.everyday.success_threshold(successes),
            ..self
        }
    }

    /// Sets the policy of all circuits, or a [set](PolicySet) of policies by key; default: the
    /// default policy with the settings that this builder is given. [`Policy::builder`] has all
    /// settings. A builder takes a policy or settings, not both. Groups have no effect here: only
    /// [`CircuitBreaker`](crate::CircuitBreaker) knows them.
    pub fn policy(self, policy: impl Into<PolicySet<K::Owned>>) -> Self
    where
        K: ToOwned + Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq + Send + Sync + 'static,
    {
        Self {
            policies: Some(PolicyOf::of_set(policy.into())),
            ..self
        }
    }

    /// Sets the longest time that a call waits for the store. After that it is admitted without it.
    /// More than 0; default 50 ms. In a tokio runtime that was made without `enable_time`, a call
    /// panics once it has to wait; outside of one, it has no limit.
    pub fn store_timeout(self, timeout: Duration) -> Self {
        Self {
            store_timeout: timeout,
            ..self
        }
    }

    /// Sets the longest time that a call by `call_async` may take. After that it is dropped and
    /// counts as a failure. More than 0; default: no limit. Needs timers, like
    /// [`store_timeout`](Self::store_timeout).
    pub fn call_timeout(self, timeout: Duration) -> Self {
        Self {
            call_timeout: Some(timeout),
            ..self
        }
    }

    /// Sets the runtime that measures time and reports dropped permits; default: tokio, with the
    /// feature of that name.
    pub fn runtime(self, runtime: impl AsyncRuntime + 'static) -> Self {
        Self {
            runtime: Some(Arc::new(runtime)),
            ..self
        }
    }

    /// Builds the breaker.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if a value is out of its range, settings are given beside a
    /// policy, or there is no runtime.
    pub fn build(self) -> Result<AsyncCircuitBreaker<K>, ConfigError> {
        let runtime = self
            .runtime
            .ok_or_else(|| needs_runtime("store_timeout", self.store_timeout))?;
        positive_ms("store_timeout", self.store_timeout)?;
        let call_timeout = match self.call_timeout {
            None => None,
            Some(after) => {
                positive_ms("call_timeout", after)?;
                let runtime = Arc::clone(&runtime);
                Some(CallTimeout { after, runtime })
            }
        };
        let default = everyday(&self.everyday, self.policies.is_some())?;
        let policies = self.policies.unwrap_or_else(|| PolicyOf::one(default));
        Ok(AsyncCircuitBreaker {
            inner: Arc::new(Remote {
                store: self.store,
                policies: EpochCell::new(policies),
                counters: Counters::new(),
                store_timeout: self.store_timeout,
                call_timeout,
                runtime,
                store_failures: PlainAtomicU64::new(0),
            }),
        })
    }
}

impl<K> AsyncCircuitBreaker<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// Begins a breaker over `store`.
    pub fn builder(store: Arc<dyn CircuitBreakerStore<K>>) -> AsyncCircuitBreakerBuilder<K> {
        AsyncCircuitBreakerBuilder::new(store)
    }
}

impl<K: ?Sized> fmt::Debug for AsyncCircuitBreakerBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCircuitBreakerBuilder")
            .field("settings", &self.everyday)
            .field("store_timeout", &self.store_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
