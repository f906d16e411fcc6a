//! The probes of a half-open circuit, as the payload of the phase word.

use super::Outcome;
use super::field::layout;
use super::side::PAYLOAD_BITS;
use super::time::Millis;

layout!(PAYLOAD_BITS => OUT: 7, SUCCEEDED: 7, FAILED: 7, LEASE: 4, TAKEN: Age::BITS);

/// The counts of the probes of a half-open circuit.
///
/// ```text
///  41            25 24   21 20     14 13       7 6        0
/// | last taken     | lease | failed  | succeeded | out      |
/// ```
///
/// When all probes are out and the last went out a lease ago, all of them may go out again, as the
/// next *lease*. A probe of an earlier lease still counts when it reports. But it no longer counts
/// as out, so it gives nothing back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Probes {
    /// Probes that were admitted in this lease and haven't reported.
    out: u32,
    /// Successes reported in this half-open.
    pub(crate) succeeded: u32,
    /// Failures reported in this half-open.
    pub(crate) failed: u32,
    /// The number of leases that ran out before this one; stops at
    /// [`LAST_LEASE`](Self::LAST_LEASE).
    lease: u32,
    /// The age of the half-open when a probe last went out.
    taken: Age,
}

impl Probes {
    /// The greatest number that a count of probes holds.
    pub(crate) const MAX: u32 = OUT.max() as u32;
    /// The number that stands for all later leases too. It doesn't tell in which of them a probe
    /// was admitted, so no probe of them is given back: the next lease frees them.
    const LAST_LEASE: u32 = LEASE.max() as u32;

    /// The counts of a half-open that was begun by its first probe.
    pub(crate) const FIRST_OUT: Self = Self {
        out: 1,
        succeeded: 0,
        failed: 0,
        lease: 0,
        taken: Age::ZERO,
    };

    #[cfg(test)]
    pub(crate) const fn of(out: u32, succeeded: u32, failed: u32) -> Self {
        Self {
            out,
            succeeded,
            failed,
            ..Self::FIRST_OUT
        }
    }

    pub(crate) const fn from_payload(payload: u64) -> Self {
        Self {
            out: OUT.get(payload) as u32,
            succeeded: SUCCEEDED.get(payload) as u32,
            failed: FAILED.get(payload) as u32,
            lease: LEASE.get(payload) as u32,
            taken: Age(TAKEN.get(payload) as u32),
        }
    }

    pub(crate) const fn payload(self) -> u64 {
        TAKEN.put(self.taken.0 as u64)
            | LEASE.put(self.lease as u64)
            | FAILED.put(self.failed as u64)
            | SUCCEEDED.put(self.succeeded as u64)
            | OUT.put(self.out as u64)
    }

    /// Returns the number of probes that are out.
    pub(crate) const fn out(self) -> u32 {
        self.out
    }

    /// Returns the lease in which a probe goes out now.
    pub(crate) const fn lease(self) -> u8 {
        self.lease as u8
    }

    /// Returns the age of the half-open when a probe last went out.
    pub(crate) const fn taken(self) -> Millis {
        Millis::new(self.taken.ms())
    }

    /// Lets a probe out at this age of the half-open: if fewer than `limit` are out, or as the
    /// first of the next lease if the last one went out a `lease_time` ago. Returns `None` if all
    /// are out.
    pub(crate) fn take(self, limit: u32, age: Millis, lease_time: Millis) -> Option<Self> {
        let (age_ms, lease_ms) = (age.get(), lease_time.get());
        let taken = self.taken.max(Age::rounded_up(age_ms));
        if self.out < limit.min(Self::MAX) {
            let out = self.out + 1;
            return Some(Self { out, taken, ..self });
        }
        let is_over = age_ms >= self.taken.ms().saturating_add(lease_ms);
        is_over.then_some(Self {
            out: 1,
            lease: (self.lease + 1).min(Self::LAST_LEASE),
            taken,
            ..self
        })
    }

    /// Counts the outcome of a probe that was admitted in `lease`, and gives the probe back unless
    /// a later lease has freed it.
    #[must_use]
    pub(crate) fn report(self, outcome: Outcome, lease: u8) -> Self {
        let is_out = u32::from(lease) == self.lease && self.lease != Self::LAST_LEASE;
        let one_more = |count: u32, counts: bool| (count + u32::from(counts)).min(Self::MAX);
        Self {
            out: self.out.saturating_sub(u32::from(is_out)),
            succeeded: one_more(self.succeeded, outcome == Outcome::Success),
            failed: one_more(self.failed, outcome == Outcome::Failure),
            ..self
        }
    }

    /// Counts the reported successes and failures.
    pub(crate) fn reported(self) -> u32 {
        self.succeeded + self.failed
    }
}

/// A time in ms in 17 bits, as a floating-point number: a 12-bit significand and a shift. It never
/// wraps, is exact below 4,096 ms, and above that late by less than a 2,048th.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Age(u32);

impl Age {
    const MANTISSA_BITS: u32 = 12;
    const BITS: u32 = Self::MANTISSA_BITS + 5;
    const ZERO: Self = Self(0);
    /// The latest age: more than any time that a word holds.
    const MAX_MS: u64 = ((1 << Self::MANTISSA_BITS) - 1) << 31;

    /// Returns the first age that is no earlier than `ms`.
    fn rounded_up(ms: u64) -> Self {
        let ms = ms.min(Self::MAX_MS);
        let mut shift = (u64::BITS - ms.leading_zeros()).saturating_sub(Self::MANTISSA_BITS);
        let mut mantissa = ms.div_ceil(1 << shift);
        if mantissa >> Self::MANTISSA_BITS != 0 {
            mantissa >>= 1;
            shift += 1;
        }
        Self((shift << Self::MANTISSA_BITS) | mantissa as u32)
    }

    const fn ms(self) -> u64 {
        let mantissa = self.0 & ((1 << Self::MANTISSA_BITS) - 1);
        (mantissa as u64) << (self.0 >> Self::MANTISSA_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::TIME_MAX;
    use super::*;

    const TIMES: [u64; 8] = [0, 1, 4_095, 4_096, 4_097, 30_000, 1 << 40, TIME_MAX];

    #[test]
    fn an_age_is_never_early_and_hardly_late() {
        let mut last = Age::ZERO;
        for bits in 0..42 {
            for ms in [(1 << bits) - 1, 1 << bits, (1 << bits) + 1, (3 << bits) / 2] {
                let age = Age::rounded_up(ms);
                assert!(age.ms() >= ms && age.ms() - ms <= ms / 2_048, "{ms}");
                assert!(ms >= 4_096 || age.ms() == ms, "{ms}");
                assert_eq!(Age::rounded_up(age.ms()), age, "{ms}");
                assert!(age.0 >> Age::BITS == 0);
            }
            let age = Age::rounded_up(1 << bits);
            assert!(age > last, "the order of ages is that of their bits");
            last = age;
        }
        const { assert!(Age::MAX_MS > TIME_MAX) };
        assert_eq!(Age::rounded_up(u64::MAX).ms(), Age::MAX_MS);
        assert_eq!(Age((1 << Age::BITS) - 1).ms(), Age::MAX_MS);
    }

    fn every_probes() -> impl Iterator<Item = Probes> {
        let counts = [0, 1, 99, Probes::MAX - 1, Probes::MAX];
        let leases = [0, 1, Probes::LAST_LEASE - 1, Probes::LAST_LEASE];
        counts.into_iter().flat_map(move |out| {
            counts.into_iter().flat_map(move |succeeded| {
                counts.into_iter().flat_map(move |failed| {
                    leases.into_iter().flat_map(move |lease| {
                        TIMES.into_iter().map(move |taken| Probes {
                            out,
                            succeeded,
                            failed,
                            lease,
                            taken: Age::rounded_up(taken),
                        })
                    })
                })
            })
        })
    }

    #[test]
    fn probes_stay_in_their_fields() {
        for probes in every_probes() {
            assert_eq!(Probes::from_payload(probes.payload()), probes);
            assert!(probes.payload() >> PAYLOAD_BITS == 0);
            assert_eq!(probes.reported(), probes.succeeded + probes.failed);
            assert_eq!(u32::from(probes.lease()), probes.lease);
            assert_eq!(probes.out(), probes.out);
        }
    }

    #[test]
    fn a_probe_goes_out_if_one_is_free_or_its_lease_is_over() {
        for probes in every_probes() {
            for limit in [1, 2, 100, u32::MAX] {
                for age in TIMES {
                    for lease_ms in [1, 30_000, u64::MAX] {
                        let taken = probes.taken.max(Age::rounded_up(age));
                        let due = u128::from(probes.taken.ms()) + u128::from(lease_ms);
                        let expected = if probes.out < limit.min(Probes::MAX) {
                            let out = probes.out + 1;
                            Some(Probes {
                                out,
                                taken,
                                ..probes
                            })
                        } else if u128::from(age) >= due.min(u128::from(u64::MAX)) {
                            let lease = (probes.lease + 1).min(15);
                            Some(Probes {
                                out: 1,
                                lease,
                                taken,
                                ..probes
                            })
                        } else {
                            None
                        };
                        assert_eq!(
                            probes.take(limit, Millis::new(age), Millis::new(lease_ms)),
                            expected
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_report_counts_and_gives_back_its_own_probe_alone() {
        for probes in every_probes() {
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
                for lease in [0, 1, 14, 15] {
                    let own = u32::from(lease) == probes.lease && lease != 15;
                    let counted =
                        |count: u32, of| (count + u32::from(outcome == of)).min(Probes::MAX);
                    let expected = Probes {
                        out: if own {
                            probes.out.saturating_sub(1)
                        } else {
                            probes.out
                        },
                        succeeded: counted(probes.succeeded, Outcome::Success),
                        failed: counted(probes.failed, Outcome::Failure),
                        ..probes
                    };
                    assert_eq!(probes.report(outcome, lease), expected);
                }
            }
        }
    }

    /// Checks that a lease lasts as long as it is set to, or hardly longer, whatever the age of the
    /// half-open.
    #[test]
    fn a_lease_does_not_wrap() {
        let mut probes = Probes::FIRST_OUT;
        for days in 1..2_000 {
            let age = days * 86_400_000;
            let renewed = probes.take(1, Millis::new(age), Millis::new(30_000));
            probes = renewed.expect("a day is longer than a lease");
            assert_eq!(
                probes.take(1, Millis::new(age + 29_999), Millis::new(30_000)),
                None
            );
            assert_eq!(probes.take(1, Millis::new(age), Millis::new(30_000)), None);
            let late = age + 30_000 + age / 2_048;
            assert!(
                probes
                    .take(1, Millis::new(late), Millis::new(30_000))
                    .is_some(),
                "day {days}"
            );
        }
    }
}
