//! Side words: a generation's tag and a payload, so that nothing has to be zeroed.

use super::generation::Tag;
use super::slot::{SLOT_BITS, slot_of};
use super::{Generation, Outcome};

pub(super) const PAYLOAD_BITS: u32 = u64::BITS - Tag::BITS;
const PAYLOAD_MAX: u64 = (1 << PAYLOAD_BITS) - 1;

/// The latest time that a side word holds: Unix milliseconds, in May 2109.
///
/// One less than the payload's maximum, since a time is stored as itself plus one: 0 is 'none'.
pub(crate) const TIME_MAX: u64 = PAYLOAD_MAX - 1;

/// The value of a side word: what it holds, and the tag of the generation that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Side(u64);

impl Side {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// `payload`, saturated to what fits, for `generation`.
    #[inline]
    pub(crate) const fn new(generation: Generation, payload: u64) -> Self {
        let payload = if payload > PAYLOAD_MAX {
            PAYLOAD_MAX
        } else {
            payload
        };
        Self((generation.tag().bits() << PAYLOAD_BITS) | payload)
    }

    /// A time, saturated to [`TIME_MAX`].
    #[inline]
    pub(crate) const fn time(generation: Generation, ms: u64) -> Self {
        let ms = if ms > TIME_MAX { TIME_MAX } else { ms };
        Self::new(generation, ms + 1)
    }

    #[inline]
    pub(crate) fn belongs_to(self, generation: Generation) -> bool {
        Tag::from_bits(self.0 >> PAYLOAD_BITS) == generation.tag()
    }

    /// The payload, whatever generation it belongs to.
    pub(crate) const fn payload(self) -> u64 {
        self.0 & PAYLOAD_MAX
    }

    /// The payload as a time; `None` where none was stored.
    #[inline]
    pub(crate) const fn as_time(self) -> Option<u64> {
        self.payload().checked_sub(1)
    }

    /// One more; saturates.
    #[inline]
    pub(crate) const fn plus_one(self) -> Self {
        if self.payload() == PAYLOAD_MAX {
            self
        } else {
            Self(self.0 + 1)
        }
    }
}

const PROBE_BITS: u32 = 7;
const PROBE_MASK: u64 = (1 << PROBE_BITS) - 1;
const TAKEN_BITS: u32 = PAYLOAD_BITS - 3 * PROBE_BITS;
const TAKEN_SHIFT: u32 = 3 * PROBE_BITS;

/// The payload of the recovery word while a circuit is half-open: where its probes are.
///
/// ```text
///  41                     21 20     14 13       7 6        0
/// | last slot taken, ms     | failed  | succeeded | out      |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Probes {
    /// Admitted and not reported yet; [`EXPIRED`](Self::EXPIRED) is no number.
    out: u32,
    /// Reported as successes in this half-open.
    pub(crate) succeeded: u32,
    /// Reported as failures in this half-open.
    pub(crate) failed: u32,
    /// When a slot was taken last, in ms since the half-open began; saturates at 34 minutes.
    taken_ms: u32,
}

impl Probes {
    /// The most that a field of probes holds.
    pub(crate) const MAX: u32 = PROBE_MASK as u32 - 1;
    /// Stands in `out` when the lease of all slots has run out: a renewal is due, and no report
    /// counts here any more.
    const EXPIRED: u32 = PROBE_MASK as u32;
    const TAKEN_MAX: u32 = (1 << TAKEN_BITS) - 1;

    /// A half-open that was begun by its first probe.
    pub(crate) const FIRST_OUT: Self = Self {
        out: 1,
        succeeded: 0,
        failed: 0,
        taken_ms: 0,
    };

    #[cfg(test)]
    pub(crate) const fn of(out: u32, succeeded: u32, failed: u32) -> Self {
        Self {
            out,
            succeeded,
            failed,
            taken_ms: 0,
        }
    }

    pub(crate) const fn from_payload(payload: u64) -> Self {
        Self {
            out: (payload & PROBE_MASK) as u32,
            succeeded: ((payload >> PROBE_BITS) & PROBE_MASK) as u32,
            failed: ((payload >> (2 * PROBE_BITS)) & PROBE_MASK) as u32,
            taken_ms: (payload >> TAKEN_SHIFT) as u32,
        }
    }

    pub(crate) const fn payload(self) -> u64 {
        ((self.taken_ms as u64) << TAKEN_SHIFT)
            | ((self.failed as u64) << (2 * PROBE_BITS))
            | ((self.succeeded as u64) << PROBE_BITS)
            | self.out as u64
    }

    pub(crate) const fn is_expired(self) -> bool {
        self.out == Self::EXPIRED
    }

    /// Whether a slot is free under `limit`.
    pub(crate) fn has_free(self, limit: u32) -> bool {
        self.out < limit.min(Self::MAX)
    }

    /// One slot more, taken `age_ms` after the half-open began. The caller has seen one free.
    #[must_use]
    pub(crate) fn take(self, age_ms: u64) -> Self {
        debug_assert!(self.out < Self::MAX);
        let age = u32::try_from(age_ms)
            .unwrap_or(u32::MAX)
            .min(Self::TAKEN_MAX);
        Self {
            out: self.out + 1,
            taken_ms: self.taken_ms.max(age),
            ..self
        }
    }

    /// One slot given back; a success and a failure count.
    #[must_use]
    pub(crate) fn give_back(self, outcome: Outcome) -> Self {
        let one_more = |count: u32, counts: bool| (count + counts as u32).min(Self::MAX);
        Self {
            out: self.out.saturating_sub(1),
            succeeded: one_more(self.succeeded, outcome == Outcome::Success),
            failed: one_more(self.failed, outcome == Outcome::Failure),
            ..self
        }
    }

    /// How many have been reported as one or the other.
    pub(crate) fn reported(self) -> u32 {
        self.succeeded + self.failed
    }

    /// Whether those who hold the slots have had `lease_ms`, `age_ms` after the half-open began.
    pub(crate) fn lease_is_over(self, age_ms: u64, lease_ms: u64) -> bool {
        age_ms >= lease_ms.saturating_add(u64::from(self.taken_ms))
    }

    /// Closed to reports: a renewal is due.
    #[must_use]
    pub(crate) fn expired(self) -> Self {
        Self {
            out: Self::EXPIRED,
            ..self
        }
    }
}

/// The value of the pins word: how many handles hold a cell, and whether it is sealed.
///
/// ```text
///  63                 35  34  33    24  23  22            0
/// | pinned so far, wraps |used| slot |seal| handles        |
/// ```
///
/// The upper part makes each pinning change the word for good (2^29 of them are needed to bring it
/// back), so that a seal put in by compare-and-swap proves that nobody held a pin since the word was
/// read. Used: reported to since the last sweep. The slot is of the key's hash, and never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pins(u64);

impl Pins {
    const COUNT_BITS: u32 = 23;
    const COUNT_MASK: u64 = (1 << Self::COUNT_BITS) - 1;
    const SEAL: u64 = 1 << Self::COUNT_BITS;
    const SLOT_SHIFT: u32 = Self::COUNT_BITS + 1;
    /// The mark that the circuit has been used.
    pub(crate) const USED: u64 = 1 << (Self::SLOT_SHIFT + SLOT_BITS);
    const EVER_ONE: u64 = Self::USED << 1;

    /// What `fetch_sub` takes when a handle goes.
    pub(crate) const UNPIN: u64 = 1;

    /// Of a cell whose key has this hash.
    pub(crate) const fn new(hash: u64) -> Self {
        Self((slot_of(hash) as u64) << Self::SLOT_SHIFT)
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn slot(self) -> usize {
        (self.0 >> Self::SLOT_SHIFT & ((1 << SLOT_BITS) - 1)) as usize
    }

    /// Whether somebody has reported to the circuit since the last sweep.
    pub(crate) const fn is_used(self) -> bool {
        self.0 & Self::USED != 0
    }

    /// No handle can pin the cell any more: it leaves the map.
    pub(crate) const fn is_sealed(self) -> bool {
        self.0 & Self::SEAL != 0
    }

    pub(crate) const fn is_pinned(self) -> bool {
        self.0 & Self::COUNT_MASK != 0
    }

    /// How many handles hold it.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) const fn handles(self) -> u64 {
        self.0 & Self::COUNT_MASK
    }

    /// One handle more; `None` if sealed.
    ///
    /// # Panics
    /// At 2^23 handles of one circuit.
    pub(crate) fn pinned(self) -> Option<Self> {
        assert!(
            self.0 & Self::COUNT_MASK != Self::COUNT_MASK,
            "too many handles of one circuit"
        );
        (!self.is_sealed()).then(|| Self(self.0.wrapping_add(Self::EVER_ONE + 1)))
    }

    /// Sealed; `None` if a handle holds the cell or it is sealed already.
    pub(crate) const fn sealed(self) -> Option<Self> {
        if self.is_pinned() || self.is_sealed() {
            None
        } else {
            Some(Self(self.0 | Self::SEAL))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOADS: [u64; 5] = [0, 1, 1 << 20, PAYLOAD_MAX - 1, PAYLOAD_MAX];
    const GENERATIONS: [u64; 4] = [0, 1, (1 << 22) - 1, (1 << 40) - 1];

    #[test]
    fn sides_round_trip_and_saturate() {
        for generation in GENERATIONS.map(Generation::from_bits) {
            for payload in PAYLOADS {
                let side = Side::new(generation, payload);
                assert_eq!(side.payload(), payload);
                assert!(side.belongs_to(generation) && !side.belongs_to(generation.successor()));
                assert_eq!(
                    side.plus_one(),
                    Side::new(generation, payload.saturating_add(1))
                );
                assert_eq!(Side::from_bits(side.bits()), side);
            }
            assert_eq!(Side::new(generation, u64::MAX).payload(), PAYLOAD_MAX);
            assert_eq!(Side::time(generation, u64::MAX).as_time(), Some(TIME_MAX));
            assert_eq!(Side::time(generation, 0).as_time(), Some(0));
            assert_eq!(Side::new(generation, 0).as_time(), None);
        }
    }

    #[test]
    fn the_all_zero_side_is_empty_for_generation_zero() {
        let zero = Side::from_bits(0);
        assert!(zero.belongs_to(Generation::ZERO) && zero.as_time().is_none());
    }

    #[test]
    fn probes_stay_in_their_fields() {
        let counts = [0, 1, Probes::MAX - 1, Probes::MAX];
        for out in counts {
            for succeeded in counts {
                for failed in counts {
                    for taken_ms in [0, 1, 30_000, Probes::TAKEN_MAX - 1, Probes::TAKEN_MAX] {
                        check_probes(Probes {
                            out,
                            succeeded,
                            failed,
                            taken_ms,
                        });
                    }
                }
            }
        }
    }

    fn check_probes(probes: Probes) {
        assert_eq!(Probes::from_payload(probes.payload()), probes);
        assert!(probes.payload() <= PAYLOAD_MAX && !probes.is_expired());
        assert_eq!(probes.reported(), probes.succeeded + probes.failed);
        for limit in [1, 2, Probes::MAX, u32::MAX] {
            assert_eq!(probes.has_free(limit), probes.out < limit.min(Probes::MAX));
        }
        for age in [0, 5, u64::from(Probes::TAKEN_MAX), u64::MAX] {
            if probes.out < Probes::MAX {
                let latest = u64::from(probes.taken_ms)
                    .max(age)
                    .min(u64::from(Probes::TAKEN_MAX));
                let expected = Probes {
                    out: probes.out + 1,
                    taken_ms: u32::try_from(latest).unwrap(),
                    ..probes
                };
                assert_eq!(probes.take(age), expected);
            }
            for lease in [1, 30_000, u64::MAX] {
                let due = u128::from(probes.taken_ms) + u128::from(lease);
                let over = u128::from(age) >= due.min(u128::from(u64::MAX));
                assert_eq!(probes.lease_is_over(age, lease), over);
            }
        }
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
            let counted =
                |count: u32, of: Outcome| (count + (outcome == of) as u32).min(Probes::MAX);
            let expected = Probes {
                out: probes.out.saturating_sub(1),
                succeeded: counted(probes.succeeded, Outcome::Success),
                failed: counted(probes.failed, Outcome::Failure),
                ..probes
            };
            assert_eq!(probes.give_back(outcome), expected);
        }
        let expired = probes.expired();
        assert!(expired.is_expired() && !expired.has_free(u32::MAX));
        assert_eq!(Probes::from_payload(expired.payload()), expired);
    }

    #[test]
    fn a_pin_excludes_a_seal_and_a_seal_excludes_pins() {
        let hash = 0x0123_4567_89AB_CDEF;
        let (free, slot) = (Pins::new(hash), slot_of(hash));
        let pinned = free.pinned().unwrap();
        assert!(pinned.is_pinned() && pinned.sealed().is_none());
        let twice = pinned.pinned().unwrap();
        assert!(twice.is_pinned() && twice.sealed().is_none() && !twice.is_sealed());

        let released = Pins::from_bits(pinned.bits() - Pins::UNPIN);
        assert!(!released.is_pinned());
        assert_ne!(released, free, "a pin leaves a trace");

        let sealed = released.sealed().unwrap();
        assert!(sealed.is_sealed() && sealed.pinned().is_none() && sealed.sealed().is_none());

        for pins in [free, pinned, released, sealed] {
            assert_eq!(pins.slot(), slot);
        }
        let used = Pins::from_bits(pinned.bits() | Pins::USED);
        assert!(used.is_used() && !pinned.is_used() && used.slot() == slot);
        assert!(used.pinned().unwrap().is_used() && used.is_pinned());

        let wrapped = Pins::from_bits(u64::MAX << 35).pinned().unwrap();
        assert_eq!(
            wrapped.bits(),
            1,
            "the trace wraps without touching the count"
        );
    }
}
