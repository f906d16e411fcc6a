//! The one door to atomics, `Arc`, epochs and the map: the real ones, or loom's in models.
//!
//! No other file names loom, `portable_atomic`, `crossbeam_epoch` or papaya.

#[cfg(breakerbox_loom)]
mod model;
#[cfg(not(breakerbox_loom))]
mod real;
#[cfg(not(breakerbox_loom))]
mod slot;

#[cfg(breakerbox_loom)]
pub(crate) use model::{Arc, Map, Slot, atomic};
#[cfg(not(breakerbox_loom))]
pub(crate) use real::{Arc, Map, atomic};
#[cfg(not(breakerbox_loom))]
pub(crate) use slot::Slot;

/// An `Arc` that models leave alone: of what has atomics of its own.
pub(crate) use std::sync::Arc as PlainArc;

/// An atomic that models leave alone: clocks and statistics, which order nothing.
pub(crate) use portable_atomic::AtomicU64 as PlainAtomicU64;

#[cfg(all(breakerbox_loom, not(feature = "loom")))]
compile_error!("`--cfg breakerbox_loom` needs breakerbox's feature `loom`");
