//! Policies: which rules a circuit has, by its key; replaced while calls go on.

use crate::error::ConfigError;
use crate::rules::{Forced, Limits};
use crate::rules::{LimitsBuilder, positive_ms};
use crate::word::Outcome;
use std::time::Duration;

/// What a permit that is dropped without a report means, in any state of the circuit. It is asked of
/// the policy when the permit is dropped, and reported after: if policies are replaced in between,
/// by the new one.
///
/// A time-out around a call that hangs drops its permit: where that is how calls end, dropped
/// permits have to be able to open the circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum DroppedPermit {
    /// Nothing: a probe slot is given back.
    #[default]
    Ignored,
    /// A failure.
    Failure,
    /// A failure if the permit is at least this old (whole milliseconds, rounded up), else
    /// nothing. Costs a clock read per permit.
    FailureIfOlder(Duration),
}

/// [`DroppedPermit`], validated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum Drops {
    #[default]
    Ignored,
    Failure,
    FailureIfOlder {
        ms: u64,
    },
}

impl Drops {
    pub(crate) fn new(setting: DroppedPermit) -> Result<Self, ConfigError> {
        Ok(match setting {
            DroppedPermit::Ignored => Drops::Ignored,
            DroppedPermit::Failure => Drops::Failure,
            DroppedPermit::FailureIfOlder(age) => Drops::FailureIfOlder {
                ms: positive_ms("dropped_permit", age)?,
            },
        })
    }

    pub(crate) fn needs_time(self) -> bool {
        matches!(self, Drops::FailureIfOlder { .. })
    }

    /// The outcome of a permit that was dropped at age `age_ms`.
    pub(crate) fn outcome(self, age_ms: impl FnOnce() -> u64) -> Outcome {
        match self {
            Drops::Ignored => Outcome::Ignored,
            Drops::Failure => Outcome::Failure,
            Drops::FailureIfOlder { ms } if age_ms() >= ms => Outcome::Failure,
            Drops::FailureIfOlder { .. } => Outcome::Ignored,
        }
    }
}

/// The rules of a circuit, and what a breaker makes of its decisions.
///
/// ```
/// use breakerbox::{DroppedPermit, Limits, Policy};
///
/// let limits = Limits::builder().failure_threshold(3).build()?;
/// let policy = Policy::from(limits) // and, unless they keep their defaults:
///     .shadow(true) // decide and announce, but reject nothing; default: false
///     .forced(None) // or reject or admit all: Forced::Open, Forced::Disabled; default: None
///     .dropped_permit(DroppedPermit::Failure)?; // default: ignored
/// assert!(policy.is_shadow());
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
///
/// With the feature `serde` a policy is read from the settings of its [`Limits`] and its own,
/// `shadow`, `forced` (`"open"` or `"disabled"`) and `dropped_permit` (`"ignored"`, `"failure"` or
/// `{"failure-if-older-ms": 500}`), all in one table:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use breakerbox::Policy;
///
/// let policy: Policy = serde_json::from_str(r#"{"failure_threshold": 3, "shadow": true}"#)?;
/// assert!(policy.is_shadow());
///
/// let refused = serde_json::from_str::<Policy>(r#"{"failure_treshold": 3}"#).unwrap_err();
/// assert!(refused.to_string().starts_with("failure_treshold is not a setting"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::form::Form", into = "super::form::Form")
)]
pub struct Policy {
    pub(crate) limits: Limits,
    pub(crate) drops: Drops,
    /// The number of the set that it was taken from, if it is in use.
    pub(crate) set: u64,
}

impl Policy {
    /// Whether rejections are only counted (see
    /// [`CircuitBreaker::shadowed`](crate::CircuitBreaker::shadowed)) and the calls admitted:
    /// everything else, openings and announcements too, is as if they were rejected. Default:
    /// `false`.
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.limits.shadow = shadow;
        self
    }

    /// Forces a state on its circuits, and on keys that have none yet; default: none. The rest of
    /// the policy still holds: with [`shadow`](Self::shadow), what [`Forced::Open`] would reject is
    /// only counted, and the `Retry-After` of its rejections is the reset timeout.
    ///
    /// It holds until the policies are replaced, whatever is evicted; and after a restart, since it
    /// is part of the policy. It costs calls on handles of other circuits nothing; a check by key
    /// that it doesn't concern has to read that key's policy.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Forced, Policy, PolicySet};
    ///
    /// let closed = Policy::default().forced(Forced::Open);
    /// let policies = PolicySet::default().prefix("/batch/", closed);
    /// let breaker = CircuitBreaker::<String>::builder().policies(policies).build()?;
    /// assert!(breaker.acquire("/batch/import").is_err());
    /// assert!(breaker.acquire("/search").is_ok());
    ///
    /// let open = breaker.policies().prefix("/batch/", closed.forced(None));
    /// breaker.set_policies(open);
    /// assert!(breaker.acquire("/batch/import").is_ok());
    /// # Ok::<(), breakerbox::ConfigError>(())
    /// ```
    pub fn forced(mut self, forced: impl Into<Option<Forced>>) -> Self {
        self.limits = self.limits.with_forced(forced.into());
        self
    }

    /// What a permit that is dropped without a report means; default: ignored.
    ///
    /// # Errors
    /// If the age is 0.
    pub fn dropped_permit(self, meaning: DroppedPermit) -> Result<Self, ConfigError> {
        Ok(self.with_drops(Drops::new(meaning)?))
    }

    pub(crate) fn with_drops(mut self, drops: Drops) -> Self {
        self.drops = drops;
        self.limits.timed = drops.needs_time();
        self
    }

    /// As a breaker's builder has it set: not at all, where policies by key are given.
    pub(crate) fn one_for_all(
        (limits, dropped, shadow): (&LimitsBuilder, Option<DroppedPermit>, Option<bool>),
        are_others_given: bool,
    ) -> Result<Self, ConfigError> {
        let is_set = *limits != Limits::builder() || dropped.is_some() || shadow.is_some();
        if is_set && are_others_given {
            let expected = "given alone, without settings of one policy for all";
            return Err(ConfigError::new("policies", "given", expected));
        }
        Self::from(limits.build()?)
            .shadow(shadow.unwrap_or_default())
            .dropped_permit(dropped.unwrap_or_default())
    }

    /// The rules.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// See [`shadow`](Self::shadow).
    pub fn is_shadow(&self) -> bool {
        self.limits.shadow
    }

    /// Returns the state that is [forced](Self::forced), if any.
    pub fn forced_state(&self) -> Option<Forced> {
        self.limits.forced
    }

    /// Returns the number of the set that it was taken from.
    pub(crate) fn set(&self) -> u64 {
        self.set
    }

    pub(crate) fn drops(&self) -> Drops {
        self.drops
    }
}

impl From<Limits> for Policy {
    fn from(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }
}
