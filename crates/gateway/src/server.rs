//! Accepts connections, serves them, and stops without cutting off requests in flight.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::linger::Lingering;
use crate::reply::Reply;

/// The time limit for a client's header.
const HEADER_TIME: Duration = Duration::from_secs(20);

/// The most bytes that a request's header may have: eight times what common servers allow.
const HEADER_BYTES: usize = 64 * 1024;

/// The pause after a failed `accept`, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of a server on its clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most header lines of a request.
    pub(crate) headers: usize,
    /// The time for which a client may take nothing of its answer.
    pub(crate) write: Duration,
    /// The time limit for requests in flight after the stop.
    pub(crate) drain: Duration,
}

/// Serves until `stop` turns true, then lets requests in flight finish for at most the drain time.
/// Returns the number of connections that were cut off then.
pub(crate) async fn serve<H, F>(
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
    limits: Limits,
    handle: H,
) -> usize
where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Reply>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let for_connections = stop.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let stop = for_connections.clone();
                    connections.spawn(connection(stream, peer, stop, limits, handle.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            // Collects finished connections, lest they pile up.
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    // From now on, new connections are refused rather than left waiting.
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain, all).await.is_ok() {
        return 0;
    }
    let cut_off = connections.len();
    connections.shutdown().await;
    cut_off
}

/// Resolves at the stop, or when the sender is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn connection<H, F>(
    stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
    limits: Limits,
    handle: H,
) where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Reply>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handle(peer, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(limits.headers)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(Lingering::new(stream, limits.write)), service);
    let mut connection = pin!(connection);
    // An error means that the client is gone or didn't speak HTTP; hyper has answered the latter.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
