//! Looks inside a breaker: the statistics of its store, completed by its policies.

use super::circuit_breaker::CircuitBreaker;
use crate::clock::Clock;
#[cfg(feature = "subscription")]
use crate::events::Subscription;
use crate::key::ToKey;
use crate::stats::Counted;
use crate::store::{CircuitStats, Totals};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Returns the statistics of the circuit of `key`; `None` if the breaker doesn't know it: then
    /// it is closed, and nothing is counted. Has no side effects: decides and fixes nothing.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, ManualClock, Policy, SlidingWindow};
    /// use std::time::Duration;
    ///
    /// let policy = Policy::builder()
    ///     .sliding_window(SlidingWindow::Calls(10))
    ///     .failure_rate_threshold(50)
    ///     .minimum_calls(2)
    ///     .reset_timeout(Duration::from_secs(10))
    ///     .build()?;
    /// let clock = ManualClock::new(1_000);
    /// let breaker = CircuitBreaker::<String>::builder().policy(policy).clock(clock).build()?;
    /// assert_eq!(breaker.stats("search"), None);
    /// let _ = breaker.acquire("search")?.failure();
    /// let window = breaker.stats("search").unwrap().window.unwrap();
    /// assert_eq!((window.calls, window.failures, window.slow), (1, 1, 0));
    ///
    /// let _ = breaker.acquire("search")?.failure();
    /// assert!(breaker.acquire("search").is_err());
    /// let search = breaker.stats("search").unwrap();
    /// assert_eq!((search.open_until, search.rejected), (Some(11_000), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats<Q>(&self, key: &Q) -> Option<CircuitStats>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.store.stats_by(key, || Some(self.policy(key)))
    }

    /// Visits the [`stats`](Self::stats) of each known circuit. One that is known throughout is
    /// visited exactly once; one that is created or reset meanwhile may or may not be. `f` may use
    /// the breaker. O(circuits).
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, CircuitState};
    ///
    /// let breaker: CircuitBreaker = CircuitBreaker::new();
    /// let _ = breaker.force_open("search");
    /// let _ = breaker.acquire("images")?.failure();
    /// let mut open = Vec::new();
    /// breaker.for_each_stats(|key, circuit| {
    ///     if circuit.snapshot.state != CircuitState::Closed {
    ///         open.push(key.clone());
    ///     }
    /// });
    /// assert_eq!(open, ["search"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn for_each_stats(&self, f: impl FnMut(&K, CircuitStats)) {
        self.store
            .for_each_stats_by(|key| Some(self.policy::<K>(key)), f);
    }

    /// Returns the counts of all calls by the breaker and its clones since it was made. O(1).
    ///
    /// ```
    /// use breakerbox::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::<String>::builder().failure_threshold(1).build()?;
    /// let _ = breaker.acquire("search")?.failure();
    /// assert!(breaker.acquire("search").is_err());
    /// drop(breaker.acquire("images")?); // say, its client hung up
    ///
    /// let totals = breaker.totals();
    /// assert_eq!((totals.failed, totals.rejected, totals.dropped), (1, 1, 1));
    /// for (cause, opened) in totals.opened.iter() {
    ///     assert_eq!(opened, u64::from(cause == "consecutive-failures"), "{cause}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn totals(&self) -> Totals {
        self.store.totals()
    }
}

impl<K, S, C> CircuitBreaker<K, S, C> {
    /// Subscribes to the state changes of operations that begin from now on (feature
    /// `subscription`). Up to `capacity` of them, at least 1, wait to be taken. A change that comes
    /// while the queue is full is dropped and counted, so a slow subscriber never delays a call.
    /// Any number is valid: memory is taken for the changes that wait, each with a clone of its
    /// key, not for `capacity`.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, CircuitState};
    ///
    /// let breaker = CircuitBreaker::<String>::builder().failure_threshold(1).build()?;
    /// let changes = breaker.subscribe(1_000);
    /// let log = std::thread::spawn(move || {
    ///     let mut opened = 0;
    ///     while let Some(change) = changes.next_blocking() { // in a task: `changes.next().await`
    ///         opened += u32::from(change.to == CircuitState::Open);
    ///     }
    ///     (opened, changes.dropped())
    /// });
    /// let _ = breaker.acquire("search")?.failure();
    /// drop(breaker); // no change can come any more
    /// assert_eq!(log.join().unwrap(), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "subscription")]
    pub fn subscribe(&self, capacity: usize) -> Subscription<K>
    where
        K: Clone + Send + Sync + 'static,
    {
        self.store.subscribe(capacity)
    }

    /// Counts a call under this heading.
    pub(super) fn count(&self, counted: Counted) {
        self.store.count(counted);
    }
}
