//! The only compare-and-swap on a control word, and the transitions made with it.

use super::Cell;
use super::changes::Changes;
use super::group::Place;
use super::moved::Moved;
use super::shared::Shared;
use super::ticket::Ticket;
use crate::clock::Clock;
use crate::rules::{Cap, Cause, Policy};
use crate::sync::atomic::Ordering;
use crate::word::{Control, Generation, History, Millis, Series, Spell, State};

/// The reason for an opening, and the rules of it.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) policy: &'a Policy,
    /// The time that the upstream asks for; zero for none.
    pub(super) retry_after: Millis,
    pub(super) cause: Cause,
}

/// The result of an attempt to open a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Opened {
    /// The circuit is open.
    Done,
    /// The circuit stays closed, with the failure counted if one would have opened it: enough
    /// others of its group are open.
    HeldBack,
}

/// The means of an operation to make transitions: one ticket and one place of a group, kept over
/// its attempts.
pub(super) struct Transition<'a, C> {
    pub(super) shared: &'a Shared<C>,
    ticket: Ticket<'a>,
    pub(super) place: Option<Place<'a>>,
    pub(super) changes: &'a mut Changes,
}

impl<'a, C> Transition<'a, C> {
    pub(super) fn new(shared: &'a Shared<C>, changes: &'a mut Changes) -> Self {
        Self {
            shared,
            ticket: Ticket::new(&shared.summary),
            place: None,
            changes,
        }
    }

    /// Makes the means of transitions by a policy: each change says whether it is a shadow one.
    pub(super) fn by_rules(
        shared: &'a Shared<C>,
        changes: &'a mut Changes,
        policy: &Policy,
    ) -> Self {
        changes.shadow = policy.shadow;
        Self::new(shared, changes)
    }
}

impl Cell {
    /// Replaces the control word `from` by `to`. Below is the only compare-and-swap on the word.
    ///
    /// It keeps the store's count of unclean circuits: raises it before an update that needs it,
    /// and lowers it after one that no longer does. So it may overcount and never undercounts. (The
    /// number of known circuits is a statistic.)
    #[inline]
    pub(super) fn exchange<C>(
        &self,
        shared: &Shared<C>,
        from: Control,
        to: Control,
    ) -> Result<(), Moved> {
        match from.is_clean_and_watched() {
            true => self.exchange_known(shared, from, to),
            false => self.exchange_alone(shared, from, to),
        }
    }

    #[inline(always)]
    pub(super) fn exchange_alone<C>(
        &self,
        shared: &Shared<C>,
        from: Control,
        to: Control,
    ) -> Result<(), Moved> {
        let becomes_unclean = !from.is_unclean() && to.is_unclean();
        if becomes_unclean {
            shared.summary.mark_unclean(self.stripe());
        }
        // SeqCst: see the orderings of `cell`. Relaxed on failure: every caller loads again.
        let done = self
            .control
            .compare_exchange(from.bits(), to.bits(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        let becomes_clean = from.is_unclean() && !to.is_unclean();
        if (done && becomes_clean) || (!done && becomes_unclean) {
            shared.summary.mark_clean(self.stripe());
        }
        if done && from.is_absent() != to.is_absent() {
            if to.is_absent() {
                shared.summary.remove_circuit()
            } else {
                shared.summary.add_circuit()
            }
        }
        if done { Ok(()) } else { Err(Moved) }
    }

    /// Moves the circuit from `control` to state `to`. Returns the word that it put in.
    pub(super) fn change<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        to: State,
        cause: Cause,
    ) -> Result<Control, Moved> {
        let next = |generation| match to {
            // Watched from its first moment. Otherwise a call before `agree` would be in no window
            // and not be counted in flight.
            State::Closed => self.as_watched(control.moved(to, generation)),
            _ => control.moved(to, generation),
        };
        let next = self.put_next(tx, control, next, cause)?;
        if to == State::Closed {
            self.agree(tx.shared);
        }
        Ok(next)
    }

    /// Moves the circuit by a command, as [`change`](Self::change) does. A circuit that is closed
    /// by one counts as recovered: its next opening is the first of a series.
    pub(super) fn change_by_command<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        to: State,
    ) -> Result<Control, Moved> {
        if to == State::Closed {
            // Forgotten before the change, so that no opening after it can find the earlier ones.
            let forgotten = |seen: History| {
                (seen.openings != 0).then_some(History {
                    openings: 0,
                    ..seen
                })
            };
            self.remember(tx.shared, control, forgotten)?;
        }
        self.change(tx, control, to, Cause::Manual)
    }

    /// Opens the circuit from `control`, for as long as its policy says or an upstream asks for.
    /// `counted` is `control` with the failure that opens it, if a failure does.
    pub(super) fn open<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        counted: Control,
        opening: Opening<'_>,
    ) -> Result<Opened, Moved> {
        // A circuit that isn't closed has its place already, or never needed one.
        if control.state().is_closed()
            && let Err(taken) = tx.take_place(opening.policy.cap)
        {
            return self.hold_back(tx, control, counted, opening.policy, taken);
        }
        let series = self.series(tx.shared, control, opening.policy)?;
        let next = |generation| counted.opened(generation, series);
        let opened = self.put_next(tx, control, next, opening.cause)?;
        // The open time is fixed before the call returns, unless the circuit has moved on already.
        let time = self.fix_open_time(tx.shared, opened, opening.policy, opening.retry_after);
        tx.changes.open_for(time.ok());
        Ok(Opened::Done)
    }

    /// Returns whether an opening now begins a series, or follows another without a stable time
    /// between.
    fn series<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Result<Series, Moved> {
        if !control.state().is_closed() {
            // A half-open whose probes fail goes on with its series.
            return Ok(Series::Next);
        }
        if !policy.open.backs_off() || control.is_new_life() {
            return Ok(Series::First);
        }
        let began_at = self.since(shared, control)?;
        let closed_for = shared.now().since(began_at);
        Ok(if closed_for < policy.open.stable_after {
            Series::Next
        } else {
            Series::First
        })
    }

    /// Moves the circuit from `control` to the word that `next_of` makes of a new generation: takes
    /// the number, puts the word in, stamps and notes the transition.
    ///
    /// Against another transition from `control`, exactly one of the two exchanges succeeds. The
    /// other answers [`Moved`], and its caller decides on the word that it finds then.
    pub(super) fn put_next<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        next_of: impl FnOnce(Generation) -> Control,
        cause: Cause,
    ) -> Result<Control, Moved> {
        let shared = tx.shared;
        // Rule 1: the side words must not fall two generations behind. They are brought up before
        // the exchange, since a thread that stops after it would leave them behind.
        self.bring_up(shared, control)?;

        // The number is taken after control was read, so it is greater than `control`'s. From here
        // on the store's summary isn't quiet, so a check that doesn't see the exchange yet looks at
        // the circuit.
        let next = next_of(tx.ticket.number_after(control.generation(), self.stripe()));

        // The step itself. Until here other threads can see nothing of it but counts that are too
        // high.
        self.exchange(shared, control, next)?;

        // The counts come down after the exchange. Before it, a check could be admitted by a
        // summary that no longer counts this circuit while it still rejects.
        self.commit_place(tx, control, next);
        tx.ticket.commit(control, next);
        if matches!(next.state(), State::Open | State::ForcedOpen) {
            shared.openings.add_one(cause);
        }

        // Noted first: the clock below is the user's, and may panic.
        tx.changes.push(control.state(), next, cause);

        // The winner stamps before it returns. A vacant circuit isn't stamped; the life that begins
        // in it will be. A circuit that has moved on already was stamped by the thread that moved
        // it.
        let since = if next.is_absent() {
            Err(Moved)
        } else {
            self.since(shared, next)
        };
        tx.changes.stamp(|| since.unwrap_or_else(|_| shared.now()));
        Ok(next)
    }
}

impl<C> Transition<'_, C> {
    /// Takes a place for the circuit that is about to open, unless it needs none. The error is the
    /// number of taken places.
    fn take_place(&mut self, cap: Cap) -> Result<(), u64> {
        if cap.group != 0 && self.place.is_none() {
            self.place = self.shared.groups.take(cap).transpose()?;
        }
        Ok(())
    }
}

impl Cell {
    /// Passes the place on after the transition from `from` to `to`: to a circuit that has opened,
    /// or back to the group from one that no longer rejects.
    fn commit_place<C>(&self, tx: &mut Transition<'_, C>, from: Control, to: Control) {
        let (was, is) = (from.state(), to.state());
        if was.may_reject() && !is.may_reject() {
            // To bring the word up takes the group out of it, and gives the place back. If the
            // circuit has moved on, another thread has done that.
            let _ = self.history(tx.shared, to);
        } else if was.is_closed()
            && is.may_reject()
            && let Some(place) = tx.place.take()
        {
            self.keep_place(tx.shared, to, place);
        }
    }

    /// Writes this place, which the circuit took to open in `opened`, into its history word; gives
    /// it back if the circuit has closed since.
    fn keep_place<C>(&self, shared: &Shared<C>, opened: Control, place: Place<'_>) {
        let group = place.group;
        let own = Some(Spell::of(opened.generation()));
        loop {
            let control = self.control();
            let Ok(seen) = self.history(shared, control) else {
                // Another thread moved the circuit on: that is progress, and there is a later word.
                continue;
            };
            // Another spell, or none: the circuit has closed since, and perhaps opened again, so
            // this place is given back. A group in the word already: a later spell has the same
            // number, which is short and was reused.
            if seen.spell != own || seen.group != 0 {
                return;
            }
            if self
                .put_history(control, seen, History { group, ..seen })
                .is_ok()
            {
                return place.keep();
            }
        }
    }

    /// Leaves the circuit `control` closed, with the failure counted if one would have opened it:
    /// `taken` places, all of its group's, are taken. Announces that at most once per reset
    /// timeout.
    fn hold_back<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        counted: Control,
        policy: &Policy,
        taken: u64,
    ) -> Result<Opened, Moved> {
        let shared = tx.shared;
        if counted != control {
            self.exchange(shared, control, counted)?;
        }
        shared.groups.held_back.add_one();
        if tx.changes.is_wanted() {
            let now = shared.now();
            let new = |seen: History| seen.held_back(now, policy.open.base);
            if let Ok(Some(_)) = self.remember(shared, counted, new) {
                let cause = Cause::EjectionCap {
                    open: u32::try_from(taken).unwrap_or(u32::MAX),
                    most: policy.cap.most,
                };
                tx.changes.push(counted.state(), counted, cause);
                tx.changes.stamp(|| now);
            }
        }
        Ok(Opened::HeldBack)
    }
}
