//! Headers and bodies that reach the upstream and the client, and when they do.

mod support;

use support::wire::{Wire, ask, get};
use support::*;
use tokio::sync::mpsc;

#[tokio::test]
async fn method_path_query_and_body_arrive_as_sent() {
    let (sender, mut bodies) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut conn| {
        let sender = sender.clone();
        async move {
            while let Some(head) = conn.request().await {
                sender.send(conn.wire.read_body(&head).await).unwrap();
                conn.wire.write(OK).await;
            }
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    let body = "x".repeat(100_000);
    for framing in [
        "content-length: 100000\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n186a0\r\n",
    ] {
        let end = if framing.starts_with('t') {
            "\r\n0\r\n\r\n"
        } else {
            ""
        };
        let head = format!("PATCH /api/a%20b//c?q=1&r=%2F HTTP/1.1\r\nhost: x\r\n{framing}");
        let answer = ask(gateway.address(), format!("{head}{body}{end}")).await;
        assert_eq!((answer.status(), answer.text()), (200, "ok"));
        let (got, complete) = bodies.recv().await.unwrap();
        assert!(complete && got == body.as_bytes());
    }
    for head in upstream.seen() {
        assert_eq!(head.line, "PATCH /api/a%20b//c?q=1&r=%2F HTTP/1.1");
    }
    // Framed as the client framed it.
    assert_eq!(upstream.seen()[0].get("content-length"), Some("100000"));
    assert_eq!(upstream.seen()[1].all("transfer-encoding"), ["chunked"]);
}

#[tokio::test]
async fn hop_by_hop_headers_end_here_both_ways() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: x-mine, keep-alive\r\nx-mine: 1\r\n\
         keep-alive: timeout=5\r\nproxy-authenticate: Basic\r\ntrailer: x\r\nupgrade: h2c\r\n\
         x-breakerbox-state: fake\r\nserver: theirs\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nok",
    )
    .await;
    let gateway = start(config(upstream.address)).await;
    let answer = ask(
        gateway.address(),
        "GET /api HTTP/1.1\r\nhost: shop.example\r\nconnection: X-Secret, close\r\nconnection: upgrade\r\n\
         x-secret: 1\r\nupgrade: websocket\r\nte: trailers\r\nkeep-alive: 1\r\nproxy-connection: x\r\n\
         proxy-authorization: Basic x\r\nx-breakerbox-debug: 0\r\nx-breakerbox-key: fake\r\n\
         x-forwarded-for: 10.9.8.7\r\nx-forwarded-host: fake\r\nx-forwarded-proto: https\r\n\
         accept: text/x\r\naccept: text/y\r\n\r\n",
    )
    .await;

    let sent = &upstream.seen()[0];
    for name in [
        "connection",
        "x-secret",
        "upgrade",
        "te",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "x-breakerbox-debug",
        "x-breakerbox-key",
        "transfer-encoding",
    ] {
        assert_eq!(sent.get(name), None, "{name} was passed on");
    }
    assert_eq!(sent.all("accept"), ["text/x", "text/y"]);
    assert_eq!(sent.all("host"), [upstream.address.to_string()]);
    assert_eq!(sent.all("x-forwarded-for"), ["10.9.8.7, 127.0.0.1"]);
    assert_eq!(sent.all("x-forwarded-host"), ["shop.example"]);
    assert_eq!(sent.all("x-forwarded-proto"), ["http"]);

    for name in [
        "x-mine",
        "keep-alive",
        "proxy-authenticate",
        "trailer",
        "upgrade",
        "x-breakerbox-state",
    ] {
        assert_eq!(answer.head.get(name), None, "{name} was passed on");
    }
    assert_eq!(answer.head.get("server"), Some("theirs"));
    assert_eq!(answer.head.all("set-cookie"), ["a", "b"]);
    assert_eq!((answer.text(), answer.complete), ("ok", true));
}

#[tokio::test]
async fn debug_headers_come_on_request() {
    let upstream = Upstream::answering(ERROR).await;
    let gateway = start(config(upstream.address)).await;
    let asked = "GET /api HTTP/1.1\r\nhost: x\r\nx-breakerbox-debug: 1\r\n\r\n";
    for (state, failures) in [
        ("closed", "1"),
        ("closed", "2"),
        ("open", "3"),
        ("open", "3"),
    ] {
        let head = ask(gateway.address(), asked).await.head;
        assert_eq!(head.get("x-breakerbox-key"), Some("/api"));
        assert_eq!(head.get("x-breakerbox-state"), Some(state));
        assert_eq!(head.get("x-breakerbox-failures"), Some(failures));
    }
    assert_eq!(
        get(gateway.address(), "/api")
            .await
            .head
            .get("x-breakerbox-state"),
        None
    );
}

#[tokio::test]
async fn debug_headers_can_be_always_or_never() {
    use breakerbox_gateway::DebugHeaders::{Always, Off};
    let upstream = Upstream::answering(OK).await;
    for (setting, expected) in [(Always, Some("/api")), (Off, None)] {
        let mut config = config(upstream.address);
        config.debug_headers = setting;
        let gateway = start(config).await;
        let asked = "GET /api HTTP/1.1\r\nhost: x\r\nx-breakerbox-debug: 1\r\n\r\n";
        let plain = "GET /api HTTP/1.1\r\nhost: x\r\n\r\n";
        for request in [asked, plain] {
            let answer = ask(gateway.address(), request).await;
            assert_eq!(answer.head.get("x-breakerbox-key"), expected);
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404_and_reaches_no_upstream() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let mut client = Wire::connect(gateway.address()).await;
    for path in ["/", "/other", "/apix", "/API"] {
        let answer = client
            .ask(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        assert_eq!(answer.status(), 404);
        assert_eq!(
            answer.json(),
            serde_json::json!({ "error": "not_found", "path": path })
        );
    }
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_response_is_streamed() {
    let (go_on, chunks) = mpsc::unbounded_channel::<&str>();
    let chunks = std::sync::Arc::new(tokio::sync::Mutex::new(chunks));
    let upstream = Upstream::start(move |mut conn| {
        let chunks = std::sync::Arc::clone(&chunks);
        async move {
            conn.request().await;
            conn.wire
                .write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            while let Some(chunk) = chunks.lock().await.recv().await {
                conn.wire
                    .write(format!("{:x}\r\n{chunk}\r\n", chunk.len()))
                    .await;
            }
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    let mut client = Wire::connect(gateway.address()).await;
    client.write("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // The header arrives before the body exists, and each chunk before the next is written.
    assert_eq!(
        client.head().await.unwrap().all("transfer-encoding"),
        ["chunked"]
    );
    for chunk in ["first", "second", "third"] {
        go_on.send(chunk).unwrap();
        assert_eq!(client.chunk().await.unwrap(), chunk.as_bytes());
    }
    go_on.send("").unwrap();
    assert_eq!(client.chunk().await.unwrap(), b"");
}

#[tokio::test]
async fn a_request_is_streamed() {
    let (sender, mut arrived) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut conn| {
        let sender = sender.clone();
        async move {
            conn.request().await;
            while let Some(chunk) = conn.wire.chunk().await {
                sender.send(chunk.clone()).unwrap();
                if chunk.is_empty() {
                    break;
                }
            }
            conn.wire.write(OK).await;
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    let mut client = Wire::connect(gateway.address()).await;
    client
        .write("POST /api HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    // Each chunk reaches the upstream before the client writes the next.
    for chunk in ["first", "second", "third"] {
        client
            .write(format!("{:x}\r\n{chunk}\r\n", chunk.len()))
            .await;
        assert_eq!(arrived.recv().await.unwrap(), chunk.as_bytes());
    }
    client.write("0\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().text(), "ok");
}

#[tokio::test]
async fn connections_to_upstreams_are_kept() {
    let opened = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&opened);
    let upstream = Upstream::start(move |mut conn| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            while conn.request().await.is_some() {
                conn.wire.write(OK).await;
            }
        }
    })
    .await;
    let mut config = config(upstream.address);
    config.pool_idle_timeout = FOREVER;
    let gateway = start(config).await;
    let mut client = Wire::connect(gateway.address()).await;
    for _ in 0..20 {
        assert_eq!(
            client
                .ask("GET /api HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .status(),
            200
        );
    }
    assert_eq!(upstream.count(), 20);
    // One, unless a request came before the pool had its connection back.
    assert!(opened.load(std::sync::atomic::Ordering::SeqCst) < 10);
}
