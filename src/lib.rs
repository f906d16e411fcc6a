//! A lock-free store of circuit breakers, one per key, for proxies that check a breaker on every
//! request at nanosecond cost.
//!
//! ```
//! use breakerbox::{CallError, CircuitBreaker};
//!
//! let breaker: CircuitBreaker = CircuitBreaker::new(); // 5 failures in a row open, 30 s later a probe decides
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
#![warn(missing_docs)]
#![deny(unsafe_code)]
#![doc(test(attr(deny(warnings))))]

mod breaker;
mod cell;
mod clock;
mod config;
mod contract;
mod error;
mod events;
mod key;
mod snapshot;
mod store;
mod sync;
mod word;

#[cfg(feature = "tokio")]
pub use breaker::TokioRuntime;
pub use breaker::{
    AsyncCircuitBreaker, AsyncCircuitBreakerBuilder, AsyncPermit, AsyncRuntime, CircuitBreaker,
    CircuitBreakerBuilder, DroppedPermit, GuardedCircuit, OwnedPermit, Permit,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::LimitsBuilder;
pub use contract::{BoxFuture, CircuitBreakerStore, StoreResult};
pub use error::{CallError, ConfigError, Rejected, StoreError, StoreFull};
pub use events::StateChange;
pub use key::ToKey;
pub use snapshot::{CircuitBreakerSnapshot, CircuitState};
pub use store::{Circuit, InMemoryCircuitBreakerStore, InMemoryStoreBuilder};
pub use word::{Limits, Outcome, PermitToken, Reported, TripRule};

/// What the models of `loom-tests` see of the inside; not part of the crate.
#[cfg(breakerbox_loom)]
#[doc(hidden)]
pub mod __loom {
    pub use crate::sync::atomic::{AtomicU64, in_total_order};

    use crate::InMemoryCircuitBreakerStore;

    /// Circuits that may reject, and unclean ones, as the store counts them: 0 at rest.
    pub fn gate_counts<K, S, C>(store: &InMemoryCircuitBreakerStore<K, S, C>) -> (u64, u64) {
        store.gate_counts()
    }

    /// Entries of the map: circuits, and cells that are on their way out.
    pub fn entries<K, S, C>(store: &InMemoryCircuitBreakerStore<K, S, C>) -> usize
    where
        K: std::hash::Hash + Eq,
        S: std::hash::BuildHasher,
    {
        store.entries()
    }
}
