//! Silence, and waits for the client: neither a client's time nor its silence is the upstream's.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use breakerbox::{Policy, PolicySet, SlidingWindow};
use breakerbox_gateway::Config;
use support::wire::{Wire, ask, get};
use support::*;
use tokio::net::TcpSocket;

/// More than the sockets and libraries between upstream and client can buffer.
const LARGE: usize = 32 << 20;

/// An upstream: `/api/down` is a 500, `/api/large` a large body, `/api/cut` a large body that
/// breaks off, `/api/stall` half a body that stops, and every other path a good answer.
async fn upstream() -> Upstream {
    Upstream::start(move |mut conn| async move {
        while let Some(head) = conn.request().await {
            let path = head.line.split(' ').nth(1).unwrap().to_owned();
            let large = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
            match path.as_str() {
                "/api/down" => drop(conn.wire.write(ERROR).await),
                "/api/stall" => {
                    conn.wire
                        .write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                        .await;
                    conn.wire.closed().await;
                }
                "/api/large" => {
                    conn.wire.write(large).await;
                    write_slowly(&mut conn.wire, LARGE).await;
                }
                "/api/cut" => {
                    conn.wire.write(large).await;
                    write_slowly(&mut conn.wire, 1 << 20).await;
                    return;
                }
                path => {
                    if path == "/api/slow" {
                        tokio::time::sleep(Duration::from_millis(3200)).await;
                    }
                    conn.wire.read_body(&head).await;
                    conn.wire.write(OK).await;
                }
            }
        }
    })
    .await
}

/// Writes as fast as the other side reads, however long that takes.
async fn write_slowly(wire: &mut Wire, count: usize) {
    use tokio::io::AsyncWriteExt;
    let some = vec![b'x'; 64 << 10];
    for _ in 0..count / some.len() {
        if wire.stream.write_all(&some).await.is_err() {
            return;
        }
    }
}

/// A client that reads nothing until it is told to.
async fn slow_reader(gateway: std::net::SocketAddr, path: &str) -> Wire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut wire = Wire::new(socket.connect(gateway).await.unwrap());
    wire.write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
        .await;
    wire
}

/// Settings with which one failure opens the circuit, for 50 ms. A lost probe would stay for an
/// hour.
fn touchy(upstream: &Upstream) -> Config {
    let mut config = config(upstream.address);
    config.circuit.failure_threshold = 1;
    config.circuit.reset_timeout = Duration::from_millis(50);
    config
}

async fn trip(gateway: &breakerbox_gateway::Gateway) {
    assert_eq!(get(gateway.address(), "/api/down").await.status(), 500);
    assert_eq!(state(gateway), "open");
    tokio::time::sleep(Duration::from_millis(60)).await;
}

#[tokio::test]
async fn a_slow_reader_frees_the_probe_slot() {
    let upstream = upstream().await;
    let gateway = start(touchy(&upstream)).await;
    trip(&gateway).await;
    let _reader = slow_reader(gateway.address(), "/api/large").await;
    let began = Instant::now();
    until("closed", || state(&gateway) == "closed").await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(get(gateway.address(), "/api").await.status(), 200);
}

#[tokio::test]
async fn a_reader_that_takes_a_little_at_times_frees_the_probe_slot() {
    let upstream = upstream().await;
    let gateway = start(touchy(&upstream)).await;
    trip(&gateway).await;
    let mut reader = slow_reader(gateway.address(), "/api/large").await;
    let reading = tokio::spawn(async move {
        loop {
            reader.bytes(20_000).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    until("closed", || state(&gateway) == "closed").await;
    reading.abort();
}

#[tokio::test]
async fn a_probe_that_stalls_is_a_failure() {
    let upstream = upstream().await;
    let mut config = touchy(&upstream);
    config.body_timeout = Some(Duration::from_millis(300));
    let gateway = start(config).await;
    trip(&gateway).await;
    let answer = get(gateway.address(), "/api/stall").await;
    assert!(answer.status() == 200 && !answer.complete);
    until("open", || state(&gateway) == "open").await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(get(gateway.address(), "/api").await.status(), 200);
    until("closed", || state(&gateway) == "closed").await;
}

#[tokio::test]
async fn a_slow_upload_frees_the_probe_slot() {
    let upstream = upstream().await;
    let gateway = start(touchy(&upstream)).await;
    trip(&gateway).await;
    let mut client = Wire::connect(gateway.address()).await;
    let head = "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nsl";
    client.write(head).await;
    until("half-open", || state(&gateway) == "half-open").await;
    let deadline = Instant::now() + DEADLINE;
    while get(gateway.address(), "/api").await.status() != 200 {
        assert!(Instant::now() < deadline, "the probe slot was kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("closed", || state(&gateway) == "closed").await;
    // The upload itself is still served.
    client.write("ow").await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_break_after_the_client_s_time_is_no_failure() {
    let upstream = upstream().await;
    let mut config = config(upstream.address);
    config.circuit.failure_threshold = 1;
    let gateway = start(config).await;
    // The client reads as fast as it can: only the upstream is to blame.
    let answer = get(gateway.address(), "/api/cut").await;
    assert!(!answer.complete);
    until("open", || state(&gateway) == "open").await;

    let mut config = self::config(upstream.address);
    config.circuit.failure_threshold = 1;
    let gateway = start(config).await;
    let mut reader = slow_reader(gateway.address(), "/api/large").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    drop(upstream);
    reader.closed().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off_and_does_not_count() {
    let upstream = upstream().await;
    let mut config = config(upstream.address);
    config.circuit.failure_threshold = 1;
    config.body_timeout = Some(Duration::from_secs(1));
    let gateway = start(config).await;
    let mut reader = slow_reader(gateway.address(), "/api/large").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let got = tokio::time::timeout(DEADLINE, reader.bytes(LARGE)).await;
    assert!(got.expect("it was not cut off").len() < LARGE);
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

#[tokio::test]
async fn the_duration_of_a_call_excludes_the_client_s_time() {
    const SLOW: Duration = Duration::from_secs(3);
    let upstream = upstream().await;
    let guarded = async || {
        let mut config = config(upstream.address);
        config.body_timeout = Some(FOREVER);
        let slow = Policy::builder()
            .sliding_window(SlidingWindow::Calls(1))
            .minimum_calls(1)
            .slow_call_rate_threshold(100)
            .slow_call_duration(SLOW);
        config.policies = Some(PolicySet::new(slow.build().unwrap()));
        start(config).await
    };
    let (uploading, reading, waiting) = (guarded().await, guarded().await, guarded().await);

    let slow_upload = async {
        let mut client = Wire::connect(uploading.address()).await;
        let head = "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nsl";
        client.write(head).await;
        tokio::time::sleep(SLOW + Duration::from_millis(500)).await;
        client.write("ow").await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
    };
    let slow_reading = async {
        let mut reader = slow_reader(reading.address(), "/api/large").await;
        tokio::time::sleep(SLOW + Duration::from_millis(500)).await;
        assert!(reader.answer().await.unwrap().complete);
    };
    let slow_upstream = async {
        assert_eq!(get(waiting.address(), "/api/slow").await.status(), 200);
    };
    tokio::join!(slow_upload, slow_reading, slow_upstream);
    until("the slow upstream's circuit is open", || {
        state(&waiting) == "open"
    })
    .await;
    assert_eq!(
        (state(&uploading).as_str(), state(&reading).as_str()),
        ("closed", "closed")
    );
}

#[tokio::test]
async fn an_upstream_that_does_not_read_an_upload_has_failed() {
    let upstream = Upstream::start(|mut conn| async move {
        conn.request().await;
        tokio::time::sleep(FOREVER).await;
    })
    .await;
    let mut config = config(upstream.address);
    config.response_timeout = Duration::from_millis(500);
    let gateway = start(config).await;
    let mut client = Wire::connect(gateway.address()).await;
    client
        .write(format!(
            "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n"
        ))
        .await;
    let (mut reads, mut writes) = client.stream.into_split();
    let writing = tokio::spawn(async move { write_all(&mut writes).await });
    let mut answer = vec![0; 12];
    let read = tokio::io::AsyncReadExt::read_exact(&mut reads, &mut answer);
    tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 504");
    writing.abort();
    assert_eq!(failures(&gateway), 1);
}

async fn write_all(writes: &mut tokio::net::tcp::OwnedWriteHalf) {
    use tokio::io::AsyncWriteExt;
    let some = vec![b'x'; 64 << 10];
    while writes.write_all(&some).await.is_ok() {}
}

/// The upstream answers, and then neither reads nor closes; the client goes on sending, or doesn't.
#[tokio::test]
async fn an_early_answer_does_not_leave_an_upload_hanging() {
    for pours in [true, false] {
        let read = Arc::new(AtomicUsize::new(usize::MAX));
        let total = Arc::clone(&read);
        let upstream = Upstream::start(move |mut conn| {
            let total = Arc::clone(&total);
            async move {
                conn.request().await;
                conn.wire.write(OK).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                let all = conn.wire.bytes(LARGE).await;
                total.store(all.len(), Ordering::SeqCst);
            }
        })
        .await;
        let mut config = config(upstream.address);
        config.pool_idle_timeout = FOREVER;
        config.body_timeout = Some(Duration::from_millis(500));
        let gateway = start(config).await;
        let mut client = Wire::connect(gateway.address()).await;
        let head = format!("POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
        client.write(head + "some").await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
        let (_reads, mut writes) = client.stream.into_split();
        let pouring = tokio::spawn(async move {
            if pours {
                write_all(&mut writes).await;
            }
            tokio::time::sleep(FOREVER).await;
        });
        until("the upstream's connection is closed", || {
            read.load(Ordering::SeqCst) != usize::MAX
        })
        .await;
        assert!(read.load(Ordering::SeqCst) < LARGE);
        pouring.abort();
        assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
    }
}

#[tokio::test]
async fn the_limit_on_silence_is_the_response_timeout_unless_it_is_set() {
    let upstream = upstream().await;
    for (response, body) in [
        (Duration::from_millis(300), None),
        (FOREVER, Some(Duration::from_millis(300))),
    ] {
        let mut config = config(upstream.address);
        (config.response_timeout, config.body_timeout) = (response, body);
        let gateway = start(config).await;
        let answer = get(gateway.address(), "/api/stall").await;
        assert!(!answer.complete);
        until("counted", || failures(&gateway) == 1).await;
        let upload = "PUT /api HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
        let answer = ask(gateway.address(), upload).await;
        assert_eq!(answer.status(), 408);
        assert_eq!(
            answer.json(),
            serde_json::json!({ "error": "request_timeout", "key": "/api", "timeoutMs": 300 })
        );
        assert_eq!(answer.head.get("connection"), Some("close"));
        assert_eq!(failures(&gateway), 1);
    }
}
