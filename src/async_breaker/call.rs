//! Guarded calls by a breaker over any store.

use super::circuit_breaker::AsyncCircuitBreaker;
use super::permit::AsyncPermit;
use crate::classify::{Classify, by_error};
use crate::error::{CallError, flat};
use crate::running::Running;
use crate::stats::Counted;
use crate::word::{Outcome, Report};
use std::convert::Infallible;
use std::future::Future;

impl<K> AsyncCircuitBreaker<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// Makes the call `future` if the circuit of `key` admits it. `Ok` is a success; `Err`, a panic
    /// and a call that outlives the [call timeout](super::AsyncCircuitBreakerBuilder::call_timeout)
    /// are failures. If this future is dropped, the call counts as a dropped permit.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        key: &K,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        self.call_async_if(key, future, |_| Outcome::Failure).await
    }

    /// Makes the call `future`, like [`call_async`](Self::call_async); `err_is` gives the outcome
    /// of a call that returned an error.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async_if<T, E, R: Into<Report>>(
        &self,
        key: &K,
        future: impl Future<Output = Result<T, E>>,
        err_is: impl FnOnce(&E) -> R,
    ) -> Result<T, CallError<E>> {
        flat(self.guard(key, future, by_error(err_is)).await)
    }

    /// Makes the call `future`, which may return any type, like [`call_async`](Self::call_async);
    /// `classifier` gives its outcome.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or times out.
    pub async fn call_async_with<R>(
        &self,
        key: &K,
        classifier: &impl Classify<R>,
        future: impl Future<Output = R>,
    ) -> Result<R, CallError<Infallible>> {
        let classify = |result: &_| classifier.classify(result);
        self.guard(key, future, classify).await
    }

    async fn guard<R>(
        &self,
        key: &K,
        future: impl Future<Output = R>,
        classify: impl FnOnce(&R) -> Report,
    ) -> Result<R, CallError<Infallible>> {
        let mut running = Running::new(self.acquire(key).await?, fail);
        let timeout = self.inner.call_timeout.as_ref();
        let result = running.poll(future, timeout).await;
        let report = match &result {
            Ok(result) => running.run(|| classify(result)),
            Err(_) => {
                self.inner.counters.add_one(Counted::TimedOut);
                Outcome::Failure.into()
            }
        };
        // The caller waits for the call's own result.
        let _ = running.end().report(report).await;
        result
    }
}

fn fail<K>(permit: AsyncPermit<K>)
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    // Dropped unfinished, the report goes on in the background.
    drop(permit.failure());
}
