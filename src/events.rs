//! State changes, announced to listeners and subscriptions.

mod listeners;
#[cfg(feature = "subscription")]
mod subscription;

pub(crate) use listeners::Listeners;
#[cfg(feature = "subscription")]
pub use subscription::Subscription;

use crate::clock::{WallTime, wall_time};
use crate::on_panic::caught;
use crate::rules::Cause;
use crate::snapshot::CircuitState;
use std::time::Duration;

/// A change of a circuit's state.
///
/// Each transition is announced exactly once. An opening that the [cap of a
/// group](crate::EjectionCap) held back is announced too, at most once per reset timeout of the
/// circuit: from closed to closed, in the generation that the circuit stays in.
///
/// Listeners run on the thread that made the change, so changes made by different threads may be
/// announced in any order. `generation` gives the order in which they took place.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StateChange<K> {
    /// The key of the circuit.
    pub key: K,
    /// The state that it left.
    pub from: CircuitState,
    /// The state that it entered. A reset of a circuit that wasn't closed is announced as closed.
    pub to: CircuitState,
    /// The store's number for this transition: greater than those of the circuit's earlier ones.
    pub generation: u64,
    /// The time of the change, in Unix milliseconds.
    pub at: u64,
    /// The time for which a circuit that opened will reject, from `at` on. `None` if it didn't
    /// open, if it was opened by hand (then the first check fixes the time), or if it has changed
    /// state again meanwhile.
    pub open_for: Option<Duration>,
    /// The rule or command that caused the change, with its numbers.
    pub cause: Cause,
    /// `true` if the policy only [shadows](crate::Policy::shadow): calls are admitted nevertheless.
    pub shadow: bool,
}

impl<K> StateChange<K> {
    /// Returns [`at`](Self::at) as a `SystemTime`.
    pub fn at_time(&self) -> WallTime {
        wall_time(self.at)
    }
}

type Listener<K> = dyn Fn(&StateChange<K>) + Send + Sync;

/// Calls one listener. A panic in it must reach neither the guarded call nor the next listener.
fn hear<K>(listener: &Listener<K>, event: &StateChange<K>) {
    caught(|| listener(event));
}
