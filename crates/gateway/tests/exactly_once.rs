//! 10,000 requests while the upstream dies, hangs and returns: each gets one complete answer, and
//! none reaches the upstream more often than it may.

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::wire::{Answer, Wire};
use support::*;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

const REQUESTS: usize = 10_000;
const CLIENTS: usize = 16;

/// The number of requests that are answered between two faults, and during a fault.
const WELL: usize = 500;
const ILL: usize = 150;

/// The rounds in which the upstream hangs instead of dying.
const HANGS: [usize; 2] = [1, 4];

/// The record of what the upstream got and the clients were told.
#[derive(Default)]
struct Log {
    /// Ids, in the order of their arrival at the upstream.
    arrived: Mutex<Vec<usize>>,
    answered: AtomicUsize,
    sent: AtomicUsize,
    timed_out: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq)]
enum Life {
    Answering,
    Hanging,
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Returns whether a request is a POST with a body, which must not be sent again.
fn has_body(id: usize) -> bool {
    id.is_multiple_of(4)
}

/// Serves until dropped, which cuts off every connection at once: half of them with a reset.
async fn serve(listener: TcpListener, log: Arc<Log>, life: Life) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        if number % 2 == 0 {
            stream.set_zero_linger().unwrap();
        }
        connections.spawn(talk(Wire::new(stream), Arc::clone(&log), life));
    }
}

async fn talk(mut wire: Wire, log: Arc<Log>, life: Life) {
    while let Some(head) = wire.head().await {
        let id: usize = head.get("x-id").expect("an id").parse().unwrap();
        log.arrived.lock().unwrap().push(id);
        let (body, complete) = wire.read_body(&head).await;
        if !complete {
            return;
        }
        assert!(body.is_empty() || body == id.to_string().as_bytes());
        if life == Life::Hanging {
            return wire.closed().await;
        }
        // Time for other requests to be in flight when the upstream dies.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let text = format!("answer to {id}");
        let answer = if id.is_multiple_of(3) {
            format!(
                "transfer-encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n",
                text.len()
            )
        } else {
            format!("content-length: {}\r\n\r\n{text}", text.len())
        };
        wire.write(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
    }
}

/// Waits until a condition holds, or until aborted once the clients are done. It has no deadline of
/// its own: each step of each client has one.
async fn while_clients_ask(log: &Log, holds: impl Fn() -> bool) {
    while !holds() && log.answered.load(Ordering::SeqCst) < REQUESTS {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if log.answered.load(Ordering::SeqCst) >= REQUESTS {
        // Until aborted.
        std::future::pending().await
    }
}

/// Lets the upstream live and die, by the number of answers rather than by time.
async fn live_and_die(address: SocketAddr, log: Arc<Log>) {
    let answered = async |more: usize| {
        let target = log.answered.load(Ordering::SeqCst) + more;
        while_clients_ask(&log, || log.answered.load(Ordering::SeqCst) >= target).await;
    };
    for round in 0.. {
        let listener = bind(address).listen(1024).unwrap();
        let alive = tokio::spawn(serve(listener, Arc::clone(&log), Life::Answering));
        answered(WELL).await;
        alive.abort();
        let _ = alive.await;
        // Dead, or worse: listening and never answering.
        if HANGS.contains(&round) {
            let listener = bind(address).listen(1024).unwrap();
            let hanging = tokio::spawn(serve(listener, Arc::clone(&log), Life::Hanging));
            let timed_out = log.timed_out.load(Ordering::SeqCst);
            while_clients_ask(&log, || log.timed_out.load(Ordering::SeqCst) > timed_out).await;
            hanging.abort();
            let _ = hanging.await;
        } else {
            answered(ILL).await;
        }
    }
}

/// Sends requests until all are sent. An incomplete answer fails the test.
async fn client(gateway: SocketAddr, log: Arc<Log>) -> Vec<(usize, Answer)> {
    let mut answers = Vec::new();
    let mut wire = Wire::connect(gateway).await;
    loop {
        let id = log.sent.fetch_add(1, Ordering::SeqCst);
        if id >= REQUESTS {
            return answers;
        }
        let (length, body) = if has_body(id) {
            (
                format!("content-length: {}\r\n", id.to_string().len()),
                id.to_string(),
            )
        } else {
            Default::default()
        };
        let method = if body.is_empty() { "GET" } else { "POST" };
        let request =
            format!("{method} /api HTTP/1.1\r\nhost: x\r\nx-id: {id}\r\n{length}\r\n{body}");
        assert!(wire.write(request).await, "request {id} could not be sent");
        let answer = wire
            .answer()
            .await
            .unwrap_or_else(|| panic!("request {id}: no answer"));
        assert!(answer.complete, "request {id}: {answer:?}");
        if answer.head.get("connection") == Some("close") {
            wire = Wire::connect(gateway).await;
        }
        match answer.status() {
            // A pause, or a fault would reject all requests in no time.
            503 => tokio::time::sleep(Duration::from_millis(50)).await,
            504 => drop(log.timed_out.fetch_add(1, Ordering::SeqCst)),
            _ => {}
        }
        answers.push((id, answer));
        log.answered.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_gets_one_answer_and_is_not_sent_too_often() {
    // Bound for the whole test, so that the port stays the upstream's while it is dead.
    let port = bind("127.0.0.1:0".parse().unwrap());
    let address = port.local_addr().unwrap();
    let mut config = config(address);
    config.circuit.failure_threshold = 5;
    config.circuit.reset_timeout = Duration::from_millis(20);
    config.response_timeout = Duration::from_secs(3);
    let gateway = start(config).await;
    let log = Arc::new(Log::default());

    let upstream = tokio::spawn(live_and_die(address, Arc::clone(&log)));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(client(gateway.address(), Arc::clone(&log)));
    }
    let answers: Vec<(usize, Answer)> = clients.join_all().await.into_iter().flatten().collect();
    assert!(!upstream.is_finished(), "the upstream's script failed");
    upstream.abort();
    let _ = upstream.await;

    let mut arrivals = HashMap::<usize, usize>::new();
    for id in log.arrived.lock().unwrap().iter() {
        *arrivals.entry(*id).or_default() += 1;
    }
    for (&id, &times) in &arrivals {
        let most = if has_body(id) { 1 } else { 2 };
        assert!(times <= most, "request {id} arrived {times} times");
    }

    let mut seen = vec![0; REQUESTS];
    let mut kinds = HashMap::<(u16, String), usize>::new();
    for (id, answer) in &answers {
        seen[*id] += 1;
        let arrived = arrivals.contains_key(id);
        let error = if answer.status() == 200 {
            assert_eq!(answer.text(), format!("answer to {id}"));
            assert!(arrived);
            String::new()
        } else {
            answer.json()["error"].as_str().unwrap().to_owned()
        };
        // A second try may meet an upstream that has died in the meantime.
        let once = error == "circuit_open" || error == "upstream_unreachable" && has_body(*id);
        assert!(
            !(once && arrived),
            "{id} was sent although it was told {error}"
        );
        *kinds.entry((answer.status(), error)).or_default() += 1;
    }
    println!("{REQUESTS} requests, {} arrived: {kinds:?}", arrivals.len());
    assert!(
        seen.iter().all(|&times| times == 1),
        "not exactly one answer each"
    );
    // Every answer is one that the gateway may give, and each kind was given.
    let count = |status, error: &str| kinds.get(&(status, error.into())).copied().unwrap_or(0);
    assert!(count(200, "") > WELL);
    assert!(count(502, "upstream_unreachable") > 0);
    assert!(count(502, "upstream_closed") > 0);
    assert!(count(503, "circuit_open") > 0);
    assert!(count(504, "upstream_timeout") > 0);
    assert!(kinds.len() <= 6, "{kinds:?}");
}
