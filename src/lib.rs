//! Lock-free circuit breakers, one per key, for proxies and clients that check a breaker on every
//! request.
//!
//! ```
//! use breakerbox::{CallError, CircuitBreaker};
//!
//! let breaker = CircuitBreaker::new(); // 5 failures in a row open a circuit for 30 s
//! for _ in 0..5 {
//!     let call = breaker.call("search", || Err::<(), _>("connection refused"));
//!     assert_eq!(call, Err(CallError::Inner("connection refused")));
//! }
//! match breaker.call("search", || Ok::<_, &str>("not called")) {
//!     Err(CallError::Rejected(open)) => assert_eq!(open.retry_after_secs(), 30),
//!     other => unreachable!("{other:?}"),
//! }
//! assert!(breaker.acquire("images").is_ok()); // another circuit
//! ```
//!
//! The [guide](_guide) shows each task with an example and lists all settings. See also the
//! [limitations](_limitations) and the [internals](_internals).
//!
//! # Overview
//! - [`CircuitBreaker`] guards calls: [`call`](CircuitBreaker::call),
//!   [`call_async`](CircuitBreaker::call_async), or [`acquire`](CircuitBreaker::acquire) and a
//!   [`Permit`]. [`circuit`](CircuitBreaker::circuit) returns a handle to one circuit.
//! - [`Policy`] and [`PolicySet`] hold the rules.
//! - [`stats`](CircuitBreaker::stats), [`totals`](CircuitBreaker::totals) and [`StateChange`] show
//!   what happens; [`force_open`](CircuitBreaker::force_open),
//!   [`reset`](CircuitBreaker::reset) and others change circuits by hand.
//! - [`InMemoryCircuitBreakerStore`] is the store beneath, without rules of its own.
//! - [`CircuitBreakerStore`] is the contract for a store elsewhere, and [`AsyncCircuitBreaker`] is
//!   the breaker over one.
//! - [`Clock`] is the source of time; tests use a [`ManualClock`].
//!
//! # Consistency
//! Operations on one key are linearizable with respect to its state, both counts and the time of
//! its last state change:
//! - A failure and the opening that it causes are one step, and each transition is announced once.
//! - No check that begins after an opening has returned is admitted.
//! - A report that comes after its circuit has changed state is [`Reported::Stale`] and changes
//!   nothing.
//!
//! Only [`last_failure_time`](CircuitBreakerSnapshot::last_failure_time) of a snapshot may be ahead
//! of the rest. An operation on an unknown key takes two steps: it creates the circuit and then
//! does its work.
//!
//! Checks, reports and all operations of a handle are lock-free. Creating, iterating and clearing
//! circuits may wait briefly while the map's table is resized. On targets without native 64-bit
//! atomics, `portable-atomic` uses locks.
//!
//! # Time
//! All times are Unix milliseconds of the store's clock, until May 2109. Durations are rounded up
//! to whole milliseconds and saturate at 139 years.
//!
//! # Features
//! None is on by default.
//! - `serde`: policies and breakers from files; export and import; snapshots as text.
//! - `tokio`: call timeouts and background work, and `TokioClock` for tests that pause the time.
//! - `subscription`: state changes through a bounded queue, also as a `Stream`.
//! - `coarse-clock`: `CoarseClock`, which is as precise as the kernel's tick and takes a fifth of
//!   the time to read.
#![warn(missing_docs)]
#![deny(unsafe_code)]
#![doc(test(attr(deny(warnings))))]
// Labels what needs a feature, where the documentation is built by a nightly compiler.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod async_breaker;
mod breaker;
mod cell;
mod classify;
mod clock;
mod contract;
#[cfg(any(
    all(doc, not(doctest)),
    all(
        doctest,
        feature = "serde",
        feature = "subscription",
        feature = "tokio"
    ),
))]
mod documentation;
mod error;
mod events;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
mod inside;
mod key;
mod on_panic;
mod rules;
mod running;
mod runtime;
mod snapshot;
mod stats;
mod store;
mod sync;
mod word;

pub use async_breaker::{AsyncCircuitBreaker, AsyncCircuitBreakerBuilder, AsyncPermit};
#[cfg(feature = "serde")]
pub use breaker::BreakerConfig;
pub use breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitHandle, ClockedBreaker, ClockedHandle,
    HandlePermit, KeyPermit, OwnedPermit, Permit,
};
pub use classify::{Classify, ErrIsFailure};
#[cfg(feature = "coarse-clock")]
pub use clock::CoarseClock;
#[cfg(feature = "tokio")]
pub use clock::TokioClock;
pub use clock::{Clock, ManualClock, SystemClock};
pub use contract::{BoxFuture, CircuitBreakerStore, StoreResult};
#[cfg(any(
    all(doc, not(doctest)),
    all(
        doctest,
        feature = "serde",
        feature = "subscription",
        feature = "tokio"
    ),
))]
pub use documentation::{_guide, _internals, _limitations};
pub use error::{
    BoxedCallError, CallError, ConfigError, NoneAdmits, Rejected, StoreError, StoreFull,
};
pub use events::StateChange;
#[cfg(feature = "subscription")]
pub use events::Subscription;
pub use key::ToKey;
pub use rules::{
    AfterHalfOpen, Cause, DroppedPermit, EjectionCap, FailureCounting, Forced, Group, Policy,
    PolicyBuilder, PolicySet, SlidingWindow, parse_duration,
};
pub use runtime::AsyncRuntime;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use snapshot::{CircuitBreakerSnapshot, CircuitState, ParseStateError};
pub use store::{
    CircuitStats, ClockedStore, InMemoryCircuitBreakerStore, InMemoryStoreBuilder, Openings,
    Steered, Steering, StoreHandle, Totals, WindowStats,
};
#[cfg(feature = "serde")]
pub use store::{Export, ImportError, Imported};
pub use word::{Outcome, PermitToken, Report, Reported};

/// The README, whose examples are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The circuits that permits report to. No program needs to name them:
/// [`KeyPermit`], [`HandlePermit`] and [`OwnedPermit`] are permits of each.
pub mod target {
    pub use crate::breaker::{Handled, Keyed, Owned, Target};
}

/// The inside, as the models of `loom-tests` see it; not part of the crate.
#[cfg(breakerbox_loom)]
#[doc(hidden)]
pub mod __loom {
    pub use crate::sync::atomic::{AtomicU64, in_total_order};

    pub use crate::inside::*;
}

/// The inside, as the tests of single steps drive and see it; not part of the crate.
#[cfg(breakerbox_steps)]
#[doc(hidden)]
pub mod __steps {
    pub use crate::sync::steps::{Access, Step, step, with_hook};

    pub use crate::inside::*;
}

/// The functions that the fuzz target of words calls; not part of the crate.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzzing {
    /// Returns the names of all settings of a policy.
    pub fn settings() -> &'static [&'static str] {
        crate::rules::Settings::NAMES
    }

    /// Applies `numbers` to every kind of word. Panics where a word and its fields differ.
    pub fn check_words(numbers: &[u64]) {
        crate::word::check(numbers);
    }
}
