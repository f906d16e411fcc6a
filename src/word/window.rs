//! Windows of calls as packed words, and the effect of one call on them.
//!
//! ```text
//!            63        33 32   23 22     13 12   3  2  1     0
//! head      | version   | pos   | failures | slow |full| pending |
//!            63                32 31                            0
//! outcomes  | version            | 16 outcomes of 2 bits        |
//!            63                      28 27  25 24              0
//! bucket    | tick                     | keeper | calls         |
//! ```

use super::Millis;
use super::field::{Field, layout};

/// A call that was reported, as a window sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Call {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

impl Call {
    const fn bits(self) -> u64 {
        self.failed as u64 | (self.slow as u64) << 1
    }

    const fn from_bits(bits: u64) -> Self {
        Self {
            failed: bits & 1 != 0,
            slow: bits & 2 != 0,
        }
    }
}

/// The counts of the calls in a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    pub(crate) failures: u32,
    pub(crate) slow: u32,
}

/// The head of a window of the last calls: the whole tally, and the outcome of the latest call,
/// which may still be missing from its place among the outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// Grows with each call, so that no later head equals one that was seen before, until it wraps.
    version: u64,
    /// The place of the next call.
    position: u32,
    failures: u32,
    slow: u32,
    /// Whether every place has been written.
    full: bool,
    pending: Call,
}

layout!(64 => PENDING: 2, FULL: 1, SLOW: 10, FAILURES: 10, POSITION: 10, VERSION: 31);

impl Head {
    /// A window without a call; all bits are 0.
    #[cfg(test)]
    const EMPTY: Self = Self::from_bits(0);

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self {
            version: VERSION.get(bits),
            position: POSITION.get(bits) as u32,
            failures: FAILURES.get(bits) as u32,
            slow: SLOW.get(bits) as u32,
            full: FULL.is_set(bits),
            pending: Call::from_bits(PENDING.get(bits)),
        }
    }

    pub(crate) const fn bits(self) -> u64 {
        VERSION.put(self.version)
            | POSITION.put(self.position as u64)
            | FAILURES.put(self.failures as u64)
            | SLOW.put(self.slow as u64)
            | FULL.put(self.full as u64)
            | PENDING.put(self.pending.bits())
    }

    /// Returns the counts of a window of `size` calls.
    pub(crate) fn tally(self, size: u32) -> Tally {
        Tally {
            calls: if self.full { size } else { self.position },
            failures: self.failures,
            slow: self.slow,
        }
    }

    /// Returns the place of the next call, and whether a call leaves for it.
    pub(crate) fn next_place(self) -> (u32, bool) {
        (self.position, self.full)
    }

    /// Returns the latest call and its place; `None` if the window is empty.
    pub(crate) fn latest(self, size: u32) -> Option<(u32, Call)> {
        let place = match self.position.checked_sub(1) {
            Some(before) => before,
            None if self.full => size - 1,
            None => return None,
        };
        Some((place, self.pending))
    }

    /// Counts `call`, for which `left` leaves. Where the head has changed meanwhile, `left` may be
    /// the wrong call. The result is then useless but harmless: its exchange fails.
    pub(crate) fn plus(self, call: Call, left: Option<Call>, size: u32) -> Self {
        let left = left.unwrap_or_default();
        let last = self.position + 1 == size;
        Self {
            version: (self.version + 1) & VERSION.max(),
            position: if last { 0 } else { self.position + 1 },
            failures: (self.failures + call.failed as u32).saturating_sub(left.failed as u32),
            slow: (self.slow + call.slow as u32).saturating_sub(left.slow as u32),
            full: self.full || last,
            pending: call,
        }
    }
}

layout!(64 => OUTCOMES: 32, CHANGES: 32);

/// Sixteen outcomes in their places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outcomes(u64);

impl Outcomes {
    /// The number of places in a word.
    pub(crate) const PLACES: u32 = OUTCOMES.width() / 2;

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the field of one outcome.
    const fn place(place: u32) -> Field {
        Field::new(2 * (place % Self::PLACES), 2)
    }

    pub(crate) const fn get(self, place: u32) -> Call {
        Call::from_bits(Self::place(place).get(self.0))
    }

    /// Puts `call` in its place, under the next version: so a word never again equals one that was
    /// seen before a change.
    pub(crate) const fn with(self, place: u32, call: Call) -> Self {
        let changed = Self::place(place).set(self.0, call.bits());
        Self(changed.wrapping_add(CHANGES.one()))
    }
}

layout!(64 => CALLS: 25, KEEPER: 3, TICK: 36);

/// A count of the calls of one tick of a window of time. A *keeper*, which is an entry of a table
/// by hash, may count further ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bucket(u64);

/// Why a bucket doesn't count a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotCounted {
    /// The count is at its maximum.
    Full,
    /// The bucket is of a later tick.
    Late(Bucket),
    /// The bucket is marked as a keeper's.
    Kept(Bucket),
}

impl Bucket {
    /// The width of a tick's number.
    pub(crate) const TICK_BITS: u32 = TICK.width();
    /// The number of ticks in a window.
    pub(crate) const TICKS: u64 = 10;
    /// The width from which on a window reads the clock roughly: at least four of the kernel's
    /// ticks.
    pub(crate) const ROUGH_WIDTH: Millis = Millis::new(40);
    /// The greatest tick. At 1 ms a tick they reach it 2 years after 1970, so ticks wrap.
    pub(crate) const TICK_MASK: u64 = TICK.max();

    /// Returns the time of a tick in a window of this span.
    #[inline]
    pub(crate) fn width_in(span: Millis) -> Millis {
        Millis::new(span.get().div_ceil(Self::TICKS).max(1))
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Makes a bucket with one call in `tick`.
    pub(crate) const fn of_one(tick: u64) -> Self {
        Self(TICK.put(tick & TICK.max()) | CALLS.one())
    }

    pub(crate) const fn tick(self) -> u64 {
        TICK.get(self.0)
    }

    pub(crate) const fn count(self) -> u64 {
        CALLS.get(self.0)
    }

    /// Returns the keeper's place among the entries of its stripe, 0 to 3.
    #[inline]
    pub(crate) const fn keeper(self) -> Option<usize> {
        match KEEPER.get(self.0) {
            0 => None,
            place => Some(place as usize - 1),
        }
    }

    /// Makes the same bucket, whose tick's further calls a keeper counts.
    pub(crate) const fn kept_by(self, keeper: usize) -> Self {
        Self(KEEPER.set(self.0, keeper as u64 + 1))
    }

    /// Makes the same bucket, without a keeper, and with this many calls more, up to the maximum.
    pub(crate) const fn taken_back(self, calls: u64) -> Self {
        let sum = self.count() + calls;
        let sum = if sum > CALLS.max() { CALLS.max() } else { sum };
        Self(CALLS.set(KEEPER.set(self.0, 0), sum))
    }

    /// Makes a bucket with these calls in `tick`.
    pub(crate) const fn of(tick: u64, calls: u64) -> Self {
        Self(TICK.put(tick & TICK.max()) | CALLS.put(calls))
    }

    /// Makes the same word for a latest tick, in `tick`.
    pub(crate) const fn moved_to(self, tick: u64) -> Self {
        let count = if self.count() == 0 { 1 } else { self.count() };
        Self::of(tick, count)
    }

    /// Makes the next word for a latest tick whose window has a keeper from that tick on. It
    /// differs from earlier ones, until the number wraps.
    pub(crate) const fn given_to(self, keeper: usize) -> Self {
        let next = if self.count() == CALLS.max() {
            1
        } else {
            self.count() + 1
        };
        Self(CALLS.set(self.0, next)).kept_by(keeper)
    }

    /// Counts a call in `tick`. A bucket of an earlier tick begins anew.
    #[inline]
    pub(crate) fn plus_one(self, tick: u64) -> Result<Self, NotCounted> {
        if self.0 & (TICK.mask() | KEEPER.mask()) == TICK.put(tick & TICK.max()) {
            match self.count() == CALLS.max() {
                true => Err(NotCounted::Full),
                false => Ok(Self(self.0 + CALLS.one())),
            }
        } else if self.ahead_of(tick).is_some() {
            Err(NotCounted::Late(self))
        } else if self.tick() == tick {
            Err(NotCounted::Kept(self))
        } else {
            Ok(Self::of_one(tick))
        }
    }

    /// Counts the calls that are in the window at `tick`.
    pub(crate) fn calls_at(self, tick: u64) -> u32 {
        let age = tick.wrapping_sub(self.tick()) & Self::TICK_MASK;
        if age < Self::TICKS {
            self.count() as u32
        } else {
            0
        }
    }

    /// Returns how far its tick is ahead of `tick`; `None` if it isn't ahead, or by more than half
    /// the range.
    #[inline]
    pub(crate) fn ahead_of(self, tick: u64) -> Option<u64> {
        let ahead = self.tick().wrapping_sub(tick) & Self::TICK_MASK;
        (self.count() != 0 && ahead != 0 && ahead <= Self::TICK_MASK / 2).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: [Call; 4] = [
        Call::from_bits(0),
        Call::from_bits(1),
        Call::from_bits(2),
        Call::from_bits(3),
    ];

    #[test]
    fn heads_round_trip() {
        for version in [0, 1, VERSION.max()] {
            for count in [0, 1, 999, 1_000] {
                for full in [false, true] {
                    for pending in CALLS {
                        let head = Head {
                            version,
                            position: count,
                            failures: count,
                            slow: count,
                            full,
                            pending,
                        };
                        assert_eq!(Head::from_bits(head.bits()), head);
                    }
                }
            }
        }
        assert_eq!(Head::EMPTY.bits(), 0);
        assert_eq!(Head::EMPTY.latest(3), None);
    }

    /// Compares each size with a list of calls, over more than two rounds.
    #[test]
    fn a_head_tallies_the_last_calls() {
        for size in [1, 2, 3, 16, 17, 1_000] {
            let mut head = Head::EMPTY;
            let mut calls: Vec<Call> = Vec::new();
            for n in 0..2 * size + 3 {
                let call = CALLS[(n * n % 7 % 4) as usize];
                let (place, leaves) = head.next_place();
                assert_eq!((place, leaves), (n % size, n >= size));
                let left = leaves.then(|| calls[(n - size) as usize]);
                let before = head.version;
                head = head.plus(call, left, size);
                assert_eq!(head.version, before + 1);
                calls.push(call);
                let last = &calls[calls.len().saturating_sub(size as usize)..];
                let count = |f: fn(&Call) -> bool| last.iter().filter(|c| f(c)).count() as u32;
                let expected = Tally {
                    calls: last.len() as u32,
                    failures: count(|call| call.failed),
                    slow: count(|call| call.slow),
                };
                assert_eq!(head.tally(size), expected);
                assert_eq!(head.latest(size), Some((n % size, call)));
                assert_eq!(Head::from_bits(head.bits()), head);
            }
        }
    }

    #[test]
    fn a_version_wraps_and_touches_nothing_else() {
        let last = Head {
            version: VERSION.max(),
            ..Head::EMPTY
        };
        let wrapped = last.plus(Call::default(), None, 3);
        assert_eq!((wrapped.version, wrapped.position), (0, 1));
        assert_eq!(Head::from_bits(wrapped.bits()), wrapped);
    }

    #[test]
    fn outcomes_keep_to_their_places() {
        let mut word = Outcomes::from_bits(u64::MAX);
        for place in 0..48 {
            for call in CALLS {
                let next = word.with(place, call);
                assert_eq!(next.get(place), call);
                for other in (0..16).filter(|other| other % 16 != place % 16) {
                    assert_eq!(next.get(other), word.get(other));
                }
                assert_ne!(next, word);
                let again = next.with(place, call);
                assert_eq!(again.get(place), call);
                assert_ne!(again, next, "another version");
                word = next;
            }
        }
    }

    #[test]
    fn a_keeper_has_a_count_until_it_is_taken_back() {
        let one = Bucket::of_one(Bucket::TICK_MASK);
        assert_eq!(one.keeper(), None);
        for keeper in [0, 3] {
            let kept = one.kept_by(keeper);
            assert_eq!((kept.keeper(), kept.count()), (Some(keeper), 1));
            assert_eq!(kept.tick(), Bucket::TICK_MASK);
            assert_eq!(kept.plus_one(kept.tick()), Err(NotCounted::Kept(kept)));
            assert_eq!(kept.plus_one(7), Bucket::from_bits(0).plus_one(7));
            assert_eq!(kept.taken_back(0), one);
            let back = kept.taken_back(super::CALLS.max());
            assert_eq!((back.keeper(), back.tick()), (None, Bucket::TICK_MASK));
            assert_eq!(back.count(), super::CALLS.max());
        }
    }

    #[test]
    fn a_latest_tick_has_a_new_number_for_each_keeper() {
        let mut latest = Bucket::from_bits(0).moved_to(7);
        assert_eq!(latest, Bucket::of_one(7));
        for keeper in [0, 1, 1] {
            let given = latest.given_to(keeper);
            assert_eq!((given.tick(), given.keeper()), (7, Some(keeper)));
            assert_ne!(given.count(), latest.count());
            latest = given.moved_to(7);
            assert_eq!((latest.count(), latest.keeper()), (given.count(), None));
        }
        let last = Bucket::of(7, super::CALLS.max());
        assert_eq!(last.given_to(0).count(), 1, "it wraps past 0");
    }

    #[test]
    fn a_bucket_counts_one_tick() {
        let empty = Bucket::from_bits(0);
        let plus_one = |bucket: Bucket, tick| bucket.plus_one(tick).unwrap();
        let one = plus_one(empty, 7);
        assert_eq!((one.tick(), one.count()), (7, 1));
        assert_eq!(plus_one(one, 7).count(), 2);
        assert_eq!(plus_one(one, 17), plus_one(empty, 17));
        assert_eq!(one.plus_one(6), Err(NotCounted::Late(one)));
        for (tick, calls) in [
            (6, 0),
            (7, 1),
            (16, 1),
            (17, 0),
            (7 + Bucket::TICK_MASK / 2, 0),
        ] {
            assert_eq!(one.calls_at(tick), calls, "{tick}");
        }
        let last = plus_one(empty, Bucket::TICK_MASK);
        assert_eq!(
            (last.calls_at(0), last.calls_at(8), last.calls_at(9)),
            (1, 1, 0)
        );
        assert_eq!(one.ahead_of(7), None);
        assert_eq!(one.ahead_of(5), Some(2));
        assert_eq!(one.ahead_of(8), None);
        assert_eq!(empty.ahead_of(Bucket::TICK_MASK), None, "nothing counted");
        let full = Bucket::from_bits(TICK.put(7) | super::CALLS.max());
        assert_eq!(full.plus_one(7), Err(NotCounted::Full));
        assert_eq!(plus_one(full, 8), plus_one(empty, 8));
    }
}
