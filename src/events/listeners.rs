//! The listeners of a store, and the path of an operation's changes to them.

#[cfg(feature = "subscription")]
use super::subscription::{Subscribers, Subscription};
use super::{Listener, StateChange, hear};
use crate::cell::{Change, Changes};
use crate::on_panic::caught;
use crate::rules::Cause;
use crate::snapshot::CircuitState;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The listeners of a store: those that it was built with, and the subscriptions made since.
pub(crate) struct Listeners<K> {
    built_in: Vec<Arc<Listener<K>>>,
    #[cfg(feature = "subscription")]
    subscribers: Subscribers<K>,
    /// The number of both. While it is 0, no change is kept.
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

    /// Makes the list of one operation's changes, which keeps none if there are no listeners.
    #[inline]
    pub(crate) fn changes(&self) -> Changes {
        // Relaxed: an operation that begins after a subscription has been returned sees it counted.
        Changes::new(self.number.load(Ordering::Relaxed) != 0)
    }

    /// Tells all listeners, after the operation. Nothing is held while they run.
    #[inline]
    pub(crate) fn announce(&self, changes: Changes, key: impl FnOnce() -> K) {
        if !changes.is_empty() {
            self.announce_all(changes.into_list(), key);
        }
    }

    #[cold]
    fn announce_all(&self, changes: Vec<Change>, key: impl FnOnce() -> K) {
        // The key is copied for the listeners, so a panic in it counts as one of a listener.
        let Some(key) = caught(key) else { return };
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

    /// Adds a subscription. It hears of every change made by an operation that begins after this
    /// call has returned.
    #[cfg(feature = "subscription")]
    pub(crate) fn subscribe(&self, capacity: usize) -> Subscription<K>
    where
        K: Clone + Send + Sync + 'static,
    {
        self.subscribers.subscribe(&self.number, capacity)
    }

    fn tell(&self, event: &StateChange<K>) {
        for listener in &self.built_in {
            hear(&**listener, event);
        }
        #[cfg(feature = "subscription")]
        self.subscribers.tell(&self.number, event);
    }
}

/// Returns the states that users see. A reset reads as a change to closed, unless the
/// circuit was closed.
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
        self.number.load(Ordering::Relaxed).fmt(f)
    }
}
