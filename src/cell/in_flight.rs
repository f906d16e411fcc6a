//! The calls in flight of one circuit: when each began, for up to 64 of them.
//!
//! The slots belong to one generation of one circuit, as their [`Watch`](super::watch::Watch) does,
//! and are never made twice in it. So a slot that was taken in a generation is given back to the
//! same slots or, if those are gone, to none.

use crate::rules::HUNG_CALLS_MAX;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Millis, Timestamp};

#[cfg(not(breakerbox_loom))]
const SLOTS: usize = HUNG_CALLS_MAX as usize;
/// A model needs no more, and pays for each.
#[cfg(breakerbox_loom)]
const SLOTS: usize = if HUNG_CALLS_MAX > 2 { 2 } else { 1 };

/// The value of a free slot; a taken one holds one more than the time.
const FREE: u64 = 0;

pub(super) struct InFlight([AtomicU64; SLOTS]);

impl InFlight {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(FREE)))
    }

    /// Returns when the call in the slot began; `None` if the slot is free.
    fn since(&self, slot: usize) -> Option<Timestamp> {
        // Acquire: pairs with the Release of the exchanges, so that a call which has seen another's
        // slot taken comes after it.
        self.0[slot]
            .load(Ordering::Acquire)
            .checked_sub(1)
            .map(Timestamp::from_unix_ms)
    }

    /// Takes a slot for a call that begins at `now`. Returns `None` if all are taken.
    pub(super) fn take(&self, now: Timestamp) -> Option<u8> {
        let taken = now.unix_ms() + 1;
        let take = |slot: &usize| {
            // AcqRel: pairs with the Acquire in `since`. Relaxed on failure: another slot is tried.
            let exchange =
                || self.0[*slot].compare_exchange(FREE, taken, Ordering::AcqRel, Ordering::Relaxed);
            self.since(*slot).is_none() && exchange().is_ok()
        };
        (0..SLOTS).find(take).map(|slot| slot as u8)
    }

    /// Gives a slot back. The caller must have taken it, and must give it back once.
    pub(super) fn give_back(&self, slot: u8) {
        if let Some(word) = self.0.get(usize::from(slot)) {
            // Release: pairs with the Acquire in `since`.
            word.fetch_and(FREE, Ordering::Release);
        }
    }

    /// Counts the calls that began at least `hung` before `now`.
    pub(super) fn overdue(&self, now: Timestamp, hung: Millis) -> u32 {
        let is_overdue = |slot: &usize| {
            let since = self.since(*slot);
            since.is_some_and(|since| now.since(since) >= hung)
        };
        (0..SLOTS).filter(is_overdue).count() as u32
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_a_slot_of_its_own() {
        let at = Timestamp::from_unix_ms;
        let in_flight = InFlight::new();
        let taken: Vec<_> = (0..64).map(|n| in_flight.take(at(n)).unwrap()).collect();
        assert_eq!(taken, (0..64).collect::<Vec<u8>>());
        assert_eq!(in_flight.take(at(64)), None);

        assert_eq!(
            in_flight.overdue(at(99), Millis::new(50)),
            50,
            "those of 0 to 49"
        );
        assert_eq!(in_flight.overdue(at(99), Millis::new(36)), 64);
        assert_eq!(in_flight.overdue(at(99), Millis::new(100)), 0);
        in_flight.give_back(3);
        assert_eq!(in_flight.overdue(at(99), Millis::new(50)), 49);
        assert_eq!(in_flight.take(at(64)), Some(3));
        assert_eq!(in_flight.overdue(at(99), Millis::new(50)), 49);
        in_flight.give_back(200);
    }
}
