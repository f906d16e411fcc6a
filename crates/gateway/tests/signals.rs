//! Signals, the log, and a machine without free resources, as the operator sees them.

#![cfg(unix)]

mod support;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::wire::{Wire, get};
use support::*;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_breakerbox-gateway");

struct Program {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    proxy: SocketAddr,
    admin: SocketAddr,
}

async fn run(mut command: Command) -> Program {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let line = line(&mut out).await;
        let url = line.split("http://").nth(1).expect("an address");
        addresses.push(url.trim_end_matches("/circuits").parse().unwrap());
    }
    Program {
        child,
        out,
        log,
        proxy: addresses[0],
        admin: addresses[1],
    }
}

async fn serve(upstream: SocketAddr, arguments: &[&str]) -> Program {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--route", &format!("/api=http://{upstream}")]);
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(arguments);
    run(command).await
}

async fn line<R: tokio::io::AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    let next = timeout(DEADLINE, lines.next_line()).await;
    next.expect("no line came").unwrap().expect("it ended")
}

impl Program {
    async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(sent.unwrap().success());
    }

    async fn ends(&mut self) -> Option<i32> {
        let status = timeout(DEADLINE, self.child.wait()).await;
        status.expect("still running").unwrap().code()
    }
}

async fn hanging() -> Upstream {
    Upstream::start(|mut conn| async move { while conn.request().await.is_some() {} }).await
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (first, second, code) in [
        ("-INT", "-INT", 130),
        ("-INT", "-TERM", 143),
        ("-TERM", "-INT", 130),
        ("-TERM", "-TERM", 143),
    ] {
        let upstream = hanging().await;
        let mut program = serve(upstream.address, &["--drain-timeout", "24h"]).await;
        let mut client = Wire::connect(program.proxy).await;
        client.write("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
        until("the request arrives", || upstream.count() == 1).await;
        program.signal(first).await;
        assert!(line(&mut program.log).await.starts_with("stopping"));
        // A hang-up doesn't count as a signal to stop.
        program.signal("-HUP").await;
        assert!(line(&mut program.log).await.starts_with("SIGHUP"));
        let began = Instant::now();
        program.signal(second).await;
        assert_eq!(program.ends().await, Some(code), "{first} {second}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_demo_at_once() {
    let mut command = Command::new(PROGRAM);
    command.args(["demo", "--plain"]);
    let mut child = command
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let proxy: SocketAddr = loop {
        let line = line(&mut out).await;
        if let Some((_, address)) = line.split_once("curl -i http://") {
            break address.split('/').next().unwrap().parse().unwrap();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
    let pid = child.id().unwrap().to_string();
    let interrupt = async || {
        let sent = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(sent.unwrap().success());
    };
    // A request that never ends keeps the demo running for its drain time.
    let mut client = Wire::connect(proxy).await;
    client.write("GET /orders HTTP/1.1\r\n").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    interrupt().await;
    let deadline = Instant::now() + DEADLINE;
    while tokio::net::TcpStream::connect(proxy).await.is_ok() {
        assert!(Instant::now() < deadline, "still accepting");
    }
    interrupt().await;
    let status = timeout(DEADLINE, child.wait())
        .await
        .expect("still running");
    assert_eq!(status.unwrap().code(), Some(130));
}

#[tokio::test]
async fn a_hang_up_ends_nothing_even_without_a_terminal() {
    let upstream = Upstream::answering(OK).await;
    let mut program = serve(upstream.address, &[]).await;
    for _ in 0..3 {
        program.signal("-HUP").await;
        assert_eq!(
            line(&mut program.log).await,
            "SIGHUP: there is nothing to reload, serving on"
        );
        assert_eq!(get(program.proxy, "/api").await.status(), 200);
    }
    // The terminal is gone, and the log with it.
    let Program {
        mut child,
        out,
        log,
        proxy,
        ..
    } = program;
    drop((out, log));
    let pid = child.id().unwrap().to_string();
    for _ in 0..3 {
        let sent = Command::new("kill").args(["-HUP", &pid]).status().await;
        assert!(sent.unwrap().success());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(get(proxy, "/api").await.status(), 200);
    }
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(sent.unwrap().success());
    let status = timeout(DEADLINE, child.wait())
        .await
        .expect("still running");
    assert_eq!(status.unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_log_names_the_cause() {
    let upstream = Upstream::answering(ERROR).await;
    let mut program = serve(
        upstream.address,
        &["--failure-threshold", "2", "--reset-timeout", "50ms"],
    )
    .await;
    for _ in 0..2 {
        get(program.proxy, "/api").await;
    }
    let opened = line(&mut program.log).await;
    let (_, opened) = opened.split_once(' ').unwrap();
    assert_eq!(
        opened,
        "circuit /api: closed -> open: 2 consecutive failures"
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    get(program.proxy, "/api").await;
    for change in ["open -> half-open: ", "half-open -> open: "] {
        let line = line(&mut program.log).await;
        let (_, cause) = line.split_once(change).unwrap_or_else(|| panic!("{line}"));
        assert!(!cause.is_empty());
    }
}

#[tokio::test]
async fn it_listens_on_a_host_name() {
    let upstream = Upstream::answering(OK).await;
    let arguments = ["--listen", "localhost:0", "--admin", "localhost:0"];
    let mut program = serve(upstream.address, &arguments).await;
    assert!(program.proxy.ip().is_loopback() && program.admin.ip().is_loopback());
    assert_eq!(get(program.proxy, "/api").await.status(), 200);
    assert!(line(&mut program.out).await.starts_with("route /api"));
}

#[tokio::test]
async fn the_help_names_all_options() {
    for (command, options) in [
        ("demo", &["--seconds", "--plain", "--listen", "--svg"][..]),
        ("serve", &["--body-timeout", "--max-headers", "<1 to 100>"]),
    ] {
        let run = Command::new(PROGRAM).args([command, "--help"]).output();
        let help = String::from_utf8(run.await.unwrap().stdout).unwrap();
        for option in options {
            assert!(help.contains(option), "{option}: {help}");
        }
    }
}

/// File descriptors are this machine's: their lack says nothing about an upstream.
#[tokio::test]
async fn a_lack_of_descriptors_is_no_failure_of_the_upstream() {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
            .await;
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!(
        "ulimit -n 24 && exec {PROGRAM} serve --listen 127.0.0.1:0 --failure-threshold 1 \
         --route /api=http://{}",
        upstream.address
    ));
    let program = run(command).await;
    let mut clients = Vec::new();
    let exhausted = loop {
        assert!(clients.len() < 24, "the descriptors never ran out");
        let mut client = Wire::connect(program.proxy).await;
        let answer = client.ask("GET /api HTTP/1.1\r\nhost: x\r\n\r\n").await;
        clients.push(client);
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!(exhausted.status(), 503);
    assert_eq!(exhausted.json()["error"], "gateway_exhausted");
    drop(clients);
    let listed = get(program.admin, "/circuits").await.json();
    assert_eq!(listed["circuits"][0]["snapshot"]["state"], "closed");
    assert_eq!(listed["circuits"][0]["snapshot"]["failureCount"], 0);
    assert_eq!(get(program.proxy, "/api").await.status(), 200);
}
