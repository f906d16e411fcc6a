//! The request body on its way to the upstream, and a record of which side keeps it waiting.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, timeout_at};

use crate::idle_timeout::IdleTimeout;
use crate::outcome::{Call, Fault};

/// A client's body, streamed to the upstream as it comes.
#[derive(Debug)]
pub(crate) struct UploadBody {
    /// `None` if there is no body.
    inner: Option<Incoming>,
    watch: Option<Arc<Upload>>,
    idle: IdleTimeout,
}

/// The progress of an upload, for the code that waits for the answer.
#[derive(Debug)]
pub(crate) struct Upload {
    phase: Mutex<(Phase, Instant)>,
    call: Arc<Call>,
    limit: Duration,
    /// Set once an interim answer (`1xx`) came.
    pub(crate) heard: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next move is the upstream's: it has everything that came, or doesn't read.
    Handed,
    /// The next move is the client's.
    Waiting,
    /// The client broke off.
    Broken,
    /// The client was silent for too long.
    Silent,
    /// The whole body is sent.
    Done,
}

/// The error of an upstream that took too long.
#[derive(Debug)]
pub(crate) struct TimedOut;

impl UploadBody {
    /// Wraps a body so that it breaks off when it is silent for longer than `limit`. Returns its
    /// progress too, unless it has ended already.
    pub(crate) fn new(
        inner: Incoming,
        call: &Arc<Call>,
        limit: Duration,
    ) -> (Self, Option<Arc<Upload>>) {
        if inner.is_end_stream() {
            return (Self::empty(), None);
        }
        let watch = Arc::new(Upload {
            phase: Mutex::new((Phase::Handed, Instant::now())),
            call: Arc::clone(call),
            limit,
            heard: AtomicBool::new(false),
        });
        let body = Self {
            inner: Some(inner),
            watch: Some(Arc::clone(&watch)),
            idle: IdleTimeout::new(limit),
        };
        (body, Some(watch))
    }

    pub(crate) fn empty() -> Self {
        Self {
            inner: None,
            watch: None,
            idle: IdleTimeout::new(Duration::ZERO),
        }
    }
}

impl Upload {
    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now());
        match phase {
            Phase::Waiting => self.call.waits_for_client(),
            _ => self.call.waits_for_upstream(),
        }
    }

    fn get(&self) -> (Phase, Instant) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the client's fault, if there is one. The upstream isn't to blame for what follows
    /// it.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self.get().0 {
            Phase::Broken => Some(Fault::ClientGone),
            Phase::Silent => Some(Fault::ClientSilent(self.limit)),
            Phase::Handed | Phase::Waiting | Phase::Done => None,
        }
    }

    pub(crate) fn waits_for_client(&self) -> bool {
        self.get().0 == Phase::Waiting
    }

    pub(crate) fn is_done(&self) -> bool {
        self.get().0 == Phase::Done
    }

    pub(crate) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }

    fn deadline(&self, limit: Duration) -> Instant {
        match self.get() {
            (Phase::Waiting, _) => Instant::now() + limit,
            (_, since) => since + limit,
        }
    }
}

/// Waits for an answer, but no longer than `limit` after the last move that wasn't the upstream's.
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
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut *inner)
            .poll_frame(cx)
            .map_err(io::Error::other);
        let silent = match &polled {
            Poll::Pending => this.idle.is_over(cx),
            Poll::Ready(_) => {
                this.idle.renew();
                false
            }
        };
        if let Some(watch) = &this.watch {
            watch.enter(match &polled {
                Poll::Pending if silent => Phase::Silent,
                Poll::Pending => Phase::Waiting,
                Poll::Ready(Some(Err(_))) => Phase::Broken,
                Poll::Ready(None) => Phase::Done,
                Poll::Ready(Some(Ok(_))) if inner.is_end_stream() => Phase::Done,
                Poll::Ready(Some(Ok(_))) => Phase::Handed,
            });
        }
        if silent {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(inner) => inner.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
