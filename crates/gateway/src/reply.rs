//! The response body on its way to the client, which ends its call when it ends.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::idle_timeout::IdleTimeout;
use crate::outcome::Open;
use crate::upload::Upload;

type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a response: an answer of the gateway's own, or an upstream's stream.
#[derive(Debug)]
pub(crate) enum Reply {
    Own(Full<Bytes>),
    Upstream(Relay),
}

/// An upstream's body, passed on frame by frame.
#[derive(Debug)]
pub(crate) struct Relay {
    inner: Incoming,
    open: Option<Open>,
    upload: Option<Arc<Upload>>,
    idle: IdleTimeout,
}

/// The error of a body whose upstream was silent for too long.
#[derive(Debug)]
struct Silent;

impl Relay {
    /// Wraps the body. Ends the call at once if there is none (HEAD, 204, 304, length 0), since it
    /// is never polled then. `open` is `None` where the header has decided.
    pub(crate) fn new(
        inner: Incoming,
        open: Option<Open>,
        upload: Option<Arc<Upload>>,
        limit: Duration,
    ) -> Self {
        if let Some(open) = &open {
            open.answered();
        }
        let mut relay = Self {
            inner,
            open,
            upload,
            idle: IdleTimeout::new(limit),
        };
        relay.end_if_over();
        relay
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(open) = &self.open {
            open.call().waits_for_upstream();
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Pending if self.is_silent(cx) => {
                self.broke_off();
                Poll::Ready(Some(Err(Silent.into())))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                self.idle.renew();
                match &frame {
                    Some(Ok(_)) => {
                        self.end_if_over();
                        // The call waits for its client until the client has taken this and asks
                        // for more.
                        if let Some(open) = &self.open {
                            open.call().waits_for_client();
                        }
                    }
                    Some(Err(_)) => self.broke_off(),
                    None => self.succeeded(),
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    /// Returns whether the upstream has been silent for too long although it isn't waiting for the
    /// client.
    fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        while self.idle.is_over(cx) {
            match &self.upload {
                Some(upload) if upload.waits_for_client() => self.idle.renew(),
                _ => return true,
            }
        }
        false
    }

    /// Ends the call as soon as the body says that it is at its end: hyper polls no further then,
    /// so a wait for the final `None` would lose the outcome.
    fn end_if_over(&mut self) {
        if self.inner.is_end_stream() {
            self.succeeded();
        }
    }

    fn succeeded(&mut self) {
        if let Some(open) = self.open.take() {
            open.succeeded();
        }
    }

    fn broke_off(&mut self) {
        // A client that breaks off its upload takes the upstream's connection with it. Such a call
        // is dropped, and doesn't count.
        let by_client = self.upload.as_ref().is_some_and(|it| it.fault().is_some());
        if let Some(open) = self.open.take().filter(|_| !by_client) {
            open.broke_off();
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
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Upstream(relay) => relay.poll_frame(cx),
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

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream was silent for too long")
    }
}

impl Error for Silent {}
