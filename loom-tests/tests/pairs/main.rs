//! Runs every pair of public operations on the real types, one wholly within the other at each of
//! its steps: the result must be as if one had come before the other.
//!
//! Built with `--cfg breakerbox_steps`, by `cargo xtask pairs`.

#[cfg(breakerbox_steps)]
mod after;
#[path = "../histories/enabled.rs"]
mod enabled;
#[cfg(breakerbox_steps)]
mod exports;
#[cfg(breakerbox_steps)]
mod given;
#[cfg(breakerbox_steps)]
mod ops;
#[cfg(breakerbox_steps)]
mod pairs;
#[cfg(breakerbox_steps)]
mod rules;
#[cfg(breakerbox_steps)]
mod run;
#[cfg(breakerbox_steps)]
mod seen;
#[cfg(breakerbox_steps)]
mod splits;
#[cfg(breakerbox_steps)]
mod world;
