//! The one door to atomics, `Arc`, epochs and the map: the real ones, loom's in models, or the real
//! ones with a hook before each step.
//!
//! No other file names loom, `portable_atomic`, `crossbeam_epoch` or papaya.

#[cfg(not(breakerbox_loom))]
mod epoch_cell;
mod hashed;
#[cfg(not(breakerbox_loom))]
mod headed;
#[cfg(breakerbox_loom)]
mod model;
#[cfg(not(breakerbox_loom))]
mod real;
#[cfg(breakerbox_steps)]
pub(crate) mod steps;
mod zeroed;

#[cfg(not(breakerbox_loom))]
pub(crate) use epoch_cell::EpochCell;
pub(crate) use hashed::{Hashed, OnlyHash};
#[cfg(not(breakerbox_loom))]
pub(crate) use headed::Arc;
#[cfg(breakerbox_loom)]
pub(crate) use model::{Arc, EpochCell, Map, atomic};
#[cfg(not(breakerbox_loom))]
pub(crate) use real::{Map, atomic};

pub(crate) use zeroed::{Zero, zeroes};

/// A value that is shared together with a head, which models leave alone.
pub(crate) trait Headed {
    type Head: Default;
}

/// An `Arc` that models leave alone: its value has atomics of its own.
pub(crate) use std::sync::Arc as PlainArc;

/// An atomic that models leave alone: clocks and statistics, which order nothing.
pub(crate) use portable_atomic::AtomicU64 as PlainAtomicU64;

#[cfg(not(breakerbox_steps))]
pub(crate) mod steps {
    //! Steps that no test hooks into: they cost nothing.

    #[cfg_attr(
        breakerbox_loom,
        expect(dead_code, reason = "loom's map and cells take none")
    )]
    pub(crate) enum Step {
        Map,
        Moved,
        EpochCell,
        Statistic,
    }

    #[inline(always)]
    pub(crate) fn step(_: Step) {}
}

#[cfg(all(breakerbox_loom, breakerbox_steps))]
compile_error!("`breakerbox_loom` and `breakerbox_steps` are two ways to see the same atomics");

#[cfg(all(breakerbox_loom, not(feature = "loom")))]
compile_error!("`--cfg breakerbox_loom` needs breakerbox's feature `loom`");
