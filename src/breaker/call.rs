//! Guarded calls: acquire, run, report.

use super::circuit_breaker::CircuitBreaker;
use super::handle::CircuitHandle;
use super::permit::{Permit, Target};
use crate::classify::{Classify, by_error};
use crate::clock::Clock;
use crate::error::{CallError, Rejected, flat};
use crate::key::ToKey;
use crate::running::Running;
use crate::runtime::CallTimeout;
use crate::word::{Outcome, Report};
use std::borrow::Borrow;
use std::convert::Infallible;
use std::future::Future;
use std::hash::{BuildHasher, Hash};

impl<K, S, C> CircuitBreaker<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Makes the call `f` if the circuit of `key` admits it. `Ok` is a success, `Err` a failure. A
    /// panic of `f` is a failure too, and goes on to the caller.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or fails. If `E` is no error itself, such as
    /// `String`, `map_err(CallError::into_boxed)` makes one that `?` takes.
    pub fn call<Q, T, E>(
        &self,
        key: &Q,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.call_if(key, f, |_| Outcome::Failure)
    }

    /// Makes a call, like [`call`](Self::call); `err_is` gives the outcome of a call that
    /// returned an error.
    ///
    /// ```
    /// use breakerbox::{CallError, CircuitBreaker, Outcome};
    /// use std::io::{Error, ErrorKind};
    ///
    /// let breaker = CircuitBreaker::new();
    /// let read = || Err::<Vec<u8>, _>(Error::from(ErrorKind::NotFound));
    /// let result = breaker.call_if("disk", read, |error| match error.kind() {
    ///     ErrorKind::NotFound => Outcome::Success, // the disk is well
    ///     _ => Outcome::Failure,
    /// });
    /// assert!(matches!(result, Err(CallError::Inner(error)) if error.kind() == ErrorKind::NotFound));
    /// assert!(breaker.peek("disk").is_none());
    /// ```
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or fails.
    pub fn call_if<Q, T, E, R>(
        &self,
        key: &Q,
        f: impl FnOnce() -> Result<T, E>,
        err_is: impl FnOnce(&E) -> R,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
        R: Into<Report>,
    {
        call(self.acquire(key), f, by_error(err_is))?.map_err(CallError::Inner)
    }

    /// Makes a call that may return any type, like [`call`](Self::call); `classifier` gives its
    /// outcome.
    ///
    /// The classifier is borrowed, so that many calls can share one. If it is a closure, its
    /// argument needs a type, as in `|found: &Vec<u32>|`: Rust infers the type where an `Fn` is
    /// expected, as by [`call_if`](Self::call_if), but not where any [`Classify`] is.
    ///
    /// # Errors
    /// Returns [`Rejected`] if the call is rejected.
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
        call(self.acquire(key), f, |result| classifier.classify(result))
    }

    /// Makes the call `future`, like [`call`](Self::call). Asks for the permit when it is first
    /// polled.
    ///
    /// A future that outlives the [call timeout](super::CircuitBreakerBuilder::call_timeout) is
    /// dropped and counts as a failure. If this future is dropped by the caller, the call counts as
    /// a dropped permit (see [`DroppedPermit`](crate::DroppedPermit)), which by default is ignored.
    /// So a timeout around this future hides hung calls from the circuit: prefer the call timeout.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async<Q, T, E>(
        &self,
        key: &Q,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        self.call_async_if(key, future, |_| Outcome::Failure).await
    }

    /// Makes the call `future`, like [`call_async`](Self::call_async); `err_is` gives the outcome
    /// of a call that returned an error.
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async_if<Q, T, E, R>(
        &self,
        key: &Q,
        future: impl Future<Output = Result<T, E>>,
        err_is: impl FnOnce(&E) -> R,
    ) -> Result<T, CallError<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
        R: Into<Report>,
    {
        let timeout = self.call_timeout.as_ref();
        flat(call_async(self.acquire(key), timeout, future, by_error(err_is)).await)
    }

    /// Makes the call `future`, which may return any type, like [`call_async`](Self::call_async);
    /// `classifier` gives its outcome, as for [`call_with`](Self::call_with).
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or times out.
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
        let classify = |result: &_| classifier.classify(result);
        call_async(
            self.acquire(key),
            self.call_timeout.as_ref(),
            future,
            classify,
        )
        .await
    }
}

impl<K, S, C> CircuitHandle<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Makes a call, like [`CircuitBreaker::call`].
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or fails.
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.call_if(f, |_| Outcome::Failure)
    }

    /// Makes a call, like [`CircuitBreaker::call_if`].
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or fails.
    pub fn call_if<T, E, R: Into<Report>>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        err_is: impl FnOnce(&E) -> R,
    ) -> Result<T, CallError<E>> {
        call(self.acquire(), f, by_error(err_is))?.map_err(CallError::Inner)
    }

    /// Makes a call, like [`CircuitBreaker::call_with`].
    ///
    /// # Errors
    /// Returns [`Rejected`] if the call is rejected.
    pub fn call_with<R>(
        &self,
        classifier: &impl Classify<R>,
        f: impl FnOnce() -> R,
    ) -> Result<R, Rejected> {
        call(self.acquire(), f, |result| classifier.classify(result))
    }

    /// Makes a call, like [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        self.call_async_if(future, |_| Outcome::Failure).await
    }

    /// Makes a call, like [`CircuitBreaker::call_async_if`].
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected, times out, or fails.
    pub async fn call_async_if<T, E, R: Into<Report>>(
        &self,
        future: impl Future<Output = Result<T, E>>,
        err_is: impl FnOnce(&E) -> R,
    ) -> Result<T, CallError<E>> {
        let timeout = self.breaker.call_timeout.as_ref();
        flat(call_async(self.acquire(), timeout, future, by_error(err_is)).await)
    }

    /// Makes a call, like [`CircuitBreaker::call_async_with`].
    ///
    /// # Errors
    /// Returns a [`CallError`] if the call is rejected or times out.
    pub async fn call_async_with<R>(
        &self,
        classifier: &impl Classify<R>,
        future: impl Future<Output = R>,
    ) -> Result<R, CallError<Infallible>> {
        let timeout = self.breaker.call_timeout.as_ref();
        let classify = |result: &_| classifier.classify(result);
        call_async(self.acquire(), timeout, future, classify).await
    }
}

fn call<T: Target, R>(
    admitted: Result<Permit<T>, Rejected>,
    f: impl FnOnce() -> R,
    classify: impl FnOnce(&R) -> Report,
) -> Result<R, Rejected> {
    let mut running = Running::new(admitted?, fail);
    let (result, report) = running.run(|| {
        let result = f();
        let report = classify(&result);
        (result, report)
    });
    // Stale or not: the caller waits for the call's own result.
    let _ = running.end().report(report);
    Ok(result)
}

async fn call_async<T: Target, R>(
    admitted: Result<Permit<T>, Rejected>,
    timeout: Option<&CallTimeout>,
    future: impl Future<Output = R>,
    classify: impl FnOnce(&R) -> Report,
) -> Result<R, CallError<Infallible>> {
    let mut running = Running::new(admitted?, fail);
    let result = running.poll(future, timeout).await;
    // As in `call`.
    let _ = match &result {
        Ok(result) => {
            let report = running.run(|| classify(result));
            running.end().report(report)
        }
        Err(_) => running.end().time_out(),
    };
    result
}

fn fail<T: Target>(permit: Permit<T>) {
    let _ = permit.failure();
}
