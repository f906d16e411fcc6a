//! A lock-free store of circuit breakers, one per key, for proxies that check a breaker on every
//! request at nanosecond cost.
//!
//! ```
//! use breakerbox::{CallError, CircuitBreaker};
//!
//! let breaker = CircuitBreaker::new(); // 5 failures in a row open, 30 s later a probe decides
//! for _ in 0..5 {
//!     let call = breaker.call("search", || Err::<(), _>("connection refused"));
//!     assert_eq!(call, Err(CallError::Inner("connection refused")));
//! }
//! match breaker.call("search", || Ok::<_, &str>("never called")) {
//!     Err(CallError::Rejected(open)) => assert_eq!(open.retry_after_secs(), 30),
//!     other => unreachable!("{other:?}"),
//! }
//! assert!(breaker.acquire("images").is_ok()); // other circuits are not concerned
//! ```
//!
//! # What is where
//! - [`CircuitBreaker`]: circuits in memory with rules; [`acquire`](CircuitBreaker::acquire) and
//!   its permits, [`call`](CircuitBreaker::call), [`call_async`](CircuitBreaker::call_async), and
//!   handles of single circuits, [`circuit`](CircuitBreaker::circuit).
//!   Operators look at circuits and steer them by [`snapshots`](CircuitBreaker::snapshots),
//!   [`force_open`](CircuitBreaker::force_open), [`reset`](CircuitBreaker::reset) and their like.
//! - [`InMemoryCircuitBreakerStore`]: the store beneath, which counts and moves circuits as it is
//!   told: get state, record, transition, reset, clear, peek.
//! - [`stats`](CircuitBreaker::stats), [`totals`](CircuitBreaker::totals): what circuits hold, and
//!   what became of calls; [`StateChange`]: each transition, to listeners and subscriptions.
//! - [`CircuitBreakerStore`]: the contract of a store that may be far away, and
//!   [`AsyncCircuitBreaker`], the breaker over one.
//! - [`Clock`], with a [`ManualClock`] for tests.
//!
//! The [guide](_guide) shows how to use it, task by task; see also its [limitations](_limitations)
//! and [internals](_internals).
//!
//! # Consistency
//! Operations on one key are linearizable with respect to its state, both counts and the time of
//! its last state change. A failure and the opening that it causes are one step; each transition
//! is announced once; no check that begins after a trip has returned is admitted; a report that
//! comes after its circuit changed state is [`Reported::Stale`] and changes nothing. Of a
//! snapshot only [`last_failure_time`](CircuitBreakerSnapshot::last_failure_time) may be ahead. An
//! operation on an unknown key creates the circuit, then does its work: two steps.
//!
//! Checks, reports and everything that a handle does are lock-free. Creating, iterating and
//! clearing circuits may wait briefly while the map's table is resized. Where the target has no
//! native 64-bit atomics, `portable-atomic` falls back to locks.
//!
//! # Time
//! All times are Unix milliseconds of the store's clock, until May 2109. Durations are rounded up
//! to whole milliseconds and saturate at 139 years. Tests move the time by a [`ManualClock`], or pause
//! tokio's and take `TokioClock`.
//!
//! # Features
//! None is on by default. `coarse-clock`: `CoarseClock`, a clock of the precision of the kernel's
//! tick that takes a fifth as long to read. `serde`: snapshots and states in the form that other
//! gateways write. `subscription`: state changes through a bounded queue, and as a `Stream`.
//! `tokio`: time-outs and background work of the asynchronous parts, and `TokioClock`.
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

/// The README's examples are tested too.
#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The circuits that permits report to. No program needs to name them:
/// [`KeyPermit`], [`HandlePermit`] and [`OwnedPermit`] are permits of each.
pub mod target {
    pub use crate::breaker::{Handled, Keyed, Owned, Target};
}

/// What the models of `loom-tests` see of the inside; not part of the crate.
#[cfg(breakerbox_loom)]
#[doc(hidden)]
pub mod __loom {
    pub use crate::sync::atomic::{AtomicU64, in_total_order};

    pub use crate::inside::*;
}

/// What the tests of single steps ask for and see; not part of the crate.
#[cfg(breakerbox_steps)]
#[doc(hidden)]
pub mod __steps {
    pub use crate::sync::steps::{Access, Step, step, with_hook};

    pub use crate::inside::*;
}

/// What the fuzz target of words asks for; not part of the crate.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzzing {
    /// Returns the names of all settings of a policy.
    pub fn settings() -> &'static [&'static str] {
        crate::rules::Settings::NAMES
    }

    /// What `numbers` do to every kind of word; panics where a word and its fields differ.
    pub fn check_words(numbers: &[u64]) {
        crate::word::check(numbers);
    }
}
