//! An upstream of the demo: a real HTTP server with a switch for its faults.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::fault::Fault;

const SLOW: Duration = Duration::from_millis(350);
const FLAP: Duration = Duration::from_millis(1300);

/// A server on a port of its own, which it keeps while it is down.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    switch: watch::Sender<Switch>,
    seen: AtomicU64,
    started: Instant,
    /// Bound and never listening: refuses connections, and keeps the port from others.
    _port: TcpSocket,
}

/// The fault of an upstream, and whether it was switched by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) fault: Fault,
    pub(super) by_hand: bool,
}

impl Upstream {
    pub(super) fn new(name: &'static str) -> io::Result<Arc<Self>> {
        let port = socket((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Arc::new(Self {
            name,
            address: port.local_addr()?,
            switch: watch::channel(Switch {
                fault: Fault::None,
                by_hand: false,
            })
            .0,
            seen: AtomicU64::new(0),
            started: Instant::now(),
            _port: port,
        }))
    }

    pub(super) fn switch(&self) -> Switch {
        *self.switch.borrow()
    }

    /// Sets the switch, and returns whether that changed anything.
    pub(super) fn set(&self, switch: Switch) -> bool {
        self.switch.send_if_modified(|current| {
            let changed = *current != switch;
            *current = switch;
            changed
        })
    }

    /// Returns the number of requests that arrived.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Serves, goes down and comes up again, until dropped.
    pub(super) async fn run(self: Arc<Self>) -> io::Result<()> {
        let mut switch = self.switch.subscribe();
        loop {
            let up = switch.wait_for(|switch| switch.fault != Fault::Down).await;
            drop(up.map_err(io::Error::other)?);
            let listener = socket(self.address)?.listen(1024)?;
            tokio::select! {
                () = self.accept(&listener) => {}
                // Dropping both cuts off the connections and refuses new ones.
                down = switch.wait_for(|switch| switch.fault == Fault::Down) => {
                    drop(down.map_err(io::Error::other)?);
                }
            }
        }
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        sleep(Duration::from_millis(20)).await;
                        continue;
                    };
                    let upstream = Arc::clone(self);
                    connections.spawn(async move {
                        let answer = service_fn(|_| upstream.answer());
                        let _ = http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), answer)
                            .await;
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn answer(&self) -> Result<Response<Full<Bytes>>, Infallible> {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        let fault = match self.switch().fault {
            Fault::Flapping if self.is_bad_turn() => Fault::Errors,
            fault => fault,
        };
        // Some milliseconds, spread without a generator of random numbers.
        let work = Duration::from_micros(800 + number.wrapping_mul(0x9E37_79B9) % 4096);
        let (status, text) = match fault {
            Fault::Hanging => std::future::pending().await,
            Fault::Errors => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "something broke\n".to_owned(),
            ),
            _ => (
                StatusCode::OK,
                format!("{} answers request {number}\n", self.name),
            ),
        };
        sleep(if fault == Fault::Slow {
            SLOW + work
        } else {
            work
        })
        .await;
        let mut response = Response::new(Full::new(text.into()));
        *response.status_mut() = status;
        Ok(response)
    }

    fn is_bad_turn(&self) -> bool {
        (self.started.elapsed().as_millis() / FLAP.as_millis()).is_multiple_of(2)
    }
}

/// Opens a socket whose address is reusable, so that one socket can keep the port while another
/// listens on it.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
