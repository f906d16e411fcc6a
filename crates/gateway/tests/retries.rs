//! Connections that their upstream closes just as a request goes out: which requests are sent
//! again, and what counts.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::wire::{Wire, ask, get};
use support::*;

/// The reaction of an upstream to the second request of its first connection, before it closes it.
#[derive(Clone, Copy)]
struct Second {
    says: &'static str,
    /// Set if later connections are served.
    well: bool,
}

const CLOSES: Second = Second {
    says: "",
    well: true,
};

/// An upstream, and the number of connections that it got.
async fn upstream(second: Second) -> (Upstream, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let upstream = Upstream::start(move |mut conn| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            let mut served = 0;
            while let Some(head) = conn.request().await {
                conn.wire.read_body(&head).await;
                if number > 0 && !second.well {
                    return;
                }
                if number == 0 && served == 1 {
                    conn.wire.write(second.says).await;
                    return;
                }
                conn.wire.write(OK).await;
                served += 1;
            }
        }
    })
    .await;
    (upstream, opened)
}

struct End {
    status: u16,
    circuit: (String, u64),
    arrived: usize,
    opened: usize,
}

/// Sends a request on a kept connection and returns how it ends.
async fn ends(second: Second, request: &str) -> End {
    let (upstream, opened) = upstream(second).await;
    let mut config = config(upstream.address);
    config.pool_idle_timeout = FOREVER;
    let gateway = start(config).await;
    assert_eq!(get(gateway.address(), "/api/first").await.status(), 200);
    // Time for the connection to get back into the pool.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut client = Wire::connect(gateway.address()).await;
    client.write(request).await;
    let status = client.head().await.expect("no answer").status();
    let first = upstream
        .seen()
        .iter()
        .filter(|it| it.line.contains("first"))
        .count();
    assert_eq!(first, 1);
    End {
        status,
        circuit: circuit(&gateway, "/api"),
        arrived: upstream.count() - 1,
        opened: opened.load(Ordering::SeqCst),
    }
}

#[tokio::test]
async fn idempotent_requests_without_a_body_are_sent_again_on_a_new_connection() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        for length in ["", "content-length: 0\r\n"] {
            let request = format!("{method} /api?q HTTP/1.1\r\nhost: x\r\nx-id: 7\r\n{length}\r\n");
            let end = ends(CLOSES, &request).await;
            assert_eq!(end.status, 200, "{method}");
            assert_eq!(end.circuit, ("closed".into(), 0), "{method}");
            assert_eq!((end.arrived, end.opened), (2, 2), "{method}");
        }
    }
}

#[tokio::test]
async fn others_are_not_sent_again_and_do_not_count() {
    for request in [
        "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
        "POST /api HTTP/1.1\r\nhost: x\r\n\r\n",
        "PATCH /api HTTP/1.1\r\nhost: x\r\n\r\n",
        "BREW /api HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
        "PUT /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
        "DELETE /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "GET /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
    ] {
        let end = ends(CLOSES, request).await;
        assert_eq!(end.status, 502, "{request}");
        assert_eq!(end.circuit, ("closed".into(), 0), "{request}");
        assert_eq!((end.arrived, end.opened), (1, 1), "{request}");
    }
}

#[tokio::test]
async fn the_second_try_is_the_last_and_counts() {
    let second = Second {
        says: "",
        well: false,
    };
    let end = ends(second, "GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(end.status, 502);
    assert_eq!(end.circuit, ("closed".into(), 1));
    assert_eq!((end.arrived, end.opened), (2, 2));
}

#[tokio::test]
async fn a_partial_answer_is_a_failure_and_not_retried() {
    for says in [
        "H",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let second = Second { says, well: true };
        for method in ["GET", "POST"] {
            let request = format!("{method} /api HTTP/1.1\r\nhost: x\r\n\r\n");
            let end = ends(second, &request).await;
            assert_eq!(end.status, 502, "{says:?}");
            assert_eq!(end.circuit, ("closed".into(), 1), "{method} {says:?}");
            assert_eq!((end.arrived, end.opened), (1, 1), "{says:?}");
        }
    }
}

#[tokio::test]
async fn after_an_interim_answer_to_an_upload_a_break_is_a_failure() {
    let upstream = Upstream::start(|mut conn| async move {
        while let Some(head) = conn.request().await {
            if head.line.contains("first") {
                conn.wire.write(OK).await;
                continue;
            }
            conn.wire.write("HTTP/1.1 100 Continue\r\n\r\n").await;
            conn.wire.read_body(&head).await;
            return;
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    let head = "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nhalf";
    for expected in [1, 2] {
        let mut client = Wire::connect(gateway.address()).await;
        client.write(head).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.write("half").await;
        assert_eq!(client.answer().await.unwrap().status(), 502);
        assert_eq!(failures(&gateway), expected);
    }
    // The same on a kept connection.
    assert_eq!(get(gateway.address(), "/api/first").await.status(), 200);
    let mut client = Wire::connect(gateway.address()).await;
    client.write(head).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    client.write("half").await;
    assert_eq!(client.answer().await.unwrap().status(), 502);
    assert_eq!(failures(&gateway), 1);
}

#[tokio::test]
async fn an_unwritten_request_is_retried_whatever_its_method() {
    let upstream = Upstream::start(|mut conn| async move {
        let head = conn.request().await.unwrap();
        conn.wire.read_body(&head).await;
        conn.wire.write(OK).await;
    })
    .await;
    let mut config = config(upstream.address);
    config.pool_idle_timeout = FOREVER;
    let gateway = start(config).await;
    for n in 1..=20 {
        // The upstream has closed the connection by now, and the gateway has seen it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let request = "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";
        assert_eq!(ask(gateway.address(), request).await.status(), 200, "{n}");
    }
    assert_eq!(upstream.count(), 20);
    assert_eq!(failures(&gateway), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_may_close_after_each_answer() {
    let upstream = Upstream::start(|mut conn| async move {
        if conn.request().await.is_some() {
            conn.wire.write(OK).await;
        }
    })
    .await;
    let mut config = config(upstream.address);
    config.circuit.failure_threshold = 1;
    config.pool_idle_timeout = FOREVER;
    let gateway = start(config).await;
    let address = gateway.address();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        clients.spawn(async move {
            let mut client = Wire::connect(address).await;
            for _ in 0..150 {
                let answer = client.ask("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
                assert_eq!((answer.status(), answer.text()), (200, "ok"));
            }
        });
    }
    clients.join_all().await;
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

/// Many kept connections close at once: the second try uses none of the others.
#[tokio::test]
async fn the_second_try_takes_a_new_connection_though_others_are_kept() {
    let (upstream, opened) = {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        let together = Arc::new(tokio::sync::Barrier::new(4));
        let upstream = Upstream::start(move |mut conn| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let together = Arc::clone(&together);
            async move {
                if number >= 4 {
                    while conn.request().await.is_some() {
                        conn.wire.write(OK).await;
                    }
                    return;
                }
                // The first four are answered together, and close at their second request.
                conn.request().await;
                together.wait().await;
                conn.wire.write(OK).await;
                conn.request().await;
            }
        })
        .await;
        (upstream, opened)
    };
    let mut config = config(upstream.address);
    config.pool_idle_timeout = FOREVER;
    config.circuit.failure_threshold = 1;
    let gateway = start(config).await;
    let address = gateway.address();
    let mut first = tokio::task::JoinSet::new();
    for _ in 0..4 {
        first.spawn(async move { get(address, "/api").await.status() });
    }
    assert_eq!(first.join_all().await, [200; 4]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..4 {
        assert_eq!(get(address, "/api").await.status(), 200);
    }
    assert_eq!(opened.load(Ordering::SeqCst), 8);
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}
