//! Why a circuit changed state: which rule, by which numbers.

use std::fmt;

/// Why a circuit changed state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// So many failures in a row.
    ConsecutiveFailures {
        /// How many.
        failures: u32,
    },
    /// So many failures since the circuit was closed.
    TotalFailures {
        /// How many.
        failures: u32,
    },
    /// So many failures in the window.
    FailuresInWindow {
        /// How many.
        failures: u32,
        /// Of how many calls.
        calls: u32,
    },
    /// Too large a share of failures in the window.
    FailureRate {
        /// How many failed.
        failures: u32,
        /// Of how many.
        calls: u32,
    },
    /// Too large a share of slow calls in the window.
    SlowCallRate {
        /// How many were slow.
        slow: u32,
        /// Of how many.
        calls: u32,
    },
    /// Too many calls in flight for too long.
    HungCalls {
        /// How many.
        calls: u32,
    },
    /// The time of the open circuit is over, and a call asked.
    ResetTimeout,
    /// Too many probes failed, as counted when the rule was asked: others may have been reported
    /// since, before the circuit opened.
    ProbesFailed {
        /// How many.
        failed: u32,
        /// Of how many that have been reported.
        probes: u32,
    },
    /// Enough probes succeeded, as counted when the rule was asked: as above.
    ProbesSucceeded {
        /// How many.
        succeeded: u32,
        /// Of how many that have been reported.
        probes: u32,
    },
    /// The circuit was half-open for too long.
    HalfOpenTimeout,
    /// Somebody said so: `transition` and what is built on it.
    Manual,
    /// It was reset, and so reads as closed.
    Reset,
    /// It was evicted to make room, and so reads as closed.
    Evicted,
    /// It was imported.
    Imported,
    /// It stays closed though a rule would open it: as many of its group are open as may be.
    EjectionCap {
        /// How many are open.
        open: u32,
        /// How many may be.
        most: u32,
    },
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
}
