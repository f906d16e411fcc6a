//! The contract of the store and the breaker, as tables of scenarios.
//!
//! Each scenario runs on the reference model and on every form of the store, so the model and the
//! crate are held to the same table.

#[path = "../support/mod.rs"]
mod support;

mod breaker;
mod calls;
mod eviction;
mod handles;
mod hashing;
mod in_flight;
mod keys;
mod leases;
mod panics;
mod peers;
mod permits;
mod published;
mod rough_clock;
mod rules;
mod scenario;
mod second_panics;
mod selection;
mod slow_probes;
mod states;
mod time;
