//! The builder of a breaker.

use super::circuit_breaker::CircuitBreaker;
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;
use crate::events::StateChange;
use crate::rules::{Policy, PolicyBuilder, PolicySet, everyday, positive_ms, within};
use crate::runtime::{AsyncRuntime, CallTimeout, default_runtime, needs_runtime};
use crate::store::{InMemoryCircuitBreakerStore, InMemoryStoreBuilder};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// A builder of a [`CircuitBreaker`]. A setting that isn't set keeps its default.
///
/// ```
/// use breakerbox::{CircuitBreaker, ManualClock};
/// use std::time::Duration;
///
/// let breaker = CircuitBreaker::builder()
///     .failure_threshold(10) // failures in a row that open, 1 to 1,000,000; default 5
///     .reset_timeout(Duration::from_secs(5)) // default 30 s
///     .half_open_max(3) // concurrent probes, 1 to 100; default 1
///     .success_threshold(2) // successful probes that close, 1 to 100; default 1
///     .clock(ManualClock::new(0)) // default: the system's, monotonic
///     .capacity(1_000) // circuits that fit before the map grows
///     .max_circuits(50_000) // 1 to 2^23; default 100,000
///     .open_ttl(Duration::from_secs(600)) // for circuits that no call asks for
///     .on_state_change(|change| println!("{change:?}"))
///     .build()?;
/// assert_eq!(breaker.policy("search").half_open_max(), 3);
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[must_use]
pub struct CircuitBreakerBuilder<K = String, S = RandomState, C = SystemClock> {
    store: InMemoryStoreBuilder<K, S, C>,
    everyday: PolicyBuilder,
    policies: Option<PolicySet<K>>,
    call_timeout: Option<Duration>,
    runtime: Option<Arc<dyn AsyncRuntime>>,
    max_circuits: usize,
}

/// The most circuits of a breaker, by default.
const DEFAULT_CIRCUITS: usize = 100_000;

impl<K> CircuitBreakerBuilder<K> {
    fn new() -> Self {
        Self {
            store: InMemoryStoreBuilder::new(),
            everyday: Policy::builder(),
            policies: None,
            call_timeout: None,
            runtime: default_runtime(),
            max_circuits: DEFAULT_CIRCUITS,
        }
    }
}

impl<K, S, C> CircuitBreakerBuilder<K, S, C> {
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
    /// settings. A builder takes a policy or settings, not both.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Policy, SlidingWindow};
    ///
    /// let half_of_100 = Policy::builder()
    ///     .sliding_window(SlidingWindow::Calls(100))
    ///     .failure_rate_threshold(50)
    ///     .build()?;
    /// let breaker = CircuitBreaker::builder().policy(half_of_100).build()?;
    /// assert_eq!(breaker.policy("search"), half_of_100);
    /// # Ok::<(), breakerbox::ConfigError>(())
    /// ```
    pub fn policy(self, policy: impl Into<PolicySet<K>>) -> Self {
        Self {
            policies: Some(policy.into()),
            ..self
        }
    }

    /// Sets the longest time that a call by `call_async` may take. After that it is dropped and
    /// counts as a failure. More than 0; default: no limit. Needs the feature `tokio`, or a
    /// [`runtime`](Self::runtime). In a tokio runtime that was made without `enable_time`, such a
    /// call panics once it has to wait; outside of one, it has no limit.
    ///
    /// The time covers all that the guarded future does. If it waits for a connection from a pool,
    /// an exhausted pool counts as a failure of the upstream.
    pub fn call_timeout(self, timeout: Duration) -> Self {
        Self {
            call_timeout: Some(timeout),
            ..self
        }
    }

    /// Sets the runtime that measures the call timeout; default: tokio, with the feature of that
    /// name.
    pub fn runtime(self, runtime: impl AsyncRuntime + 'static) -> Self {
        Self {
            runtime: Some(Arc::new(runtime)),
            ..self
        }
    }

    /// Adds a listener of state changes, like [`InMemoryStoreBuilder::on_state_change`].
    pub fn on_state_change(
        self,
        listener: impl Fn(&StateChange<K>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            store: self.store.on_state_change(listener),
            ..self
        }
    }

    /// Sets the number of circuits that fit before the map grows; default 0. See
    /// [`InMemoryStoreBuilder::capacity`].
    pub fn capacity(self, circuits: usize) -> Self {
        Self {
            store: self.store.capacity(circuits),
            ..self
        }
    }

    /// Sets the number of circuits that the breaker may hold: 1 to 2^23; default 100,000. See
    /// [`InMemoryStoreBuilder::max_circuits`].
    pub fn max_circuits(self, circuits: usize) -> Self {
        Self {
            max_circuits: circuits,
            ..self
        }
    }

    /// Sets the time for which an open or half-open circuit that no call asks for is kept, when
    /// there are too many circuits. See [`InMemoryStoreBuilder::open_ttl`].
    pub fn open_ttl(self, ttl: Duration) -> Self {
        Self {
            store: self.store.open_ttl(ttl),
            ..self
        }
    }

    /// Sets the hasher of keys, like [`InMemoryStoreBuilder::hasher`].
    pub fn hasher<S2: BuildHasher>(self, hasher: S2) -> CircuitBreakerBuilder<K, S2, C> {
        let Self {
            store,
            everyday,
            policies,
            call_timeout,
            runtime,
            max_circuits,
        } = self;
        let store = store.hasher(hasher);
        CircuitBreakerBuilder {
            store,
            everyday,
            policies,
            call_timeout,
            runtime,
            max_circuits,
        }
    }

    /// Sets the source of the time, like [`InMemoryStoreBuilder::clock`].
    pub fn clock<C2: Clock>(self, clock: C2) -> CircuitBreakerBuilder<K, S, C2> {
        let Self {
            store,
            everyday,
            policies,
            call_timeout,
            runtime,
            max_circuits,
        } = self;
        let store = store.clock(clock);
        CircuitBreakerBuilder {
            store,
            everyday,
            policies,
            call_timeout,
            runtime,
            max_circuits,
        }
    }
}

impl<K: Hash + Eq + Clone, S: BuildHasher, C: Clock> CircuitBreakerBuilder<K, S, C> {
    /// Builds the breaker.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if a value is out of its range, settings are given beside a
    /// policy, or there is a call timeout and no runtime for it.
    pub fn build(self) -> Result<CircuitBreaker<K, S, C>, ConfigError> {
        let call_timeout = match (self.call_timeout, self.runtime) {
            (None, _) => None,
            (Some(after), None) => return Err(needs_runtime("call_timeout", after)),
            (Some(after), Some(runtime)) => {
                positive_ms("call_timeout", after)?;
                Some(CallTimeout { after, runtime })
            }
        };
        let default = everyday(&self.everyday, self.policies.is_some())?;
        let policies = self.policies.unwrap_or_else(|| default.into());
        within(
            "max_circuits",
            self.max_circuits,
            1..=InMemoryCircuitBreakerStore::<K, S, C>::MAX_CIRCUITS,
        )?;
        Ok(CircuitBreaker::from_parts(
            self.store.max_circuits(self.max_circuits).build(),
            policies,
            call_timeout,
        ))
    }
}

impl CircuitBreaker {
    /// Makes a breaker for `String` keys with the default settings: 5 consecutive failures open a
    /// circuit, and 30 s later one probe decides. It holds at most 100,000 circuits.
    ///
    /// [`keyed`](CircuitBreaker::keyed) makes one for keys of another type.
    ///
    /// ```
    /// let breaker = breakerbox::CircuitBreaker::new();
    /// assert!(breaker.acquire("search").is_ok());
    /// ```
    pub fn new() -> Self {
        Self::over(InMemoryCircuitBreakerStore::builder())
    }

    /// Begins a breaker for `String` keys with other settings.
    pub fn builder() -> CircuitBreakerBuilder {
        CircuitBreakerBuilder {
            store: InMemoryCircuitBreakerStore::builder(),
            ..CircuitBreakerBuilder::new()
        }
    }
}

impl<K: Hash + Eq + Clone> CircuitBreaker<K> {
    /// Makes a breaker as [`new`](CircuitBreaker::new) does, for keys of any type, which is
    /// inferred from the calls.
    ///
    /// ```
    /// use breakerbox::CircuitBreaker;
    ///
    /// let by_id = CircuitBreaker::keyed();
    /// assert!(by_id.acquire(&7_u64).is_ok());
    /// let by_name = CircuitBreaker::<Box<str>>::keyed();
    /// assert!(by_name.acquire("search").is_ok());
    /// ```
    pub fn keyed() -> Self {
        Self::over(InMemoryCircuitBreakerStore::keyed_builder())
    }

    fn over(store: InMemoryStoreBuilder<K>) -> Self {
        let store = store.max_circuits(DEFAULT_CIRCUITS).build();
        Self::from_parts(store, PolicySet::default(), None)
    }

    /// Begins a breaker as [`builder`](CircuitBreaker::builder) does, for keys of any type.
    pub fn keyed_builder() -> CircuitBreakerBuilder<K> {
        CircuitBreakerBuilder::new()
    }
}

impl<K: Hash + Eq + Clone> Default for CircuitBreaker<K> {
    fn default() -> Self {
        Self::keyed()
    }
}

impl<K, S, C> fmt::Debug for CircuitBreakerBuilder<K, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerBuilder")
            .field("store", &self.store)
            .field("settings", &self.everyday)
            .field("max_circuits", &self.max_circuits)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
