//! Transitions: every change of a control word, by one compare-and-swap.

use super::Cell;
use super::changes::Changes;
use super::group::Place;
use super::shared::Shared;
use super::ticket::Ticket;
use crate::clock::Clock;
use crate::rules::{Cap, Cause, Policy};
use crate::sync::atomic::Ordering;
use crate::word::{Control, Generation, History, Spell, State};

/// What opens a circuit.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) policy: &'a Policy,
    /// What the upstream asks for; 0: nothing.
    pub(super) retry_after_ms: u64,
    pub(super) cause: Cause,
}

/// What became of an attempt to open a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Opened {
    Done,
    /// The circuit has changed: decide again.
    Moved,
    /// It stays closed, with what would have opened it counted: enough others are open.
    HeldBack,
}

/// What an operation needs to make transitions: one draw, and one place of a group, kept over its
/// attempts.
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

    /// By rules: whether they only look on is said with each change.
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
    /// The one compare-and-swap on control: `from` to `to`.
    ///
    /// Keeps the store's counts: raised before an update that needs it, lowered after one that
    /// no longer does, so that they err upwards only.
    #[inline]
    pub(super) fn exchange<C>(&self, shared: &Shared<C>, from: Control, to: Control) -> bool {
        let soils = !from.is_unclean() && to.is_unclean();
        if soils {
            shared.summary.mark_unclean(self.stripe());
        }
        // SeqCst: see the module's orderings. Relaxed on failure: every caller loads again.
        let done = self
            .control
            .compare_exchange(from.bits(), to.bits(), Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        let cleans = from.is_unclean() && !to.is_unclean();
        if (done && cleans) || (!done && soils) {
            shared.summary.mark_clean(self.stripe());
        }
        if done && from.is_absent() != to.is_absent() {
            if to.is_absent() {
                shared.summary.remove_circuit()
            } else {
                shared.summary.add_circuit()
            }
        }
        done
    }

    /// One attempt to move the circuit from `control` to state `to`. The word put in; `None`: the
    /// circuit has changed, decide again.
    pub(super) fn change<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        to: State,
        cause: Cause,
    ) -> Option<Control> {
        let next = |generation| match to {
            State::Vacant => control.vacated(generation),
            // Watched from its first moment: a call before `agree` would otherwise be in no window
            // and have no seat.
            State::Closed => self.as_watched(control.moved(to, generation)),
            _ => control.moved(to, generation),
        };
        let next = self.put_next(tx, control, next, cause)?;
        if to == State::Closed {
            self.agree(tx.shared);
        }
        Some(next)
    }

    /// Changes the state by hand, else as [`change`](Self::change) does. A circuit that is closed
    /// by hand counts as recovered: its next opening is the first of a row.
    pub(super) fn change_by_hand<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        to: State,
    ) -> Option<Control> {
        if to == State::Closed {
            // Forgotten before the change, so that no opening after it can find them. If the
            // circuit moves on instead, the caller closes it from there.
            let openings = 0;
            let none = |seen: History| (seen.openings != 0).then_some(History { openings, ..seen });
            self.remember(tx.shared, control, none);
        }
        self.change(tx, control, to, Cause::Manual)
    }

    /// One attempt to open the circuit from `control`, which `counted` is with what opens it, for
    /// as long as `policy` says, or an upstream asks for.
    pub(super) fn open<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        counted: Control,
        opening: Opening<'_>,
    ) -> Opened {
        // A circuit that was open before has its place already, or never needed one.
        if control.state().is_closed()
            && let Err(open) = tx.take_place(opening.policy.cap)
        {
            return self.hold_back(tx, control, counted, opening.policy, open);
        }
        let Some(escalated) = self.follows_closely(tx.shared, control, opening.policy) else {
            return Opened::Moved;
        };
        let next = |generation| counted.opened(generation, escalated);
        let Some(opened) = self.put_next(tx, control, next, opening.cause) else {
            return Opened::Moved;
        };
        // Fixed before the trip returns. `None`: the circuit has moved on already.
        let ms = self.fix_open_ms(tx.shared, opened, opening.policy, opening.retry_after_ms);
        tx.changes.open_for(ms);
        Opened::Done
    }

    /// Whether an opening now follows another without a stable time between. `None`: the circuit
    /// has moved on.
    fn follows_closely<C: Clock>(
        &self,
        shared: &Shared<C>,
        control: Control,
        policy: &Policy,
    ) -> Option<bool> {
        if !control.state().is_closed() {
            return Some(true);
        }
        if !policy.open.backs_off() || control.is_new_life() {
            return Some(false);
        }
        let closed_for = shared.now().saturating_sub(self.since(shared, control)?);
        Some(closed_for < policy.open.stable_ms)
    }

    /// Draws a generation, puts the word for it in, stamps and notes it.
    pub(super) fn put_next<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        next: impl FnOnce(Generation) -> Control,
        cause: Cause,
    ) -> Option<Control> {
        let shared = tx.shared;
        if !self.bring_up(shared, control) {
            return None;
        }
        let next = next(tx.ticket.number_after(control.generation(), self.stripe()));
        if !self.exchange(shared, control, next) {
            return None;
        }
        self.commit_place(tx, control, next);
        tx.ticket.commit(control, next);
        if matches!(next.state(), State::Open | State::ForcedOpen) {
            shared.openings.add_one(cause);
        }

        // Noted first: the clock below is the user's, and may panic.
        tx.changes.push(control.state(), next, cause);
        // The winner stamps before it returns. A vacant circuit has no birth yet: its revival
        // will be stamped. One that has moved on already was stamped, and bears another's stamp.
        let since = if next.is_absent() {
            None
        } else {
            self.since(shared, next)
        };
        tx.changes.stamp(|| since.unwrap_or_else(|| shared.now()));
        Some(next)
    }
}

impl<C> Transition<'_, C> {
    /// A place for the circuit that is about to open, unless it needs none; else how many are
    /// taken.
    fn take_place(&mut self, cap: Cap) -> Result<(), u64> {
        if cap.group != 0 && self.place.is_none() {
            self.place = self.shared.groups.take(cap).transpose()?;
        }
        Ok(())
    }
}

impl Cell {
    /// After the transition from `from` to `to`: the place goes with the circuit that opens, and
    /// back with the one that rejects no more.
    fn commit_place<C>(&self, tx: &mut Transition<'_, C>, from: Control, to: Control) {
        let (was, is) = (from.state(), to.state());
        if was.may_reject() && !is.may_reject() {
            // Brought up, the word has no group any more. `None`: somebody else has brought it up.
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
            let Some(seen) = self.history(shared, control) else {
                // It moves on: that is progress, and there is a later word.
                continue;
            };
            // Another place in the word means that an opening by a rule began a spell with the same
            // number: the number is short, and was reused.
            if seen.spell != own || seen.group != 0 {
                return;
            }
            if self.put_history(control, seen, History { group, ..seen }) {
                return place.keep();
            }
        }
    }

    /// One attempt to let the closed circuit `control` be closed, with what would have opened it
    /// counted: said at most once in the time for which it would have been open.
    fn hold_back<C: Clock>(
        &self,
        tx: &mut Transition<'_, C>,
        control: Control,
        counted: Control,
        policy: &Policy,
        open: u64,
    ) -> Opened {
        let shared = tx.shared;
        if counted != control && !self.exchange(shared, control, counted) {
            return Opened::Moved;
        }
        shared.groups.held_back.add_one();
        if tx.changes.is_wanted() {
            let now = shared.now();
            let new = |seen: History| seen.held_back(now, policy.open.base_ms);
            if self.remember(shared, counted, new) {
                let (open, most) = (u32::try_from(open).unwrap_or(u32::MAX), policy.cap.most);
                let cause = Cause::EjectionCap { open, most };
                tx.changes.push(counted.state(), counted, cause);
                tx.changes.stamp(|| now);
            }
        }
        Opened::HeldBack
    }
}
