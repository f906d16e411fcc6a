//! Settings of [`Limits`], validated: an error names the field, the value and the range.

use crate::error::ConfigError;
use crate::rules::{AfterHalfOpen, FailureCounting, Limits, SlidingWindow, Span};
use crate::word::saturating_ms;

impl Limits {
    /// Other limits than the defaults.
    pub fn builder() -> LimitsBuilder {
        LimitsBuilder::default()
    }
}

/// Builds [`Limits`]. What isn't set keeps its default.
///
/// A circuit opens by any of the rules that are set. All together:
///
/// ```
/// use breakerbox::{AfterHalfOpen, Limits, SlidingWindow};
/// use std::time::Duration;
///
/// let limits = Limits::builder()
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
/// assert_eq!(limits.minimum_calls(), Some(20));
///
/// // Or the share of 10 probes decides:
/// let by_rate = Limits::builder().half_open_max(10).probe_failure_rate(10, 30).build()?;
/// assert_eq!(by_rate.probe_failure_rate(), Some((10, 30)));
///
/// let error = Limits::builder().failure_rate_threshold(50).build().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "failure_rate_threshold is 50; it must be unset, or given with sliding_window",
/// );
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct LimitsBuilder {
    pub(super) failure_threshold: Option<u32>,
    pub(super) failure_counting: Option<FailureCounting>,
    pub(super) window_calls: Option<u32>,
    pub(super) window_ms: Option<u64>,
    pub(super) minimum_calls: Option<u32>,
    pub(super) failures_in_window: Option<u32>,
    pub(super) failure_rate_threshold: Option<u32>,
    pub(super) slow_call_rate_threshold: Option<u32>,
    pub(super) slow_call_duration_ms: Option<u64>,
    pub(super) hung_calls: Option<u32>,
    pub(super) hung_call_duration_ms: Option<u64>,
    pub(super) reset_timeout_ms: Option<u64>,
    pub(super) backoff_factor: Option<f64>,
    pub(super) reset_timeout_max_ms: Option<u64>,
    pub(super) stable_after_ms: Option<u64>,
    pub(super) jitter: Option<u32>,
    pub(super) retry_after_max_ms: Option<u64>,
    pub(super) half_open_max: Option<u32>,
    pub(super) success_threshold: Option<u32>,
    pub(super) probe_failures_allowed: Option<u32>,
    pub(super) probe_sample: Option<u32>,
    pub(super) probe_failure_rate_threshold: Option<u32>,
    pub(super) probe_lease_ms: Option<u64>,
    pub(super) half_open_timeout_ms: Option<u64>,
    pub(super) after_half_open: Option<AfterHalfOpen>,
}

/// Hands the list of all settings to the macro `$then`, after what else is given.
macro_rules! with_settings {
    ($then:ident $($context:tt)*) => {
        $then! {
            [$($context)*]
            /// Failures that open a closed circuit: 1 to 1,000,000. Default 5; where another rule is set,
            /// none: that rule alone opens.
            failure_threshold(failures: u32) |b, n| b.failure_threshold = Some(n);

            /// Which failures count towards the threshold; default: consecutive ones.
            failure_counting(rule: crate::FailureCounting) |b, rule| b.failure_counting = Some(rule);

            /// The calls that rates are taken over; default: none, and no rates. Costs memory for each
            /// circuit that has been called (see [`SlidingWindow`]), and makes each report write.
            sliding_window(window: crate::SlidingWindow) |b, window| {
                (b.window_calls, b.window_ms) = match window {
                    SlidingWindow::Calls(calls) => (Some(calls), None),
                    SlidingWindow::Time(span) => (None, Some(saturating_ms(span))),
                };
            };

            /// Calls in the window below which no rate opens the circuit: at least 1 and at most a window
            /// of calls; default 20, or all of a smaller window.
            minimum_calls(calls: u32) |b, n| b.minimum_calls = Some(n);

            /// Failures in the window that open the circuit, however many calls there were: 1 to
            /// 1,000,000, and at most a window of calls; default: no such rule.
            failures_in_window(failures: u32) |b, n| b.failures_in_window = Some(n);

            /// The share of failures in the window that opens the circuit: 1 to 100 percent; default: no
            /// such rule.
            failure_rate_threshold(percent: u32) |b, n| b.failure_rate_threshold = Some(n);

            /// The share of slow calls in the window that opens the circuit, failed or not: 1 to 100
            /// percent; default: no such rule. Needs a [`slow_call_duration`](Self::slow_call_duration).
            slow_call_rate_threshold(percent: u32) |b, n| b.slow_call_rate_threshold = Some(n);

            /// From what duration on a call is slow: more than 0, rounded up to whole milliseconds. Makes
            /// permits measure their calls, by two looks at the clock. Of a half-open circuit a slow probe
            /// counts as failed.
            slow_call_duration(duration: std::time::Duration) |b, t| {
                b.slow_call_duration_ms = Some(saturating_ms(t));
            };

            /// So many calls in flight for the [`hung_call_duration`](Self::hung_call_duration) open the
            /// circuit: 1 to 64; default: no such rule. It is looked for when a call asks to be admitted.
            /// At most 64 calls of a circuit are watched at a time. Where a bare store's handle is asked,
            /// see [`StoreHandle::watch`](crate::StoreHandle::watch).
            hung_calls(calls: u32) |b, n| b.hung_calls = Some(n);

            /// From what age on a call in flight is a hung one: more than 0, rounded up to whole
            /// milliseconds.
            hung_call_duration(duration: std::time::Duration) |b, t| {
                b.hung_call_duration_ms = Some(saturating_ms(t));
            };

            /// How long an open circuit rejects before it lets a probe through: more than 0, rounded up
            /// to whole milliseconds; saturates at 139 years; default 30 s.
            reset_timeout(timeout: std::time::Duration) |b, t| b.reset_timeout_ms = Some(saturating_ms(t));

            /// By what the reset timeout grows with each opening that follows another without a
            /// [stable time](Self::stable_after) between: 1 to 100, kept to three decimals; default 1,
            /// always the same.
            backoff_factor(factor: f64) |b, factor| b.backoff_factor = Some(factor);

            /// How far the reset timeout grows: at least itself; default 10 times itself. Rounded up to
            /// whole milliseconds.
            reset_timeout_max(timeout: std::time::Duration) |b, t| b.reset_timeout_max_ms = Some(saturating_ms(t));

            /// After how long in the closed state a circuit counts as recovered, so that its openings
            /// begin with the reset timeout again: more than 0, rounded up to whole milliseconds; default:
            /// as long as the [longest reset timeout](Self::reset_timeout_max).
            stable_after(time: std::time::Duration) |b, t| b.stable_after_ms = Some(saturating_ms(t));

            /// By up to how much each open time is lengthened at random, so that circuits of many machines
            /// don't probe at the same moment: 0 to 100 percent; default 0. Comes on top of the longest
            /// reset timeout.
            jitter(percent: u32) |b, n| b.jitter = Some(n);

            /// The longest open time that a [report](crate::Report::retry_after) may ask for, in whole
            /// milliseconds, rounded up; 0: what it asks for is ignored. Default 5 minutes. An opening
            /// never lasts shorter than by the other rules.
            retry_after_max(time: std::time::Duration) |b, t| b.retry_after_max_ms = Some(saturating_ms(t));

            /// How many probes of a half-open circuit may be out at the same time, not counting
            /// those whose [lease](Self::probe_lease) is over: 1 to 100; default 1.
            half_open_max(probes: u32) |b, n| b.half_open_max = Some(n);

            /// Successful probes that close a half-open circuit: 1 to 100; default 1.
            success_threshold(successes: u32) |b, n| b.success_threshold = Some(n);

            /// Failed probes that don't open a half-open circuit yet, the next one does: 0 to 100;
            /// default 0.
            probe_failures_allowed(failures: u32) |b, n| b.probe_failures_allowed = Some(n);

            /// Judges a half-open circuit by the share of failures among `sample` probes, 1 to 100: it
            /// opens where at least `percent`, 1 to 100, failed, as soon as that is certain, and closes
            /// otherwise when all have been reported. In place of counts.
            probe_failure_rate(sample: u32, percent: u32) |b, sample, percent| {
                b.probe_sample = Some(sample);
                b.probe_failure_rate_threshold = Some(percent);
            };

            /// How long a half-open circuit whose slots are all taken waits for the probe that it admitted
            /// last, before it hands all slots out again: more than 0, rounded up to whole milliseconds;
            /// saturates at 139 years; default: the reset timeout.
            ///
            /// A probe that takes longer still counts when it reports, as long as its half-open
            /// stands; it just has no slot to give back any more. So a circuit whose probes succeed
            /// closes, however slow they are, and a lease shorter than a call costs more probes at
            /// a time and nothing else. After 15 leases in one half-open no report frees a slot:
            /// from then on N probes are admitted per lease. In a half-open of more than 4 s a
            /// lease may last longer by up to a 2,048th of the half-open's age.
            probe_lease(lease: std::time::Duration) |b, t| b.probe_lease_ms = Some(saturating_ms(t));

            /// How long a circuit may be half-open: more than 0, rounded up to whole milliseconds;
            /// default: for ever. It is looked at when a call asks to be admitted.
            half_open_timeout(timeout: std::time::Duration) |b, t| b.half_open_timeout_ms = Some(saturating_ms(t));

            /// Where it goes then; default: open again.
            after_half_open(after: crate::AfterHalfOpen) |b, after| b.after_half_open = Some(after);
        }
    };
}

macro_rules! define {
    ([] $($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),+) $set:expr;)+) => {
        impl LimitsBuilder {
            $(
                $(#[$doc])*
                pub fn $name(mut self, $($arg: $ty),+) -> Self {
                    let set: fn(&mut Self, $($ty),+) = $set;
                    set(&mut self, $($arg),+);
                    self
                }
            )+
        }
    };
}

/// The same setters for a builder that holds a [`LimitsBuilder`] in its field `limits`.
macro_rules! forward {
    ([$($builder:tt)*] $($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),+) $set:expr;)+) => {
        $($builder)* {
            $(
                #[doc = concat!("See [`LimitsBuilder::", stringify!($name), "`](crate::LimitsBuilder::", stringify!($name), ").")]
                pub fn $name(mut self, $($arg: $ty),+) -> Self {
                    self.limits = self.limits.$name($($arg),+);
                    self
                }
            )+
        }
    };
}

with_settings!(define);
pub(crate) use {forward, with_settings};

impl From<Limits> for LimitsBuilder {
    /// The settings that build these limits again: to change one of them.
    fn from(limits: Limits) -> Self {
        let Limits {
            trip,
            open,
            half_open,
            timed: _,
            shadow: _,
            cap: _,
            forced: _,
            checks_closely: _,
        } = limits;
        let set = |value: u32| (value != 0).then_some(value);
        let set_ms = |ms: u64| (ms != 0).then_some(ms);
        let backs_off = open.factor > 1_000;
        let rates = trip.failure_rate != 0 || trip.slow_rate != 0;
        Self {
            failure_threshold: limits.failure_threshold(),
            failure_counting: limits.failure_threshold().map(|_| trip.rule),
            window_calls: match trip.window {
                Some(Span::Calls(calls)) => Some(calls),
                _ => None,
            },
            window_ms: match trip.window {
                Some(Span::Ms(ms)) => Some(ms),
                _ => None,
            },
            minimum_calls: rates.then_some(trip.minimum_calls),
            failures_in_window: set(trip.failures_in_window),
            failure_rate_threshold: set(trip.failure_rate),
            slow_call_rate_threshold: set(trip.slow_rate),
            slow_call_duration_ms: set_ms(trip.slow_ms),
            hung_calls: set(trip.hung_calls),
            hung_call_duration_ms: set_ms(trip.hung_ms),
            reset_timeout_ms: Some(open.base_ms),
            backoff_factor: Some(limits.backoff_factor()),
            reset_timeout_max_ms: backs_off.then_some(open.max_ms),
            stable_after_ms: backs_off.then_some(open.stable_ms),
            jitter: Some(open.jitter),
            retry_after_max_ms: Some(open.retry_after_max_ms),
            half_open_max: Some(half_open.max_probes),
            success_threshold: limits.success_threshold(),
            probe_failures_allowed: limits.probe_failures_allowed(),
            probe_sample: limits.probe_failure_rate().map(|(sample, _)| sample),
            probe_failure_rate_threshold: limits.probe_failure_rate().map(|(_, percent)| percent),
            probe_lease_ms: Some(half_open.lease_ms),
            half_open_timeout_ms: set_ms(half_open.timeout_ms),
            after_half_open: (half_open.timeout_ms != 0).then_some(half_open.after),
        }
    }
}

impl TryFrom<LimitsBuilder> for Limits {
    type Error = ConfigError;

    fn try_from(builder: LimitsBuilder) -> Result<Self, ConfigError> {
        builder.build()
    }
}
