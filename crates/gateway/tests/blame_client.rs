//! The table of `outcome`, row by row: how a client ends a call, what it gets, and that it doesn't
//! count. (`blame.rs` has the rows of upstreams.)

mod support;

use std::time::Duration;

use support::counted::*;
use support::wire::Wire;
use support::*;

#[tokio::test]
async fn faults_of_the_client_do_not_count() {
    let ok = || Does::Stay(OK.into());
    let hang = || Does::Stay(String::new());
    let post = "POST /api HTTP/1.1\r\nhost: x\r\n";
    for (name, does, request, says) in [
        (
            "a malformed chunk",
            hang(),
            format!("{post}transfer-encoding: chunked\r\n\r\nnonsense\r\n"),
            (400, "request_incomplete"),
        ),
        (
            "a body that stops",
            hang(),
            format!("{post}content-length: 9\r\n\r\nhalf"),
            (408, "request_timeout"),
        ),
        (
            "a body that never begins",
            hang(),
            format!("{post}content-length: 9\r\n\r\n"),
            (408, "request_timeout"),
        ),
        (
            "chunks that stop",
            hang(),
            format!("{post}transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            (408, "request_timeout"),
        ),
        (
            "no Host",
            ok(),
            "GET /api HTTP/1.1\r\n\r\n".into(),
            (400, "bad_host"),
        ),
        (
            "no route",
            ok(),
            "GET /other HTTP/1.1\r\nhost: x\r\n\r\n".into(),
            (404, "not_found"),
        ),
        (
            "a tunnel",
            ok(),
            "CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n".into(),
            (501, "connect_not_supported"),
        ),
    ] {
        assert_row(name, does, &request, says, Nothing).await;
    }
}

#[tokio::test]
async fn clients_that_leave_do_not_count() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    for (name, does, sends) in [
        (
            "amid its header",
            Stay(OK.into()),
            "GET /api HTTP/1.1\r\nho".to_owned(),
        ),
        ("before its answer", Stay(String::new()), GET.to_owned()),
        ("amid its answer", Stay(half.into()), GET.to_owned()),
        (
            "amid its body",
            Stay(String::new()),
            "PUT /api HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf".to_owned(),
        ),
        (
            "amid its body, which the upstream has answered",
            Stay(half.into()),
            "PUT /api HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf".to_owned(),
        ),
    ] {
        let upstream = upstream(does).await;
        let gateway = seeded(settings(&upstream)).await;
        let mut client = Wire::connect(gateway.address()).await;
        client.write(sends).await;
        if name.contains("answer") && !name.contains("before") {
            assert_eq!(client.head().await.unwrap().status(), 200, "{name}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(client);
        // Longer than any limit that the hanging upstream would run into.
        tokio::time::sleep(2 * LIMIT).await;
        assert_counted(&gateway, Nothing, name).await;
    }
}
