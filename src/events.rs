//! State changes, announced to listeners.

#[cfg(feature = "subscription")]
mod subscription;

#[cfg(feature = "subscription")]
pub use subscription::{Subscription, subscription};

use crate::cell::{Change, Changes};
use crate::rules::Cause;
use crate::snapshot::CircuitState;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
    /// Why: which rule, by which numbers.
    pub cause: Cause,
    /// Whether the policy that made it is a [shadow](crate::Policy::shadow) one: calls are admitted
    /// all the same.
    pub shadow: bool,
}

type Listener<K> = dyn Fn(&StateChange<K>) + Send + Sync;

/// Who wants to know of state changes.
pub(crate) struct Listeners<K>(Vec<Arc<Listener<K>>>);

impl<K> Listeners<K> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, listener: impl Fn(&StateChange<K>) + Send + Sync + 'static) {
        self.0.push(Arc::new(listener));
    }

    /// A list for one operation's changes; keeps none if nobody listens.
    #[inline]
    pub(crate) fn changes(&self) -> Changes {
        Changes::new(!self.0.is_empty())
    }

    /// Tells everybody, after the operation: nothing is held while listeners run.
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
            for listener in &self.0 {
                // A listener's panic is its own affair: it must not reach the guarded call, nor
                // keep the next listener from hearing. Its payload is not dropped, since that
                // could panic again.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| listener(&event))) {
                    std::mem::forget(payload);
                }
            }
        }
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

impl<K> Clone for Listeners<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> fmt::Debug for Listeners<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.0.len())
    }
}
