//! Successes that make their circuit known by hash.

use crate::cell::Cell;
use crate::cell::shared::Shared;
use crate::cell::window::Window;
use crate::clock::Clock;
use crate::rules::{Span, Trip};
use crate::sync::atomic::Ordering;
use crate::word::{Bucket, Control, EntryKind, KeyId, Quiet, Side};

impl Cell {
    /// Makes the circuit, whose key has this id, known by hash as quiet under the window of calls of
    /// `trip`, if it still is.
    pub(crate) fn make_known<C>(&self, shared: &Shared<C>, id: KeyId, trip: &Trip) {
        let Some(Span::Calls(calls)) = trip.span else {
            return;
        };
        let Some(claim) = shared.known.quiet.claim(id) else {
            return;
        };
        // After the claim: see the protocol.
        let control = self.control();
        let kind = EntryKind::new(control.generation(), calls.into());
        if let Some(kind) = kind
            && self.is_quiet_in(control, calls)
        {
            claim.publish(id, kind);
            if claim.make_live() {
                return self.mark_used_for_good(shared);
            }
        }
        claim.give_up();
    }

    /// Returns whether the circuit `control` is watched without failures, and its window of the
    /// last `calls` quiet.
    fn is_quiet_in(&self, control: Control, calls: u32) -> bool {
        // SeqCst: a thread that ends the mark looks at the entries afterwards.
        let mark = Side::from_bits(self.phase.load(Ordering::SeqCst));
        control.is_clean_and_watched()
            && mark.belongs_to(control.generation())
            && Quiet::from_payload(mark.payload()).is_of(calls)
    }

    /// Gives the circuit's window of time by `trip` a keeper: an entry for the key with this id. A success has `counted` itself in that bucket of it and found no trouble.
    #[cold]
    pub(crate) fn make_kept<C: Clock>(
        &self,
        shared: &Shared<C>,
        id: KeyId,
        trip: &Trip,
        counted: Bucket,
    ) {
        // Calls on handles would take the counts back each time.
        if self.is_pinned() {
            return;
        }
        // SeqCst: an operation that gives the circuit a new window changes the word afterwards, and
        // ends the entries after that.
        let before = self.phase.load(Ordering::SeqCst);
        let control = self.control();
        self.watch.read(|watch| {
            let watch = watch.filter(|watch| watch.is_of(control.generation(), trip.span));
            let Some(Window::Time(window)) = watch.and_then(|watch| watch.window.as_ref()) else {
                return;
            };
            let tick = counted.tick();
            let kind = EntryKind::new(control.generation(), window.width().get());
            let Some(kind) = kind else {
                return;
            };
            let now_ms = shared.time_for(window.width()).unix_ms();
            let Some((place, claim)) = shared.known.timed.claim(id, tick, now_ms) else {
                return;
            };
            claim.publish(id, kind);
            let Some(named) = window.name_keeper(counted, place) else {
                return claim.give_up();
            };
            // After the claim: see the protocol. Trouble after the bucket is marked: a failure that
            // makes its trouble known later takes the counts back before it adds up.
            let is_unchanged = window.mark_kept(counted, place)
                && !window.has_trouble(tick)
                && self.phase.load(Ordering::SeqCst) == before
                && self.control() == control
                && control.is_clean_and_watched();
            if is_unchanged && claim.make_live() {
                self.mark_used_for_good(shared);
            } else {
                window.take_back_from(named, self.keepers(shared, control));
                // Left if another thread had taken the counts back before the mark.
                window.unmark(counted, place);
                claim.give_up();
            }
        });
    }
}
