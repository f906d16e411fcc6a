//! Seats of the calls in flight of one circuit: who came when, for up to 64 of them.
//!
//! A seat is a side word: the tag of the generation, and the time at which its call began. A seat of
//! another generation is free. Only who took a seat gives it back, once: nobody else takes it in
//! between, so that is one exchange, which fails where the circuit has moved on and the seat is a
//! newer call's.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Generation, HUNG_CALLS_MAX, Side};

#[cfg(not(breakerbox_loom))]
const SEATS: usize = HUNG_CALLS_MAX as usize;
/// A model needs no more, and pays for each.
#[cfg(breakerbox_loom)]
const SEATS: usize = if HUNG_CALLS_MAX > 2 { 2 } else { 1 };

pub(super) struct Seats([AtomicU64; SEATS]);

impl Seats {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn load(&self, seat: usize) -> Side {
        // Acquire: pairs with the Release of the exchanges, so that a call that has seen another
        // one's seat taken comes after it.
        Side::from_bits(self.0[seat].load(Ordering::Acquire))
    }

    fn exchange(&self, seat: usize, seen: Side, next: Side) -> bool {
        // AcqRel: pairs with the Acquire in `load`. Relaxed on failure: the caller looks elsewhere.
        self.0[seat]
            .compare_exchange(
                seen.bits(),
                next.bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// A seat for a call that begins at `now`; `None`: all are taken.
    pub(super) fn take(&self, generation: Generation, now: u64) -> Option<u8> {
        (0..SEATS).find_map(|seat| {
            let seen = self.load(seat);
            let is_free = since(seen, generation).is_none();
            let taken = is_free && self.exchange(seat, seen, Side::time(generation, now));
            taken.then_some(seat as u8)
        })
    }

    /// Gives back a seat that was taken in `generation`.
    pub(super) fn give_back(&self, seat: u8, generation: Generation) {
        let seat = usize::from(seat);
        if seat < SEATS {
            let seen = self.load(seat);
            if since(seen, generation).is_some() {
                // It fails where the seat is free for a newer generation's call, which took it.
                let _ = self.exchange(seat, seen, Side::new(generation, 0));
            }
        }
    }

    /// How many calls began at least `hung_ms` before `now`.
    pub(super) fn overdue(&self, generation: Generation, now: u64, hung_ms: u64) -> u32 {
        let is_overdue = |seat: &usize| {
            since(self.load(*seat), generation)
                .is_some_and(|since| now.saturating_sub(since) >= hung_ms)
        };
        (0..SEATS).filter(is_overdue).count() as u32
    }
}

/// When the call of a seat began; `None` if it is free in `generation`.
fn since(seat: Side, generation: Generation) -> Option<u64> {
    if seat.belongs_to(generation) {
        seat.as_time()
    } else {
        None
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_a_seat_of_its_own() {
        let (seats, now) = (Seats::new(), Generation::from_bits(7));
        let taken: Vec<_> = (0..64).map(|n| seats.take(now, n).unwrap()).collect();
        assert_eq!(taken, (0..64).collect::<Vec<u8>>());
        assert_eq!(seats.take(now, 64), None);

        assert_eq!(seats.overdue(now, 99, 50), 50, "those of 0 to 49");
        assert_eq!(seats.overdue(now, 99, 36), 64);
        assert_eq!(seats.overdue(now, 99, 100), 0);
        seats.give_back(3, now);
        seats.give_back(3, now);
        assert_eq!(seats.overdue(now, 99, 50), 49);
        assert_eq!(seats.take(now, 64), Some(3));
        assert_eq!(seats.overdue(now, 99, 50), 49);
    }

    #[test]
    fn seats_of_another_generation_are_free() {
        let (old, new) = (Generation::from_bits(7), Generation::from_bits(8));
        let seats = Seats::new();
        assert_eq!(seats.take(old, 0), Some(0));
        assert_eq!(seats.overdue(new, 100, 1), 0);
        assert_eq!(seats.take(new, 5), Some(0));
        seats.give_back(0, old);
        assert_eq!(seats.overdue(new, 100, 1), 1, "not the old call's to give");
        seats.give_back(200, new);
    }
}
