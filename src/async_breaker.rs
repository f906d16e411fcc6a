//! A breaker over any store: it waits up to a limit for an answer, and admits the call without one.

mod builder;
mod call;
mod circuit_breaker;
mod permit;
mod policies;
mod remote;

pub use builder::AsyncCircuitBreakerBuilder;
pub use circuit_breaker::AsyncCircuitBreaker;
pub use permit::AsyncPermit;
