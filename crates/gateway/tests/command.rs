//! The program itself: arguments, signals and the demo.

mod support;

use std::net::SocketAddr;
use std::process::{Output, Stdio};

use support::wire::{Wire, get};
use support::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn gateway(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breakerbox-gateway"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn output(arguments: &[&str]) -> Output {
    let run = gateway(arguments).output();
    timeout(DEADLINE, run)
        .await
        .expect("still running")
        .unwrap()
}

#[tokio::test]
async fn bad_arguments_name_option_value_and_what_is_allowed() {
    const ROUTE: &str = "/api=http://127.0.0.1:9";
    for (arguments, said) in [
        (
            &["--failure-threshold", "0"][..],
            &["--failure-threshold", "'0'", "1..=1000000"][..],
        ),
        (
            &["--failure-threshold", "many"],
            &["--failure-threshold", "'many'"],
        ),
        (
            &["--half-open-max", "0"],
            &["--half-open-max", "'0'", "1..=100"],
        ),
        (&["--success-threshold", "-1"], &["--success-threshold"]),
        (
            &["--reset-timeout", "30"],
            &["--reset-timeout", "'30'", "500ms, 30s or 1m30s"],
        ),
        (
            &["--response-timeout", "0s"],
            &["--response-timeout", "'0s'", "1ms to 24h"],
        ),
        (
            &["--failure-on", "500,99"],
            &["--failure-on", "'99'", "100..=599"],
        ),
        (&["--breaker", "no"], &["--breaker", "'no'", "on, off"]),
        (
            &["--open-status", "200"],
            &["--open-status", "'200'", "400..=599"],
        ),
        (
            &["--report-at", "never"],
            &["--report-at", "'never'", "headers, body"],
        ),
        (
            &["--debug-headers=some"],
            &["--debug-headers", "'some'", "off, on-request, always"],
        ),
        (&["--listen", "nowhere"], &["--listen", "'nowhere'"]),
        (&["--route", "/b"], &["--route", "'/b'", "PREFIX=UPSTREAM"]),
        (
            &["--route", "/b=https://x"],
            &["--route", "'/b=https://x'", "http://"],
        ),
        (&["--colour"], &["--colour"]),
    ] {
        let arguments = [&["serve", "--route", ROUTE], arguments].concat();
        let output = output(&arguments).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        for part in said {
            assert!(
                text.contains(part),
                "{arguments:?} should say {part:?}: {text}"
            );
        }
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn missing_or_unknown_arguments_are_named() {
    for (arguments, said) in [
        (&["serve"][..], "--route <PREFIX=UPSTREAM>"),
        (&[], "Usage"),
        (&["dance"], "dance"),
        (&["demo", "--seconds", "0"], "--seconds"),
    ] {
        let output = output(arguments).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
    let help = output(&["serve", "--help"]).await;
    assert!(help.status.success());
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("[default: 30s]")
    );
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let upstream = Upstream::answering(OK).await;
    let taken = upstream.address.to_string();
    let output = output(&[
        "serve",
        "--route",
        "/a=http://127.0.0.1:9",
        "--listen",
        &taken,
    ])
    .await;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("cannot listen on {taken}")),
        "{text}"
    );
}

/// Starts `serve` and reads its addresses from what it prints.
async fn serve(arguments: &[&str]) -> (Child, SocketAddr, SocketAddr) {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
    let mut child = gateway(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let line = timeout(DEADLINE, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let url = line.split("http://").nth(1).expect("an address");
        addresses.push(url.trim_end_matches("/circuits").parse().unwrap());
    }
    // The rest is read and dropped: a closed pipe would be an error to the program.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, addresses[0], addresses[1])
}

#[cfg(unix)]
#[tokio::test]
async fn signals_let_requests_in_flight_finish() {
    for signal in ["-TERM", "-INT"] {
        let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
        let notified = std::sync::Arc::clone(&go_on);
        let upstream = Upstream::start(move |mut conn| {
            let notified = std::sync::Arc::clone(&notified);
            async move {
                conn.request().await;
                conn.wire
                    .write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf")
                    .await;
                notified.notified().await;
                conn.wire.write("half").await;
            }
        })
        .await;
        let route = format!("/api=http://{}", upstream.address);
        let (mut child, proxy, admin) = serve(&["--route", &route]).await;
        assert_eq!(
            get(admin, "/circuits").await.json()["circuits"][0]["key"],
            "/api"
        );
        let mut client = Wire::connect(proxy).await;
        client
            .write("GET /api HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        let head = client.head().await.unwrap();

        let pid = child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while tokio::net::TcpStream::connect(proxy).await.is_ok() {
            assert!(tokio::time::Instant::now() < deadline, "still accepting");
        }
        go_on.notify_one();
        assert_eq!(
            client.read_body(&head).await,
            (b"halfhalf".to_vec(), true),
            "{signal}"
        );
        drop(client);
        let status = timeout(DEADLINE, child.wait())
            .await
            .expect("still running")
            .unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn with_the_breaker_off_nothing_is_rejected() {
    let upstream = Upstream::answering(ERROR).await;
    let route = format!("/api=http://{}", upstream.address);
    for (breaker, reached) in [("on", 1), ("off", 4)] {
        let before = upstream.count();
        let arguments = ["--route", &route, "--failure-threshold", "1"];
        let (_child, proxy, _) = serve(&[&arguments[..], &["--breaker", breaker]].concat()).await;
        for _ in 0..4 {
            get(proxy, "/api").await;
        }
        assert_eq!(upstream.count() - before, reached, "{breaker}");
    }
}

/// The summary's numbers for each route: requests, answered, rejected, 502/504, upstream saw,
/// opened, probes, recoveries.
fn summary(text: &str) -> Vec<Vec<u64>> {
    let heading = text
        .find("\nroute ")
        .unwrap_or_else(|| panic!("no summary: {text}"));
    let lines = text[heading..].lines().skip(2).take(4);
    let numbers = |line: &str| -> Vec<u64> {
        line.split_whitespace()
            .skip(1)
            .map(|word| word.parse().unwrap())
            .collect()
    };
    lines.map(numbers).collect()
}

#[tokio::test]
async fn the_demo_ends_by_itself_and_its_numbers_add_up() {
    let folder = std::env::temp_dir().join(format!("breakerbox-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let picture = folder.join("frame.svg");
    let arguments = [
        "demo",
        "--seconds",
        "8",
        "--plain",
        "--svg",
        picture.to_str().unwrap(),
    ];
    let run = gateway(&arguments).output();
    let output = timeout(4 * DEADLINE, run)
        .await
        .expect("still running")
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");

    let routes = summary(&text);
    assert_eq!(routes.len(), 4, "{text}");
    for route in routes {
        assert_eq!(
            route[0],
            route[1] + route[2] + route[3],
            "one answer each: {text}"
        );
        let reached = route[1]..=route[1] + route[3];
        assert!(
            reached.contains(&route[4]),
            "a rejected request reached the upstream: {text}"
        );
    }
    assert!(text.trim_end().ends_with("and reached none."), "{text}");

    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("/orders") && svg.contains("curl"),
        "{svg}"
    );
}

/// Judged by its lines rather than by time: on a busy machine healthy upstreams may time out too,
/// and the full story then comes only in its next round.
#[cfg(unix)]
#[tokio::test]
async fn the_demo_tells_its_story() {
    const STORY: [&str; 5] = [
        "upstream refuses connections",
        "closed -> open: ",
        "upstream is well again",
        "open -> half-open: ",
        "half-open -> closed: ",
    ];
    let mut child = gateway(&["demo", "--plain"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = String::new();
    let told = async {
        let mut told = 0;
        while told < STORY.len() {
            let line = lines.next_line().await.unwrap().expect("it ended");
            if let Some((_, orders)) = line.split_once("  /orders") {
                // Consecutive lines: opened once, one probe.
                let orders = orders.trim_start();
                let expected = orders.starts_with(STORY[told]);
                told = if expected {
                    told + 1
                } else {
                    orders.starts_with(STORY[0]).into()
                };
            }
            text += &line;
            text.push('\n');
        }
    };
    let told = timeout(5 * DEADLINE, told).await;
    assert!(told.is_ok(), "not in order: {text}");

    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let rest = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            text += &line;
            text.push('\n');
        }
        child.wait().await.unwrap()
    };
    let status = timeout(4 * DEADLINE, rest).await.expect("still running");
    assert_eq!(status.code(), Some(0), "{text}");
    let orders = &summary(&text)[0];
    assert!(
        orders[2] > 0 && orders[5..].iter().all(|&count| count > 0),
        "{text}"
    );
}
