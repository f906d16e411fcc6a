//! Guarded calls: acquire, run, report.

use super::permit::{Permit, Target};
use super::runtime::{AsyncRuntime, within};
use super::{CircuitBreaker, GuardedCircuit};
use crate::clock::Clock;
use crate::error::{CallError, Rejected};
use crate::key::ToKey;
use crate::word::Outcome;
use std::borrow::Borrow;
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
        call(self.acquire(key), f)
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
        call_async(self.acquire(key), self.call_timeout.as_ref(), future).await
    }
}

impl<K, S, C> GuardedCircuit<K, S, C>
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
        call(self.acquire(), f)
    }

    /// See [`CircuitBreaker::call_async`].
    ///
    /// # Errors
    /// If the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        call_async(self.acquire(), self.breaker.call_timeout.as_ref(), future).await
    }
}

fn call<P: Target, T, E>(
    admitted: Result<Permit<P>, Rejected>,
    f: impl FnOnce() -> Result<T, E>,
) -> Result<T, CallError<E>> {
    let mut running = Running {
        permit: Some(admitted?),
        user_code: true,
    };
    let result = f();
    running.finish(outcome(&result));
    result.map_err(CallError::Inner)
}

async fn call_async<P: Target, T, E>(
    admitted: Result<Permit<P>, Rejected>,
    timeout: Option<&CallTimeout>,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
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
            running.finish(outcome(&result));
            result.map_err(CallError::Inner)
        }
        None => {
            running.finish(Outcome::Failure);
            Err(CallError::TimedOut(
                timeout.map(|timeout| timeout.after).unwrap_or_default(),
            ))
        }
    }
}

fn outcome<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() {
        Outcome::Success
    } else {
        Outcome::Failure
    }
}

/// A permit whose call is being made.
struct Running<P: Target> {
    permit: Option<Permit<P>>,
    /// The caller's code is running: if this is dropped now, that code panics.
    user_code: bool,
}

impl<P: Target> Running<P> {
    fn finish(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            // Stale or not: the call's own result is what the caller waits for.
            let _ = permit.report(outcome);
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
