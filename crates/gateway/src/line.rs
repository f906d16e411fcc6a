//! A connection to an upstream that records whether bytes came back on it.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::idle_timeout::IdleTimeout;

/// Opens connections to upstreams.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    http: HttpConnector,
    write_limit: Duration,
}

/// A connection to an upstream. It breaks if the upstream takes nothing for too long.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    heard: Arc<Heard>,
    idle: IdleTimeout,
}

/// The record of the bytes that a connection got from its upstream.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Set when a byte came since the latest request was written.
    now: AtomicBool,
    /// Set when a byte came before that request, so that the connection is a kept one.
    before: AtomicBool,
}

impl Connector {
    pub(crate) fn new(connect_timeout: Duration, write_limit: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(connect_timeout));
        http.set_nodelay(true);
        Self { http, write_limit }
    }
}

impl Heard {
    /// Returns the record of the connection with this description.
    pub(crate) fn of(connected: &Connected) -> Option<Arc<Self>> {
        let mut extras = Extensions::new();
        connected.get_extras(&mut extras);
        extras.remove()
    }

    /// Returns whether the connection was kept from an earlier request and no byte of an answer to
    /// this one came.
    pub(crate) fn nothing_on_a_kept_connection(&self) -> bool {
        self.before.load(Ordering::Acquire) && !self.now.load(Ordering::Acquire)
    }

    fn read(&self) {
        self.now.store(true, Ordering::Release);
    }

    /// Records that bytes were written: bytes read before belong to the answer to an earlier
    /// request.
    fn wrote(&self) {
        if self.now.load(Ordering::Acquire) {
            self.before.store(true, Ordering::Release);
            self.now.store(false, Ordering::Release);
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Line>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Line>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, upstream: Uri) -> Self::Future {
        let connecting = self.http.call(upstream);
        let idle = IdleTimeout::new(self.write_limit);
        Box::pin(async move {
            Ok(TokioIo::new(Line {
                stream: connecting.await?.into_inner(),
                heard: Arc::default(),
                idle,
            }))
        })
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(Arc::clone(&self.heard))
    }
}

impl Line {
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.heard.wrote();
        }
        self.idle.bound(cx, written)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heard.read();
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
