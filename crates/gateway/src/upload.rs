//! The request body on its way up, and what it tells about who is slow or gone.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, timeout_at};

/// A client's body, streamed to the upstream as it comes.
#[derive(Debug)]
pub(crate) struct UploadBody {
    inner: Incoming,
    watch: Option<Arc<Upload>>,
}

/// How far the upload is, for whoever waits for the answer.
#[derive(Debug)]
pub(crate) struct Upload(Mutex<(Phase, Instant)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next move is the upstream's: it has all that came, or doesn't read.
    Handed,
    /// The next move is the client's.
    Waiting,
    /// The client broke off.
    Broken,
    /// All is sent.
    Done,
}

/// The upstream took too long.
#[derive(Debug)]
pub(crate) struct TimedOut;

impl UploadBody {
    /// A body, and a watch on it unless it has ended already.
    pub(crate) fn new(inner: Incoming) -> (Self, Option<Arc<Upload>>) {
        let watch = (!inner.is_end_stream())
            .then(|| Arc::new(Upload(Mutex::new((Phase::Handed, Instant::now())))));
        (
            Self {
                inner,
                watch: watch.clone(),
            },
            watch,
        )
    }
}

impl Upload {
    fn enter(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now());
    }

    fn get(&self) -> (Phase, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client broke off, so that nothing which follows is the upstream's fault.
    pub(crate) fn is_broken(&self) -> bool {
        self.get().0 == Phase::Broken
    }

    pub(crate) fn is_done(&self) -> bool {
        self.get().0 == Phase::Done
    }

    fn deadline(&self, limit: Duration) -> Instant {
        match self.get() {
            (Phase::Waiting, _) => Instant::now() + limit,
            (_, since) => since + limit,
        }
    }
}

/// Waits for an answer, but no longer than `limit` after the last move that wasn't the
/// upstream's.
pub(crate) async fn answer_within<T>(
    limit: Duration,
    upload: Option<&Upload>,
    answer: impl Future<Output = T>,
) -> Result<T, TimedOut> {
    let mut answer = pin!(answer);
    let mut deadline = Instant::now() + limit;
    loop {
        if let Ok(answer) = timeout_at(deadline, answer.as_mut()).await {
            return Ok(answer);
        }
        match upload.map(|upload| upload.deadline(limit)) {
            Some(later) if later > deadline => deadline = later,
            _ => return Err(TimedOut),
        }
    }
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Some(watch) = &self.watch {
            watch.enter(match &polled {
                Poll::Pending => Phase::Waiting,
                Poll::Ready(Some(Err(_))) => Phase::Broken,
                Poll::Ready(None) => Phase::Done,
                Poll::Ready(Some(Ok(_))) if self.inner.is_end_stream() => Phase::Done,
                Poll::Ready(Some(Ok(_))) => Phase::Handed,
            });
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
