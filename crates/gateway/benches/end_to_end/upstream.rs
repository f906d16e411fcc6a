//! Upstreams: one that is healthy, one that hangs, one that refuses connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";

/// The state of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers 200 at once.
    Well,
    /// Accepts, reads, and never answers.
    Hangs,
    /// Keeps its port and doesn't listen.
    Refuses,
}

/// An upstream that ends when dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicU64>,
    serving: Option<JoinHandle<()>>,
    /// Bound, so that no other program gets the port.
    _port: Option<TcpSocket>,
}

impl Upstream {
    pub(crate) fn start(on: &Runtime, mode: Mode) -> io::Result<Self> {
        let _entered = on.enter();
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = socket.local_addr()?;
        let requests = Arc::new(AtomicU64::new(0));
        let (serving, port) = if mode == Mode::Refuses {
            (None, Some(socket))
        } else {
            let serving = accept(socket.listen(1024)?, mode, Arc::clone(&requests));
            (Some(on.spawn(serving)), None)
        };
        Ok(Self {
            address,
            requests,
            serving,
            _port: port,
        })
    }

    /// Returns the number of requests that it has read. One that refuses connections reads none.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn accept(listener: TcpListener, mode: Mode, requests: Arc<AtomicU64>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let requests = Arc::clone(&requests);
        connections.spawn(async move {
            // An error means that the gateway is gone.
            let _ = serve(stream, mode, &requests).await;
        });
    }
}

/// Serves requests. None has a body, so each ends with its header.
async fn serve(mut stream: TcpStream, mode: Mode, requests: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        // Callers wait for their answers, so each buffer ends with one request.
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            requests.fetch_add(1, Ordering::Relaxed);
            if mode == Mode::Well {
                stream.write_all(ANSWER).await?;
            }
        }
    }
}
