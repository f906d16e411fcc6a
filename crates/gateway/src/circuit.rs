//! A circuit as the gateway shows it.

use std::time::Duration;

use breakerbox::CircuitBreakerSnapshot;

/// A route and the state of its circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// The prefix of the route.
    pub key: String,
    /// The upstream's host and port, such as `127.0.0.1:9000`.
    pub upstream: String,
    /// State, counts and times.
    pub snapshot: CircuitBreakerSnapshot,
    /// Time until an open circuit lets a probe through.
    pub retry_after: Option<Duration>,
}
