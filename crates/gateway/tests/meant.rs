//! Bounds of input: hosts, targets, and every option are checked where they are given.

mod support;

use std::time::Duration;

use breakerbox_gateway::cli::{Cli, Command};
use breakerbox_gateway::{Config, Gateway, Hooks};
use clap::{CommandFactory, Parser};
use support::wire::{ask, get};
use support::*;

const ROUTE: &str = "/api=http://127.0.0.1:9";

#[tokio::test]
async fn a_request_must_name_its_host() {
    let upstream = Upstream::answering(OK).await;
    let gateway = start(config(upstream.address)).await;
    let mut reached = 0;
    for (lines, status) in [
        ("GET /api HTTP/1.1\r\nhost: x\r\n", 200),
        ("GET /api HTTP/1.1\r\nHOST:x:80\r\n", 200),
        ("GET /api HTTP/1.1\r\nhost: x:\r\n", 200),
        ("GET /api HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n", 200),
        ("GET /api HTTP/1.1\r\nhost: [::1]\r\n", 200),
        ("GET /api HTTP/1.1\r\nhost: [2001:db8::1]:80\r\n", 200),
        ("GET /api HTTP/1.0\r\n", 200),
        ("GET /api HTTP/1.0\r\nhost: x\r\n", 200),
        ("GET http://x/api HTTP/1.1\r\nhost: x\r\n", 200),
        ("GET https://x:443/api HTTP/1.1\r\nhost: x\r\n", 200),
        ("GET http://[::1]:80/api HTTP/1.1\r\nhost: x\r\n", 200),
        ("GET /api HTTP/1.1\r\n", 400),
        ("GET http://x/api HTTP/1.1\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x\r\nhost: x\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x\r\nhost: y\r\n", 400),
        ("GET /api HTTP/1.0\r\nhost: x\r\nhost: y\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost:\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x y\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x/y\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x, y\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x,y\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: me@x\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: me:secret@x:80\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x:http\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x:65536\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: ::1\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: [::1\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: [x]\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: x%zz\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: caf\u{e9}\r\n", 400),
        ("GET /api HTTP/1.1\r\nhost: http://x\r\n", 400),
        ("GET /api HTTP/1.0\r\nhost: x y\r\n", 400),
        ("GET http://me@x/api HTTP/1.1\r\nhost: x\r\n", 400),
        ("GET http:///api HTTP/1.1\r\nhost: x\r\n", 400),
        ("GET http://x:65536/api HTTP/1.1\r\nhost: x\r\n", 400),
        ("GET ftp://x/api HTTP/1.1\r\nhost: x\r\n", 400),
        ("GET x:80 HTTP/1.1\r\nhost: x\r\n", 400),
        ("CONNECT x:80 HTTP/1.1\r\n", 400),
    ] {
        let answer = ask(
            gateway.address(),
            format!("{lines}connection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(answer.status(), status, "{lines}");
        reached += usize::from(status == 200);
        assert_eq!(upstream.count(), reached, "{lines}");
    }
    let admin = ask(gateway.admin_address(), "GET /circuits HTTP/1.1\r\n\r\n").await;
    assert_eq!(
        (admin.status(), &admin.json()["error"]),
        (400, &"bad_host".into())
    );
    assert_eq!(circuit(&gateway, "/api"), ("closed".into(), 0));
}

#[tokio::test]
async fn equal_paths_have_one_route_and_are_passed_on_unchanged() {
    let upstream = Upstream::answering(OK).await;
    let mut config = config(upstream.address);
    config.routes = vec![route("/caf%c3%a9", upstream.address)];
    let gateway = start(config).await;
    let paths = ["/caf%C3%A9/x", "/caf%c3%a9/x%2f", "/%63af%C3%a9?%c3"];
    for path in paths {
        assert_eq!(get(gateway.address(), path).await.status(), 200, "{path}");
    }
    let lines = upstream.seen().into_iter().map(|head| head.line);
    let expected = paths.map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert_eq!(gateway.circuits()[0].key, "/caf%C3%A9");
    assert_eq!(get(gateway.address(), "/caf%E9").await.status(), 404);
}

/// Parses a number, or a time in milliseconds.
fn value(text: &str) -> (i64, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().unwrap();
    match &text[digits..] {
        "" => (number, ""),
        "ms" => (number, "ms"),
        "h" => (number * 3_600_000, "ms"),
        unit => panic!("{unit:?} in {text:?}"),
    }
}

/// Returns all options whose help gives bounds: command, option, least, most, unit.
fn bounded() -> Vec<(String, String, i64, i64, &'static str)> {
    let mut found = Vec::new();
    for command in Cli::command().get_subcommands() {
        for option in command.get_arguments() {
            let Some(long) = option.get_long() else {
                continue;
            };
            let names = option.get_value_names().unwrap_or_default();
            let Some((least, most)) = names.first().and_then(|it| it.split_once(" to ")) else {
                continue;
            };
            let ((least, unit), (most, _)) = (value(least), value(most));
            let unit = if unit.is_empty() { "" } else { "ms" };
            found.push((command.get_name().into(), long.into(), least, most, unit));
        }
    }
    found
}

fn parse(command: &str, option: &str, text: &str) -> Result<Cli, clap::Error> {
    let option = format!("--{option}={text}");
    let rest = match command {
        "serve" => ["--route", ROUTE],
        _ => ["--listen", "127.0.0.1:0"],
    };
    Cli::try_parse_from([&["gateway", command, &option][..], &rest].concat())
}

/// The command line accepts exactly the values that the help names, and a gateway starts with them.
#[tokio::test]
async fn the_bounds_of_an_option_are_those_in_its_help() {
    let all = bounded();
    let names: Vec<&str> = all.iter().map(|it| it.1.as_str()).collect();
    assert_eq!(
        names,
        [
            "failure-threshold",
            "reset-timeout",
            "half-open-max",
            "success-threshold",
            "probe-lease",
            "failure-on",
            "open-status",
            "connect-timeout",
            "response-timeout",
            "body-timeout",
            "max-headers",
            "pool-idle-timeout",
            "drain-timeout",
            "seconds",
        ]
    );
    for (command, option, least, most, unit) in &all {
        for outside in [least - 1, most + 1, -1, i64::MAX] {
            let text = format!("{outside}{unit}");
            assert!(parse(command, option, &text).is_err(), "--{option} {text}");
        }
        for inside in [*least, *most] {
            let text = format!("{inside}{unit}");
            let cli = parse(command, option, &text);
            let Command::Serve(args) = cli.unwrap_or_else(|error| panic!("{error}")).command else {
                continue;
            };
            let mut config = Config::from(*args);
            config.listen = "127.0.0.1:0".parse().unwrap();
            let started = Gateway::start(config, Hooks::default()).await;
            assert!(started.is_ok(), "--{option} {text}: {:?}", started.err());
        }
    }
}

/// A gateway that is started by code accepts the same values.
#[tokio::test]
async fn the_bounds_of_a_setting_are_those_of_its_option() {
    type Set = fn(&mut Config, i64);
    let settings: [(&str, Set); 13] = [
        ("failure-threshold", |it, n| {
            it.circuit.failure_threshold = n as u32
        }),
        ("reset-timeout", |it, n| {
            it.circuit.reset_timeout = millis(n)
        }),
        ("half-open-max", |it, n| it.circuit.half_open_max = n as u32),
        ("success-threshold", |it, n| {
            it.circuit.success_threshold = n as u32
        }),
        ("probe-lease", |it, n| {
            it.circuit.probe_lease = Some(millis(n))
        }),
        ("failure-on", |it, n| {
            it.circuit.failure_on = vec![500, n as u16]
        }),
        ("open-status", |it, n| it.circuit.open_status = n as u16),
        ("connect-timeout", |it, n| it.connect_timeout = millis(n)),
        ("response-timeout", |it, n| it.response_timeout = millis(n)),
        ("body-timeout", |it, n| it.body_timeout = Some(millis(n))),
        ("max-headers", |it, n| it.max_headers = n as u16),
        ("pool-idle-timeout", |it, n| {
            it.pool_idle_timeout = millis(n)
        }),
        ("drain-timeout", |it, n| it.drain_timeout = millis(n)),
    ];
    let bounds = bounded();
    let starts = async |set: Set, value| {
        let mut config = Config::new(vec![ROUTE.parse().unwrap()]);
        set(&mut config, value);
        Gateway::start(config, Hooks::default()).await
    };
    for (name, set) in settings {
        let (_, _, least, most, _) = bounds.iter().find(|it| it.1 == name).unwrap();
        for outside in [least - 1, most + 1] {
            let error = starts(set, outside).await.expect_err(name).to_string();
            let field = name.replace('-', "_");
            assert!(
                error.starts_with(&field) && error.contains("it must be"),
                "{error}"
            );
        }
        for inside in [*least, *most] {
            assert!(starts(set, inside).await.is_ok(), "{name} {inside}");
        }
    }
}

fn millis(value: i64) -> Duration {
    Duration::from_millis(value.unsigned_abs())
}

/// An option without bounds in its help is one that needs none.
#[test]
fn every_number_has_bounds() {
    for command in Cli::command().get_subcommands() {
        for option in command.get_arguments() {
            if !option.get_action().takes_values() {
                continue;
            }
            let Some(name) = option.get_value_names().and_then(<[_]>::first) else {
                continue;
            };
            let free = [
                "HOST:PORT",
                "PREFIX=UPSTREAM",
                "WHETHER",
                "WHEN",
                "CLIENTS",
                "PATH",
            ];
            let known = name.contains(" to ") || free.contains(&name.as_str());
            assert!(known, "{} {name}", option.get_id());
        }
    }
}
