//! Histories of the real types, step by step: the operations and answers of each thread, under a
//! random scheduler and on real threads, are held against the sequential contract. Also the
//! accesses of single operations.
//!
//! Built with `--cfg breakerbox_steps`, by `cargo xtask histories`.

#[cfg(breakerbox_steps)]
mod accesses;
#[cfg(breakerbox_steps)]
mod checker;
mod enabled;
#[cfg(breakerbox_steps)]
mod growth;
#[cfg(breakerbox_steps)]
mod linearizable;
#[cfg(breakerbox_steps)]
mod program;
#[cfg(breakerbox_steps)]
mod run;
#[cfg(breakerbox_steps)]
mod spec;
#[cfg(breakerbox_steps)]
mod stopped;
#[cfg(breakerbox_steps)]
#[path = "../../../tests/support/mod.rs"]
mod support;
