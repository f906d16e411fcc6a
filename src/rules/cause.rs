//! The cause of a state change: the rule, and the numbers that it saw.

use std::fmt;

/// The cause of a state change: the rule, and the numbers that it saw.
///
/// [`as_str`](Self::as_str) is the kind of cause as a label, for metrics and logs; `Display` gives
/// the numbers too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// Too many failures in a row.
    ConsecutiveFailures {
        /// The number of failures.
        failures: u32,
    },
    /// Too many failures since the circuit was closed.
    TotalFailures {
        /// The number of failures.
        failures: u32,
    },
    /// Too many failures in the window.
    FailuresInWindow {
        /// The number of failures.
        failures: u32,
        /// The number of calls in the window.
        calls: u32,
    },
    /// Too large a share of failures in the window.
    FailureRate {
        /// The number of failures.
        failures: u32,
        /// The number of calls in the window.
        calls: u32,
    },
    /// Too large a share of slow calls in the window.
    SlowCallRate {
        /// The number of slow calls.
        slow: u32,
        /// The number of calls in the window.
        calls: u32,
    },
    /// Too many calls in flight for too long.
    HungCalls {
        /// The number of hung calls.
        calls: u32,
    },
    /// The open time is over, and a call asked to be admitted.
    ResetTimeout,
    /// Too many probes failed. The numbers are those that the rule saw: other probes may have been
    /// reported before the circuit opened.
    ProbesFailed {
        /// The number of probes that failed.
        failed: u32,
        /// The number of probes that have been reported.
        probes: u32,
    },
    /// Enough probes succeeded. The numbers are those that the rule saw, as for
    /// [`ProbesFailed`](Self::ProbesFailed).
    ProbesSucceeded {
        /// The number of probes that succeeded.
        succeeded: u32,
        /// The number of probes that have been reported.
        probes: u32,
    },
    /// The circuit was half-open for too long.
    HalfOpenTimeout,
    /// A command by hand: `transition`, and those built on it.
    Manual,
    /// The circuit was reset, and so reads as closed.
    Reset,
    /// The circuit was evicted to make room, and so reads as closed.
    Evicted,
    /// The circuit was imported.
    Imported,
    /// The circuit stays closed though a rule would open it: as many of its group are open as
    /// the cap allows.
    EjectionCap {
        /// The circuits of the group that are open.
        open: u32,
        /// The most that the cap allows.
        most: u32,
    },
}

impl Cause {
    /// Every label that [`as_str`](Self::as_str) returns, in the order of the variants.
    pub const LABELS: [&'static str; 15] = [
        "consecutive-failures",
        "total-failures",
        "failures-in-window",
        "failure-rate",
        "slow-call-rate",
        "hung-calls",
        "reset-timeout",
        "probes-failed",
        "probes-succeeded",
        "half-open-timeout",
        "manual",
        "reset",
        "evicted",
        "imported",
        "ejection-cap",
    ];

    /// The labels of causes that open no circuit.
    pub(crate) const NEVER_OPENS: [&'static str; 5] = [
        "reset-timeout",
        "probes-succeeded",
        "reset",
        "evicted",
        "ejection-cap",
    ];

    /// Returns the kind of cause as a label: the variant's name in kebab case, one of
    /// [`LABELS`](Self::LABELS). A label never changes its meaning; new ones may be added.
    ///
    /// ```
    /// use breakerbox::Cause;
    ///
    /// let cause = Cause::FailureRate { failures: 3, calls: 4 };
    /// assert_eq!(cause.as_str(), "failure-rate");
    /// assert_eq!(cause.to_string(), "3 of 4 calls failed");
    /// ```
    pub const fn as_str(&self) -> &'static str {
        Self::LABELS[self.place()]
    }

    /// Returns the place of its label in [`LABELS`](Self::LABELS).
    pub(crate) const fn place(&self) -> usize {
        match self {
            Cause::ConsecutiveFailures { .. } => 0,
            Cause::TotalFailures { .. } => 1,
            Cause::FailuresInWindow { .. } => 2,
            Cause::FailureRate { .. } => 3,
            Cause::SlowCallRate { .. } => 4,
            Cause::HungCalls { .. } => 5,
            Cause::ResetTimeout => 6,
            Cause::ProbesFailed { .. } => 7,
            Cause::ProbesSucceeded { .. } => 8,
            Cause::HalfOpenTimeout => 9,
            Cause::Manual => 10,
            Cause::Reset => 11,
            Cause::Evicted => 12,
            Cause::Imported => 13,
            Cause::EjectionCap { .. } => 14,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Cause::ConsecutiveFailures { failures } => {
                write!(f, "{failures} consecutive failures")
            }
            Cause::TotalFailures { failures } => write!(f, "{failures} failures in total"),
            Cause::FailuresInWindow { failures, calls } => {
                write!(f, "{failures} failures in the last {calls} calls")
            }
            Cause::FailureRate { failures, calls } => {
                write!(f, "{failures} of {calls} calls failed")
            }
            Cause::SlowCallRate { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Cause::HungCalls { calls } => write!(f, "{calls} calls hang"),
            Cause::ResetTimeout => f.write_str("its time was over"),
            Cause::ProbesFailed { failed, probes } => {
                write!(f, "{failed} of {probes} probes failed")
            }
            Cause::ProbesSucceeded { succeeded, probes } => {
                write!(f, "{succeeded} of {probes} probes succeeded")
            }
            Cause::HalfOpenTimeout => f.write_str("half-open for too long"),
            Cause::Manual => f.write_str("by hand"),
            Cause::Reset => f.write_str("reset"),
            Cause::Evicted => f.write_str("evicted"),
            Cause::Imported => f.write_str("imported"),
            Cause::EjectionCap { open, most } => {
                write!(f, "held back: {open} of its group are open, {most} may be")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_says_what_and_by_which_numbers() {
        let failures = Cause::FailureRate {
            failures: 3,
            calls: 4,
        };
        assert_eq!(failures.to_string(), "3 of 4 calls failed");
        assert_eq!(Cause::Manual.to_string(), "by hand");
    }

    #[test]
    fn a_label_is_the_name_of_its_variant() {
        let (failures, calls, slow) = (1, 2, 3);
        let (failed, succeeded, probes) = (1, 2, 3);
        let (open, most) = (1, 2);
        let causes = [
            Cause::ConsecutiveFailures { failures },
            Cause::TotalFailures { failures },
            Cause::FailuresInWindow { failures, calls },
            Cause::FailureRate { failures, calls },
            Cause::SlowCallRate { slow, calls },
            Cause::HungCalls { calls },
            Cause::ResetTimeout,
            Cause::ProbesFailed { failed, probes },
            Cause::ProbesSucceeded { succeeded, probes },
            Cause::HalfOpenTimeout,
            Cause::Manual,
            Cause::Reset,
            Cause::Evicted,
            Cause::Imported,
            Cause::EjectionCap { open, most },
        ];
        assert_eq!(causes.map(|cause| cause.as_str()), Cause::LABELS);
        for cause in causes {
            let debug = format!("{cause:?}");
            let name = debug.split(' ').next().unwrap().to_lowercase();
            assert_eq!(cause.as_str().replace('-', ""), name);
        }
    }
}
