//! The permit as plain data, which stores hand out and take back.

use super::Generation;
use super::field::layout;

layout!(64 => PROBE: 1, DETAIL: 7, GENERATION: 56);

/// A permit as plain data: the generation that it was given in, and whether its call probes a
/// half-open circuit.
///
/// A [`CircuitBreakerStore`](crate::CircuitBreakerStore) hands it out and takes it back. It does
/// nothing when dropped: report or release each one once, or its probe stays out until the lease is
/// over. [`Permit`](crate::Permit) does that by itself.
//
//  63                       8 7                                  1   0
// | generation               | a probe's lease, else slot + 1    |probe|
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "report or release it, or a probe slot is lost until its lease is over"]
pub struct PermitToken(u64);

impl PermitToken {
    /// Makes a token from its parts, for stores that keep circuits elsewhere. It keeps 56 bits of
    /// the generation. A token of the store in memory also knows its slot among the calls in
    /// flight, or the lease of its probe; a copy of the two parts gives neither back.
    pub const fn from_parts(generation: u64, probe: bool) -> Self {
        Self(GENERATION.put(generation & GENERATION.max()) | PROBE.put(probe as u64))
    }

    /// Makes the token of a call that holds nothing.
    #[inline]
    pub(crate) const fn plain(generation: Generation) -> Self {
        Self::from_parts(generation.bits(), false)
    }

    /// Makes the token of a probe that went out in this lease.
    pub(crate) const fn probe(generation: Generation, lease: u8) -> Self {
        debug_assert!(lease as u64 <= DETAIL.max());
        Self(Self::from_parts(generation.bits(), true).0 | DETAIL.put(lease as u64))
    }

    /// Adds a slot among the calls in flight.
    pub(crate) const fn with_slot(self, slot: u8) -> Self {
        debug_assert!(!self.is_probe() && self.is_plain());
        debug_assert!((slot as u64) < DETAIL.max());
        Self(self.0 | DETAIL.put(slot as u64 + 1))
    }

    const fn detail(&self) -> u8 {
        DETAIL.get(self.0) as u8
    }

    /// Returns the slot that it holds among the calls in flight.
    #[inline]
    pub(crate) const fn slot(&self) -> Option<u8> {
        if self.is_probe() {
            None
        } else {
            self.detail().checked_sub(1)
        }
    }

    /// Returns the lease in which the probe went out.
    pub(crate) const fn lease(&self) -> u8 {
        self.detail()
    }

    /// Returns the store's number for the state that the circuit was in.
    pub const fn generation(&self) -> u64 {
        GENERATION.get(self.0)
    }

    /// Returns whether the call probes a half-open circuit.
    pub const fn is_probe(&self) -> bool {
        PROBE.is_set(self.0)
    }

    /// Returns whether it holds nothing: neither a probe nor a slot.
    #[inline]
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & !GENERATION.mask() == 0
    }

    /// Returns whether it was given in `generation` and holds nothing.
    #[inline]
    pub(crate) const fn is_plainly_of(self, generation: Generation) -> bool {
        self.0 == GENERATION.put(generation.bits())
    }

    pub(crate) const fn issued(&self) -> Generation {
        Generation::from_bits(self.generation())
    }
}

impl std::fmt::Debug for PermitToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PermitToken")
            .field("generation", &self.generation())
            .field("probe", &self.is_probe())
            .field("slot", &self.slot())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_told_from_none() {
        let token = PermitToken::plain(Generation::from_bits(3));
        assert_eq!(token.slot(), None);
        assert!(token.is_plain());
        for probe in [false, true] {
            let token = PermitToken::from_parts((1 << 56) - 1, probe);
            assert_eq!(token.is_plain(), !probe);
        }
        for slot in [0, 63] {
            let with_slot = PermitToken::from_parts((1 << 56) - 1, false).with_slot(slot);
            let parts = (
                with_slot.generation(),
                with_slot.is_probe(),
                with_slot.slot(),
            );
            assert_eq!(parts, ((1 << 56) - 1, false, Some(slot)));
            assert!(!with_slot.is_plain());
        }
        for lease in [0, 1, 15, 127] {
            let probe = PermitToken::probe(Generation::from_bits(3), lease);
            let parts = (probe.generation(), probe.is_probe(), probe.slot());
            assert_eq!((parts, probe.lease()), ((3, true, None), lease));
            assert!(!probe.is_plain());
        }
        assert!(token.is_plainly_of(Generation::from_bits(3)));
        assert!(!token.with_slot(0).is_plainly_of(Generation::from_bits(3)));
        assert!(!token.is_plainly_of(Generation::from_bits(4)));
    }
}
