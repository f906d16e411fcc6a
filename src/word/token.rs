//! What a store hands out for an admitted call, and how the call went.

use super::Generation;
use super::saturating_ms;
use std::time::Duration;

/// How a guarded call went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The upstream is well.
    Success,
    /// The upstream is at fault: counts towards opening the circuit.
    Failure,
    /// Says nothing about the upstream (the caller gave up, a client's error): counts nowhere,
    /// and gives back the probe slot.
    Ignored,
}

/// How a guarded call went, and what else is known of it. An [`Outcome`] alone is one.
///
/// ```
/// use breakerbox::{InMemoryCircuitBreakerStore, Policy, Outcome, Report};
/// use std::time::Duration;
///
/// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
/// let policy = Policy::builder().failure_threshold(1).build()?;
/// let permit = store.acquire("search", &policy)?;
/// let overloaded = Report::from(Outcome::Failure)
///     .took(Duration::from_millis(12))
///     .retry_after(Duration::from_secs(90)); // as the upstream's answer says
/// let _ = store.report("search", permit, overloaded, &policy);
/// let rejected = store.acquire("search", &policy).unwrap_err();
/// assert_eq!(rejected.retry_after_secs(), 90); // instead of the policy's 30
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report(u64);

impl Report {
    /// Two times of this width, and two bits for the outcome. A call's duration is stored as one
    /// more than itself; 0 if it isn't given.
    const TIME_BITS: u32 = 31;
    const TIME_MAX: u64 = (1 << Self::TIME_BITS) - 1;
    const TOOK_MAX: u64 = Self::TIME_MAX - 1;
    const RETRY_SHIFT: u32 = 2 + Self::TIME_BITS;

    const fn of(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::Success => 0,
            Outcome::Failure => 1,
            Outcome::Ignored => 2,
        })
    }

    /// How long the call took: whole milliseconds, rounded up, at most 24 days. Zero is a time too,
    /// and keeps the breaker from measuring. A call whose time is unknown doesn't count as slow.
    pub fn took(self, duration: Duration) -> Self {
        self.with_took_ms(saturating_ms(duration))
    }

    /// How long the upstream asks to be left alone; an opening that this report causes lasts at
    /// least that long, up to [`Policy::retry_after_max`](crate::Policy::retry_after_max). Whole
    /// milliseconds, rounded up, at most 24 days.
    pub fn retry_after(self, duration: Duration) -> Self {
        let others = self.0 & ((1 << Self::RETRY_SHIFT) - 1);
        Self(others | (saturating_ms(duration).min(Self::TIME_MAX) << Self::RETRY_SHIFT))
    }

    /// As [`took`](Self::took), unless that has been said.
    pub(crate) fn or_took(self, duration: Duration) -> Self {
        match self.took_ms() {
            Some(_) => self,
            None => self.took(duration),
        }
    }

    const fn with_took_ms(self, ms: u64) -> Self {
        let ms = if ms > Self::TOOK_MAX {
            Self::TOOK_MAX
        } else {
            ms
        };
        Self((self.0 & !(Self::TIME_MAX << 2)) | ((ms + 1) << 2))
    }

    /// How the call went.
    #[inline]
    pub const fn outcome(self) -> Outcome {
        match self.0 & 0b11 {
            0 => Outcome::Success,
            1 => Outcome::Failure,
            _ => Outcome::Ignored,
        }
    }

    /// Returns how long the call took; `None` if the report doesn't say.
    pub(crate) const fn took_ms(self) -> Option<u64> {
        ((self.0 >> 2) & Self::TIME_MAX).checked_sub(1)
    }

    pub(crate) const fn retry_after_ms(self) -> u64 {
        self.0 >> Self::RETRY_SHIFT
    }
}

impl From<Outcome> for Report {
    #[inline]
    fn from(outcome: Outcome) -> Self {
        Self::of(outcome)
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("outcome", &self.outcome())
            .field("took_ms", &self.took_ms())
            .field("retry_after_ms", &self.retry_after_ms())
            .finish()
    }
}

/// What became of a report. Both are normal outcomes, and most callers need neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reported {
    /// It was taken into account.
    Recorded,
    /// The circuit has changed state since the permit was given: the report changed nothing.
    Stale,
}

/// A permit as plain data: the generation that it was given in, and whether it holds a probe
/// slot of a half-open circuit.
///
/// What [`CircuitBreakerStore`](crate::CircuitBreakerStore)s hand out and take back. It does
/// nothing when dropped: each one must be reported or released once, or its probe slot is gone
/// until the lease is over. [`Permit`](crate::Permit) does that by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "report or release it, or a probe slot is lost until its lease is over"]
pub struct PermitToken(u64);

/// ```text
///  63                       8 7                                  1   0
/// | generation               | a probe's lease, else seat + 1    |probe|
/// ```
impl PermitToken {
    const DETAIL_SHIFT: u32 = 1;
    const DETAIL_MASK: u64 = (1 << 7) - 1;
    const GENERATION_SHIFT: u32 = 8;

    /// A token from its parts, for stores that keep circuits elsewhere. Of the generation 56 bits
    /// are kept. A token of the store in memory is more than these parts: it knows its seat among
    /// the calls in flight, or its lease, so that a copy of the parts gives neither back.
    pub const fn from_parts(generation: u64, probe: bool) -> Self {
        Self(generation << Self::GENERATION_SHIFT | probe as u64)
    }

    #[inline]
    pub(crate) const fn new(generation: Generation, probe: bool) -> Self {
        Self::from_parts(generation.bits(), probe)
    }

    /// Makes the token of a probe that took its slot in this lease.
    pub(crate) const fn probe(generation: Generation, lease: u8) -> Self {
        debug_assert!((lease as u64) <= Self::DETAIL_MASK);
        Self(Self::new(generation, true).0 | (lease as u64) << Self::DETAIL_SHIFT)
    }

    /// The same, with a seat among the calls in flight.
    pub(crate) const fn with_slot(self, slot: u8) -> Self {
        debug_assert!(!self.is_probe() && self.is_plain());
        debug_assert!((slot as u64) < Self::DETAIL_MASK);
        Self(self.0 | (slot as u64 + 1) << Self::DETAIL_SHIFT)
    }

    const fn detail(&self) -> u8 {
        (self.0 >> Self::DETAIL_SHIFT & Self::DETAIL_MASK) as u8
    }

    /// The seat that it holds among the calls in flight.
    #[inline]
    pub(crate) const fn slot(&self) -> Option<u8> {
        if self.is_probe() {
            None
        } else {
            self.detail().checked_sub(1)
        }
    }

    /// Returns the lease in which the probe took its slot.
    pub(crate) const fn lease(&self) -> u8 {
        self.detail()
    }

    /// The store's number for the state that the circuit was in.
    pub const fn generation(&self) -> u64 {
        self.0 >> Self::GENERATION_SHIFT
    }

    /// Whether the call probes a half-open circuit.
    pub const fn is_probe(&self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether it holds nothing: neither a probe's slot nor a seat.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & ((1 << Self::GENERATION_SHIFT) - 1) == 0
    }

    /// Whether it was given in `generation`, and holds nothing.
    #[inline]
    pub(crate) const fn is_plainly_of(self, generation: Generation) -> bool {
        self.0 == generation.bits() << Self::GENERATION_SHIFT
    }

    pub(crate) const fn issued(&self) -> Generation {
        Generation::from_bits(self.generation())
    }
}

impl std::fmt::Debug for PermitToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PermitToken")
            .field("generation", &self.generation())
            .field("probe", &self.is_probe())
            .field("slot", &self.slot())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_what_it_is_told() {
        let times = [0, 1, 30_000, Report::TIME_MAX - 1, Report::TIME_MAX];
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
            assert_eq!(Report::from(outcome).outcome(), outcome);
            assert_eq!(Report::from(outcome).took_ms(), None);
            for took in times.map(|time| time.min(Report::TOOK_MAX)) {
                for retry in times {
                    let report = Report::from(outcome)
                        .took(Duration::from_millis(9))
                        .retry_after(Duration::from_millis(9))
                        .retry_after(Duration::from_millis(retry))
                        .took(Duration::from_millis(took));
                    let read = (report.outcome(), report.took_ms(), report.retry_after_ms());
                    assert_eq!(read, (outcome, Some(took), retry));
                }
            }
        }
        let longest = Report::from(Outcome::Failure)
            .took(Duration::MAX)
            .retry_after(Duration::MAX);
        assert_eq!(longest.outcome(), Outcome::Failure);
        assert_eq!(longest.took_ms(), Some(Report::TOOK_MAX));
        assert_eq!(longest.retry_after_ms(), Report::TIME_MAX);
    }

    #[test]
    fn a_time_that_was_said_is_not_measured() {
        let report = Report::from(Outcome::Success);
        let measured = Duration::from_millis(7);
        assert_eq!(report.or_took(measured).took_ms(), Some(7));
        for said in [0, 3] {
            let report = report.took(Duration::from_millis(said));
            assert_eq!(report.or_took(measured).took_ms(), Some(said));
        }
    }

    #[test]
    fn a_seat_is_told_from_none() {
        let token = PermitToken::new(Generation::from_bits(3), false);
        assert_eq!(token.slot(), None);
        assert!(token.is_plain());
        for probe in [false, true] {
            let token = PermitToken::from_parts((1 << 56) - 1, probe);
            assert_eq!(token.is_plain(), !probe);
        }
        for slot in [0, 63] {
            let seated = PermitToken::from_parts((1 << 56) - 1, false).with_slot(slot);
            let parts = (seated.generation(), seated.is_probe(), seated.slot());
            assert_eq!(parts, ((1 << 56) - 1, false, Some(slot)));
            assert!(!seated.is_plain());
        }
        for lease in [0, 1, 15, 127] {
            let probe = PermitToken::probe(Generation::from_bits(3), lease);
            let parts = (probe.generation(), probe.is_probe(), probe.slot());
            assert_eq!((parts, probe.lease()), ((3, true, None), lease));
            assert!(!probe.is_plain());
        }
        assert!(token.is_plainly_of(Generation::from_bits(3)));
        assert!(!token.with_slot(0).is_plainly_of(Generation::from_bits(3)));
        assert!(!token.is_plainly_of(Generation::from_bits(4)));
    }
}
