//! The response body on its way down, which settles with the circuit when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::guard::Admission;
use crate::upload::Upload;

/// What a client is sent: an answer of the gateway's own, or an upstream's stream.
#[derive(Debug)]
pub(crate) enum Reply {
    Own(Full<Bytes>),
    Upstream(Relay),
}

/// An upstream's body, passed on frame by frame.
#[derive(Debug)]
pub(crate) struct Relay {
    inner: Incoming,
    open: Option<Settlement>,
}

/// An outcome that isn't known yet. Dropped (the client went away), it counts for nothing.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) admission: Admission,
    pub(crate) upload: Option<Arc<Upload>>,
}

impl Relay {
    /// Settles at once if there is no body (HEAD, 204, 304, length 0): then nobody polls it.
    pub(crate) fn new(inner: Incoming, open: Option<Settlement>) -> Self {
        let mut relay = Self { inner, open };
        relay.settle_if_ended();
        relay
    }

    /// Whoever reads the body stops once it says that it is at its end, so waiting for the
    /// final `None` would lose the outcome.
    fn settle_if_ended(&mut self) {
        if self.inner.is_end_stream() {
            self.complete();
        }
    }

    fn complete(&mut self) {
        if let Some(settlement) = self.open.take() {
            settlement.admission.success();
        }
    }

    fn broken(&mut self) {
        if let Some(Settlement { admission, upload }) = self.open.take() {
            // A client that breaks its upload off takes the upstream's connection with it.
            if !upload.is_some_and(|upload| upload.is_broken()) {
                admission.failure();
            }
        }
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Own(Full::new(text.into()))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never: std::convert::Infallible| match never {}),
            Self::Upstream(relay) => {
                let polled = Pin::new(&mut relay.inner).poll_frame(cx);
                match &polled {
                    Poll::Pending => {}
                    Poll::Ready(Some(Ok(_))) => relay.settle_if_ended(),
                    Poll::Ready(Some(Err(_))) => relay.broken(),
                    Poll::Ready(None) => relay.complete(),
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream(relay) => relay.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream(relay) => relay.inner.size_hint(),
        }
    }
}
