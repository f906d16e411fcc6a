//! The one door to atomics, `Arc` and the map: the real ones, or loom's in models.
//!
//! No other file names loom, `portable_atomic` or papaya.

#[cfg(breakerbox_loom)]
mod model;
#[cfg(not(breakerbox_loom))]
mod real;

#[cfg(breakerbox_loom)]
pub(crate) use model::{Arc, Map, atomic};
#[cfg(not(breakerbox_loom))]
pub(crate) use real::{Arc, Map, atomic};

/// An atomic that models leave alone: clocks and statistics, which order nothing.
pub(crate) use portable_atomic::AtomicU64 as PlainAtomicU64;

#[cfg(all(breakerbox_loom, not(feature = "loom")))]
compile_error!("`--cfg breakerbox_loom` needs breakerbox's feature `loom`");
