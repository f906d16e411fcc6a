//! The store in memory: circuits by key, in a lock-free map.

mod bound;
mod builder;
mod by_hand;
mod by_policy;
mod contract;
mod evict;
#[cfg(feature = "serde")]
mod export;
mod forced;
mod handle;
mod ids;
mod in_memory;
mod inner;
mod inspect;
mod keyed;
mod look;
mod pass;
mod steer;
mod success;
#[cfg(all(test, not(breakerbox_loom)))]
mod tests;

pub use builder::InMemoryStoreBuilder;
#[cfg(feature = "serde")]
pub use export::{Export, ImportError, Imported};
pub use handle::StoreHandle;
pub use in_memory::{ClockedStore, InMemoryCircuitBreakerStore};
pub use inspect::{CircuitStats, Openings, Totals, WindowStats};
pub(crate) use keyed::{Circuit, Refused};
pub use steer::{Steered, Steering};
