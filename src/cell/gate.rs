//! What all cells of a store share: the gate, the birth generations and the clock.
//!
//! # Orderings
//! Every change of the gate word is a read-modify-write, so each is in the release sequence of
//! all `Release` ones before it: a check that loads the word with `Acquire` has seen every
//! transition that was settled when the word got that value.

use super::filter::Filter;
use super::{Groups, Slots, zeroes};
use crate::clock::Clock;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::word::{Control, FilterWord, GateWord, Generation, TIME_MAX, slot_of};

/// The store's gate: while it is down, a check is admitted by one load of it.
///
/// The count in the gate word is raised by the very operation that draws a generation, before
/// the transition's compare-and-swap, and given back after it, unless the circuit may now
/// reject. So it errs upwards only, and while it is 0 no circuit rejects *and no drawn number is
/// still to be put in*: every circuit's generation is at most the gate's, and a permit that
/// carries the gate's is stale exactly for circuits that change afterwards.
pub(crate) struct Gate {
    /// In a line of its own: it is written on transitions only, and read by every check.
    word: Line<AtomicU64>,
    /// Circuits whose state a success report could change, and sets of policies that need every
    /// report; errs upwards only. In a line of its own: checks don't read it.
    unclean: Line<AtomicU64>,
    /// Those sets alone.
    needing_reports: AtomicU64,
    /// The same counts by key hash, of circuits alone.
    filter: Filter,
    /// Sets of policies, and rules by hand, that hold the gate up.
    held: PlainAtomicU64,
    /// Circuits that are neither vacant nor retired. In a line of its own: nothing hot reads it.
    live: Line<AtomicU64>,
}

impl Gate {
    fn new() -> Self {
        Self {
            word: Line(AtomicU64::new(0)),
            unclean: Line(AtomicU64::new(0)),
            needing_reports: AtomicU64::new(0),
            filter: Filter::new(),
            held: PlainAtomicU64::new(0),
            live: Line(AtomicU64::new(0)),
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> GateWord {
        // Acquire: pairs with the Release in `Draw::settle`. A permit made from this word must
        // come after every transition whose number is in it.
        GateWord::from_bits(self.word.0.load(Ordering::Acquire))
    }

    /// Whether no success report can change any circuit.
    #[inline]
    pub(crate) fn all_clean(&self) -> bool {
        // Acquire: pairs with the Release in `cleaned`; who skips its success after the last
        // circuit became clean must not see that circuit's failures afterwards.
        self.unclean.0.load(Ordering::Acquire) == 0
    }

    /// Whether no success report on a key of this slot can change its circuit.
    #[inline]
    pub(crate) fn is_clean(&self, slot: usize) -> bool {
        // Acquire: pairs with the Release in `cleaned`, and keeps this load before the next.
        let unneeded = self.needing_reports.load(Ordering::Acquire) == 0;
        unneeded && self.filter.load(slot).is_clean()
    }

    /// The generation in which every call on a key of this slot is admitted, while the gate was
    /// seen at `before`. `None`: look at the circuit.
    #[inline]
    pub(crate) fn admits(&self, before: GateWord, slot: usize) -> Option<Generation> {
        let generation = before.generation();
        let admits = self.filter.load(slot).admits();
        // The second look: see the filter's module.
        (admits && self.load().generation() == generation).then_some(generation)
    }

    #[inline]
    pub(super) fn soil(&self, slot: usize) {
        // Relaxed: the compare-and-swap that follows publishes it with the word.
        self.unclean.0.fetch_add(1, Ordering::Relaxed);
        self.filter.raise(slot, FilterWord::UNCLEAN);
    }

    #[inline]
    pub(super) fn cleaned(&self, slot: usize) {
        self.filter.lower(slot, FilterWord::UNCLEAN);
        // Release: pairs with the Acquire in `all_clean`.
        self.unclean.0.fetch_sub(1, Ordering::Release);
    }

    /// Every report matters from here on, until [`let_reports_go`](Self::let_reports_go).
    pub(crate) fn hold_reports(&self) {
        // Relaxed: what needs them is put in place after it, with SeqCst.
        self.needing_reports.fetch_add(1, Ordering::Relaxed);
        self.unclean.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a [`hold_reports`](Self::hold_reports) back.
    pub(crate) fn let_reports_go(&self) {
        // Release: pairs with the Acquires in `is_clean` and `all_clean`.
        self.needing_reports.fetch_sub(1, Ordering::Release);
        self.unclean.0.fetch_sub(1, Ordering::Release);
    }

    /// Holds the gate up, as a circuit that may reject does.
    pub(crate) fn raise(&self) {
        // Relaxed: a thread that sees the gate raised below sees this too.
        self.held.fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the Acquire in `load`.
        self.word.0.fetch_add(GateWord::ONE, Ordering::Release);
    }

    /// Takes a [`raise`](Self::raise) back.
    pub(crate) fn lower(&self) {
        // Relaxed: a check that takes it for held a moment longer only looks closer.
        self.held.fetch_sub(1, Ordering::Relaxed);
        // Release: as in `raise`.
        self.word.0.fetch_sub(GateWord::ONE, Ordering::Release);
    }

    /// Returns whether something besides circuits holds the gate up: then the filter can't answer
    /// for a key.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        // Relaxed: it is raised before the gate, which the check has loaded with Acquire and seen
        // raised.
        self.held.load(Ordering::Relaxed) != 0
    }

    pub(super) fn born(&self) {
        // Relaxed: a statistic, exact once the store is at rest.
        self.live.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn died(&self) {
        // Relaxed: as in `born`.
        self.live.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Circuits that are known; while others are born or removed, perhaps off by those.
    pub(crate) fn live(&self) -> usize {
        // Relaxed: as in `born`. A removal may be counted before its birth.
        let live = self.live.0.load(Ordering::Relaxed).cast_signed().max(0);
        usize::try_from(live).unwrap_or(usize::MAX)
    }

    pub(super) fn draw(&self) -> Draw<'_> {
        Draw {
            gate: self,
            drawn: None,
            slot: 0,
        }
    }

    /// Counts the sets of policies that hold up the gate, and those that hold up the count of
    /// unclean circuits.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn held(&self) -> (u64, u64) {
        // Acquire for both: read at rest.
        let reports = self.needing_reports.load(Ordering::Acquire);
        (self.held.load(Ordering::Acquire), reports)
    }

    /// The counts of circuits that may reject and of unclean ones: 0 when all is at rest. Panics
    /// where the filter's slots don't add up to them.
    #[cfg(any(test, breakerbox_loom, breakerbox_steps))]
    pub(crate) fn counts(&self) -> (u64, u64) {
        // Acquire, all: read at rest.
        let held = self.held.load(Ordering::Acquire);
        let needing = self.needing_reports.load(Ordering::Acquire);
        let counts = (self.load().count(), self.unclean.0.load(Ordering::Acquire));
        let of_circuits = (counts.0 - held, counts.1 - needing);
        assert_eq!(self.filter.counts(), of_circuits, "the filter's counts");
        counts
    }
}

/// A transition's right to a generation: it holds the gate up from the first draw until it is
/// settled or dropped.
#[must_use]
pub(super) struct Draw<'g> {
    gate: &'g Gate,
    /// The generation that was left, and the number drawn to follow it.
    drawn: Option<(Generation, Generation)>,
    /// Of the circuit, once a number is drawn.
    slot: usize,
}

impl Draw<'_> {
    /// A number greater than `current`, which the caller has read from the cell of this slot.
    ///
    /// A number is kept for as long as the cell stays in that generation. One drawn before the
    /// cell came into it could be smaller: the circuit's generations would not only grow.
    pub(super) fn after(&mut self, current: Generation, slot: usize) -> Generation {
        let mut step = match self.drawn {
            Some((from, number)) if from == current => return number,
            Some(_) => GateWord::REDRAW,
            None => {
                // Before the draw, which publishes it: who sees the number sees this.
                self.slot = slot;
                self.gate.filter.raise(slot, FilterWord::REJECTS);
                GateWord::DRAW
            }
        };
        loop {
            // Acquire: the cell was read first, and whoever put `current` there had drawn it from
            // this word before, so ours comes later in the word's one order.
            // Release: pairs with the Acquire in `Gate::load`. A check that sees our number also
            // sees the circuit that we are about to move, and doesn't take it for unknown.
            let before = GateWord::from_bits(self.gate.word.0.fetch_add(step, Ordering::AcqRel));
            let number = before.generation().successor();
            self.drawn = Some((current, number));
            // Zero means 'unborn', and an equal tag would make this generation's side words
            // look like the next one's.
            if number != Generation::ZERO && number.tag() != current.tag() {
                return number;
            }
            step = GateWord::REDRAW;
        }
    }

    /// The drawn number is in: the circuit went from `from` to `to`.
    pub(super) fn settle(&mut self, from: Control, to: Control) {
        debug_assert!(self.drawn.is_some());
        self.drawn = None;
        let held = 1 + u64::from(from.state().may_reject());
        let kept = u64::from(to.state().may_reject());
        self.release(held - kept);
    }

    fn release(&self, count: u64) {
        if count > 0 {
            let rejecting = count * FilterWord::REJECTS;
            self.gate.filter.lower(self.slot, rejecting);
            // Release: pairs with the Acquire in `Gate::load`.
            self.gate
                .word
                .0
                .fetch_sub(count * GateWord::ONE, Ordering::Release);
        }
    }
}

impl Drop for Draw<'_> {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            self.release(1);
        }
    }
}

/// A value that shares its cache line with nothing.
#[repr(align(64))]
struct Line<T>(T);

/// What all cells of a store share.
pub(crate) struct Shared<C> {
    pub(crate) gate: Gate,
    /// By key hash: the latest generation in which a circuit of such a key left the map. Who is
    /// born under such a key begins there, so that what began before the removal is stale.
    born: Slots,
    pub(crate) clock: C,
    pub(crate) groups: Groups,
    /// Of the jitter.
    seed: u64,
    /// Whether circuits may have to make room for others.
    pub(super) evicts: bool,
    /// The longest time that a rule has opened a circuit for.
    longest_open_ms: PlainAtomicU64,
}

impl<C> Shared<C> {
    pub(crate) fn new(clock: C, seed: u64, evicts: bool) -> Self {
        Self {
            gate: Gate::new(),
            born: zeroes(),
            clock,
            groups: Groups::new(),
            seed,
            evicts,
            longest_open_ms: PlainAtomicU64::new(0),
        }
    }

    /// A rule opens a circuit for `ms`.
    pub(super) fn note_open_ms(&self, ms: u64) {
        // Relaxed: it publishes nothing. Written only where it grows.
        if self.evicts && ms > self.longest_open_ms.load(Ordering::Relaxed) {
            self.longest_open_ms.fetch_max(ms, Ordering::Relaxed);
        }
    }

    /// The longest time that a rule has opened a circuit for.
    pub(super) fn longest_open_ms(&self) -> u64 {
        // Relaxed: as in `note_open_ms`.
        self.longest_open_ms.load(Ordering::Relaxed)
    }

    /// Returns a random number, always the same for this generation.
    pub(crate) fn random(&self, generation: Generation) -> u64 {
        self.random_by(generation.bits())
    }

    /// Returns a random number, always the same for this `number`.
    pub(crate) fn random_by(&self, number: u64) -> u64 {
        // The finalizer of splitmix64: each bit depends on each of the input's.
        let mut bits = self.seed ^ number;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Unix ms, no later than a word can hold: with a time beyond that every period would look
    /// over.
    pub(crate) fn now(&self) -> u64
    where
        C: Clock,
    {
        self.clock.now_ms().min(TIME_MAX)
    }

    /// The generation in which a circuit of this slot is born.
    pub(crate) fn birth(&self, slot: usize) -> Generation {
        // Acquire: pairs with the Release in `raise_birth`. (The map's own ordering carries it
        // too, for who finds the key absent after a removal.)
        let bits = self.born[slot % self.born.len()].load(Ordering::Acquire);
        Generation::from_bits(bits)
    }

    /// The generation in which a circuit of a key with this hash is born.
    pub(crate) fn birth_of(&self, hash: u64) -> Generation {
        self.birth(slot_of(hash))
    }

    /// A circuit of this slot leaves the map in `generation`.
    pub(super) fn raise_birth(&self, slot: usize, generation: Generation) {
        let word = &self.born[slot % self.born.len()];
        // Relaxed: the compare-and-swap decides.
        let mut seen = word.load(Ordering::Relaxed);
        while generation.is_after(Generation::from_bits(seen)) {
            // Release: pairs with the Acquire in `birth`. Relaxed on failure: as above.
            match word.compare_exchange(
                seen,
                generation.bits(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                // Another removal raised it: perhaps enough for ours.
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;

    fn closed(gate: &Gate) -> Control {
        Control::revived(gate.load().generation())
    }

    #[test]
    fn a_draw_holds_the_gate_until_it_is_settled_or_dropped() {
        use crate::word::State;
        let gate = Gate::new();
        let control = closed(&gate);

        let mut given_up = gate.draw();
        let first = given_up.after(control.generation(), 3);
        assert_eq!(
            given_up.after(control.generation(), 3),
            first,
            "kept for the same generation"
        );
        assert_eq!(gate.counts().0, 1);
        drop(given_up);
        assert!(gate.load().is_down());

        let mut draw = gate.draw();
        let open = control.moved(State::Open, draw.after(control.generation(), 3));
        draw.settle(control, open);
        assert_eq!(gate.counts().0, 1, "an open circuit keeps it up");

        let mut draw = gate.draw();
        let half_open = open.moved(State::HalfOpen, draw.after(open.generation(), 3));
        assert!(half_open.generation().is_after(open.generation()));
        draw.settle(open, half_open);
        assert_eq!(gate.counts().0, 1);

        let mut draw = gate.draw();
        let closed = half_open.moved(State::Closed, draw.after(half_open.generation(), 3));
        draw.settle(half_open, closed);
        assert!(gate.load().is_down());
        drop(gate.draw());
        assert!(
            gate.load().is_down(),
            "what drew nothing gives nothing back"
        );
    }

    #[test]
    fn a_draw_skips_zero_and_equal_tags() {
        let gate = Gate::new();
        let set = |bits: u64| {
            let word = gate.word.0.load(Ordering::Relaxed);
            gate.word
                .0
                .fetch_add((bits << 24).wrapping_sub(word), Ordering::Relaxed);
        };
        set((1 << 40) - 1);
        let last = gate.load().generation();
        assert_eq!(gate.draw().after(last, 3), Generation::from_bits(1));

        set(7 + (1 << 22) - 1);
        let current = Generation::from_bits(7);
        let number = gate.draw().after(current, 3);
        assert_eq!(number.bits(), 7 + (1 << 22) + 1);
        assert!(gate.load().is_down());
    }

    #[test]
    fn births_only_rise() {
        let shared = Shared::new((), 0, false);
        shared.raise_birth(3, Generation::from_bits(9));
        shared.raise_birth(3, Generation::from_bits(4));
        assert_eq!(shared.birth(3), Generation::from_bits(9));
        assert_eq!(shared.birth(4), Generation::ZERO);
    }
}
