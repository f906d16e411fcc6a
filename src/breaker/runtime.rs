//! What the breaker needs of an asynchronous runtime: time-outs, and work after a drop.

use crate::contract::BoxFuture;
use std::time::Duration;

/// An asynchronous runtime. With the feature `tokio`, `TokioRuntime` is the default.
pub trait AsyncRuntime: Send + Sync {
    /// A future that is ready after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `future` on its own. May be called from a destructor; where it can't run any more, it
    /// may be dropped.
    fn spawn(&self, future: BoxFuture<'static, ()>);
}

/// The runtime of tokio that the caller runs in.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

#[cfg(feature = "tokio")]
impl AsyncRuntime for TokioRuntime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        // Outside of a runtime there is nobody to run it: a probe slot waits for its lease.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(future);
        }
    }
}

/// The runtime that is used where none is given.
pub(super) fn default_runtime() -> Option<std::sync::Arc<dyn AsyncRuntime>> {
    #[cfg(feature = "tokio")]
    return Some(std::sync::Arc::new(TokioRuntime));
    #[cfg(not(feature = "tokio"))]
    return None;
}
