//! The builder of policies: each setting, with its unit, default and range.

use super::check::Checked;
use super::policy::{FAILURE_THRESHOLD_MAX, HUNG_CALLS_MAX, PROBES_MAX, Policy};
use super::settings::{ProbeFailureRate, settings};
use super::values::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
use crate::error::ConfigError;
use crate::word::Millis;
use std::fmt;
use std::time::Duration;

settings! {
    failure_threshold: u32 in 1..=FAILURE_THRESHOLD_MAX,
    failure_counting: FailureCounting,
    sliding_window: SlidingWindow,
    minimum_calls: u32 in 1..=FAILURE_THRESHOLD_MAX,
    failures_in_window: u32 in 1..=FAILURE_THRESHOLD_MAX,
    failure_rate_threshold: u32 in 1..=100,
    slow_call_rate_threshold: u32 in 1..=100,
    slow_call_duration: Millis in Millis::new(1),
    hung_calls: u32 in 1..=HUNG_CALLS_MAX,
    hung_call_duration: Millis in Millis::new(1),
    reset_timeout: Millis in Millis::new(1),
    backoff_factor: f64 in 1.0..=100.0,
    reset_timeout_max: Millis in Millis::new(1),
    stable_after: Millis in Millis::new(1),
    jitter: u32 in 0..=100,
    retry_after_max: Millis in Millis::new(0),
    half_open_max: u32 in 1..=PROBES_MAX,
    success_threshold: u32 in 1..=PROBES_MAX,
    probe_failures_allowed: u32 in 0..=PROBES_MAX,
    probe_failure_rate: ProbeFailureRate,
    probe_lease: Millis in Millis::new(1),
    half_open_timeout: Millis in Millis::new(1),
    after_half_open: AfterHalfOpen,
    shadow: bool,
    forced: Forced,
    dropped_permit: DroppedPermit,
}

/// A builder of a [`Policy`]. A setting that isn't set keeps its default.
///
/// A circuit opens by any of the rules that are set. This policy sets all of them:
///
/// ```
/// use breakerbox::{AfterHalfOpen, Policy, SlidingWindow};
/// use std::time::Duration;
///
/// let policy = Policy::builder()
///     .failure_threshold(5) // 5 failures in a row open, or ...
///     .sliding_window(SlidingWindow::Time(Duration::from_secs(10))) // of the last 10 s:
///     .minimum_calls(20) // where there were at least 20 calls,
///     .failure_rate_threshold(50) // half of them failed, or
///     .slow_call_rate_threshold(80) // 80 % of them took
///     .slow_call_duration(Duration::from_secs(2)) // 2 s and more, or
///     .failures_in_window(100) // 100 of however many failed, or ...
///     .hung_calls(8) // 8 calls are in flight for
///     .hung_call_duration(Duration::from_secs(30)) // 30 s and longer
///     .reset_timeout(Duration::from_secs(5)) // open for 5 s,
///     .backoff_factor(2.0) // then 10, 20, 40 s ...
///     .reset_timeout_max(Duration::from_secs(60)) // up to 60
///     .stable_after(Duration::from_secs(120)) // 5 s again after 2 good minutes
///     .jitter(10) // each up to 10 % longer
///     .retry_after_max(Duration::from_secs(90)) // or as the upstream says, up to 90 s
///     .half_open_max(3) // 3 probes at a time
///     .success_threshold(5) // 5 good ones close
///     .probe_failures_allowed(1) // the second bad one opens
///     .probe_lease(Duration::from_secs(60)) // lost probes are replaced after 60 s
///     .half_open_timeout(Duration::from_secs(30)) // undecided for 30 s:
///     .after_half_open(AfterHalfOpen::Open) // open again
///     .build()?;
/// assert_eq!(policy.minimum_calls(), Some(20));
///
/// // Or the share of 10 probes decides:
/// let by_rate = Policy::builder().half_open_max(10).probe_failure_rate(10, 30).build()?;
/// assert_eq!(by_rate.probe_failure_rate(), Some((10, 30)));
///
/// let error = Policy::builder().failure_rate_threshold(50).build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "failure_rate_threshold is 50; it must be unset, or given with sliding_window",
/// );
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Default)]
#[must_use]
pub struct PolicyBuilder {
    settings: Settings,
}

impl PolicyBuilder {
    /// Sets the number of failures that opens a closed circuit: 1 to 1,000,000; default 5. If
    /// another rule is set and this one is not, only that rule opens it.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.settings.failure_threshold = Some(failures);
        self
    }

    /// Sets the failures that count towards the threshold: consecutive ones (default), or all.
    pub fn failure_counting(mut self, rule: FailureCounting) -> Self {
        self.settings.failure_counting = Some(rule);
        self
    }

    /// Sets the window that rates are taken over: the last 1 to 1,000 calls, or those of the last
    /// period, at least 10 ms; default: none, and no rates. Costs memory for each circuit that has
    /// been called (see [`SlidingWindow`]), and makes each report write.
    pub fn sliding_window(mut self, window: SlidingWindow) -> Self {
        self.settings.sliding_window = Some(window);
        self
    }

    /// Sets the number of calls that the window must hold before a rate opens the circuit: 1
    /// to 1,000,000, and at most the length of a window of calls; default 20, or all of a
    /// shorter window.
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.settings.minimum_calls = Some(calls);
        self
    }

    /// Sets the number of failures in the window that opens the circuit, however many calls there
    /// were: 1 to 1,000,000, and at most the length of a window of calls; default: no such rule.
    pub fn failures_in_window(mut self, failures: u32) -> Self {
        self.settings.failures_in_window = Some(failures);
        self
    }

    /// Sets the share of failures in the window that opens the circuit: 1 to 100 percent;
    /// default: no such rule.
    pub fn failure_rate_threshold(mut self, percent: u32) -> Self {
        self.settings.failure_rate_threshold = Some(percent);
        self
    }

    /// Sets the share of slow calls in the window, failed or not, that opens the circuit: 1 to 100
    /// percent; default: no such rule. Needs a [`slow_call_duration`](Self::slow_call_duration).
    pub fn slow_call_rate_threshold(mut self, percent: u32) -> Self {
        self.settings.slow_call_rate_threshold = Some(percent);
        self
    }

    /// Sets the duration from which a call is slow: more than 0, rounded up to whole milliseconds;
    /// default: none. Makes permits measure their calls, by two reads of the clock. A slow probe of
    /// a half-open circuit counts as failed. Needs a
    /// [`slow_call_rate_threshold`](Self::slow_call_rate_threshold).
    pub fn slow_call_duration(mut self, duration: Duration) -> Self {
        self.settings.slow_call_duration = Some(duration.into());
        self
    }

    /// Sets the number of hung calls that opens the circuit, that is, of calls that have been in
    /// flight for the [`hung_call_duration`](Self::hung_call_duration): 1 to 64; default: no such
    /// rule. It is checked when a call asks to be admitted. At most 64 calls of a circuit are
    /// tracked at a time. For a handle of the bare store, see
    /// [`StoreHandle::watch`](crate::StoreHandle::watch).
    pub fn hung_calls(mut self, calls: u32) -> Self {
        self.settings.hung_calls = Some(calls);
        self
    }

    /// Sets the age from which a call in flight is hung: more than 0, rounded up to whole
    /// milliseconds; default: none. Needs [`hung_calls`](Self::hung_calls).
    pub fn hung_call_duration(mut self, duration: Duration) -> Self {
        self.settings.hung_call_duration = Some(duration.into());
        self
    }

    /// Sets the time for which an open circuit rejects before it admits a probe: more than 0,
    /// rounded up to whole milliseconds, at most 139 years; default 30 s.
    pub fn reset_timeout(mut self, timeout: Duration) -> Self {
        self.settings.reset_timeout = Some(timeout.into());
        self
    }

    /// Sets the factor by which the reset timeout grows with each opening that follows another
    /// without a [stable time](Self::stable_after) between: 1 to 100, kept to three decimals, and
    /// above 1 at least 1.001; default 1, which keeps the time the same.
    pub fn backoff_factor(mut self, factor: f64) -> Self {
        self.settings.backoff_factor = Some(factor);
        self
    }

    /// Sets the longest time to which the reset timeout grows: at least the reset timeout, rounded
    /// up to whole milliseconds; default 10 times the reset timeout. Needs a
    /// [`backoff_factor`](Self::backoff_factor) above 1.
    pub fn reset_timeout_max(mut self, timeout: Duration) -> Self {
        self.settings.reset_timeout_max = Some(timeout.into());
        self
    }

    /// Sets the time for which a circuit must be closed to count as recovered, so that its openings
    /// begin with the reset timeout again: more than 0, rounded up to whole milliseconds; default:
    /// the [longest reset timeout](Self::reset_timeout_max). Needs a
    /// [`backoff_factor`](Self::backoff_factor) above 1.
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.settings.stable_after = Some(time.into());
        self
    }

    /// Sets the longest random extension of each open time, so that circuits of many machines don't
    /// probe at the same moment: 0 to 100 percent of it; default 0. The extension comes on top of
    /// the longest reset timeout too.
    pub fn jitter(mut self, percent: u32) -> Self {
        self.settings.jitter = Some(percent);
        self
    }

    /// Sets the longest open time that a [report](crate::Report::retry_after) may ask for, rounded
    /// up to whole milliseconds; 0 ignores the request of a report; default 5 minutes. No request
    /// shortens an opening.
    pub fn retry_after_max(mut self, time: Duration) -> Self {
        self.settings.retry_after_max = Some(time.into());
        self
    }

    /// Sets the number of probes of a half-open circuit that may be out at the same time, not
    /// counting those whose [lease](Self::probe_lease) is over: 1 to 100; default 1.
    pub fn half_open_max(mut self, probes: u32) -> Self {
        self.settings.half_open_max = Some(probes);
        self
    }

    /// Sets the number of successful probes that closes a half-open circuit: 1 to 100; default 1.
    pub fn success_threshold(mut self, successes: u32) -> Self {
        self.settings.success_threshold = Some(successes);
        self
    }

    /// Sets the number of probes that may fail before the next failure opens a half-open circuit: 0
    /// to 100; default 0.
    pub fn probe_failures_allowed(mut self, failures: u32) -> Self {
        self.settings.probe_failures_allowed = Some(failures);
        self
    }

    /// Sets the share of failures among `sample` probes by which a half-open circuit is judged, in
    /// place of counts: `sample` and `percent` are 1 to 100; default: counts. The circuit opens if
    /// at least `percent` failed, as soon as that is certain, and otherwise closes when all
    /// `sample` have been reported.
    pub fn probe_failure_rate(mut self, sample: u32, percent: u32) -> Self {
        self.settings.probe_failure_rate = Some(ProbeFailureRate { sample, percent });
        self
    }

    /// Sets the time for which a half-open circuit whose probes are all out waits, from the last
    /// admission on, before it lets as many out again: more than 0, rounded up to whole
    /// milliseconds; saturates at 139 years; default: the reset timeout.
    ///
    /// A probe that takes longer still counts when it reports, as long as the circuit stays
    /// half-open; but it no longer makes room for another. So a circuit whose probes succeed
    /// closes, however slow they are, and a lease that is shorter than a call only costs more
    /// probes at a time. After 15 leases in one half-open no report makes room: from then on N
    /// probes are admitted per lease. Once a circuit has been half-open for more than 4 s, a lease
    /// may last longer by up to a 2,048th of that time.
    pub fn probe_lease(mut self, lease: Duration) -> Self {
        self.settings.probe_lease = Some(lease.into());
        self
    }

    /// Sets the longest time for which a circuit may be half-open: more than 0, rounded up to whole
    /// milliseconds; default: no limit. It is checked when a call asks to be admitted.
    pub fn half_open_timeout(mut self, timeout: Duration) -> Self {
        self.settings.half_open_timeout = Some(timeout.into());
        self
    }

    /// Sets the state that a circuit moves to when it has been half-open for too long: open
    /// (default) or closed. Needs a [`half_open_timeout`](Self::half_open_timeout).
    pub fn after_half_open(mut self, after: AfterHalfOpen) -> Self {
        self.settings.after_half_open = Some(after);
        self
    }

    /// Sets whether rejections are only counted (see
    /// [`CircuitBreaker::shadowed`](crate::CircuitBreaker::shadowed)) and the calls
    /// admitted; default `false`. Everything else, openings and announcements too, is as if
    /// they were rejected.
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.settings.shadow = Some(shadow);
        self
    }

    /// Sets a state that is forced on the circuits of the policy, and on keys that have none yet;
    /// default: none. The other settings still hold: with [`shadow`](Self::shadow), a rejection by
    /// [`Forced::Open`] is only counted, and the `Retry-After` of a rejection is the reset timeout.
    ///
    /// The state holds until the policies are replaced, whatever is evicted. It holds again after a
    /// restart, since it is part of the policy. It adds no cost to calls on handles of other
    /// circuits, but a check by any other key has to read that key's policy.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Forced, Policy, PolicySet};
    ///
    /// let closed = Policy::builder().forced(Forced::Open).build()?;
    /// let policies = PolicySet::default().prefix("/batch/", closed);
    /// let breaker = CircuitBreaker::builder().policy(policies).build()?;
    /// assert!(breaker.acquire("/batch/import").is_err());
    /// assert!(breaker.acquire("/search").is_ok());
    ///
    /// breaker.set_policies(PolicySet::default());
    /// assert!(breaker.acquire("/batch/import").is_ok());
    /// # Ok::<(), breakerbox::ConfigError>(())
    /// ```
    pub fn forced(mut self, forced: impl Into<Option<Forced>>) -> Self {
        self.settings.forced = forced.into();
        self
    }

    /// Sets the meaning of a permit that is dropped without a report; default: ignored. An age must
    /// be more than 0.
    pub fn dropped_permit(mut self, meaning: DroppedPermit) -> Self {
        self.settings.dropped_permit = Some(meaning);
        self
    }

    /// Builds the policy.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if a value is out of its range, or has no effect because another
    /// setting is missing.
    pub fn build(&self) -> Result<Policy, ConfigError> {
        self.settings.build()
    }
}

impl Policy {
    /// Begins a policy other than the default.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// Returns a builder with the settings of this policy, to change some of them.
    pub fn to_builder(&self) -> PolicyBuilder {
        PolicyBuilder {
            settings: self.settings(),
        }
    }
}

impl fmt::Debug for PolicyBuilder {
    /// Shows the settings that are set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt_as("PolicyBuilder", f)
    }
}

/// Builds the policy of a breaker's builder that has these settings, or checks that there are none
/// beside a policy.
pub(crate) fn everyday(
    settings: &PolicyBuilder,
    is_policy_given: bool,
) -> Result<Policy, ConfigError> {
    if is_policy_given && *settings != PolicyBuilder::default() {
        let expected = "given alone, with all settings at its own builder";
        return Err(ConfigError::new(
            "policy",
            "given beside settings",
            expected,
        ));
    }
    settings.build()
}

#[cfg(test)]
mod tests;
