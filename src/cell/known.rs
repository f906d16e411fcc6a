//! Circuits that are known by hash, so that a success by key needs no look-up.
//!
//! Tables beside the map have entries, each for one circuit. A *live* entry says of its circuit
//! that it is closed, watched, without failures and in the entry's generation, and that
//! - its window of the last N calls is quiet (see `success.rs`), so that a success changes nothing;
//!   or
//! - its window of time has no trouble, and the entry counts its successes (see `known/kept.rs`).
//!
//! Either way the entry is all that the success touches: one line, and no look-up.
//!
//! # Protocol
//! - A success that finds its circuit so *claims* a free entry, publishes the entry's other words,
//!   looks at the circuit again, and makes the entry live.
//! - An operation that makes any of this untrue first changes the circuit, then *ends* the entry,
//!   and only then returns. It also ends every claimed entry of the set, for whichever circuit, so
//!   that the claim fails. Of the claim and the change, the later one sees the other.
//! - So a success that finds the entry live takes place before each operation that is about to end
//!   it. Where other threads may see such an operation before it ends the entry, since it changes
//!   the control word, it raises the circuit's stripe in the [filter](super::filter) before, and
//!   lowers it after it has ended the entry. A success relies on an entry only if it has found the
//!   stripe at 0 before.
//! - The state word has a version, which each claim raises. A thread that finds the same state
//!   before and after it has read the other words has read those of one claim.
//!
//! # Identity
//! The entry names its circuit by an id: the stripe of the key's hash, and 48 bits of a hash of its
//! text. That hash is the store's own, with a random seed, whatever hasher the user brings. Of two
//! texts in one stripe, one pair in 2^48 has the same id. Only keys that are text are known by
//! hash.
//!
//! # Eviction
//! A success by hash doesn't mark its circuit used. So a sweep that takes the mark away ends the
//! entry too, and the next success finds the circuit and marks it.

mod claim;
mod entry;
mod kept;
mod table;

pub(super) use kept::Keepers;
pub(super) use table::Known;

use super::Cell;
use super::moved::Moved;
use super::shared::Shared;
use crate::clock::Clock;
use crate::rules::Span;
use crate::word::{Bucket, Control, FilterWord, KeyId, PermitToken};
use entry::{Entry, Ticks};

impl<C> Shared<C> {
    /// Takes a success on the key with this id into account by hash, under a policy with this span
    /// and nothing else that matters to the success. Returns whether it did. No state may be forced
    /// on the key.
    #[inline]
    pub(crate) fn count_by_hash(&self, id: KeyId, permit: PermitToken, span: Span) -> bool
    where
        C: Clock,
    {
        // The stripe first: see the module.
        if !permit.is_plain() || !self.summary.is_at_rest(id.stripe()) {
            return false;
        }
        match span {
            Span::Calls(calls) => {
                let set = self.known.quiet.set(id.stripe());
                let is_quiet = |(_, entry): (_, &Entry<()>)| entry.is_quiet_for(id, permit, calls);
                set.is_some_and(|set| set.beginning_at(id).any(is_quiet))
            }
            Span::Time(span) => {
                let width = Bucket::width_in(span);
                let set = self.known.timed.set(id.stripe());
                let now = || self.time_for(width).unix_ms();
                let counts =
                    |(_, entry): (_, &Entry<Ticks>)| entry.count(id, permit, width.get(), now);
                set.is_some_and(|set| set.beginning_at(id).any(counts))
            }
        }
    }
}

impl Cell {
    /// Exchanges the control word of a circuit that may be known by hash, and ends what is.
    #[inline(never)]
    pub(super) fn exchange_known<C>(
        &self,
        shared: &Shared<C>,
        from: Control,
        to: Control,
    ) -> Result<(), Moved> {
        // A transition has raised the stripe already, and lowers it later.
        let raises = from.generation() == to.generation();
        let (filter, stripe) = (&shared.summary.filter, self.stripe());
        if raises {
            filter.raise(stripe, FilterWord::REJECTS);
        }
        let done = self.exchange_alone(shared, from, to);
        self.end_known(shared);
        if raises {
            filter.lower(stripe, FilterWord::REJECTS);
        }
        done
    }

    /// Returns the entries that may keep counts of the circuit `control`.
    #[inline]
    pub(super) fn keepers<'a, C>(&self, shared: &'a Shared<C>, control: Control) -> Keepers<'a> {
        Keepers::new(&shared.known, self.stripe(), control.generation())
    }

    /// Ends what is known of the circuit by hash.
    #[inline]
    pub(super) fn end_known<C>(&self, shared: &Shared<C>) {
        shared.known.end(self.stripe());
    }
}
