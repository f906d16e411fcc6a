//! Tickets: a transition's right to a generation.

use super::summary::Summary;
use crate::sync::atomic::Ordering;
use crate::word::{Control, FilterWord, Generation, SummaryWord};

/// A transition's right to a generation. From the first number that it takes until it is committed
/// or dropped, it keeps the summary from being quiet.
#[must_use]
pub(super) struct Ticket<'s> {
    summary: &'s Summary,
    /// The generation that is left, and the number taken to follow it.
    taken: Option<(Generation, Generation)>,
    /// The stripe of the circuit, once a number is taken.
    stripe: usize,
}

impl<'s> Ticket<'s> {
    pub(super) fn new(summary: &'s Summary) -> Self {
        Self {
            summary,
            taken: None,
            stripe: 0,
        }
    }

    /// Takes a number greater than `current`, which the caller has read from a cell of this stripe.
    ///
    /// A number is kept for as long as the cell stays in that generation. A number that was taken
    /// before the cell came into it could be smaller, and the circuit's generations must only grow.
    pub(super) fn number_after(&mut self, current: Generation, stripe: usize) -> Generation {
        let mut step = match self.taken {
            Some((from, number)) if from == current => return number,
            Some(_) => SummaryWord::TAKE_ANOTHER,
            None => {
                // Before the number is taken, which publishes it: a thread that sees the number
                // sees this.
                self.stripe = stripe;
                self.summary.filter.raise(stripe, FilterWord::REJECTS);
                SummaryWord::TAKE
            }
        };
        loop {
            // Release: pairs with the Acquire in `Summary::load`. A check that sees this number
            // also sees the circuit that is about to move, and doesn't take it for unknown. No
            // Acquire: that the number is greater than `current` follows from the load of control,
            // which saw the exchange of the thread that had taken `current` from this word.
            let before =
                SummaryWord::from_bits(self.summary.word.0.fetch_add(step, Ordering::Release));
            let number = before.generation().successor();
            self.taken = Some((current, number));
            // Zero is the number of fresh cells, and an equal tag would make this generation's side
            // words look like the next one's.
            if number != Generation::ZERO && number.tag() != current.tag() {
                return number;
            }
            step = SummaryWord::TAKE_ANOTHER;
        }
    }

    /// Notes that the number is in its place: the circuit went from `from` to `to`. Lowers the
    /// counts that no longer hold.
    pub(super) fn commit(&mut self, from: Control, to: Control) {
        debug_assert!(self.taken.is_some());
        self.taken = None;
        let counted = 1 + u64::from(from.state().may_reject());
        let kept = u64::from(to.state().may_reject());
        self.release(counted - kept);
    }

    fn release(&self, count: u64) {
        if count > 0 {
            let rejecting = count * FilterWord::REJECTS;
            self.summary.filter.lower(self.stripe, rejecting);
            // Release: pairs with the Acquire in `Summary::load`.
            self.summary
                .word
                .0
                .fetch_sub(count * SummaryWord::ONE, Ordering::Release);
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.taken.is_some() {
            self.release(1);
        }
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    fn closed(summary: &Summary) -> Control {
        Control::revived(summary.load().generation())
    }

    #[test]
    fn a_ticket_holds_the_summary_until_it_is_committed_or_dropped() {
        use crate::word::State;
        let summary = Summary::new(0);
        let control = closed(&summary);

        let mut given_up = Ticket::new(&summary);
        let first = given_up.number_after(control.generation(), 3);
        assert_eq!(
            given_up.number_after(control.generation(), 3),
            first,
            "kept for the same generation"
        );
        assert_eq!(summary.counts().0, 1);
        drop(given_up);
        assert!(summary.load().is_quiet());

        let mut ticket = Ticket::new(&summary);
        let open = control.moved(State::Open, ticket.number_after(control.generation(), 3));
        ticket.commit(control, open);
        assert_eq!(summary.counts().0, 1, "an open circuit keeps it up");

        let mut ticket = Ticket::new(&summary);
        let half_open = open.moved(State::HalfOpen, ticket.number_after(open.generation(), 3));
        assert!(half_open.generation().is_after(open.generation()));
        ticket.commit(open, half_open);
        assert_eq!(summary.counts().0, 1);

        let mut ticket = Ticket::new(&summary);
        let closed = half_open.moved(
            State::Closed,
            ticket.number_after(half_open.generation(), 3),
        );
        ticket.commit(half_open, closed);
        assert!(summary.load().is_quiet());
        drop(Ticket::new(&summary));
        assert!(
            summary.load().is_quiet(),
            "a ticket without a number gives nothing back"
        );
    }

    #[test]
    fn a_ticket_skips_zero_and_equal_tags() {
        let summary = Summary::new(0);
        let set = |bits: u64| {
            let word = summary.word.0.load(Ordering::Relaxed);
            summary
                .word
                .0
                .fetch_add((bits << 24).wrapping_sub(word), Ordering::Relaxed);
        };
        set((1 << 40) - 1);
        let last = summary.load().generation();
        assert_eq!(
            Ticket::new(&summary).number_after(last, 3),
            Generation::from_bits(1)
        );

        set(7 + (1 << 22) - 1);
        let current = Generation::from_bits(7);
        let number = Ticket::new(&summary).number_after(current, 3);
        assert_eq!(number.bits(), 7 + (1 << 22) + 1);
        assert!(summary.load().is_quiet());
    }
}
