//! Histories of the real types, step by step: what each thread asked and was told, under a random
//! scheduler and under real threads, against the sequential contract. And what single operations
//! access.
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
