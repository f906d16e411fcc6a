//! How a breaker over any store is made.

use super::{AsyncCircuitBreaker, PolicyOf, Remote, policy_of};
use crate::contract::CircuitBreakerStore;
use crate::error::ConfigError;
use crate::key::ToKey;
use crate::rules::Limits;
use crate::rules::{DroppedPermit, Policy, PolicySet};
use crate::rules::{LimitsBuilder, forward, positive_ms, with_settings};
use crate::runtime::needs_runtime;
use crate::runtime::{AsyncRuntime, default_runtime};
use crate::stats::Counters;
use crate::sync::{EpochCell, PlainAtomicU64};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// How long a store is waited for where nothing else is said.
const STORE_TIMEOUT: Duration = Duration::from_millis(50);

/// Builds an [`AsyncCircuitBreaker`]. What isn't set keeps its default.
pub struct AsyncCircuitBreakerBuilder<K: ?Sized> {
    store: Arc<dyn CircuitBreakerStore<K>>,
    pub(crate) limits: LimitsBuilder,
    dropped_permit: Option<DroppedPermit>,
    shadow: Option<bool>,
    policies: Option<PolicyOf<K>>,
    store_timeout: Duration,
    call_timeout: Option<Duration>,
    runtime: Option<Arc<dyn AsyncRuntime>>,
}

with_settings!(forward impl<K: ?Sized> AsyncCircuitBreakerBuilder<K>);

impl<K: ?Sized + 'static> AsyncCircuitBreakerBuilder<K> {
    pub(super) fn new(store: Arc<dyn CircuitBreakerStore<K>>) -> Self {
        Self {
            store,
            limits: Limits::builder(),
            dropped_permit: None,
            shadow: None,
            policies: None,
            store_timeout: STORE_TIMEOUT,
            call_timeout: None,
            runtime: default_runtime(),
        }
    }

    /// What a permit that is dropped without a report means; default: ignored.
    pub fn dropped_permit(self, meaning: DroppedPermit) -> Self {
        Self {
            dropped_permit: Some(meaning),
            ..self
        }
    }

    /// Whether rejections are only counted; default: `false`. See [`Policy::shadow`].
    pub fn shadow(self, shadow: bool) -> Self {
        Self {
            shadow: Some(shadow),
            ..self
        }
    }

    /// Policies by key, in place of one for all: with them, no other setting of a policy may be
    /// given here. Of groups, only a store in memory would know.
    pub fn policies(self, policies: PolicySet<K::Owned>) -> Self
    where
        K: ToOwned + Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq + Send + Sync + 'static,
    {
        Self {
            policies: Some(policy_of(policies)),
            ..self
        }
    }

    /// How long the store is waited for, then the call is admitted: more than 0; default 50 ms.
    pub fn store_timeout(self, timeout: Duration) -> Self {
        Self {
            store_timeout: timeout,
            ..self
        }
    }

    /// How long a call by `call_async` may take, then it is dropped and counts as a failure:
    /// more than 0; default: for ever.
    pub fn call_timeout(self, timeout: Duration) -> Self {
        Self {
            call_timeout: Some(timeout),
            ..self
        }
    }

    /// Who measures time and reports dropped permits; default: tokio, with the feature of that
    /// name.
    pub fn runtime(self, runtime: impl AsyncRuntime + 'static) -> Self {
        Self {
            runtime: Some(Arc::new(runtime)),
            ..self
        }
    }

    /// The breaker.
    ///
    /// # Errors
    /// If a value is out of its range, or there is no runtime.
    pub fn build(self) -> Result<AsyncCircuitBreaker<K>, ConfigError> {
        let runtime = self
            .runtime
            .ok_or_else(|| needs_runtime("store_timeout", self.store_timeout))?;
        positive_ms("store_timeout", self.store_timeout)?;
        if let Some(timeout) = self.call_timeout {
            positive_ms("call_timeout", timeout)?;
        }
        let settings = (&self.limits, self.dropped_permit, self.shadow);
        let one_for_all = Policy::one_for_all(settings, self.policies.is_some())?;
        let policies = self
            .policies
            .unwrap_or_else(|| Arc::new(move |_| one_for_all));
        Ok(AsyncCircuitBreaker {
            inner: Arc::new(Remote {
                store: self.store,
                policies: EpochCell::new(policies),
                counters: Counters::new(),
                store_timeout: self.store_timeout,
                call_timeout: self.call_timeout,
                runtime,
                store_failures: PlainAtomicU64::new(0),
            }),
        })
    }
}

impl<K: ?Sized> fmt::Debug for AsyncCircuitBreakerBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCircuitBreakerBuilder")
            .field("limits", &self.limits)
            .field("dropped_permit", &self.dropped_permit)
            .field("store_timeout", &self.store_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
