//! The contract of the store and the breaker, as tables of scenarios.
//!
//! Each scenario is put to the reference model and to every face of the store, so the model is
//! held to the same table as the crate.

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
mod rules;
mod scenario;
mod selection;
mod slow_probes;
mod states;
mod time;
