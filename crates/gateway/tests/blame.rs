//! The table of `outcome`, row by row: how an upstream ends a call, what its client gets, and what
//! counts. (`blame_client.rs` has the rows of clients.)

mod support;

use support::counted::*;
use support::wire::{ask, get};
use support::*;

#[tokio::test]
async fn broken_answers_are_failures() {
    let closed = (502, "upstream_closed");
    let bad = (502, "upstream_bad_answer");
    let timeout = (504, "upstream_timeout");
    for (name, does, says) in [
        ("closed", say(""), closed),
        ("half a status", say("HTTP/1.1 20"), closed),
        (
            "half a header",
            say("HTTP/1.1 200 OK\r\ncontent-le"),
            closed,
        ),
        (
            "an interim answer",
            say("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
            closed,
        ),
        ("no HTTP", say("SSH-2.0-OpenSSH_9.9\r\n\r\n"), bad),
        ("no status", say("HTTP/1.1 abc\r\n\r\n"), bad),
        ("no version", say("HTTP/7.1 200 OK\r\n\r\n"), bad),
        (
            "no header line",
            say("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
            bad,
        ),
        (
            "two lengths",
            say("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
            bad,
        ),
        (
            "no length",
            say("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nxx"),
            bad,
        ),
        ("bytes", say("\u{0}\u{1}\u{2}\r\n\r\n"), bad),
        ("silence", Stay(String::new()), timeout),
        (
            "half a header and silence",
            Stay("HTTP/1.1 200 OK\r\nx".into()),
            timeout,
        ),
        (
            "interim answers without end",
            Repeat("HTTP/1.1 102 Processing\r\n\r\n"),
            timeout,
        ),
    ] {
        assert_row(name, does, GET, says, Failure).await;
    }
}

#[tokio::test]
async fn answers_beyond_our_limits_do_not_count() {
    let lines = |count: usize| -> String { (0..count).map(|n| format!("x-{n}: 1\r\n")).collect() };
    let with = |header: String| {
        let answer = format!("HTTP/1.1 200 OK\r\n{header}content-length: 2\r\n\r\nok");
        say(&answer)
    };
    let too_large = (502, "upstream_header_too_large");
    for (name, does, says, counts) in [
        ("101 lines", with(lines(100)), (200, ""), Success),
        ("255 lines", with(lines(254)), (200, ""), Success),
        ("257 lines", with(lines(256)), too_large, Nothing),
        (
            "a huge line",
            with(format!("x: {}\r\n", "x".repeat(600_000))),
            too_large,
            Nothing,
        ),
        (
            "a 101 that was not asked for",
            say("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            (502, "upstream_switched"),
            Nothing,
        ),
        (
            "a folded line",
            with("x-folded: a\r\n  b\r\n".into()),
            (200, ""),
            Success,
        ),
        (
            "a space before a colon",
            with("x-spaced : a\r\n".into()),
            (200, ""),
            Success,
        ),
    ] {
        assert_row(name, does, GET, says, counts).await;
    }
}

#[tokio::test]
async fn the_limit_of_header_lines_can_be_set() {
    let lines: String = (0..400).map(|n| format!("x-{n}: 1\r\n")).collect();
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\nok"
    ))
    .await;
    let mut config = config(upstream.address);
    config.max_headers = 1000;
    let gateway = start(config).await;
    let request = format!("GET /api HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
    let answer = ask(gateway.address(), request).await;
    assert_eq!((answer.status(), answer.text()), (200, "ok"));
    assert_eq!(answer.head.get("x-399"), Some("1"));
    assert_eq!(upstream.seen()[0].get("x-399"), Some("1"));
}

#[tokio::test]
async fn a_body_counts_by_how_it_ends() {
    for (name, does, whole, counts) in [
        (
            "none",
            say("HTTP/1.1 204 No Content\r\n\r\n"),
            true,
            Success,
        ),
        (
            "of length 0",
            say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            true,
            Success,
        ),
        (
            "in chunks",
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            true,
            Success,
        ),
        (
            "up to the close",
            say("HTTP/1.1 200 OK\r\n\r\nok"),
            true,
            Success,
        ),
        (
            "longer than its length",
            say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more"),
            true,
            Success,
        ),
        (
            "that trickles",
            Trickle("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n", "slowly"),
            true,
            Success,
        ),
        (
            "of a status that is none of ours",
            say("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n"),
            true,
            Success,
        ),
        (
            "of a status that is a failure",
            say("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"),
            true,
            Failure,
        ),
        (
            "shorter than its length",
            say("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
            false,
            Failure,
        ),
        (
            "without its last chunk",
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            false,
            Failure,
        ),
        (
            "whose chunk has no size",
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"),
            false,
            Failure,
        ),
        (
            "that stops",
            Stay("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into()),
            false,
            Failure,
        ),
        (
            "whose chunks stop",
            Stay("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n".into()),
            false,
            Failure,
        ),
        (
            "of which nothing comes",
            Stay("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".into()),
            false,
            Failure,
        ),
        (
            "that trickles and breaks off",
            Trickle("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "slowly"),
            false,
            Failure,
        ),
    ] {
        let upstream = upstream(does).await;
        let gateway = seeded(settings(&upstream)).await;
        let answer = ask(gateway.address(), GET).await;
        assert_eq!(answer.complete, whole, "{name}: {answer:?}");
        assert_counted(&gateway, counts, name).await;
    }
}

#[tokio::test]
async fn upstreams_that_cannot_be_reached() {
    let (_socket, address) = refusing().await;
    let gateway = start(config(address)).await;
    let answer = get(gateway.address(), "/api").await;
    assert_eq!(
        (answer.status(), error(&answer).as_str()),
        (502, "upstream_unreachable")
    );
    assert_eq!(failures(&gateway), 1);

    // A name that doesn't exist (RFC 6761, 6.4).
    let mut config = config(address);
    config.routes = vec!["/api=http://nowhere.invalid:80".parse().unwrap()];
    let gateway = start(config).await;
    let answer = get(gateway.address(), "/api").await;
    assert_eq!(
        (answer.status(), error(&answer).as_str()),
        (502, "upstream_unreachable")
    );
    assert_eq!(failures(&gateway), 1);

    // It accepts, and closes at once: a new connection is not a kept one.
    let upstream = Upstream::start(|conn| async move { drop(conn) }).await;
    let gateway = start(support::config(upstream.address)).await;
    for method in ["GET", "POST", "GET"] {
        let request = format!("{method} /api HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = ask(gateway.address(), request).await;
        assert_eq!(
            (answer.status(), error(&answer).as_str()),
            (502, "upstream_closed")
        );
    }
    assert_eq!(circuit(&gateway, "/api"), ("open".into(), 3));
}
