//! What a store hands out for an admitted call, and how the call went.

use super::Generation;

/// How a guarded call went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The upstream is well.
    Success,
    /// The upstream is at fault: counts towards opening the circuit.
    Failure,
    /// Says nothing about the upstream (the caller gave up, a client's error): counts nowhere,
    /// and gives back the probe slot.
    Ignored,
}

/// What became of a report. Both are normal outcomes, and most callers need neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reported {
    /// It was taken into account.
    Recorded,
    /// The circuit has changed state since the permit was given: the report changed nothing.
    Stale,
}

/// A permit as plain data: the generation that it was given in, and whether it holds a probe
/// slot of a half-open circuit.
///
/// What [`CircuitBreakerStore`](crate::CircuitBreakerStore)s hand out and take back. It does
/// nothing when dropped: each one must be reported or released once, or its probe slot is gone
/// until the lease is over. [`Permit`](crate::Permit) does that by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "report or release it, or a probe slot is lost until its lease is over"]
pub struct PermitToken {
    generation: u64,
    probe: bool,
}

impl PermitToken {
    /// A token from its parts, for stores that keep circuits elsewhere.
    pub const fn from_parts(generation: u64, probe: bool) -> Self {
        Self { generation, probe }
    }

    pub(crate) const fn new(generation: Generation, probe: bool) -> Self {
        Self {
            generation: generation.bits(),
            probe,
        }
    }

    /// The store's number for the state that the circuit was in.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the call probes a half-open circuit.
    pub const fn is_probe(&self) -> bool {
        self.probe
    }

    pub(crate) const fn issued(&self) -> Generation {
        Generation::from_bits(self.generation)
    }
}
