//! Successes, failures and calls that don't count: bodies that end, break off, or lose their
//! client, over real sockets.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use breakerbox_gateway::ReportAt;
use support::wire::{Wire, ask, get};
use support::*;

#[tokio::test]
async fn a_body_that_breaks_off_is_a_failure() {
    for head in ["content-length: 100", "transfer-encoding: chunked"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n9\r\ntruncated");
        let upstream = Upstream::start(move |mut conn| {
            let answer = answer.clone();
            async move {
                conn.request().await;
                conn.wire.write(answer).await;
            }
        })
        .await;
        let gateway = start(config(upstream.address)).await;
        for _ in 0..3 {
            let answer = get(gateway.address(), "/api").await;
            assert!(answer.status() == 200 && !answer.complete, "{head}");
        }
        until("open", || state(&gateway) == "open").await;
        assert_eq!(get(gateway.address(), "/api").await.status(), 503, "{head}");
    }
}

#[tokio::test]
async fn with_reports_at_the_header_the_body_does_not_matter() {
    let truncated = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntruncated";
    let upstream = Upstream::start(move |mut conn| async move {
        conn.request().await;
        conn.wire.write(truncated).await;
    })
    .await;
    let mut config = config(upstream.address);
    config.report_at = ReportAt::Headers;
    let gateway = start(config).await;
    for _ in 0..6 {
        assert!(!get(gateway.address(), "/api").await.complete);
    }
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

#[tokio::test]
async fn answers_without_a_body_are_successes() {
    // A probe that is never reported would leave the circuit half-open.
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            "GET",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
    ] {
        let well = Arc::new(AtomicBool::new(false));
        let upstream = {
            let well = Arc::clone(&well);
            Upstream::start(move |mut conn| {
                let well = Arc::clone(&well);
                async move {
                    while conn.request().await.is_some() {
                        let well = well.load(Ordering::SeqCst);
                        conn.wire.write(if well { answer } else { ERROR }).await;
                    }
                }
            })
            .await
        };
        let mut config = config(upstream.address);
        config.circuit.reset_timeout = Duration::from_millis(20);
        let gateway = start(config).await;
        for _ in 0..3 {
            get(gateway.address(), "/api").await;
        }
        well.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut client = Wire::connect(gateway.address()).await;
        client
            .write(format!("{method} /api HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        assert!(client.head().await.unwrap().status() < 400);
        until(answer, || state(&gateway) == "closed").await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_does_not_count_and_gives_the_probe_back() {
    let well = Arc::new(AtomicBool::new(false));
    let upstream = {
        let well = Arc::clone(&well);
        Upstream::start(move |mut conn| {
            let well = Arc::clone(&well);
            async move {
                while let Some(head) = conn.request().await {
                    match head.line.split(' ').nth(1).unwrap() {
                        "/api/never" => conn.wire.closed().await,
                        "/api/half" => {
                            conn.wire
                                .write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                                .await;
                            conn.wire.closed().await;
                        }
                        _ if well.load(Ordering::SeqCst) => drop(conn.wire.write(OK).await),
                        _ => drop(conn.wire.write(ERROR).await),
                    }
                }
            }
        })
        .await
    };
    let mut config = config(upstream.address);
    config.circuit.reset_timeout = Duration::from_millis(50);
    let gateway = start(config).await;

    // Five clients leave before, five during the answer: more than the threshold.
    for path in ["/api/never", "/api/half"] {
        for n in 1..=5 {
            let seen = upstream.count();
            let mut client = Wire::connect(gateway.address()).await;
            client
                .write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
                .await;
            if path == "/api/half" {
                assert_eq!(client.head().await.unwrap().status(), 200, "{n}");
            }
            until("the request arrives", || upstream.count() > seen).await;
        }
    }
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));

    for path in ["/api/never", "/api/half"] {
        well.store(false, Ordering::SeqCst);
        for _ in 0..3 {
            get(gateway.address(), "/api").await;
        }
        assert_eq!(state(&gateway), "open");
        tokio::time::sleep(Duration::from_millis(60)).await;
        // The probe's client leaves. The probe's lease lasts for an hour, so only a slot that was
        // given back lets the next probe through.
        let seen = upstream.count();
        let mut client = Wire::connect(gateway.address()).await;
        client
            .write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        until("the probe arrives", || upstream.count() > seen).await;
        assert_eq!(state(&gateway), "half-open");
        drop(client);
        well.store(true, Ordering::SeqCst);
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while get(gateway.address(), "/api").await.status() != 200 {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the probe slot was lost"
            );
        }
        until("closed", || state(&gateway) == "closed").await;
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_its_upload_does_not_count() {
    let upstream = Upstream::start(|mut conn| async move {
        while let Some(head) = conn.request().await {
            conn.wire.read_body(&head).await;
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    for n in 1..=5 {
        let mut client = Wire::connect(gateway.address()).await;
        let head = "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nsome";
        client.write(head).await;
        until("the request arrives", || upstream.count() == n).await;
    }
    let answer = ask(
        gateway.address(),
        "POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
    );
    let answer = answer.await;
    assert_eq!(
        (answer.status(), &answer.json()["error"]),
        (400, &"request_incomplete".into())
    );
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

#[tokio::test]
async fn a_slow_upload_is_not_the_upstream_s_fault() {
    let upstream = Upstream::answering(OK).await;
    let mut config = config(upstream.address);
    config.response_timeout = Duration::from_secs(1);
    let gateway = start(config).await;
    let mut client = Wire::connect(gateway.address()).await;
    client
        .write("POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n")
        .await;
    for byte in ["s", "l", "o", "w"] {
        tokio::time::sleep(Duration::from_millis(600)).await;
        client.write(byte).await;
    }
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(failures(&gateway), 0);
}
