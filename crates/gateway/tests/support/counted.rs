//! An upstream that does one thing, and a check of how its circuit counted it.

use std::time::Duration;

use breakerbox_gateway::{Config, Gateway};

use super::wire::{Answer, ask, get};
use super::{Upstream, circuit, config, failures, start, state, until};

/// The report that the circuit gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Counts {
    Failure,
    Success,
    Nothing,
}
pub use Counts::{Failure, Nothing, Success};

/// The reaction of an upstream to a request.
#[derive(Clone)]
pub enum Does {
    /// Says this, and closes.
    Say(String),
    /// Says this, and then nothing, on an open connection.
    Stay(String),
    /// Says this again and again.
    Repeat(&'static str),
    /// Says the first, and then each byte of the second after a pause.
    Trickle(&'static str, &'static str),
}
pub use Does::{Repeat, Say, Stay, Trickle};

pub const LIMIT: Duration = Duration::from_millis(500);
pub const GET: &str = "GET /api HTTP/1.1\r\nhost: x\r\n\r\n";

pub fn say(text: &str) -> Does {
    Say(text.to_owned())
}

pub async fn upstream(does: Does) -> Upstream {
    Upstream::start(move |mut conn| {
        let does = does.clone();
        async move {
            let Some(head) = conn.request().await else {
                return;
            };
            if head.line.contains("/api/seed") {
                let seed = "HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                conn.wire.write(seed).await;
                return;
            }
            match does {
                Say(text) => drop(conn.wire.write(text).await),
                Stay(text) => {
                    conn.wire.write(text).await;
                    conn.wire.closed().await;
                }
                Repeat(text) => {
                    while conn.wire.write(text).await {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                Trickle(head, body) => {
                    conn.wire.write(head).await;
                    for byte in body.bytes() {
                        tokio::time::sleep(LIMIT / 3).await;
                        conn.wire.write([byte]).await;
                    }
                }
            }
        }
    })
    .await
}

pub fn settings(upstream: &Upstream) -> Config {
    let mut config = config(upstream.address);
    config.response_timeout = LIMIT;
    config
}

/// Starts a gateway with one failure counted, so that a success, which resets it, shows as well.
pub async fn seeded(config: Config) -> Gateway {
    let gateway = start(config).await;
    assert_eq!(get(gateway.address(), "/api/seed").await.status(), 500);
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 1));
    gateway
}

pub async fn assert_counted(gateway: &Gateway, counts: Counts, name: &str) {
    let expected = match counts {
        Failure => 2,
        Success => 0,
        Nothing => 1,
    };
    if counts == Nothing {
        // What would be counted is counted by then.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(&format!("{name}: {counts:?}"), || {
        failures(gateway) == expected
    })
    .await;
    assert_eq!(state(gateway), "closed", "{name}");
}

pub fn error(answer: &Answer) -> String {
    match answer.head.get("content-type") {
        Some("application/json") => answer.json()["error"].as_str().unwrap().to_owned(),
        _ => String::new(),
    }
}

/// Sends a request, and checks the answer and how it counted.
pub async fn assert_row(name: &str, does: Does, request: &str, says: (u16, &str), counts: Counts) {
    let upstream = upstream(does).await;
    let gateway = seeded(settings(&upstream)).await;
    let answer = ask(gateway.address(), request).await;
    assert_eq!(
        (answer.status(), error(&answer).as_str()),
        says,
        "{name}: {answer:?}"
    );
    assert_counted(&gateway, counts, name).await;
}
