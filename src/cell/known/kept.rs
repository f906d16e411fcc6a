//! Calls that an entry of the table counts for a window of time: its *keeper*.
//!
//! # Protocol
//! A window has a keeper if the word of its latest tick says so. The keeper counts successes by
//! hash from that tick on, for ten ticks. Its counts come on top of those in the window's buckets.
//! - A success that has just counted itself in the latest tick's bucket, and found no trouble in
//!   the window, may give the window a keeper: it claims an entry, publishes the entry's other
//!   words, names the keeper in the latest tick's word, marks the bucket, looks for trouble and at
//!   the circuit again, and makes the entry live.
//! - A thread that needs the window, to count in it or to add up, first *takes the counts back*: it
//!   ends the entry and freezes its counts, puts them in the buckets, takes the keeper's name out,
//!   and frees the entry. Any thread may do any of these steps, each of which succeeds once, and no
//!   thread waits for one that has stalled.
//!
//! # Each call is counted once
//! - *The first tick*: the count goes to the bucket by the exchange that takes its mark away. The
//!   marked word is new each time: only the success that made the bucket's count what it is marks
//!   it.
//! - *A later tick*: the count goes to the bucket by the exchange that begins the bucket's tick. No
//!   thread begins it by itself meanwhile, since it would have to raise the latest tick first, and
//!   so to take the counts back.
//! - The name of a keeper has a number that is new each time. A thread that has stalled may end a
//!   later keeper, or another circuit's claim, but sees by the name that it ended the wrong one.
//!
//! An entry whose counts left its circuit's window long ago can be claimed for another circuit
//! without taking them back. The old window then still names the entry, which is no longer its
//! keeper.

use super::entry::Frozen;
use super::table::Known;
use crate::word::{Bucket, EntryKind, Generation, Millis};

/// The entries that may keep counts of one circuit's window.
#[derive(Clone, Copy)]
pub(in crate::cell) struct Keepers<'a> {
    known: &'a Known,
    stripe: usize,
    generation: Generation,
}

impl<'a> Keepers<'a> {
    /// Names the keepers of a circuit of this stripe.
    #[inline]
    pub(in crate::cell) fn new(known: &'a Known, stripe: usize, generation: Generation) -> Self {
        Self {
            known,
            stripe,
            generation,
        }
    }

    /// Ends the keeper that `latest` names, of a window whose ticks take `width`, and freezes its
    /// counts. Returns `None` if that entry is free, or another window's.
    pub(in crate::cell) fn freeze(self, latest: Bucket, width: Millis) -> Option<Frozen<'a>> {
        let kind = EntryKind::new(self.generation, width.get())?;
        let entry = self.known.timed.set(self.stripe)?.of(latest.keeper()?);
        entry.freeze(kind, latest.tick())
    }
}
