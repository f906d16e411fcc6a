//! Start, the admin address, and a stop that lets requests finish.

mod support;

use std::sync::Arc;
use std::time::Duration;

use breakerbox_gateway::{Gateway, Hooks, StartError};
use support::wire::{Wire, ask, get};
use support::*;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// An upstream that answers `slow` in two halves, the second when told to.
async fn halves() -> (Upstream, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let notified = Arc::clone(&go_on);
    let upstream = Upstream::start(move |mut conn| {
        let notified = Arc::clone(&notified);
        async move {
            while conn.request().await.is_some() {
                conn.wire
                    .write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf")
                    .await;
                notified.notified().await;
                conn.wire.write("half").await;
            }
        }
    })
    .await;
    (upstream, go_on)
}

#[tokio::test]
async fn a_request_in_flight_finishes_after_the_stop() {
    let (upstream, go_on) = halves().await;
    let mut config = config(upstream.address);
    config.drain_timeout = FOREVER;
    let gateway = start(config).await;
    let address = gateway.address();
    let mut client = Wire::connect(address).await;
    let mut idle = Wire::connect(address).await;
    assert_eq!(
        idle.ask("GET /none HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .status(),
        404
    );
    client.write("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let head = client.head().await.unwrap();

    let stopping = tokio::spawn(gateway.shutdown());
    // Idle connections are closed, new ones refused, while the request is still in flight.
    idle.closed().await;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while TcpStream::connect(address).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "still accepting");
    }
    assert!(!stopping.is_finished());

    go_on.notify_one();
    assert_eq!(client.read_body(&head).await, (b"halfhalf".to_vec(), true));
    drop(client);
    assert_eq!(stopping.await.unwrap(), 0);
}

#[tokio::test]
async fn the_drain_time_bounds_the_stop() {
    let (upstream, _go_on) = halves().await;
    let mut config = config(upstream.address);
    config.drain_timeout = Duration::from_millis(50);
    let gateway = start(config).await;
    let mut client = Wire::connect(gateway.address()).await;
    client.write("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let head = client.head().await.unwrap();
    assert_eq!(gateway.shutdown().await, 1);
    assert!(!client.read_body(&head).await.1);
}

#[tokio::test]
async fn a_request_cut_off_at_the_drain_time_does_not_count() {
    let (upstream, _go_on) = halves().await;
    let mut config = config(upstream.address);
    config.circuit.failure_threshold = 1;
    config.drain_timeout = Duration::from_millis(50);
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let hooks = Hooks {
        on_change: Some(Box::new(move |change| log.lock().unwrap().push(change.to))),
        pages: None,
    };
    let gateway = Gateway::start(config, hooks).await.unwrap();
    let mut client = Wire::connect(gateway.address()).await;
    client.write("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.head().await.unwrap();
    assert_eq!(gateway.shutdown().await, 1);
    client.closed().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_admin_address_lists_the_circuits() {
    let (bad, good) = (
        Upstream::answering(ERROR).await,
        Upstream::answering(OK).await,
    );
    let mut config = config(bad.address);
    config.routes.push(route("/zzzz", good.address));
    config.circuit.reset_timeout = Duration::from_secs(3600);
    let gateway = start(config).await;
    for _ in 0..3 {
        get(gateway.address(), "/api").await;
    }
    let answer = get(gateway.admin_address(), "/circuits").await;
    assert_eq!(answer.status(), 200);
    let json = answer.json();
    let circuits = json["circuits"].as_array().unwrap();
    assert_eq!(circuits.len(), 2);
    let closed = circuits.iter().find(|it| it["key"] == "/zzzz").unwrap();
    assert_eq!(closed["upstream"], format!("http://{}", good.address));
    assert_eq!(closed["snapshot"]["state"], "closed");
    assert_eq!(closed.get("retryAfterSeconds"), None);
    let open = circuits.iter().find(|it| it["key"] == "/api").unwrap();
    assert_eq!(open["snapshot"]["state"], "open");
    assert_eq!(open["snapshot"]["failureCount"], 3);
    assert_eq!(open["snapshot"]["successCount"], 0);
    let (failed, changed) = (
        &open["snapshot"]["lastFailureTime"],
        &open["snapshot"]["lastStateChange"],
    );
    assert!(failed.as_u64().unwrap() > 1_600_000_000_000 && changed.as_u64() >= failed.as_u64());
    assert!((3500..=3600).contains(&open["retryAfterSeconds"].as_u64().unwrap()));
}

#[tokio::test]
async fn the_admin_address_has_no_other_pages() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let admin = gateway.admin_address();
    assert!(admin.ip().is_loopback() && admin != gateway.address());
    let health = get(admin, "/healthz").await;
    assert_eq!(
        (health.status(), health.json()),
        (200, serde_json::json!({ "status": "ok" }))
    );
    for path in ["/", "/api", "/circuits/", "/demo/faults"] {
        assert_eq!(get(admin, path).await.status(), 404, "{path}");
    }
    for path in ["/circuits", "/healthz"] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let answer = ask(admin, request).await;
        assert_eq!(
            (answer.status(), answer.head.get("allow")),
            (405, Some("GET, HEAD"))
        );
    }
    // The proxy's address doesn't serve the admin's pages.
    assert_eq!(get(gateway.address(), "/circuits").await.status(), 404);
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn bad_settings_are_refused_at_the_start() {
    let upstream = Upstream::answering(OK).await;
    let refused = async |config| {
        let started = Gateway::start(config, Hooks::default()).await;
        started.expect_err("it started").to_string()
    };

    let mut twice = config(upstream.address);
    twice.routes.push(route("/api/", upstream.address));
    assert_eq!(refused(twice).await, "two routes have the prefix /api");

    let mut none = config(upstream.address);
    none.circuit.failure_threshold = 0;
    assert!(refused(none).await.contains("failure_threshold is 0"));

    let mut status = config(upstream.address);
    status.circuit.open_status = 99;
    assert!(refused(status).await.contains("open_status is 99"));

    let mut taken = config(upstream.address);
    taken.listen = upstream.address;
    let started = Gateway::start(taken, Hooks::default()).await;
    assert!(matches!(started, Err(StartError::Listen(address, _)) if address == upstream.address));
}

#[tokio::test]
async fn each_transition_is_announced_once() {
    let upstream = Upstream::answering(ERROR).await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let hooks = Hooks {
        on_change: Some(Box::new(move |change| {
            log.lock()
                .unwrap()
                .push(format!("{} {} {}", change.key, change.from, change.to));
        })),
        pages: None,
    };
    let gateway = Gateway::start(config(upstream.address), hooks)
        .await
        .unwrap();
    for _ in 0..10 {
        get(gateway.address(), "/api").await;
    }
    assert_eq!(*told.lock().unwrap(), ["/api closed open"]);
}
