//! A breaker over any store: it waits only so long for an answer, and admits without one.

use super::permit::Drops;
use super::remote_builder::AsyncCircuitBreakerBuilder;
use super::runtime::AsyncRuntime;
use crate::contract::{CircuitBreakerStore, StoreResult};
use crate::error::{CallError, Rejected};
use crate::sync::PlainAtomicU64;
use crate::sync::atomic::Ordering;
use crate::word::{Limits, Outcome, PermitToken, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Circuit breakers over a store that may be far away: [`CircuitBreakerStore`].
///
/// A store that fails, or doesn't answer within the
/// [store timeout](AsyncCircuitBreakerBuilder::store_timeout), is treated as a closed circuit:
/// the call is admitted, its outcome isn't reported, and
/// [`store_failures`](Self::store_failures) counts it. Cloning is cheap.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use breakerbox::{AsyncCircuitBreaker, InMemoryCircuitBreakerStore};
/// use std::sync::Arc;
///
/// let store = Arc::new(InMemoryCircuitBreakerStore::<String>::new()); // or one in Redis
/// let breaker = AsyncCircuitBreaker::<str>::builder(store).failure_threshold(3).build()?;
/// let permit = breaker.acquire("search").await?;
/// permit.failure().await;
/// # Ok(()) }
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// ```
pub struct AsyncCircuitBreaker<K: ?Sized> {
    pub(super) inner: Arc<Remote<K>>,
}

pub(super) struct Remote<K: ?Sized> {
    pub(super) store: Arc<dyn CircuitBreakerStore<K>>,
    pub(super) limits: Limits,
    pub(super) drops: Drops,
    pub(super) store_timeout: Duration,
    pub(super) call_timeout: Option<Duration>,
    pub(super) runtime: Arc<dyn AsyncRuntime>,
    pub(super) store_failures: PlainAtomicU64,
}

impl<K> AsyncCircuitBreaker<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// A breaker over `store`.
    pub fn builder(store: Arc<dyn CircuitBreakerStore<K>>) -> AsyncCircuitBreakerBuilder<K> {
        AsyncCircuitBreakerBuilder::new(store)
    }

    /// Asks to make a call. The permit owns what it needs.
    ///
    /// # Errors
    /// If the store rejects it; never because the store fails.
    pub async fn acquire(&self, key: &K) -> Result<AsyncPermit<K>, Rejected> {
        let inner = &self.inner;
        let key = Arc::new(key.to_owned());
        let answer = {
            let (inner, key) = (Arc::clone(inner), Arc::clone(&key));
            // Owned, so that it can be left behind: see `answer_or_leave`.
            Box::pin(async move { inner.store.acquire((*key).borrow(), &inner.limits).await })
        };
        let token = match self.answer_or_leave(answer, &key).await {
            Some(Ok(Ok(token))) => Some(token),
            Some(Ok(Err(rejected))) => return Err(rejected),
            Some(Err(_)) | None => {
                inner.store_failed();
                None
            }
        };
        let since = inner.drops.needs_time().then(Instant::now);
        Ok(AsyncPermit {
            inner: Arc::clone(inner),
            key,
            token,
            since,
        })
    }

    /// The store's answer in time; else `None`, and a permit that comes late is given back.
    async fn answer_or_leave<F>(
        &self,
        mut answer: std::pin::Pin<Box<F>>,
        key: &Arc<K::Owned>,
    ) -> Option<StoreResult<Result<PermitToken, Rejected>>>
    where
        F: Future<Output = StoreResult<Result<PermitToken, Rejected>>> + Send + 'static,
    {
        let inner = &self.inner;
        let in_time = within(&*inner.runtime, inner.store_timeout, answer.as_mut()).await;
        if in_time.is_none() {
            let (inner, key) = (Arc::clone(inner), Arc::clone(key));
            self.inner.runtime.spawn(Box::pin(async move {
                if let Ok(Ok(late)) = answer.await {
                    let released = inner
                        .store
                        .release((*key).borrow(), late, &inner.limits)
                        .await;
                    if released.is_err() {
                        inner.store_failed();
                    }
                }
            }));
        }
        in_time
    }

    /// Makes the call `future` if the circuit of `key` admits it; see
    /// [`CircuitBreaker::call_async`](crate::CircuitBreaker::call_async).
    ///
    /// # Errors
    /// If the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        key: &K,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let permit = self.acquire(key).await?;
        let inner = &self.inner;
        let result = match inner.call_timeout {
            None => Some(future.await),
            Some(after) => within(&*inner.runtime, after, pin!(future)).await,
        };
        match result {
            Some(Ok(value)) => {
                permit.success().await;
                Ok(value)
            }
            Some(Err(error)) => {
                permit.failure().await;
                Err(CallError::Inner(error))
            }
            None => {
                permit.failure().await;
                Err(CallError::TimedOut(inner.call_timeout.unwrap_or_default()))
            }
        }
    }

    /// The store beneath.
    pub fn store(&self) -> &Arc<dyn CircuitBreakerStore<K>> {
        &self.inner.store
    }

    /// The rules.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// How often the store failed or didn't answer in time.
    pub fn store_failures(&self) -> u64 {
        // Relaxed: a statistic.
        self.inner.store_failures.load(Ordering::Relaxed)
    }
}

impl<K: ?Sized> Remote<K> {
    fn store_failed(&self) {
        // Relaxed: a statistic.
        self.store_failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// The output of `future`, if it is ready within `limit`.
async fn within<F: Future>(
    runtime: &dyn AsyncRuntime,
    limit: Duration,
    mut future: std::pin::Pin<&mut F>,
) -> Option<F::Output> {
    let mut sleep = None;
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        // Not ready at once: only now is a timer worth its price.
        let sleep = sleep.get_or_insert_with(|| runtime.sleep(limit));
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// The right to make one call, admitted by [`AsyncCircuitBreaker::acquire`].
///
/// Dropped without a report it reports as configured by
/// [`DroppedPermit`](crate::DroppedPermit), in the background: without a runtime to run it, a
/// probe slot comes back when its lease is over.
#[must_use = "a dropped permit reports by itself, as configured"]
pub struct AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    inner: Arc<Remote<K>>,
    key: Arc<K::Owned>,
    /// `None`: the store didn't answer, or the permit is settled.
    token: Option<PermitToken>,
    since: Option<Instant>,
}

impl<K> AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// The call went well. `None`: the store didn't answer, now or when it was asked.
    pub async fn success(self) -> Option<Reported> {
        self.report(Outcome::Success).await
    }

    /// The call failed, and the upstream is at fault.
    pub async fn failure(self) -> Option<Reported> {
        self.report(Outcome::Failure).await
    }

    /// The call says nothing about the upstream; a probe slot is given back.
    pub async fn ignore(self) -> Option<Reported> {
        self.report(Outcome::Ignored).await
    }

    /// The call ended with `outcome`. Goes on in the background if the store is slow, or if this
    /// future is dropped.
    pub async fn report(mut self, outcome: Outcome) -> Option<Reported> {
        let report = self.settle(outcome)?;
        let inner = Arc::clone(&self.inner);
        let mut left = Left {
            runtime: &*inner.runtime,
            future: Some(Box::pin(report)),
        };
        let answer = within(&*inner.runtime, inner.store_timeout, pin!(&mut left)).await;
        match answer {
            Some(reported) => reported,
            None => {
                inner.store_failed();
                None
            }
        }
    }

    /// Whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_some_and(|token| token.is_probe())
    }

    /// Whether the store didn't answer, so that the call was admitted without it.
    pub fn is_untracked(&self) -> bool {
        self.token.is_none()
    }

    /// The report, to be awaited wherever; `None` if there is nothing to report to.
    fn settle(
        &mut self,
        outcome: Outcome,
    ) -> Option<impl Future<Output = Option<Reported>> + Send + 'static + use<K>> {
        let token = self.token.take()?;
        let (inner, key) = (Arc::clone(&self.inner), Arc::clone(&self.key));
        Some(async move {
            let reported = inner
                .store
                .report((*key).borrow(), token, outcome, &inner.limits)
                .await;
            if reported.is_err() {
                inner.store_failed();
            }
            reported.ok()
        })
    }
}

impl<K> Drop for AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn drop(&mut self) {
        let age = || {
            self.since
                .map_or(0, |since| crate::word::saturating_ms(since.elapsed()))
        };
        let outcome = self.inner.drops.outcome(age);
        // A call that holds no slot and means nothing needs no message.
        if outcome == Outcome::Ignored && !self.is_probe() {
            return;
        }
        if let Some(report) = self.settle(outcome) {
            self.inner.runtime.spawn(Box::pin(async move {
                report.await;
            }));
        }
    }
}

/// A report under way, which goes on in the background if it is dropped unfinished.
struct Left<'a, F: Future<Output = Option<Reported>> + Send + 'static> {
    runtime: &'a dyn AsyncRuntime,
    future: Option<std::pin::Pin<Box<F>>>,
}

impl<F: Future<Output = Option<Reported>> + Send + 'static> Future for &mut Left<'_, F> {
    type Output = Option<Reported>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(None);
        };
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<F: Future<Output = Option<Reported>> + Send + 'static> Drop for Left<'_, F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            self.runtime.spawn(Box::pin(async move {
                future.await;
            }));
        }
    }
}

impl<K: ?Sized> Clone for AsyncCircuitBreaker<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K: ?Sized> fmt::Debug for AsyncCircuitBreaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCircuitBreaker")
            .field("limits", &self.inner.limits)
            .field("store_timeout", &self.inner.store_timeout)
            .finish_non_exhaustive()
    }
}

impl<K> fmt::Debug for AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncPermit")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
