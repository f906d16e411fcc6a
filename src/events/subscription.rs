//! Subscriptions: state changes through a bounded queue, for another thread or task.

use super::{Listener, StateChange, hear};
use crate::sync::atomic::Ordering;
use crate::sync::{EpochCell, PlainArc, PlainAtomicU64};
use async_channel::{Receiver, Sender};
use futures_core::Stream;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The subscriptions of a store, replaced as a whole.
pub(super) struct Subscribers<K>(EpochCell<PlainArc<[Subscriber<K>]>>);

/// The sending end of a subscription.
struct Subscriber<K> {
    listener: PlainArc<Listener<K>>,
    queue: Sender<StateChange<K>>,
    /// The function that removes dropped subscriptions. (A pointer, since an announcement doesn't
    /// know that the key may be sent to another thread.)
    tidy: fn(&Subscribers<K>, &PlainAtomicU64),
}

impl<K> Subscribers<K> {
    pub(super) fn new() -> Self {
        Self(EpochCell::empty())
    }

    fn all(&self) -> Option<PlainArc<[Subscriber<K>]>> {
        self.0.read(|all| all.map(PlainArc::clone))
    }

    /// Adds a subscription, and counts it in the `number` of listeners.
    pub(super) fn subscribe(&self, number: &PlainAtomicU64, capacity: usize) -> Subscription<K>
    where
        K: Clone + Send + Sync + 'static,
    {
        // Unbounded, since a bounded queue takes the memory for its whole capacity at once. The
        // listener below enforces the capacity.
        let (queue, receiver) = async_channel::unbounded();
        let capacity = capacity.max(1);
        let dropped = PlainArc::new(PlainAtomicU64::new(0));
        let listener: PlainArc<Listener<K>> = {
            let (queue, dropped) = (queue.clone(), PlainArc::clone(&dropped));
            PlainArc::new(move |change: &StateChange<K>| {
                if queue.len() >= capacity {
                    // Relaxed: a statistic.
                    dropped.fetch_add(1, Ordering::Relaxed);
                } else {
                    // An error means that the subscription has just been dropped.
                    let _ = queue.try_send(change.clone());
                }
            })
        };
        let new = Subscriber {
            listener,
            queue,
            tidy: Self::tidy,
        };
        let with = |before: Option<&PlainArc<[Subscriber<K>]>>| {
            let before = before.into_iter().flat_map(|before| before.iter());
            Some(before.chain([&new]).cloned().collect())
        };
        // Never `None`, since a list is always made.
        let _ = self.0.get_or_replace(|_| false, with, |_| ());
        // Relaxed: see `Listeners::changes`. Counted after the list is in place, so that changes
        // aren't kept for a list that isn't there yet. An operation that is under way may miss
        // either: its changes aren't promised to this subscription.
        number.fetch_add(1, Ordering::Relaxed);
        self.tidy(number);
        Subscription {
            queue: PlainArc::new(Queue(receiver.clone())),
            receiver: Box::pin(receiver),
            dropped,
        }
    }

    /// Puts the change into every queue.
    pub(super) fn tell(&self, number: &PlainAtomicU64, event: &StateChange<K>) {
        let Some(all) = self.all() else {
            return;
        };
        let mut tidy = None;
        for subscriber in all.iter() {
            if subscriber.queue.is_closed() {
                tidy = Some(subscriber.tidy);
            } else {
                hear(&*subscriber.listener, event);
            }
        }
        if let Some(tidy) = tidy {
            tidy(self, number);
        }
    }

    /// Removes the subscriptions that have been dropped.
    fn tidy(&self, number: &PlainAtomicU64)
    where
        K: Send + Sync + 'static,
    {
        let all = self.all();
        let is_closed = |subscriber: &Subscriber<K>| subscriber.queue.is_closed();
        if !all.is_some_and(|all| all.iter().any(is_closed)) {
            return;
        }
        let gone = Cell::new(0);
        let left = |before: &PlainArc<[Subscriber<K>]>| {
            let kept = before.iter().filter(|one| !is_closed(one));
            let kept: PlainArc<[_]> = kept.cloned().collect();
            gone.set(before.len() - kept.len());
            (!kept.is_empty()).then_some(kept)
        };
        self.0.update_then(left, |_| {
            // Relaxed: see `Listeners::changes`. Until then changes are kept that no
            // subscription takes.
            number.fetch_sub(gone.get() as u64, Ordering::Relaxed);
        });
    }
}

impl<K> Drop for Subscribers<K> {
    /// Ends the subscriptions: lists that were replaced may be freed much later, and their
    /// senders with them.
    fn drop(&mut self) {
        if let Some(all) = self.all() {
            for subscriber in all.iter() {
                subscriber.queue.close();
            }
        }
    }
}

impl<K> Clone for Subscriber<K> {
    fn clone(&self) -> Self {
        Self {
            listener: PlainArc::clone(&self.listener),
            queue: self.queue.clone(),
            tidy: self.tidy,
        }
    }
}

/// The queue of a subscription and its clones, emptied with the last of them.
struct Queue<K>(Receiver<StateChange<K>>);

impl<K> Drop for Queue<K> {
    /// Frees the changes, and with them their keys: the store keeps the sending end until the next
    /// change.
    fn drop(&mut self) {
        // Closed first, so that no change comes after the last one is taken.
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

/// The state changes of a store, from
/// [`CircuitBreaker::subscribe`](crate::CircuitBreaker::subscribe) or
/// [`InMemoryCircuitBreakerStore::subscribe`](crate::InMemoryCircuitBreakerStore::subscribe)
/// (feature `subscription`). A thread or a task waits for the next one. It is also a
/// [`Stream`](https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html).
///
/// A change made while the queue is full is dropped and counted, so a slow subscriber never delays
/// a call. Threads that make changes at the same moment may exceed the capacity by one each. The
/// queue takes memory for the changes that wait, each with a clone of its key.
///
/// The subscription ends when the store is gone; changes that are still queued can be taken. A
/// clone takes from the same queue, so each change goes to one of the clones. When the last of
/// them is dropped, so are the queued changes; the next change removes the subscription from the
/// store.
#[must_use = "a subscription that is dropped takes no changes"]
pub struct Subscription<K> {
    /// Pinned, since as a stream it remembers what it waits for.
    receiver: Pin<Box<Receiver<StateChange<K>>>>,
    queue: PlainArc<Queue<K>>,
    dropped: PlainArc<PlainAtomicU64>,
}

impl<K> Subscription<K> {
    /// Waits for the next change. Returns `None` once no change is left and the store is gone.
    ///
    /// Cancel safe: a change that isn't returned stays in the queue.
    pub async fn next(&self) -> Option<StateChange<K>> {
        self.receiver.recv().await.ok()
    }

    /// Waits for the next change as [`next`](Self::next) does, but blocks the thread: not
    /// for use in tasks.
    #[cfg(not(target_family = "wasm"))]
    pub fn next_blocking(&self) -> Option<StateChange<K>> {
        self.receiver.recv_blocking().ok()
    }

    /// Returns the next change, if one is there.
    pub fn try_next(&self) -> Option<StateChange<K>> {
        self.receiver.try_recv().ok()
    }

    /// Returns the number of changes that have been dropped so far because the queue was full.
    pub fn dropped(&self) -> u64 {
        // Relaxed: a statistic.
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns the number of changes that wait to be taken.
    pub fn len(&self) -> usize {
        self.queue.0.len()
    }

    /// Returns whether no change waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.queue.0.is_empty()
    }
}

impl<K> Stream for Subscription<K> {
    type Item = StateChange<K>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.as_mut().poll_next(context)
    }
}

impl<K> Clone for Subscription<K> {
    fn clone(&self) -> Self {
        Self {
            receiver: Box::pin(Receiver::clone(&self.receiver)),
            queue: PlainArc::clone(&self.queue),
            dropped: PlainArc::clone(&self.dropped),
        }
    }
}

impl<K> fmt::Debug for Subscription<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.len())
            .field("dropped", &self.dropped())
            .finish()
    }
}
