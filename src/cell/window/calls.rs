//! A window of the last N calls.
//!
//! The head word holds the tally of exactly the last N calls. The compare-and-swap that changes it
//! counts a call, and the tally that this returns is of that call and the N - 1 before it. The
//! outcomes themselves, which have to be known when they leave, are in words of sixteen. The head
//! announces the latest outcome. A thread that is about to change the head again first puts that
//! outcome in its place, so no thread waits for a reporter that has stalled.
//! - A helper reads the word of outcomes, then finds the head unchanged. So the word was read
//!   before the next call, and holds at most the announced outcome beside older ones. The helper's
//!   exchange fails if the word has changed since: each write changes it for good, by the version.
//! - The outcome that leaves is in the place after the latest, which no thread writes until the
//!   head has changed. If the exchange of the head succeeds, the outcome that was read there before
//!   is the one that left.
//!
//! The versions wrap, in the head after 2^31 calls and in a word of outcomes after 2^32 writes. A
//! tally can be wrong only if exactly that many, or a multiple, come between two steps of one
//! thread.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Call, Head, Outcomes, Tally};

/// The last `size` calls.
pub(in crate::cell) struct CountWindow {
    head: AtomicU64,
    outcomes: Box<[AtomicU64]>,
    pub(super) size: u32,
}

impl CountWindow {
    pub(super) fn new(size: u32) -> Self {
        debug_assert!((1..=1_000).contains(&size));
        let words = size.div_ceil(Outcomes::PLACES);
        Self {
            head: AtomicU64::new(0),
            outcomes: (0..words).map(|_| AtomicU64::new(0)).collect(),
            size,
        }
    }

    pub(super) fn head(&self) -> Head {
        // Acquire: pairs with the Release in `record`. A thread that sees a head also sees the
        // outcomes that were put in place before it.
        Head::from_bits(self.head.load(Ordering::Acquire))
    }

    pub(super) fn tally(&self) -> Tally {
        self.head().tally(self.size)
    }

    pub(in crate::cell) fn record(&self, call: Call) -> Tally {
        loop {
            let head = self.head();
            // The head announces one outcome alone, so the latest call goes to its place before the
            // head changes. If that fails, the head or the word has changed: another call was
            // counted or helped, so begin anew.
            if let Some((place, latest)) = head.latest(self.size)
                && !self.put(head, place, latest)
            {
                continue;
            }
            let (place, leaves) = head.next_place();
            // Read before the exchange of the head, which fails if a call has come since. So if it
            // succeeds, this is the call that left.
            let left = leaves.then(|| self.outcomes_of(place).get(place));
            let next = head.plus(call, left, self.size);
            // AcqRel: pairs with the Acquire in `head`. Relaxed on failure: loaded again.
            let done = self.head.compare_exchange(
                head.bits(),
                next.bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if done.is_ok() {
                return next.tally(self.size);
            }
        }
    }

    fn word(&self, place: u32) -> &AtomicU64 {
        &self.outcomes[(place / Outcomes::PLACES) as usize]
    }

    pub(super) fn outcomes_of(&self, place: u32) -> Outcomes {
        // Acquire: keeps the later load of the head after this one, and pairs with the Release in
        // `put`. A thread that sees a later outcome sees the later head.
        Outcomes::from_bits(self.word(place).load(Ordering::Acquire))
    }

    /// Puts the outcome that `head` announces in its place, unless it is there. Returns `false` if
    /// the head may have changed.
    fn put(&self, head: Head, place: u32, latest: Call) -> bool {
        let seen = self.outcomes_of(place);
        // The second look: with the head unchanged, `seen` is from before the next call.
        if self.head() != head {
            return false;
        }
        if seen.get(place) == latest {
            return true;
        }
        let next = seen.with(place, latest);
        // AcqRel: pairs with the Acquire in `outcomes_of`. Relaxed on failure: the caller begins
        // anew.
        let put = self.word(place).compare_exchange(
            seen.bits(),
            next.bits(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        put.is_ok()
    }
}
