//! Values of settings that are neither numbers nor durations.

use crate::word::{Millis, Outcome};
use std::time::Duration;

/// The failures that the [failure threshold](crate::PolicyBuilder::failure_threshold) counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum FailureCounting {
    /// Failures in a row: a success sets the count back to 0.
    #[default]
    ConsecutiveFailures,
    /// All failures since the circuit was last closed, whatever succeeded in between.
    TotalFailures,
}

/// The calls over which rates are taken: the latest ones of a circuit since it was last closed.
///
/// With the feature `serde`, a number of calls is a number, and a time is a duration with its unit:
/// `100` or `"10s"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SlidingWindow {
    /// The last N calls, exactly: 1 to 1,000.
    Calls(u32),
    /// The calls of the last period, exact to one of ten buckets: a call leaves the window when
    /// between 9/10 and all of the period has passed. At least 10 ms, rounded up to whole
    /// milliseconds per bucket.
    ///
    /// A bucket counts up to 33,554,431 calls. Further ones count neither as calls nor as failures.
    /// If the clock steps back by the whole period or more, the window begins empty.
    Time(Duration),
}

/// The state that a circuit moves to after it has been half-open for too long.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum AfterHalfOpen {
    /// Open again: recovery has not been shown.
    #[default]
    Open,
    /// Closed: nothing has gone wrong either.
    Closed,
}

/// The meaning of a permit that is dropped without a report, in any state of the circuit. The
/// policy is read when the permit is dropped; if policies are replaced before the report, the
/// new one counts.
///
/// A timeout around a call that hangs drops its permit. If calls end that way, dropped permits
/// have to be able to open the circuit.
///
/// With the feature `serde`: `"ignored"`, `"failure"` or `{ failure-if-older = "500ms" }`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum DroppedPermit {
    /// Nothing: a probe is given back.
    #[default]
    Ignored,
    /// A failure.
    Failure,
    /// A failure if the permit is at least this old (more than 0, rounded up to whole
    /// milliseconds), else nothing. Costs a clock read per permit.
    FailureIfOlder(#[cfg_attr(feature = "serde", serde(with = "super::duration"))] Duration),
}

impl DroppedPermit {
    /// Returns the outcome of a permit that was dropped at this age.
    pub(crate) fn outcome(self, age: impl FnOnce() -> Millis) -> Outcome {
        match self {
            DroppedPermit::Ignored => Outcome::Ignored,
            DroppedPermit::Failure => Outcome::Failure,
            DroppedPermit::FailureIfOlder(least) if Duration::from(age()) >= least => {
                Outcome::Failure
            }
            DroppedPermit::FailureIfOlder(_) => Outcome::Ignored,
        }
    }
}

/// A state that is forced on circuits: by [their policy](crate::PolicyBuilder::forced), or by hand
/// on [a prefix](crate::InMemoryCircuitBreakerStore::steer_prefix).
///
/// It holds for unknown keys too, and creates no circuit for them. Calls don't change the circuit's
/// own state. Forced by policy, a circuit keeps that state, which decides again once the policy is
/// replaced. A command for a prefix also moves the circuits that it finds: lifted, they are closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Forced {
    /// Every call is rejected, as by a circuit that is forced open; reports of earlier calls
    /// count nothing.
    Open,
    /// Every call is admitted, and none is counted.
    Disabled,
}
