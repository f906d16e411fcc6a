//! Hostile clients, which harm only themselves.

mod support;

use std::time::{Duration, Instant};

use support::wire::{Wire, ask, get};
use support::*;

/// Connections that begin a request and never end it don't delay other clients.
#[tokio::test]
async fn clients_that_never_finish_delay_no_other() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut wire = Wire::connect(gateway.address()).await;
        let part = match number % 3 {
            0 => "G",
            1 => "GET /api HTTP/1.1\r\nhost: x\r\nx-slow: ",
            _ => "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx",
        };
        wire.write(part).await;
        slow.push(wire);
    }
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(gateway.address(), "/api").await.status(), 200);
    }
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    // Their slowness is no failure of the upstream.
    assert_eq!(
        (state(&gateway).as_str(), failures(&gateway)),
        ("closed", 0)
    );
}

/// There are as many circuits as routes, whatever paths a client invents.
#[tokio::test]
async fn invented_paths_create_no_circuits() {
    let upstream = Upstream::answering(ERROR).await;
    let gateway = start(config(upstream.address)).await;
    for number in 0..200 {
        let path = format!("/api/{number}/%2e%2e/{}?q={number}", "x".repeat(number));
        ask(
            gateway.address(),
            format!("GET {path} HTTP/1.1\r\nhost: h{number}\r\n\r\n"),
        )
        .await;
    }
    assert_eq!(gateway.circuits().len(), 1);
}

/// A client that sends debug headers, or asks for them, changes no decision.
#[tokio::test]
async fn headers_of_a_client_change_no_decision() {
    let upstream = Upstream::answering(ERROR).await;
    let gateway = start(config(upstream.address)).await;
    for _ in 0..5 {
        get(gateway.address(), "/api").await;
    }
    let forged = "GET /api HTTP/1.1\r\nhost: x\r\nx-circuit-state: closed\r\n\
                  x-circuit-breaker-state: closed\r\nretry-after: 0\r\n\r\n";
    assert_eq!(ask(gateway.address(), forged).await.status(), 503);
    assert_eq!(state(&gateway), "open");
}
