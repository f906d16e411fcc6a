//! State changes through a bounded queue, for a thread or task of its own.

use crate::events::StateChange;
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use async_channel::{Receiver, TrySendError};
use std::fmt;
use std::sync::Arc;

/// A listener, for `on_state_change`, and the subscription that receives what it hears: up to
/// `capacity` changes wait to be taken, at least 1; what comes while so many wait is dropped and
/// counted. So a slow subscriber never holds a call up.
///
/// ```
/// use breakerbox::{CircuitBreaker, CircuitState};
///
/// let (listener, changes) = breakerbox::subscription(1_000);
/// let breaker = CircuitBreaker::builder()
///     .failure_threshold(1)
///     .on_state_change(listener)
///     .build()?;
/// let log = std::thread::spawn(move || {
///     let mut opened = 0;
///     while let Some(change) = changes.next_blocking() { // in a task: `changes.next().await`
///         opened += u32::from(change.to == CircuitState::Open);
///     }
///     (opened, changes.dropped())
/// });
/// let _ = breaker.acquire("search")?.failure();
/// drop(breaker); // nothing can come any more
/// assert_eq!(log.join().unwrap(), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn subscription<K: Clone + Send + 'static>(
    capacity: usize,
) -> (
    impl Fn(&StateChange<K>) + Send + Sync + 'static,
    Subscription<K>,
) {
    let (sender, receiver) = async_channel::bounded(capacity.max(1));
    let dropped = Arc::new(PlainAtomicU64::new(0));
    let lost = Arc::clone(&dropped);
    let listener = move |change: &StateChange<K>| {
        if let Err(TrySendError::Full(_)) = sender.try_send(change.clone()) {
            // Relaxed: a statistic.
            lost.fetch_add(1, Ordering::Relaxed);
        }
    };
    (listener, Subscription { receiver, dropped })
}

/// The receiving end of a [`subscription`]. A clone takes from the same queue: each change goes to
/// one of them.
pub struct Subscription<K> {
    receiver: Receiver<StateChange<K>>,
    dropped: Arc<PlainAtomicU64>,
}

impl<K> Subscription<K> {
    /// The next change, waited for. `None`: none is left, and the store or breaker is gone.
    ///
    /// Cancel safe: what isn't returned is still in the queue.
    pub async fn next(&self) -> Option<StateChange<K>> {
        self.receiver.recv().await.ok()
    }

    /// As [`next`](Self::next); blocks the thread, so not for use in tasks. Not there on wasm, whose
    /// threads can't block.
    #[cfg(not(target_family = "wasm"))]
    pub fn next_blocking(&self) -> Option<StateChange<K>> {
        self.receiver.recv_blocking().ok()
    }

    /// The next change, if one is there.
    pub fn try_next(&self) -> Option<StateChange<K>> {
        self.receiver.try_recv().ok()
    }

    /// How many changes were dropped so far because the queue was full.
    pub fn dropped(&self) -> u64 {
        // Relaxed: a statistic.
        self.dropped.load(Ordering::Relaxed)
    }

    /// How many changes wait to be taken.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Whether no change waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}

impl<K> Clone for Subscription<K> {
    fn clone(&self) -> Self {
        Self {
            receiver: self.receiver.clone(),
            dropped: Arc::clone(&self.dropped),
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
