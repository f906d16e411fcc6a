//! State changes, announced to listeners.

#[cfg(feature = "subscription")]
mod subscription;

#[cfg(feature = "subscription")]
pub use subscription::Subscription;

use crate::cell::{Change, Changes};
use crate::clock::{WallTime, wall_time};
use crate::rules::Cause;
use crate::snapshot::CircuitState;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "subscription")]
use subscription::Subscribers;

/// A circuit has changed state.
///
/// Each transition is announced exactly once. So is an opening that the
/// [cap of a group](crate::EjectionCap) held back, at most once in a reset timeout of the circuit:
/// from closed to closed, in the generation that it stays in. Listeners run on the thread that made it, so those
/// of different threads may be announced in any order: `generation` gives the true one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StateChange<K> {
    /// Whose circuit.
    pub key: K,
    /// The state that it left.
    pub from: CircuitState,
    /// The state that it is in since. A circuit that was not closed and is reset is announced as
    /// closed.
    pub to: CircuitState,
    /// The store's number for this transition: greater than those of the circuit's earlier ones.
    pub generation: u64,
    /// When, in Unix milliseconds.
    pub at: u64,
    /// How long a circuit that opened will reject, from `at` on. `None` if it didn't open; if it
    /// was opened by hand, where the first check fixes the time; and if it has changed state again
    /// meanwhile.
    pub open_for: Option<Duration>,
    /// Why: which rule, by which numbers.
    pub cause: Cause,
    /// Whether the policy that made it is a [shadow](crate::Policy::shadow) one: calls are admitted
    /// all the same.
    pub shadow: bool,
}

impl<K> StateChange<K> {
    /// Returns when it changed: [`at`](Self::at).
    pub fn at_time(&self) -> WallTime {
        wall_time(self.at)
    }
}

type Listener<K> = dyn Fn(&StateChange<K>) + Send + Sync;

/// The listeners of a store: those that it was built with, and those that subscribed since.
pub(crate) struct Listeners<K> {
    built_in: Vec<Arc<Listener<K>>>,
    #[cfg(feature = "subscription")]
    subscribers: Subscribers<K>,
    /// The number of both together: 0 if no change need be kept.
    number: PlainAtomicU64,
}

impl<K> Listeners<K> {
    pub(crate) fn new() -> Self {
        Self {
            built_in: Vec::new(),
            #[cfg(feature = "subscription")]
            subscribers: Subscribers::new(),
            number: PlainAtomicU64::new(0),
        }
    }

    pub(crate) fn add(&mut self, listener: impl Fn(&StateChange<K>) + Send + Sync + 'static) {
        self.built_in.push(Arc::new(listener));
        *self.number.get_mut() += 1;
    }

    /// Makes a list for one operation's changes, which keeps none if there are no listeners.
    #[inline]
    pub(crate) fn changes(&self) -> Changes {
        // Relaxed: an operation that begins after a subscription has been returned sees it counted.
        Changes::new(self.number.load(Ordering::Relaxed) != 0)
    }

    /// Tells all listeners, after the operation: nothing is held while they run.
    #[inline]
    pub(crate) fn announce(&self, changes: Changes, key: impl FnOnce() -> K) {
        if !changes.is_empty() {
            self.announce_all(changes.into_list(), key);
        }
    }

    #[cold]
    fn announce_all(&self, changes: Vec<Change>, key: impl FnOnce() -> K) {
        // The key's copy is made for the listeners: a panic in it is treated as one of a listener.
        let key = match catch_unwind(AssertUnwindSafe(key)) {
            Ok(key) => key,
            Err(payload) => return std::mem::forget(payload),
        };
        let (from, to) = (CircuitState::Closed, CircuitState::Closed);
        let mut event = StateChange {
            key,
            from,
            to,
            generation: 0,
            at: 0,
            open_for: None,
            cause: Cause::Manual,
            shadow: false,
        };
        for change in changes {
            let Some((from, to)) = public(change) else {
                continue;
            };
            (event.from, event.to) = (from, to);
            (event.generation, event.at) = (change.generation.bits(), change.at.unix_ms());
            (event.cause, event.shadow) = (change.cause, change.shadow);
            event.open_for = change.open_for.map(Duration::from);
            self.tell(&event);
        }
    }

    fn tell(&self, event: &StateChange<K>) {
        for listener in &self.built_in {
            hear(&**listener, event);
        }
        #[cfg(feature = "subscription")]
        self.tell_subscribers(event);
    }
}

/// Tells one listener. Its panic is its own affair: it must not reach the guarded call, nor keep the
/// next listener from hearing. The payload is not dropped, since that could panic again.
fn hear<K>(listener: &Listener<K>, event: &StateChange<K>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| listener(event))) {
        std::mem::forget(payload);
    }
}

/// The change as users see it. To be reset is to be closed, unless the circuit was closed.
fn public(change: Change) -> Option<(CircuitState, CircuitState)> {
    let from = change.from.public()?;
    match change.to.public() {
        Some(to) => Some((from, to)),
        None => (from != CircuitState::Closed).then_some((from, CircuitState::Closed)),
    }
}

impl<K> fmt::Debug for Listeners<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a statistic here.
        write!(f, "{} listeners", self.number.load(Ordering::Relaxed))
    }
}
