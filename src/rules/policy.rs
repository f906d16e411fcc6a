//! The policy of a circuit as plain numbers: all that a decision needs to know.

use super::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
use crate::word::{FAILURES_MAX, Probes};
use std::fmt;
use std::time::Duration;

/// The highest failure threshold.
pub(crate) const FAILURE_THRESHOLD_MAX: u32 = 1_000_000;
/// The longest window of calls.
pub(crate) const WINDOW_CALLS_MAX: u32 = 1_000;
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

/// Of a group of circuits, at most so many may be open at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Cap {
    /// The store's number for it; 0: none.
    pub(crate) group: u16,
    pub(crate) most: u32,
}

/// What opens a closed circuit. Any of the rules that are set does.
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
    pub(crate) slow_ms: u64,
    pub(crate) hung_calls: u32,
    pub(crate) hung_ms: u64,
}

/// What a window keeps: as many calls, or the calls of so many ms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Span {
    Calls(u32),
    Ms(u64),
}

/// For how long an open circuit rejects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct OpenFor {
    pub(crate) base_ms: u64,
    /// Thousandths; 1,000: always the base.
    pub(crate) factor: u32,
    pub(crate) max_ms: u64,
    /// Percent.
    pub(crate) jitter: u32,
    pub(crate) stable_ms: u64,
    pub(crate) retry_after_max_ms: u64,
}

/// How a half-open circuit decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct HalfOpen {
    pub(crate) max_probes: u32,
    pub(crate) verdict: ProbeRule,
    pub(crate) lease_ms: u64,
    /// 0: none.
    pub(crate) timeout_ms: u64,
    pub(crate) after: AfterHalfOpen,
}

/// What the outcomes of probes mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ProbeRule {
    /// So many successes close; one failure more than allowed opens.
    Count { successes: u32, allowed: u32 },
    /// After `sample` probes: opens where at least `percent` failed, closes otherwise.
    Rate { sample: u32, percent: u32 },
}

impl Policy {
    /// Failures that open a closed circuit; `None` where only other rules do.
    pub fn failure_threshold(&self) -> Option<u32> {
        (self.trip.failure_threshold != OFF).then_some(self.trip.failure_threshold)
    }

    /// Which failures count towards the threshold.
    pub fn failure_counting(&self) -> FailureCounting {
        self.trip.rule
    }

    /// The calls that rates are taken over; a time is rounded up to its buckets.
    pub fn sliding_window(&self) -> Option<SlidingWindow> {
        self.trip.window.map(|span| match span {
            Span::Calls(calls) => SlidingWindow::Calls(calls),
            Span::Ms(ms) => SlidingWindow::Time(Duration::from_millis(ms)),
        })
    }

    /// Calls in the window below which no rate opens the circuit.
    pub fn minimum_calls(&self) -> Option<u32> {
        self.trip.window.map(|_| self.trip.minimum_calls)
    }

    /// Failures in the window that open the circuit.
    pub fn failures_in_window(&self) -> Option<u32> {
        set(self.trip.failures_in_window)
    }

    /// The share of failures in the window that opens the circuit, in percent.
    pub fn failure_rate_threshold(&self) -> Option<u32> {
        set(self.trip.failure_rate)
    }

    /// The share of slow calls in the window that opens the circuit, in percent.
    pub fn slow_call_rate_threshold(&self) -> Option<u32> {
        set(self.trip.slow_rate)
    }

    /// From what duration on a call is slow.
    pub fn slow_call_duration(&self) -> Option<Duration> {
        set_ms(self.trip.slow_ms)
    }

    /// Hung calls that open the circuit.
    pub fn hung_calls(&self) -> Option<u32> {
        set(self.trip.hung_calls)
    }

    /// From what age on a call in flight is a hung one.
    pub fn hung_call_duration(&self) -> Option<Duration> {
        set_ms(self.trip.hung_ms)
    }

    /// How long an open circuit rejects, at first, before it lets a probe through.
    pub fn reset_timeout(&self) -> Duration {
        Duration::from_millis(self.open.base_ms)
    }

    /// By what the reset timeout grows with each opening that follows.
    pub fn backoff_factor(&self) -> f64 {
        f64::from(self.open.factor) / 1_000.0
    }

    /// How far it grows.
    pub fn reset_timeout_max(&self) -> Duration {
        Duration::from_millis(self.open.max_ms)
    }

    /// By up to how much the reset timeout is lengthened at random, in percent.
    pub fn jitter(&self) -> u32 {
        self.open.jitter
    }

    /// After how long in the closed state a circuit's openings begin with the reset timeout again.
    pub fn stable_after(&self) -> Duration {
        Duration::from_millis(self.open.stable_ms)
    }

    /// The longest open time that an upstream may ask for.
    pub fn retry_after_max(&self) -> Duration {
        Duration::from_millis(self.open.retry_after_max_ms)
    }

    /// How many probes of a half-open circuit may be out at the same time, not counting those whose
    /// lease is over.
    pub fn half_open_max(&self) -> u32 {
        self.half_open.max_probes
    }

    /// Successful probes that close a half-open circuit; `None` under a rate.
    pub fn success_threshold(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { successes, .. } => Some(successes),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// Failed probes that don't open a half-open circuit yet; `None` under a rate.
    pub fn probe_failures_allowed(&self) -> Option<u32> {
        match self.half_open.verdict {
            ProbeRule::Count { allowed, .. } => Some(allowed),
            ProbeRule::Rate { .. } => None,
        }
    }

    /// How many probes are judged by their rate, and the share of failures that opens, in
    /// percent.
    pub fn probe_failure_rate(&self) -> Option<(u32, u32)> {
        match self.half_open.verdict {
            ProbeRule::Count { .. } => None,
            ProbeRule::Rate { sample, percent } => Some((sample, percent)),
        }
    }

    /// How long a half-open circuit waits for the probe that it admitted last before it lets others
    /// out in place of all that haven't reported.
    pub fn probe_lease(&self) -> Duration {
        Duration::from_millis(self.half_open.lease_ms)
    }

    /// How long a circuit may be half-open.
    pub fn half_open_timeout(&self) -> Option<Duration> {
        set_ms(self.half_open.timeout_ms)
    }

    /// Where it goes then.
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

    /// Whether every call of a closed circuit counts, successes too.
    #[inline]
    pub(crate) fn windows(&self) -> bool {
        self.trip.window.is_some()
    }

    /// Whether calls in flight matter to them.
    #[inline]
    pub(crate) fn counts_in_flight(&self) -> bool {
        self.trip.hung_calls != 0
    }

    /// Whether permits need to know when they began.
    pub(crate) fn times(&self) -> bool {
        self.timed
    }

    /// Returns whether every call of a closed circuit matters to them.
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

fn set_ms(ms: u64) -> Option<Duration> {
    (ms != 0).then(|| Duration::from_millis(ms))
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
