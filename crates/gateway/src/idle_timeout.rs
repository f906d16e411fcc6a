//! A limit on the time for which one side of a connection may keep the other waiting.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A limit on silence, which begins anew with each byte that is moved.
#[derive(Debug)]
pub(crate) struct IdleTimeout {
    limit: Duration,
    since: Option<Instant>,
    /// Not restarted at each byte, since most waits are short and setting a timer takes a lock.
    timer: Option<Pin<Box<Sleep>>>,
}

impl IdleTimeout {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: None,
            timer: None,
        }
    }

    /// Begins the limit anew.
    pub(crate) fn renew(&mut self) {
        self.since = None;
    }

    /// Returns whether the silence has lasted for too long; if not, has the task woken when it has.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let due = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return true;
            }
            timer.as_mut().reset(due);
        }
        false
    }

    /// Passes on the result of a write, or an error once nothing has been taken for too long.
    pub(crate) fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Pending if self.is_over(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(written) => {
                self.renew();
                Poll::Ready(written)
            }
        }
    }
}
