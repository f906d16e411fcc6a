//! Guarded calls: acquire, run, report.

use super::permit::{Permit, Target};
use super::{CircuitBreaker, CircuitHandle};
use crate::classify::{Classify, ErrIsFailure};
use crate::clock::Clock;
use crate::error::{CallError, Rejected};
use crate::key::ToKey;
use crate::runtime::{AsyncRuntime, within};
use crate::word::{Outcome, Report};
use std::borrow::Borrow;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hash};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a call may take, and who measures it.
#[derive(Clone)]
pub(super) struct CallTimeout {
    pub(super) after: Duration,
    pub(super) runtime: Arc<dyn AsyncRuntime>,
}

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Makes the call `f` if the circuit of `key` admits it. `Ok` is a success, `Err` a failure,
    /// and so is a panic of `f`, which goes on to the caller.
    ///
    /// # Errors
    /// If the call is rejected, or fails.
    pub fn call<Q, T, E>(
        &self,
        key: &Q,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        call(self.acquire(key), &ErrIsFailure, f)?.map_err(CallError::Inner)
    }

    /// As [`call`](Self::call), for a call that returns anything: `classifier` says how it went.
    ///
    /// # Errors
    /// If the call is rejected.
    pub fn call_with<Q, R>(
        &self,
        key: &Q,
        classifier: &impl Classify<R>,
        f: impl FnOnce() -> R,
    ) -> Result<R, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        call(self.acquire(key), classifier, f)
    }

    /// As [`call`](Self::call), for a future; asks for the permit when it is first polled.
    ///
    /// A future that outlives the [call timeout](super::CircuitBreakerBuilder::call_timeout) is
    /// dropped, and counts as a failure. One that is dropped by the caller, with this future,
    /// counts as a dropped permit does (see [`DroppedPermit`](crate::DroppedPermit)).
    ///
    /// # Errors
    /// If the call is rejected, times out, or fails.
    pub async fn call_async<Q, T, E>(
        &self,
        key: &Q,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let timeout = self.call_timeout.as_ref();
        match call_async(self.acquire(key), timeout, &ErrIsFailure, future).await {
            Ok(result) => result.map_err(CallError::Inner),
            Err(unmade) => Err(unmade.with_error()),
        }
    }

    /// As [`call_async`](Self::call_async), for a future that returns anything: `classifier` says
    /// how it went.
    ///
    /// # Errors
    /// If the call is rejected, or times out.
    pub async fn call_async_with<Q, R>(
        &self,
        key: &Q,
        classifier: &impl Classify<R>,
        future: impl Future<Output = R>,
    ) -> Result<R, CallError<Infallible>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let timeout = self.call_timeout.as_ref();
        call_async(self.acquire(key), timeout, classifier, future).await
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// See [`CircuitBreaker::call`].
    ///
    /// # Errors
    /// If the call is rejected, or fails.
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        call(self.acquire(), &ErrIsFailure, f)?.map_err(CallError::Inner)
    }

    /// See [`CircuitBreaker::call_with`].
    ///
    /// # Errors
    /// If the call is rejected.
    pub fn call_with<R>(
        &self,
        classifier: &impl Classify<R>,
        f: impl FnOnce() -> R,
    ) -> Result<R, Rejected> {
        call(self.acquire(), classifier, f)
    }

    /// See [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    /// If the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        let timeout = self.breaker.call_timeout.as_ref();
        match call_async(self.acquire(), timeout, &ErrIsFailure, future).await {
            Ok(result) => result.map_err(CallError::Inner),
            Err(unmade) => Err(unmade.with_error()),
        }
    }

    /// See [`CircuitBreaker::call_async_with`].
    ///
    /// # Errors
    /// If the call is rejected, or times out.
    pub async fn call_async_with<R>(
        &self,
        classifier: &impl Classify<R>,
        future: impl Future<Output = R>,
    ) -> Result<R, CallError<Infallible>> {
        let timeout = self.breaker.call_timeout.as_ref();
        call_async(self.acquire(), timeout, classifier, future).await
    }
}

fn call<P: Target, R>(
    admitted: Result<Permit<P>, Rejected>,
    classifier: &impl Classify<R>,
    f: impl FnOnce() -> R,
) -> Result<R, Rejected> {
    let mut running = Running {
        permit: Some(admitted?),
        user_code: true,
    };
    let result = f();
    running.finish(classifier.classify(&result));
    Ok(result)
}

async fn call_async<P: Target, R>(
    admitted: Result<Permit<P>, Rejected>,
    timeout: Option<&CallTimeout>,
    classifier: &impl Classify<R>,
    future: impl Future<Output = R>,
) -> Result<R, CallError<Infallible>> {
    let mut running = Running {
        permit: Some(admitted?),
        user_code: false,
    };
    // `None`: timed out.
    let result = {
        let mut future = pin!(future);
        let call = poll_fn(|context| {
            running.user_code = true;
            let polled = future.as_mut().poll(context);
            running.user_code = false;
            polled
        });
        match timeout {
            None => Some(call.await),
            Some(timeout) => within(&*timeout.runtime, timeout.after, pin!(call)).await,
        }
    };

    match result {
        Some(result) => {
            running.user_code = true;
            running.finish(classifier.classify(&result));
            Ok(result)
        }
        None => {
            if let Some(permit) = running.permit.take() {
                let _ = permit.time_out();
            }
            Err(CallError::TimedOut(
                timeout.map(|timeout| timeout.after).unwrap_or_default(),
            ))
        }
    }
}

/// A permit whose call is being made.
struct Running<P: Target> {
    permit: Option<Permit<P>>,
    /// The caller's code is running: if this is dropped now, that code panics.
    user_code: bool,
}

impl<P: Target> Running<P> {
    fn finish(&mut self, report: impl Into<Report>) {
        if let Some(permit) = self.permit.take() {
            // Stale or not: the call's own result is what the caller waits for.
            let _ = permit.report(report);
        }
    }
}

impl<P: Target> Drop for Running<P> {
    fn drop(&mut self) {
        if self.user_code {
            self.finish(Outcome::Failure);
        }
    }
}
