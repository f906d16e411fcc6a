//! Malformed requests: each gets an answer, and the gateway goes on serving.

mod support;

use std::time::Duration;

use support::wire::{Wire, ask, get};
use support::*;

async fn answers(request: &str) -> (u16, usize) {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let status = ask(gateway.address(), request).await.status();
    let reached = upstream.count();
    assert_eq!(
        get(gateway.address(), "/api").await.status(),
        200,
        "still serving"
    );
    (status, reached)
}

#[tokio::test]
async fn a_request_that_is_not_http_is_a_400() {
    for request in [
        "nonsense\r\n\r\n",
        "GET /api\r\n\r\n",
        "GET /api HTTP/9.9\r\n\r\n",
        "GET /a pi HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /api HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /api HTTP/1.1\r\nhost: x\r\nname : x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        assert_eq!(answers(request).await, (400, 0), "{request:?}");
    }
}

#[tokio::test]
async fn a_huge_header_is_a_431_or_414() {
    let huge = "x".repeat(200_000);
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    for request in [
        format!("GET /api HTTP/1.1\r\nhost: x\r\nx-huge: {huge}\r\n\r\n"),
        format!("GET /api HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        format!("GET /api/{huge} HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        let (status, reached) = answers(&request).await;
        assert!(matches!(status, 431 | 414), "{status}");
        assert_eq!(reached, 0);
    }
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    assert_eq!(
        answers("CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n").await,
        (501, 0)
    );
    assert_eq!(
        answers("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n").await,
        (404, 0)
    );
}

#[tokio::test]
async fn the_absolute_form_is_routed_by_its_path() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let request = "GET http://shop.example:81/api/x?y HTTP/1.1\r\nhost: other\r\n\r\n";
    assert_eq!(ask(gateway.address(), request).await.status(), 200);
    let sent = &upstream.seen()[0];
    // The gateway is no open proxy: the request goes to the route's upstream.
    assert_eq!(sent.line, "GET /api/x?y HTTP/1.1");
    assert_eq!(
        sent.get("host"),
        Some(upstream.address.to_string().as_str())
    );
    assert_eq!(sent.get("x-forwarded-host"), Some("shop.example:81"));
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_and_then_its_answer() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let mut client = Wire::connect(gateway.address()).await;
    let head = "POST /api HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    client.write(head).await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.write("body").await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(upstream.seen()[0].get("expect"), None);
}

#[tokio::test]
async fn a_client_that_expects_100_is_not_invited_by_an_open_circuit() {
    let upstream = Upstream::answering(ERROR).await;
    let gateway = start(config(upstream.address)).await;
    for _ in 0..3 {
        get(gateway.address(), "/api").await;
    }
    let head = "POST /api HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    let answer = ask(gateway.address(), head).await;
    assert_eq!(
        (answer.status(), answer.head.get("connection")),
        (503, Some("close"))
    );
}

#[tokio::test]
async fn a_rejected_upload_gets_its_answer_and_is_not_reset() {
    let upstream = Upstream::answering(ERROR).await;
    let gateway = start(config(upstream.address)).await;
    for _ in 0..3 {
        get(gateway.address(), "/api").await;
    }
    // A small body is read, and the connection stays open.
    let mut client = Wire::connect(gateway.address()).await;
    for _ in 0..3 {
        let request = format!(
            "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 30000\r\n\r\n{}",
            "x".repeat(30_000)
        );
        let answer = client.ask(request).await;
        assert_eq!((answer.status(), answer.complete), (503, true));
        assert_eq!(answer.head.get("connection"), None);
    }
    // A large one is answered while the client is still writing, which it may go on with for a
    // while.
    client
        .write("POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n")
        .await;
    client.write("x".repeat(100_000)).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status(), answer.complete), (503, true));
    assert_eq!(answer.head.get("connection"), Some("close"));
    for _ in 0..3 {
        assert!(
            client.write("x".repeat(1000)).await,
            "reset, which may overtake the answer"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(upstream.count(), 3);
}

#[tokio::test]
async fn a_length_beside_chunks_cannot_smuggle_a_request() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let smuggled = "GET /api/admin HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!(
        "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n\
         {:x}\r\n{smuggled}\r\n0\r\n\r\n",
        smuggled.len()
    );
    let answer = ask(gateway.address(), request).await;
    assert!(matches!(answer.status(), 200 | 400), "{}", answer.status());
    for sent in upstream.seen() {
        assert_eq!(sent.line, "POST /api HTTP/1.1");
        assert!(sent.get("content-length").is_none() || sent.get("transfer-encoding").is_none());
    }
}
