//! The policy of a circuit as plain numbers: all that a decision needs to know.

use super::values::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
use crate::word::{FAILURES_MAX, Millis, Probes};
use std::fmt;
use std::time::Duration;

/// The highest failure threshold.
pub(crate) const FAILURE_THRESHOLD_MAX: u32 = 1_000_000;
/// The longest window of calls.
pub(crate) const WINDOW_CALLS_MAX: u32 = 1_000;
/// Time buckets of a window.
pub(super) const BUCKETS: u64 = 10;
/// The most hung calls that are counted.
pub(crate) const HUNG_CALLS_MAX: u32 = 64;
/// The most concurrent probes, required successes, allowed failures.
pub(crate) const PROBES_MAX: u32 = 100;
/// Stands for a failure threshold that no count reaches.
pub(crate) const OFF: u32 = u32::MAX;

const _: () = assert!(
    FAILURE_THRESHOLD_MAX <= FAILURES_MAX,
    "a threshold is reachable"
);
const _: () = assert!(PROBES_MAX <= Probes::MAX, "probes fit their fields");

/// The rules of a circuit: when it opens, for how long, and how it recovers; and what a breaker
/// makes of its decisions.
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
    /// Decisions are announced as in shadow.
    pub(crate) shadow: bool,
    /// The state that is forced on every call, whatever the rest says.
    pub(crate) forced: Option<Forced>,
    pub(crate) dropped_permit: DroppedPermit,
    /// Derived from the rest: a check needs more than the circuit's state.
    pub(super) checks_closely: bool,
    /// Derived from the rest: permits need to know when they began.
    pub(super) timed: bool,
    pub(crate) cap: Cap,
    /// The number of the set that it was taken from, if it is in use.
    pub(crate) set: u64,
}

/// The cap on a group of circuits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Cap {
    /// The store's number for the group; 0: none.
    pub(crate) group: u16,
    /// The circuits of it that may be open at once.
    pub(crate) most: u32,
}

/// The rules that open a closed circuit: any of those that are set does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Trip {
    /// [`OFF`]: no such rule.
    pub(crate) failure_threshold: u32,
    pub(crate) rule: FailureCounting,
    pub(crate) window: Option<Span>,
    /// Calls in the window below which a rate says nothing.
    pub(crate) minimum_calls: u32,
    /// 0: no such rule, here and below.
    pub(crate) failures_in_window: u32,
    /// Percent.
    pub(crate) failure_rate: u32,
    /// Percent.
    pub(crate) slow_rate: u32,
    /// The time from which a call is slow; `None` where that doesn't matter.
    pub(crate) slow: Option<Millis>,
    pub(crate) hung_calls: u32,
    /// The time from which a call in flight hangs.
    pub(crate) hung: Millis,
}

/// The length of a window, in calls or in ms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Span {
    Calls(u32),
    Time(Millis),
}

/// The time for which an open circuit rejects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OpenFor {
    pub(crate) base: Millis,
    /// Thousandths; 1,000: always the base.
    pub(crate) factor: u32,
    pub(crate) max: Millis,
    /// Percent.
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

/// The meaning of the outcomes of probes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ProbeRule {
    /// N successes close; one failure more than allowed opens.
    Count { successes: u32, allowed: u32 },
    /// After `sample` probes: opens where at least `percent` failed, closes otherwise.
    Rate { sample: u32, percent: u32 },
}

impl Policy {
    /// Returns how many failures open a closed circuit; `None` where only other rules do.
    pub fn failure_threshold(&self) -> Option<u32> {
        (self.trip.failure_threshold != OFF).then_some(self.trip.failure_threshold)
    }

    /// Returns which failures count towards the threshold.
    pub fn failure_counting(&self) -> FailureCounting {
        self.trip.rule
    }

    /// Returns the calls that rates are taken over; a time is rounded up to its buckets.
    pub fn sliding_window(&self) -> Option<SlidingWindow> {
        self.trip.window.map(|span| match span {
            Span::Calls(calls) => SlidingWindow::Calls(calls),
            Span::Time(time) => SlidingWindow::Time(time.into()),
        })
    }

    /// Returns how many calls the window must hold before a rate opens the circuit.
    pub fn minimum_calls(&self) -> Option<u32> {
        self.trip.window.map(|_| self.trip.minimum_calls)
    }

    /// Returns how many failures in the window open the circuit.
    pub fn failures_in_window(&self) -> Option<u32> {
        set(self.trip.failures_in_window)
    }

    /// Returns the share of failures in the window that opens the circuit, in percent.
    pub fn failure_rate_threshold(&self) -> Option<u32> {
        set(self.trip.failure_rate)
    }

    /// Returns the share of slow calls in the window that opens the circuit, in percent.
    pub fn slow_call_rate_threshold(&self) -> Option<u32> {
        set(self.trip.slow_rate)
    }

    /// Returns the duration from which a call is slow.
    pub fn slow_call_duration(&self) -> Option<Duration> {
        self.trip.slow.map(Duration::from)
    }

    /// Returns how many hung calls open the circuit.
    pub fn hung_calls(&self) -> Option<u32> {
        set(self.trip.hung_calls)
    }

    /// Returns the age from which a call in flight is hung.
    pub fn hung_call_duration(&self) -> Option<Duration> {
        self.hung_calls().map(|_| self.trip.hung.into())
    }

    /// Returns how long an open circuit rejects, at first, before it admits a probe.
    pub fn reset_timeout(&self) -> Duration {
        self.open.base.into()
    }

    /// Returns the factor by which the reset timeout grows with each opening that follows.
    pub fn backoff_factor(&self) -> f64 {
        f64::from(self.open.factor) / 1_000.0
    }

    /// Returns how far the reset timeout grows.
    pub fn reset_timeout_max(&self) -> Duration {
        self.open.max.into()
    }

    /// Returns by up to how much the reset timeout is lengthened at random, in percent.
    pub fn jitter(&self) -> u32 {
        self.open.jitter
    }

    /// Returns how long a circuit must be closed before its openings begin anew.
    pub fn stable_after(&self) -> Duration {
        self.open.stable_after.into()
    }

    /// Returns the longest open time that an upstream may ask for.
    pub fn retry_after_max(&self) -> Duration {
        self.open.retry_after_max.into()
    }

    /// Returns how many probes of a half-open circuit may be out at the same time, not counting
    /// those whose lease is over.
    pub fn half_open_max(&self) -> u32 {
        self.half_open.max_probes
    }

    /// Returns how many successful probes close a half-open circuit; `None` under a rate.
    pub fn success_threshold(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { successes, .. } => Some(successes),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// Returns how many probes may fail before the next failure opens; `None` under a rate.
    pub fn probe_failures_allowed(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { allowed, .. } => Some(allowed),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// Returns how many probes are judged by their rate, and the share of failures that opens, in
    /// percent.
    pub fn probe_failure_rate(&self) -> Option<(u32, u32)> {
        match self.half_open.verdict {
            ProbeRule::Count { .. } => None,
            ProbeRule::Rate { sample, percent } => Some((sample, percent)),
        }
    }

    /// Returns how long a half-open circuit waits for the probe that it admitted last before it
    /// hands all slots out again.
    pub fn probe_lease(&self) -> Duration {
        self.half_open.lease.into()
    }

    /// Returns how long a circuit may be half-open.
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

    /// Returns whether every call of a closed circuit counts, successes too.
    #[inline]
    pub(crate) fn windows(&self) -> bool {
        self.trip.window.is_some()
    }

    /// Returns whether calls in flight matter.
    #[inline]
    pub(crate) fn counts_in_flight(&self) -> bool {
        self.trip.hung_calls != 0
    }

    /// Returns whether permits need to know when they began.
    pub(crate) fn times(&self) -> bool {
        self.timed
    }

    /// Returns whether every call of a closed circuit matters.
    #[inline]
    pub(crate) fn counts_calls(&self) -> bool {
        self.windows() || self.counts_in_flight() || self.times()
    }

    /// Returns whether no call of a circuit may take the short way.
    pub(crate) fn watches(&self) -> bool {
        self.counts_calls() || self.forced.is_some()
    }
}

fn set(value: u32) -> Option<u32> {
    (value != 0).then_some(value)
}

impl Default for Policy {
    /// 5 consecutive failures open, 30 s later 1 probe decides.
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
