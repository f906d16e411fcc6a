//! Rules applied to counts: whether they open, for how long, and whether the probes have decided.

use super::cause::Cause;
use super::policy::{OpenFor, ProbeRule, Trip};
use super::values::FailureCounting;
use crate::word::{Millis, Tally};

/// The most steps of the back-off. Each lengthens by at least a thousandth.
const STEPS_MAX: u32 = 63;

impl Trip {
    /// Returns the rule that opens a closed circuit with this many failures and these counts of its
    /// window, if one does.
    #[inline]
    pub(crate) fn opens(&self, failures: u32, tally: Tally) -> Option<Cause> {
        if failures >= self.failure_threshold {
            return Some(match self.counting {
                FailureCounting::ConsecutiveFailures => Cause::ConsecutiveFailures { failures },
                FailureCounting::TotalFailures => Cause::TotalFailures { failures },
            });
        }
        self.window_opens(tally)
    }

    /// Returns the rule over a window that opens a closed circuit, if one does.
    pub(crate) fn window_opens(&self, tally: Tally) -> Option<Cause> {
        self.span?;
        let Tally {
            calls,
            failures,
            slow,
        } = tally;
        if self.failures_in_window != 0 && failures >= self.failures_in_window {
            return Some(Cause::FailuresInWindow { failures, calls });
        }
        if calls < self.minimum_calls {
            return None;
        }
        if reaches(failures, calls, self.failure_rate) {
            return Some(Cause::FailureRate { failures, calls });
        }
        reaches(slow, calls, self.slow_rate).then_some(Cause::SlowCallRate { slow, calls })
    }

    /// Returns the rule that opens a closed circuit with this many hung calls, if there is one.
    pub(crate) fn hung_opens(&self, calls: u32) -> Option<Cause> {
        (self.hung_calls != 0 && calls >= self.hung_calls).then_some(Cause::HungCalls { calls })
    }
}

/// Returns whether `part` is at least `percent` of `whole`; never, if `percent` is 0.
fn reaches(part: u32, whole: u32, percent: u32) -> bool {
    percent != 0 && u64::from(part) * 100 >= u64::from(whole) * u64::from(percent)
}

impl OpenFor {
    /// Returns the time that an opening lasts which follows `exponent` others without a stable time
    /// between. The jitter lengthens it by a share that all 64 bits of `random` decide.
    pub(crate) fn time(&self, exponent: u32, random: u64) -> Millis {
        let (mut ms, max_ms) = (self.base.get(), self.max.get());
        if self.factor > 1_000 {
            for _ in 0..exponent.min(STEPS_MAX) {
                if ms >= max_ms {
                    break;
                }
                // 2^42 ms by 100,000 fit.
                ms = (ms * u64::from(self.factor) / 1_000).min(max_ms);
            }
        }
        let most = ms * u64::from(self.jitter) / 100;
        let extra = (u128::from(random) * (u128::from(most) + 1)) >> u64::BITS;
        Millis::new(ms + u64::try_from(extra).unwrap_or(most))
    }

    /// Returns the longer of `own` and the time that the upstream asks for, within its bound.
    pub(crate) fn lengthened(&self, own: Millis, retry_after: Millis) -> Millis {
        own.max(retry_after.min(self.retry_after_max))
    }

    /// Returns whether openings that follow each other last longer and longer.
    pub(crate) fn backs_off(&self) -> bool {
        self.factor > 1_000
    }
}

/// The meaning of the outcomes of the probes so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Judgement {
    Undecided,
    Recovered,
    Failed,
}

impl ProbeRule {
    /// Judges the circuit by its reported probes.
    pub(crate) fn judge(self, succeeded: u32, failed: u32) -> Judgement {
        let (is_failed, is_recovered) = match self {
            ProbeRule::Count { successes, allowed } => (failed > allowed, succeeded >= successes),
            // Failed as soon as no outcome of the others can bring the rate below the limit. (More
            // than the sample may be reported, if the sample was made smaller meanwhile.)
            ProbeRule::Rate { sample, percent } => {
                let reported = succeeded + failed;
                (
                    reaches(failed, sample.max(reported), percent),
                    reported >= sample,
                )
            }
        };
        match (is_failed, is_recovered) {
            (true, _) => Judgement::Failed,
            (false, true) => Judgement::Recovered,
            (false, false) => Judgement::Undecided,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::{OFF, Policy, Span};
    use super::*;

    fn trip() -> Trip {
        Trip {
            failure_threshold: OFF,
            span: Some(Span::Calls(100)),
            minimum_calls: 20,
            ..Policy::default().trip
        }
    }

    fn tally(calls: u32, failures: u32, slow: u32) -> Tally {
        Tally {
            calls,
            failures,
            slow,
        }
    }

    #[test]
    fn what_does_not_grow_has_no_cap() {
        let open = OpenFor {
            base: Millis::new(10),
            factor: 1_000,
            max: Millis::new(5),
            jitter: 0,
            ..Policy::default().open
        };
        assert_eq!(open.time(3, u64::MAX).get(), 10);
        let growing = OpenFor {
            factor: 1_001,
            base: Millis::new(4),
            ..open
        };
        assert_eq!(growing.time(300, u64::MAX).get(), 4);
    }

    #[test]
    fn a_rate_opens_at_its_limit_and_from_the_minimum_on() {
        for percent in 1..=100 {
            let trip = Trip {
                failure_rate: percent,
                ..trip()
            };
            for calls in 0..=100 {
                for failures in 0..=calls {
                    let expected = calls >= 20
                        && f64::from(failures) / f64::from(calls) * 100.0 + 1e-9
                            >= f64::from(percent);
                    let opened = trip.opens(u32::MAX - 1, tally(calls, failures, 0));
                    let cause = Cause::FailureRate { failures, calls };
                    assert_eq!(opened, expected.then_some(cause), "{percent} %");
                }
            }
        }
    }

    #[test]
    fn any_rule_that_is_set_opens() {
        let trip = Trip {
            failure_threshold: 5,
            failure_rate: 50,
            slow_rate: 80,
            failures_in_window: 30,
            ..trip()
        };
        let cases = [
            (
                5,
                tally(0, 0, 0),
                Some(Cause::ConsecutiveFailures { failures: 5 }),
            ),
            (4, tally(19, 19, 19), None),
            (
                0,
                tally(20, 10, 0),
                Some(Cause::FailureRate {
                    failures: 10,
                    calls: 20,
                }),
            ),
            (
                0,
                tally(20, 9, 16),
                Some(Cause::SlowCallRate {
                    slow: 16,
                    calls: 20,
                }),
            ),
            (0, tally(20, 9, 15), None),
            (
                0,
                tally(90, 30, 0),
                Some(Cause::FailuresInWindow {
                    failures: 30,
                    calls: 90,
                }),
            ),
            (0, tally(90, 29, 71), None),
        ];
        for (failures, window, expected) in cases {
            assert_eq!(trip.opens(failures, window), expected, "{window:?}");
        }
        let none = Trip {
            span: None,
            failure_threshold: OFF,
            ..trip
        };
        assert_eq!(
            none.opens(crate::word::FAILURES_MAX, tally(100, 100, 100)),
            None
        );
    }

    #[test]
    fn hung_calls_open_where_they_are_counted() {
        assert_eq!(trip().hung_opens(64), None);
        let trip = Trip {
            hung_calls: 3,
            ..trip()
        };
        assert_eq!(trip.hung_opens(2), None);
        assert_eq!(trip.hung_opens(3), Some(Cause::HungCalls { calls: 3 }));
    }

    #[test]
    fn back_off_grows_to_its_cap_and_jitter_only_lengthens() {
        let open = OpenFor {
            base: Millis::new(1_000),
            factor: 2_000,
            max: Millis::new(10_000),
            ..Policy::default().open
        };
        let times: Vec<_> = (0..6).map(|n| open.time(n, u64::MAX).get()).collect();
        assert_eq!(times, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(open.time(u32::MAX, 0).get(), 10_000);

        let jittered = OpenFor { jitter: 50, ..open };
        assert_eq!(jittered.time(0, 0).get(), 1_000);
        assert_eq!(jittered.time(0, u64::MAX).get(), 1_500);
        assert_eq!(jittered.time(9, u64::MAX / 2).get(), 12_500);

        let fixed = OpenFor {
            factor: 1_000,
            ..open
        };
        assert_eq!(fixed.time(63, u64::MAX).get(), 1_000);
        let longest = OpenFor {
            base: Millis::new(crate::word::TIME_MAX),
            max: Millis::new(crate::word::TIME_MAX),
            factor: 100_000,
            jitter: 100,
            ..open
        };
        assert_eq!(longest.time(5, 0).get(), crate::word::TIME_MAX);
        assert_eq!(longest.time(5, u64::MAX).get(), 2 * crate::word::TIME_MAX);
    }

    #[test]
    fn an_upstream_lengthens_within_its_bound() {
        let open = OpenFor {
            retry_after_max: Millis::new(60_000),
            ..Policy::default().open
        };
        for (asked, expected) in [
            (0, 30_000),
            (29_999, 30_000),
            (45_000, 45_000),
            (90_000, 60_000),
        ] {
            assert_eq!(
                open.lengthened(Millis::new(30_000), Millis::new(asked)),
                Millis::new(expected)
            );
        }
        assert_eq!(
            open.lengthened(Millis::new(70_000), Millis::new(90_000)),
            Millis::new(70_000)
        );
    }

    #[test]
    fn probes_decide_as_soon_as_they_can() {
        use Judgement::{Failed, Recovered, Undecided};
        let count = ProbeRule::Count {
            successes: 3,
            allowed: 1,
        };
        for (succeeded, failed, expected) in [
            (0, 0, Undecided),
            (2, 1, Undecided),
            (2, 2, Failed),
            (3, 1, Recovered),
            (3, 2, Failed),
        ] {
            assert_eq!(count.judge(succeeded, failed), expected);
        }
        for sample in 1..=20 {
            for percent in 1..=100 {
                let rate = ProbeRule::Rate { sample, percent };
                for failed in 0..=sample {
                    let at_the_end = rate.judge(sample - failed, failed);
                    let bad = failed * 100 >= percent * sample;
                    assert_eq!(at_the_end, if bad { Failed } else { Recovered });
                    for succeeded in 0..sample - failed {
                        let early = rate.judge(succeeded, failed);
                        assert_eq!(early, if bad { Failed } else { Undecided });
                    }
                }
            }
        }
    }
}
