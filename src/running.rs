//! A call that is being made. If its code panics, it counts as a failure.

use crate::error::CallError;
use crate::on_panic::in_drop;
use crate::runtime::{CallTimeout, within};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;

/// A permit whose call is being made.
pub(crate) struct Running<P> {
    permit: Option<P>,
    /// The function that reports a failure.
    fail: fn(P),
    /// Whether the caller's code is running: if this is dropped now, that code panics.
    user_code: bool,
}

impl<P> Running<P> {
    pub(crate) fn new(permit: P, fail: fn(P)) -> Self {
        Self {
            permit: Some(permit),
            fail,
            user_code: false,
        }
    }

    /// Runs code of the caller's. A panic in it reports a failure.
    pub(crate) fn run<R>(&mut self, code: impl FnOnce() -> R) -> R {
        self.user_code = true;
        let result = code();
        self.user_code = false;
        result
    }

    /// Polls a future of the caller's to its end, but no longer than `timeout`.
    pub(crate) async fn poll<F: Future>(
        &mut self,
        future: F,
        timeout: Option<&CallTimeout>,
    ) -> Result<F::Output, CallError<Infallible>> {
        let mut future = pin!(future);
        let call = poll_fn(|context| self.run(|| future.as_mut().poll(context)));
        let Some(CallTimeout { after, runtime }) = timeout else {
            return Ok(call.await);
        };
        let output = within(&**runtime, *after, pin!(call)).await;
        output.ok_or(CallError::TimedOut(*after))
    }

    /// Returns the permit, to report how the call went.
    pub(crate) fn end(mut self) -> P {
        match self.permit.take() {
            Some(permit) => permit,
            None => unreachable!("`end` consumes it, and only a drop takes it too"),
        }
    }
}

impl<P> Drop for Running<P> {
    fn drop(&mut self) {
        if let (true, Some(permit)) = (self.user_code, self.permit.take()) {
            // In the user's code. Between polls the drop is the permit's own.
            in_drop(|| (self.fail)(permit));
        }
    }
}
