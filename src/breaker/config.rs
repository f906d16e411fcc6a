//! A breaker in a file: its policies and its own settings.

use super::CircuitBreaker;
use super::builder::CircuitBreakerBuilder;
use crate::error::ConfigError;
use crate::rules::{PolicySet, Table};
use crate::word::Millis;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::hash::Hash;
use std::time::Duration;

/// The settings of a whole breaker, as a file has them: policies, and bounds of memory and time
/// (feature `serde`).
///
/// A setting that isn't given keeps the default of [`CircuitBreakerBuilder`]. The policies are
/// those of a [`PolicySet`], in the table `policies`.
///
/// ```
/// use breakerbox::BreakerConfig;
///
/// let config: BreakerConfig = toml::from_str(
///     r#"
///     max_circuits = 50_000
///     open_ttl = "10m"
///
///     [policies.default]
///     failure_threshold = 3
///     reset_timeout = "5s"
///
///     [policies.prefixes."/batch/"]
///     failure_threshold = 50
///     "#,
/// )?;
/// let breaker = config.into_builder().on_state_change(|change| println!("{change:?}")).build()?;
/// assert_eq!(breaker.policy("/batch/import").failure_threshold(), Some(50));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BreakerConfig<K = String> {
    /// The policies, by key; default: the default policy for all keys.
    pub policies: PolicySet<K>,
    /// The [most circuits](CircuitBreakerBuilder::max_circuits) that the breaker holds: 1 to 2^23;
    /// default 100,000.
    pub max_circuits: Option<usize>,
    /// The [circuits that fit](CircuitBreakerBuilder::capacity) before the map grows; default 0.
    pub capacity: Option<usize>,
    /// The [time](CircuitBreakerBuilder::open_ttl) for which an open or half-open circuit that no
    /// call asks for is kept.
    pub open_ttl: Option<Duration>,
    /// The [longest time](CircuitBreakerBuilder::call_timeout) that a call by `call_async` may
    /// take: more than 0; default: no limit.
    pub call_timeout: Option<Duration>,
}

impl<K> Default for BreakerConfig<K> {
    fn default() -> Self {
        Self {
            policies: PolicySet::default(),
            max_circuits: None,
            capacity: None,
            open_ttl: None,
            call_timeout: None,
        }
    }
}

impl<K: Hash + Eq + Clone> BreakerConfig<K> {
    /// Returns a builder with these settings, to set those that are code: listeners, clock, hasher.
    /// The policies are given to it, so its own settings of a policy may not be.
    pub fn into_builder(self) -> CircuitBreakerBuilder<K> {
        let Self {
            policies,
            max_circuits,
            capacity,
            open_ttl,
            call_timeout,
        } = self;
        let mut builder = CircuitBreaker::keyed_builder().policy(policies);
        if let Some(circuits) = max_circuits {
            builder = builder.max_circuits(circuits);
        }
        if let Some(circuits) = capacity {
            builder = builder.capacity(circuits);
        }
        if let Some(ttl) = open_ttl {
            builder = builder.open_ttl(ttl);
        }
        if let Some(timeout) = call_timeout {
            builder = builder.call_timeout(timeout);
        }
        builder
    }

    /// Builds the breaker.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if a value is out of its range, or there is a call timeout and no
    /// runtime for it.
    pub fn build(self) -> Result<CircuitBreaker<K>, ConfigError> {
        self.into_builder().build()
    }
}

/// The same settings, as they stand in a file.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(
        serialize = "K: Serialize + Hash + Eq",
        deserialize = "K: Deserialize<'de> + Hash + Eq + Clone + 'static"
    )
)]
struct Form<K> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_circuits: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_ttl: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call_timeout: Option<Millis>,
    #[serde(default)]
    policies: PolicySet<K>,
}

impl<'de, K> Deserialize<'de> for BreakerConfig<K>
where
    K: Deserialize<'de> + Hash + Eq + Clone + 'static,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table(form) = Table::<Form<K>>::deserialize(deserializer)?;
        let Form {
            max_circuits,
            capacity,
            open_ttl,
            call_timeout,
            policies,
        } = form;
        Ok(Self {
            policies,
            max_circuits,
            capacity,
            open_ttl: open_ttl.map(Duration::from),
            call_timeout: call_timeout.map(Duration::from),
        })
    }
}

impl<K: Serialize + Hash + Eq + Clone> Serialize for BreakerConfig<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            policies,
            max_circuits,
            capacity,
            open_ttl,
            call_timeout,
        } = self.clone();
        let form = Form {
            max_circuits,
            capacity,
            open_ttl: open_ttl.map(Millis::from),
            call_timeout: call_timeout.map(Millis::from),
            policies,
        };
        form.serialize(serializer)
    }
}
