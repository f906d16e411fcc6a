//! The policy of a circuit as plain numbers: everything that a decision needs.

use super::values::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
use crate::word::{FAILURES_MAX, Millis, Probes};
use std::fmt;
use std::time::Duration;

/// The highest failure threshold.
pub(crate) const FAILURE_THRESHOLD_MAX: u32 = 1_000_000;
/// The longest window of calls.
pub(crate) const WINDOW_CALLS_MAX: u32 = 1_000;
/// The buckets of a window of time.
pub(super) const BUCKETS: u64 = 10;
/// The most hung calls that are counted.
pub(crate) const HUNG_CALLS_MAX: u32 = 64;
/// The most concurrent probes, required successes, allowed failures.
pub(crate) const PROBES_MAX: u32 = 100;
/// The value of a failure threshold that no count reaches.
pub(crate) const OFF: u32 = u32::MAX;

const _: () = assert!(
    FAILURE_THRESHOLD_MAX <= FAILURES_MAX,
    "a threshold is reachable"
);
const _: () = assert!(PROBES_MAX <= Probes::MAX, "probes fit their fields");

/// The rules of a circuit: when it opens, for how long, and how it recovers; and how a breaker
/// applies its decisions. A plain value, which is `Copy` and immutable.
///
/// ```
/// use breakerbox::{FailureCounting, Policy};
/// use std::time::Duration;
///
/// let policy = Policy::builder()
///     .failure_threshold(3)
///     .failure_counting(FailureCounting::TotalFailures)
///     .reset_timeout(Duration::from_secs(10))
///     .build()?;
/// assert_eq!(policy.failure_threshold(), Some(3));
/// assert_eq!(policy.probe_lease(), Duration::from_secs(10)); // as long as the reset timeout
///
/// let shadow = policy.to_builder().shadow(true).build()?;
/// assert!(shadow.shadow());
///
/// let error = Policy::builder().failure_threshold(0).build().unwrap_err();
/// assert_eq!(error.to_string(), "failure_threshold is 0; it must be 1 to 1000000");
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
///
/// With the feature `serde` a policy is read from one table of the builder's settings, by their
/// names, and checked as by the builder. A duration is text with a unit:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use breakerbox::Policy;
///
/// let policy: Policy = serde_json::from_str(
///     r#"{"sliding_window": 100, "failure_rate_threshold": 50, "reset_timeout": "5s"}"#,
/// )?;
/// assert_eq!(policy.failure_rate_threshold(), Some(50));
///
/// let refused = serde_json::from_str::<Policy>(r#"{"failure_rate_threshold": 50}"#);
/// assert!(refused.unwrap_err().to_string().starts_with("failure_rate_threshold is 50"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Policy {
    pub(crate) trip: Trip,
    pub(crate) open: OpenFor,
    pub(crate) half_open: HalfOpen,
    /// Whether rejections are only counted, and changes announced as in shadow.
    pub(crate) shadow: bool,
    /// The state that is forced on every call, whatever the other settings say.
    pub(crate) forced: Option<Forced>,
    pub(crate) dropped_permit: DroppedPermit,
    /// Whether a check needs more than the circuit's state; derived from the other fields.
    pub(super) checks_closely: bool,
    /// Whether permits need the time when they began; derived from the other fields.
    pub(super) timed: bool,
    pub(crate) cap: Cap,
    /// The number of the set that it was taken from, if that is in use.
    pub(crate) set: u64,
}

/// The cap on a group of circuits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Cap {
    /// The store's number for the group; 0 for none.
    pub(crate) group: u16,
    /// The most circuits of the group that may be open at once.
    pub(crate) most: u32,
}

/// The rules that open a closed circuit: any of those that are set does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Trip {
    /// Failures that open; [`OFF`] if there is no such rule.
    pub(crate) failure_threshold: u32,
    pub(crate) counting: FailureCounting,
    /// The length of the window, if there is one.
    pub(crate) span: Option<Span>,
    /// Calls in the window below which a rate says nothing.
    pub(crate) minimum_calls: u32,
    /// Failures in the window that open; 0 if there is no such rule.
    pub(crate) failures_in_window: u32,
    /// The share of failures that opens, in percent; 0 if there is no such rule.
    pub(crate) failure_rate: u32,
    /// The share of slow calls that opens, in percent; 0 if there is no such rule.
    pub(crate) slow_rate: u32,
    /// The duration from which a call is slow; `None` where that doesn't matter.
    pub(crate) slow: Option<Millis>,
    /// Hung calls that open; 0 if there is no such rule.
    pub(crate) hung_calls: u32,
    /// The age from which a call in flight is hung.
    pub(crate) hung: Millis,
}

/// The length of a window, in calls or in time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Span {
    Calls(u32),
    Time(Millis),
}

/// The time for which an open circuit rejects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OpenFor {
    pub(crate) base: Millis,
    /// The factor of the back-off, in thousandths; 1,000 keeps the base.
    pub(crate) factor: u32,
    pub(crate) max: Millis,
    /// The longest random extension, in percent of the open time.
    pub(crate) jitter: u32,
    pub(crate) stable_after: Millis,
    pub(crate) retry_after_max: Millis,
}

/// The rules by which a half-open circuit decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct HalfOpen {
    pub(crate) max_probes: u32,
    pub(crate) verdict: ProbeRule,
    pub(crate) lease: Millis,
    pub(crate) timeout: Option<Millis>,
    pub(crate) after: AfterHalfOpen,
}

/// The rule by which the outcomes of probes decide.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ProbeRule {
    /// N successes close; one failure more than allowed opens.
    Count { successes: u32, allowed: u32 },
    /// After `sample` probes: opens where at least `percent` failed, closes otherwise.
    Rate { sample: u32, percent: u32 },
}

impl Policy {
    /// Returns the number of failures that opens a closed circuit; `None` if only other rules do.
    pub fn failure_threshold(&self) -> Option<u32> {
        (self.trip.failure_threshold != OFF).then_some(self.trip.failure_threshold)
    }

    /// Returns which failures count towards the threshold.
    pub fn failure_counting(&self) -> FailureCounting {
        self.trip.counting
    }

    /// Returns the window that rates are taken over, if there is one. A time is rounded up to whole
    /// milliseconds a bucket, of which there are 10.
    pub fn sliding_window(&self) -> Option<SlidingWindow> {
        self.trip.span.map(|span| match span {
            Span::Calls(calls) => SlidingWindow::Calls(calls),
            Span::Time(time) => SlidingWindow::Time(time.into()),
        })
    }

    /// Returns the number of calls that the window must hold before a rate opens the circuit;
    /// `None` without a window.
    pub fn minimum_calls(&self) -> Option<u32> {
        self.trip.span.map(|_| self.trip.minimum_calls)
    }

    /// Returns the number of failures in the window that opens the circuit, if there is such a
    /// rule.
    pub fn failures_in_window(&self) -> Option<u32> {
        set(self.trip.failures_in_window)
    }

    /// Returns the share of failures in the window that opens the circuit, in percent, if there
    /// is such a rule.
    pub fn failure_rate_threshold(&self) -> Option<u32> {
        set(self.trip.failure_rate)
    }

    /// Returns the share of slow calls in the window that opens the circuit, in percent, if there
    /// is such a rule.
    pub fn slow_call_rate_threshold(&self) -> Option<u32> {
        set(self.trip.slow_rate)
    }

    /// Returns the duration from which a call is slow, if slow calls are counted.
    pub fn slow_call_duration(&self) -> Option<Duration> {
        self.trip.slow.map(Duration::from)
    }

    /// Returns the number of hung calls that opens the circuit, if there is such a rule.
    pub fn hung_calls(&self) -> Option<u32> {
        set(self.trip.hung_calls)
    }

    /// Returns the age from which a call in flight is hung, if hung calls are counted.
    pub fn hung_call_duration(&self) -> Option<Duration> {
        self.hung_calls().map(|_| self.trip.hung.into())
    }

    /// Returns the time for which an open circuit rejects before it admits a probe, without
    /// back-off and jitter.
    pub fn reset_timeout(&self) -> Duration {
        self.open.base.into()
    }

    /// Returns the factor by which the reset timeout grows with each further opening of a series.
    pub fn backoff_factor(&self) -> f64 {
        f64::from(self.open.factor) / 1_000.0
    }

    /// Returns the longest time to which the reset timeout grows, without jitter.
    pub fn reset_timeout_max(&self) -> Duration {
        self.open.max.into()
    }

    /// Returns the longest random extension of an open time, in percent.
    pub fn jitter(&self) -> u32 {
        self.open.jitter
    }

    /// Returns the time for which a circuit must be closed to end its series of openings.
    pub fn stable_after(&self) -> Duration {
        self.open.stable_after.into()
    }

    /// Returns the longest open time that an upstream may ask for.
    pub fn retry_after_max(&self) -> Duration {
        self.open.retry_after_max.into()
    }

    /// Returns the number of probes of a half-open circuit that may be out at the same time, not
    /// counting those whose lease is over.
    pub fn half_open_max(&self) -> u32 {
        self.half_open.max_probes
    }

    /// Returns the number of successful probes that closes a half-open circuit; `None` under a
    /// rate.
    pub fn success_threshold(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { successes, .. } => Some(successes),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// Returns the number of probes that may fail before the next failure opens; `None` under a
    /// rate.
    pub fn probe_failures_allowed(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { allowed, .. } => Some(allowed),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// Returns the number of probes that are judged by their rate, and the share of failures that
    /// opens, in percent; `None` under counts.
    pub fn probe_failure_rate(&self) -> Option<(u32, u32)> {
        match self.half_open.verdict {
            ProbeRule::Count { .. } => None,
            ProbeRule::Rate { sample, percent } => Some((sample, percent)),
        }
    }

    /// Returns the time for which a half-open circuit whose probes are all out waits, from the last
    /// admission on, before it lets as many out again.
    pub fn probe_lease(&self) -> Duration {
        self.half_open.lease.into()
    }

    /// Returns the longest time for which a circuit may be half-open; `None` for no limit.
    pub fn half_open_timeout(&self) -> Option<Duration> {
        self.half_open.timeout.map(Duration::from)
    }

    /// Returns the state that a circuit moves to when it has been half-open for too long.
    pub fn after_half_open(&self) -> AfterHalfOpen {
        self.half_open.after
    }

    /// Returns whether rejections are only counted, and the calls admitted.
    pub fn shadow(&self) -> bool {
        self.shadow
    }

    /// Returns the state that is forced on its circuits, if any.
    pub fn forced(&self) -> Option<Forced> {
        self.forced
    }

    /// Returns the meaning of a permit that is dropped without a report.
    pub fn dropped_permit(&self) -> DroppedPermit {
        self.dropped_permit
    }

    /// Returns the number of the set that it was taken from.
    pub(crate) fn set(&self) -> u64 {
        self.set
    }

    /// Returns whether a check needs more than the circuit's state.
    #[inline]
    pub(crate) fn checks_closely(&self) -> bool {
        self.checks_closely
    }

    /// Returns this policy with this state forced, or none.
    #[cfg(test)]
    pub(crate) fn with_forced(self, forced: Option<Forced>) -> Self {
        self.to_builder()
            .forced(forced)
            .build()
            .expect("it was valid")
    }

    /// Returns whether every call of a closed circuit counts in a window, successes too.
    #[inline]
    pub(crate) fn windows(&self) -> bool {
        self.trip.span.is_some()
    }

    /// Returns the rules over a window, if a success that isn't slow has no other effect in a closed
    /// circuit without failures: no state is forced, and no calls are counted in flight.
    #[inline]
    pub(crate) fn short_trip(&self) -> Option<&Trip> {
        (self.windows() && !self.checks_closely).then_some(&self.trip)
    }

    /// Returns whether calls in flight are counted.
    #[inline]
    pub(crate) fn counts_in_flight(&self) -> bool {
        self.trip.hung_calls != 0
    }

    /// Returns whether permits need the time when they began.
    pub(crate) fn times(&self) -> bool {
        self.timed
    }

    /// Returns whether every call of a closed circuit matters.
    #[inline]
    pub(crate) fn counts_calls(&self) -> bool {
        self.windows() || self.counts_in_flight() || self.times()
    }

    /// Returns whether no call of a circuit may take the fast path.
    pub(crate) fn watches(&self) -> bool {
        self.counts_calls() || self.forced.is_some()
    }
}

fn set(value: u32) -> Option<u32> {
    (value != 0).then_some(value)
}

impl Default for Policy {
    /// Returns the default policy: 5 consecutive failures open, and 30 s later 1 probe decides.
    fn default() -> Self {
        let default = Self::builder().build();
        default.expect("the defaults are in range")
    }
}

impl fmt::Debug for Policy {
    /// Shows the settings that build it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings().fmt_as("Policy", f)
    }
}

#[cfg(test)]
mod tests;
