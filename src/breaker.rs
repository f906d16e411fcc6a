//! The breaker: a store with policies, permits that report themselves, and guarded calls.

mod acquire;
mod admission;
mod builder;
mod call;
mod circuit_breaker;
#[cfg(feature = "serde")]
mod config;
mod handle;
mod inspect;
mod operate;
mod permit;
mod policies;
mod select;

pub use acquire::{KeyPermit, Keyed, Owned, OwnedPermit};
pub use builder::CircuitBreakerBuilder;
pub use circuit_breaker::{CircuitBreaker, ClockedBreaker};
#[cfg(feature = "serde")]
pub use config::BreakerConfig;
pub use handle::{CircuitHandle, ClockedHandle, HandlePermit, Handled};
pub use permit::{Permit, Target};
