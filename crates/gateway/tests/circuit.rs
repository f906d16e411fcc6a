//! The effect of a route's circuit on its requests, over real sockets.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use breakerbox::PolicySet;
use breakerbox_gateway::{Breaker, DebugHeaders};
use support::wire::get;
use support::*;
use tokio::sync::Semaphore;

/// An upstream that answers 500 until it is told to be healthy.
async fn sick(well: &Arc<AtomicBool>) -> Upstream {
    let well = Arc::clone(well);
    Upstream::start(move |mut conn| {
        let well = Arc::clone(&well);
        async move {
            while let Some(head) = conn.request().await {
                conn.wire.read_body(&head).await;
                conn.wire
                    .write(if well.load(Ordering::SeqCst) {
                        OK
                    } else {
                        ERROR
                    })
                    .await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn consecutive_failures_open_the_circuit_and_spare_the_upstream() {
    let upstream = Upstream::answering(ERROR).await;
    let mut config = config(upstream.address);
    config.circuit.reset_timeout = Duration::from_millis(29_500);
    let gateway = start(config).await;

    for _ in 0..3 {
        let answer = get(gateway.address(), "/api/x").await;
        assert_eq!((answer.status(), answer.text()), (500, "oops"));
    }
    assert_eq!(circuit(&gateway, "/api"), ("open".into(), 3));

    for _ in 0..10 {
        let answer = get(gateway.address(), "/api/x").await;
        assert_eq!(answer.status(), 503);
        // Whole seconds, rounded up.
        let seconds: u64 = answer.head.get("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        assert_eq!(
            answer.json(),
            serde_json::json!({
                "error": "circuit_open",
                "key": "/api",
                "state": "open",
                "retryAfterSeconds": seconds,
            })
        );
    }
    assert_eq!(upstream.count(), 3);
}

#[tokio::test]
async fn a_success_resets_the_count_and_other_errors_do_not_count() {
    let upstream = Upstream::start(|mut conn| async move {
        while let Some(head) = conn.request().await {
            let status = head.line.split(['/', ' ']).nth(3).unwrap().to_owned();
            conn.wire
                .write(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"))
                .await;
        }
    })
    .await;
    let gateway = start(config(upstream.address)).await;
    for (status, failures_after) in [
        (500, 1),
        (502, 2),
        (404, 0),
        (503, 1),
        (504, 2),
        (501, 0),
        (500, 1),
        (429, 0),
    ] {
        let answer = get(gateway.address(), &format!("/api/{status}")).await;
        assert_eq!(answer.status(), status);
        assert_eq!(
            circuit(&gateway, "/api"),
            ("closed".into(), failures_after),
            "after {status}"
        );
    }
}

#[tokio::test]
async fn with_the_breaker_off_there_is_no_circuit() {
    let upstream = Upstream::answering(ERROR).await;
    let mut config = config(upstream.address);
    config.breaker = Breaker::Off;
    config.debug_headers = DebugHeaders::Always;
    let gateway = start(config).await;
    gateway.set_policies(PolicySet::default());
    for _ in 0..10 {
        let answer = get(gateway.address(), "/api").await;
        assert_eq!((answer.status(), answer.text()), (500, "oops"));
        assert_eq!(answer.head.get("x-breakerbox-state"), None);
    }
    assert_eq!(upstream.count(), 10);
    assert!(gateway.circuit("/api").is_none());
    let listed = get(gateway.admin_address(), "/circuits").await.json();
    assert_eq!(listed, serde_json::json!({ "circuits": [] }));
}

#[tokio::test]
async fn routes_do_not_share_a_circuit() {
    let (bad, good) = (
        Upstream::answering(ERROR).await,
        Upstream::answering(OK).await,
    );
    let mut config = config(bad.address);
    config.routes.push(route("/api/good", good.address));
    let gateway = start(config).await;
    for _ in 0..4 {
        get(gateway.address(), "/api/good-no").await;
    }
    assert_eq!(get(gateway.address(), "/api").await.status(), 503);
    assert_eq!(get(gateway.address(), "/api/good/x").await.status(), 200);
    assert_eq!((bad.count(), good.count()), (3, 1));
}

#[tokio::test]
async fn one_probe_is_let_through_and_its_success_closes() {
    let hold = Arc::new(Semaphore::new(0));
    let is_held = Arc::new(AtomicBool::new(false));
    let upstream = {
        let (hold, held) = (Arc::clone(&hold), Arc::clone(&is_held));
        Upstream::start(move |mut conn| {
            let (hold, held) = (Arc::clone(&hold), Arc::clone(&held));
            async move {
                while conn.request().await.is_some() {
                    if held.load(Ordering::SeqCst) {
                        hold.acquire().await.unwrap().forget();
                        conn.wire.write(OK).await;
                    } else {
                        conn.wire.write(ERROR).await;
                    }
                }
            }
        })
        .await
    };
    let mut config = config(upstream.address);
    config.circuit.reset_timeout = Duration::from_millis(50);
    let gateway = start(config).await;
    for _ in 0..3 {
        get(gateway.address(), "/api").await;
    }
    is_held.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(60)).await;

    // While the probe is in flight, the others are rejected and told that.
    let probe = tokio::spawn(get_owned(gateway.address()));
    until("the probe arrives", || upstream.count() == 4).await;
    assert_eq!(state(&gateway), "half-open");
    for _ in 0..10 {
        let answer = get(gateway.address(), "/api").await;
        assert_eq!(
            (answer.status(), &answer.json()["state"]),
            (503, &"half-open".into())
        );
        assert_eq!(answer.head.get("retry-after"), Some("1"));
    }
    assert_eq!(upstream.count(), 4);

    // The upstream answers well again.
    hold.add_permits(100);
    assert_eq!(probe.await.unwrap(), 200);
    until("closed", || state(&gateway) == "closed").await;
    assert_eq!(get(gateway.address(), "/api").await.status(), 200);
}

async fn get_owned(address: std::net::SocketAddr) -> u16 {
    get(address, "/api").await.status()
}

#[tokio::test]
async fn a_failed_probe_opens_the_circuit_again() {
    let well = Arc::new(AtomicBool::new(false));
    let upstream = sick(&well).await;
    let mut config = config(upstream.address);
    config.circuit.reset_timeout = Duration::from_millis(50);
    let gateway = start(config).await;
    for _ in 0..3 {
        get(gateway.address(), "/api").await;
    }
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(get(gateway.address(), "/api").await.status(), 500);
    assert_eq!(state(&gateway), "open");
    assert_eq!(upstream.count(), 4);

    well.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(get(gateway.address(), "/api").await.status(), 200);
    until("closed", || {
        circuit(&gateway, "/api") == ("closed".into(), 0)
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_is_a_502_and_opens_the_circuit() {
    let (_socket, address) = refusing().await;
    let gateway = start(config(address)).await;
    for _ in 0..3 {
        let answer = get(gateway.address(), "/api").await;
        assert_eq!(answer.status(), 502);
        let expected = serde_json::json!({ "error": "upstream_unreachable", "key": "/api" });
        assert_eq!(answer.json(), expected);
    }
    assert_eq!(get(gateway.address(), "/api").await.status(), 503);
}

#[tokio::test]
async fn a_hanging_upstream_is_a_504_and_opens_the_circuit() {
    let upstream =
        Upstream::start(|mut conn| async move { while conn.request().await.is_some() {} }).await;
    let mut config = config(upstream.address);
    config.response_timeout = Duration::from_millis(50);
    let gateway = start(config).await;
    for _ in 0..3 {
        let answer = get(gateway.address(), "/api").await;
        assert_eq!(answer.status(), 504);
        assert_eq!(
            answer.json(),
            serde_json::json!({ "error": "upstream_timeout", "key": "/api", "timeoutMs": 50 })
        );
    }
    assert_eq!(get(gateway.address(), "/api").await.status(), 503);
    assert_eq!(upstream.count(), 3);
}

#[tokio::test]
async fn a_broken_answer_is_a_502_and_opens_the_circuit() {
    for (says, error) in [
        ("", "upstream_closed"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "upstream_closed"),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", "upstream_bad_answer"),
    ] {
        let upstream = Upstream::start(move |mut conn| async move {
            conn.request().await;
            conn.wire.write(says).await;
        })
        .await;
        let gateway = start(config(upstream.address)).await;
        for _ in 0..3 {
            let answer = get(gateway.address(), "/api").await;
            assert_eq!(
                (answer.status(), &answer.json()["error"]),
                (502, &error.into()),
                "{says:?}"
            );
        }
        assert_eq!(
            get(gateway.address(), "/api").await.status(),
            503,
            "{says:?}"
        );
        assert_eq!(upstream.count(), 3);
    }
}

#[tokio::test]
async fn the_open_status_and_the_failure_statuses_can_be_set() {
    let upstream = Upstream::answering("HTTP/1.1 418 T\r\ncontent-length: 0\r\n\r\n").await;
    let mut config = config(upstream.address);
    config.circuit.failure_on = vec![418];
    config.circuit.open_status = 529;
    let gateway = start(config).await;
    for expected in [418, 418, 418, 529, 529] {
        assert_eq!(get(gateway.address(), "/api").await.status(), expected);
    }
}
