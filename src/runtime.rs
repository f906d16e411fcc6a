//! The runtime of an asynchronous breaker: timeouts, and work after a drop.

use crate::contract::BoxFuture;
use crate::error::ConfigError;
use crate::on_panic::caught;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// An asynchronous runtime. With the feature `tokio`, `TokioRuntime` is the default.
pub trait AsyncRuntime: Send + Sync {
    /// Returns a future that is ready after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `future` on its own. May be called from a destructor. If the runtime is shutting down,
    /// it may drop `future`.
    fn spawn(&self, future: BoxFuture<'static, ()>);
}

/// The runtime of tokio that the caller runs in (feature `tokio`).
///
/// Outside of one there are no timeouts, and work for the background is dropped: a probe then
/// stays out until its lease is over.
///
/// # Panics
/// A call that has to wait under a timeout panics in a runtime without timers: make it with
/// `enable_time` or `enable_all`.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

#[cfg(feature = "tokio")]
impl AsyncRuntime for TokioRuntime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match tokio::runtime::Handle::try_current() {
            Ok(_) => Box::pin(tokio::time::sleep(duration)),
            Err(_) => Box::pin(std::future::pending()),
        }
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(future);
        }
    }
}

/// Returns the runtime that is used if none is given.
pub(crate) fn default_runtime() -> Option<Arc<dyn AsyncRuntime>> {
    #[cfg(feature = "tokio")]
    return Some(Arc::new(TokioRuntime));
    #[cfg(not(feature = "tokio"))]
    return None;
}

/// The longest time that a call may take, and the runtime that measures it.
#[derive(Clone)]
pub(crate) struct CallTimeout {
    pub(crate) after: Duration,
    pub(crate) runtime: Arc<dyn AsyncRuntime>,
}

/// Waits for `future`. Returns `None` if it isn't ready within `limit`.
pub(crate) async fn within<F: Future + ?Sized>(
    runtime: &dyn AsyncRuntime,
    limit: Duration,
    mut future: Pin<&mut F>,
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

/// The function that takes an answer that no caller waits for any more.
type OnLate<T> = Box<dyn FnOnce(T) -> BoxFuture<'static, ()> + Send>;

/// A request to a store that must not be left half done. Dropped unfinished, it is polled once
/// more, and then carried on in the background, until `deadline` if there is one.
pub(crate) struct Finisher<T: Send + 'static> {
    runtime: Arc<dyn AsyncRuntime>,
    /// The longest time in the background; `None` for no limit.
    deadline: Option<Duration>,
    request: Option<BoxFuture<'static, T>>,
    on_late: Option<OnLate<T>>,
}

impl<T: Send + 'static> Finisher<T> {
    pub(crate) fn new(
        runtime: Arc<dyn AsyncRuntime>,
        deadline: Option<Duration>,
        request: impl Future<Output = T> + Send + 'static,
        on_late: impl FnOnce(T) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Self {
        let (request, on_late) = (Some(Box::pin(request) as _), Some(Box::new(on_late) as _));
        Self {
            runtime,
            deadline,
            request,
            on_late,
        }
    }
}

impl<T: Send + 'static> Future for Finisher<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out: if it panics, it isn't polled again in the background.
        let Some(mut request) = self.request.take() else {
            return Poll::Pending;
        };
        let polled = request.as_mut().poll(context);
        if polled.is_pending() {
            self.request = Some(request);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Finisher<T> {
    fn drop(&mut self) {
        let (Some(mut request), Some(on_late)) = (self.request.take(), self.on_late.take()) else {
            return;
        };
        let (runtime, deadline) = (Arc::clone(&self.runtime), self.deadline);
        let mut rest: BoxFuture<'static, ()> = Box::pin(async move {
            let answer = match deadline {
                Some(deadline) => within(&*runtime, deadline, request.as_mut()).await,
                None => Some(request.await),
            };
            if let Some(answer) = answer {
                on_late(answer).await;
            }
        });
        // A store that answers at once, as one in memory does, needs no background.
        let mut context = Context::from_waker(Waker::noop());
        if let Some(Poll::Pending) = caught(|| rest.as_mut().poll(&mut context)) {
            caught(|| self.runtime.spawn(rest));
        }
    }
}

/// Makes the error of a setting that needs a runtime where there is none.
pub(crate) fn needs_runtime(field: &'static str, value: Duration) -> ConfigError {
    let expected = "unset, or given with `runtime(..)` or the feature `tokio`";
    ConfigError::new(field, format!("{value:?}"), expected)
}
