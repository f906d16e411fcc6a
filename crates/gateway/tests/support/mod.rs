//! Shared parts of the tests: HTTP on raw sockets, scripted upstreams, a gateway with short times.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations
)]

pub mod counted;
pub mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox_gateway::{Config, Gateway, Hooks, Route};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use wire::{Head, Wire};

/// Longer than any step takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Longer than any test.
pub const FOREVER: Duration = Duration::from_secs(3600);

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
pub const ERROR: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops";

/// An upstream whose connections are served by a script.
pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Head>>>,
    _serving: JoinSet<()>,
}

/// A connection that the gateway opened.
pub struct Conn {
    pub wire: Wire,
    seen: Arc<Mutex<Vec<Head>>>,
}

impl Upstream {
    pub async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Conn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        let log = Arc::clone(&seen);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let wire = Wire::new(stream);
                connections.spawn(script(Conn {
                    wire,
                    seen: Arc::clone(&log),
                }));
            }
        });
        Self {
            address,
            seen,
            _serving: serving,
        }
    }

    /// An upstream that gives every request this answer.
    pub async fn answering(answer: impl Into<String>) -> Self {
        let answer: Arc<str> = answer.into().into();
        Self::start(move |mut conn| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(head) = conn.request().await {
                    conn.wire.read_body(&head).await;
                    conn.wire.write(answer.as_bytes()).await;
                }
            }
        })
        .await
    }

    /// Returns the headers of all requests so far.
    pub fn seen(&self) -> Vec<Head> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Conn {
    /// Reads the next request's header; `None` when the gateway closes.
    pub async fn request(&mut self) -> Option<Head> {
        let head = self.wire.head().await?;
        self.seen.lock().unwrap().push(head.clone());
        Some(head)
    }
}

/// Returns an address that refuses connections.
pub async fn refusing() -> (tokio::net::TcpSocket, SocketAddr) {
    // Bound but not listening, so that no other program gets the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Returns settings with one route, `/api`, for a test to change.
pub fn config(upstream: SocketAddr) -> Config {
    let mut config = Config::new(vec![route("/api", upstream)]);
    config.circuit.failure_threshold = 3;
    config.circuit.reset_timeout = FOREVER;
    config.circuit.probe_lease = Some(FOREVER);
    config
}

pub fn route(prefix: &str, upstream: SocketAddr) -> Route {
    format!("{prefix}=http://{upstream}").parse().unwrap()
}

pub async fn start(config: Config) -> Gateway {
    Gateway::start(config, Hooks::default()).await.unwrap()
}

/// Returns state and failures of a circuit, as `GET /circuits` reports them.
pub fn circuit(gateway: &Gateway, key: &str) -> (String, u64) {
    let snapshot = gateway.circuit(key).expect("no such circuit").snapshot;
    (snapshot.state.to_string(), snapshot.failure_count)
}

pub fn state(gateway: &Gateway) -> String {
    circuit(gateway, "/api").0
}

pub fn failures(gateway: &Gateway) -> u64 {
    circuit(gateway, "/api").1
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
