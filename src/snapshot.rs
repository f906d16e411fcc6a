//! The public view of a circuit: its state and counts at one moment.

use std::fmt;
use std::str::FromStr;

/// The state of a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum CircuitState {
    /// Calls flow and failures are counted.
    #[default]
    Closed,
    /// Calls are rejected until the circuit's time is over.
    Open,
    /// A few probes test whether the upstream has recovered; other calls are rejected.
    HalfOpen,
    /// Calls are rejected until a command moves the circuit.
    ForcedOpen,
    /// Calls flow and nothing is counted until a command moves the circuit.
    Disabled,
}

impl CircuitState {
    /// Every state.
    pub const ALL: [CircuitState; 5] = [
        CircuitState::Closed,
        CircuitState::Open,
        CircuitState::HalfOpen,
        CircuitState::ForcedOpen,
        CircuitState::Disabled,
    ];

    /// Returns `closed`, `open`, `half-open`, `forced-open` or `disabled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half-open",
            CircuitState::ForcedOpen => "forced-open",
            CircuitState::Disabled => "disabled",
        }
    }
}

/// The error of a name that is none of a state's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseStateError(String);

impl fmt::Display for ParseStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no state; it must be closed, open, half-open, forced-open or disabled",
            self.0
        )
    }
}

impl std::error::Error for ParseStateError {}

impl FromStr for CircuitState {
    type Err = ParseStateError;

    /// Parses a state's [`as_str`](Self::as_str).
    ///
    /// ```
    /// use breakerbox::CircuitState;
    ///
    /// assert_eq!("half-open".parse(), Ok(CircuitState::HalfOpen));
    /// let wrong = "half_open".parse::<CircuitState>().unwrap_err();
    /// assert!(wrong.to_string().starts_with(r#""half_open" is no state; it must be closed, "#));
    /// ```
    fn from_str(name: &str) -> Result<Self, ParseStateError> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == name)
            .ok_or_else(|| ParseStateError(name.to_owned()))
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A circuit at one moment.
///
/// All fields belong to one generation of the circuit: a state is never shown with the counts or
/// the time of another. Only `last_failure_time` may be ahead: it may be the time of a failure that
/// is being recorded and isn't counted yet. It is never older than a counted failure, whose time is
/// read once, while it is being recorded. It is read [roughly](crate::Clock::roughly_ms), so it may
/// be late by a tick of the kernel, and earlier than the `last_state_change` that the failure came
/// after.
///
/// A store of your own makes one by [`new`](Self::new), and sets the other fields that it knows:
///
/// ```
/// use breakerbox::{CircuitBreakerSnapshot, CircuitState};
///
/// // As a row of a table may have it.
/// let (failures, failed_at, opened_at) = (5, 1_999, 2_000);
/// let mut snapshot = CircuitBreakerSnapshot::new(CircuitState::Open, opened_at);
/// snapshot.failure_count = failures;
/// snapshot.last_failure_time = failed_at;
/// assert_eq!((snapshot.success_count, snapshot.last_state_change), (0, 2_000));
/// ```
///
/// With the feature `serde` it is written in camel case as other gateways write it, with
/// forced-open as `open` and disabled as `closed`, both with `"forced": true`:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use breakerbox::{CircuitState, InMemoryCircuitBreakerStore, ManualClock};
///
/// let store = InMemoryCircuitBreakerStore::builder().clock(ManualClock::new(7)).build();
/// let snapshot = store.transition("api", CircuitState::ForcedOpen);
/// let json = r#"{"state":"open","forced":true,"failureCount":0,"successCount":0,"lastFailureTime":0,"lastStateChange":7}"#;
/// assert_eq!(serde_json::to_string(&snapshot).unwrap(), json);
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct CircuitBreakerSnapshot {
    /// The state.
    pub state: CircuitState,
    /// Failures counted since the circuit was last closed, or under the consecutive rule since the
    /// last success; saturates at 1,048,575.
    pub failure_count: u64,
    /// Successes that `record_success` counted since the circuit was last closed or became
    /// half-open; saturates at 2^42 − 1. Reports of permits don't count here: a healthy call
    /// writes nothing.
    pub success_count: u64,
    /// The time when the last failure was recorded, in Unix milliseconds; 0 if none was.
    pub last_failure_time: u64,
    /// The time when the circuit came into this state, in Unix milliseconds.
    pub last_state_change: u64,
}

impl CircuitBreakerSnapshot {
    /// Makes a snapshot of a circuit in this state since `last_state_change`, in Unix milliseconds,
    /// with nothing counted.
    #[must_use]
    pub const fn new(state: CircuitState, last_state_change: u64) -> Self {
        Self {
            state,
            failure_count: 0,
            success_count: 0,
            last_failure_time: 0,
            last_state_change,
        }
    }
}

#[cfg(feature = "serde")]
mod serde_form {
    //! The contract's JSON form.

    use super::{CircuitBreakerSnapshot, CircuitState};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Name {
        Closed,
        Open,
        HalfOpen,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Form {
        state: Name,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
        failure_count: u64,
        success_count: u64,
        last_failure_time: u64,
        last_state_change: u64,
    }

    impl Serialize for CircuitBreakerSnapshot {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let (state, forced) = match self.state {
                CircuitState::Closed => (Name::Closed, false),
                CircuitState::Open => (Name::Open, false),
                CircuitState::HalfOpen => (Name::HalfOpen, false),
                CircuitState::ForcedOpen => (Name::Open, true),
                CircuitState::Disabled => (Name::Closed, true),
            };
            Form {
                state,
                forced,
                failure_count: self.failure_count,
                success_count: self.success_count,
                last_failure_time: self.last_failure_time,
                last_state_change: self.last_state_change,
            }
            .serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for CircuitBreakerSnapshot {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let form = Form::deserialize(deserializer)?;
            let state = match (form.state, form.forced) {
                (Name::Closed, false) => CircuitState::Closed,
                (Name::Open, false) => CircuitState::Open,
                (Name::HalfOpen, false) => CircuitState::HalfOpen,
                (Name::Open, true) => CircuitState::ForcedOpen,
                (Name::Closed, true) => CircuitState::Disabled,
                (Name::HalfOpen, true) => {
                    return Err(serde::de::Error::custom(
                        "a half-open circuit can't be forced",
                    ));
                }
            };
            Ok(Self {
                state,
                failure_count: form.failure_count,
                success_count: form.success_count,
                last_failure_time: form.last_failure_time,
                last_state_change: form.last_state_change,
            })
        }
    }

    impl Serialize for CircuitState {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for CircuitState {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            name.parse().map_err(|_| {
                let expected = &["closed", "open", "half-open", "forced-open", "disabled"];
                serde::de::Error::unknown_variant(&name, expected)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_from_its_name() {
        for state in CircuitState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for wrong in ["", "Closed", "half_open", "open ", "watched"] {
            assert!(wrong.parse::<CircuitState>().is_err(), "{wrong:?}");
        }
    }
}
