//! What the gateway shows of a circuit.

use std::time::Duration;

use breakerbox::CircuitBreakerSnapshot;

/// A route and the state of its circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// The prefix of the route.
    pub key: String,
    /// Where the route goes, such as `127.0.0.1:9000`.
    pub upstream: String,
    /// State, counts and times.
    pub snapshot: CircuitBreakerSnapshot,
    /// How long until an open circuit lets a probe through.
    pub retry_after: Option<Duration>,
}
