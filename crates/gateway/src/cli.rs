//! The command line: its options, their bounds and the messages for bad values.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};

use crate::bounds;
use crate::config::{Breaker, CircuitSettings, Config, DebugHeaders, ReportAt};
use crate::route::Route;

/// A reverse proxy whose routes are guarded by circuit breakers.
#[derive(Debug, Parser)]
#[command(name = "breakerbox-gateway", version, arg_required_else_help = true)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// A command of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Proxy to your upstreams, one circuit per route.
    Serve(Box<ServeArgs>),
    /// Show the gateway at work: failing upstreams, traffic and a live view. Needs no set-up.
    Demo(DemoArgs),
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address that serves clients.
    #[arg(long, value_name = "HOST:PORT", value_parser = address, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// A path prefix and its upstream: /api=http://127.0.0.1:9000. Repeat it for more; the longest
    /// prefix wins. The path is passed on unchanged.
    #[arg(long = "route", value_name = "PREFIX=UPSTREAM", required = true)]
    pub routes: Vec<Route>,

    /// Address that answers GET /circuits and /healthz. It has no log-in: keep it on loopback.
    #[arg(long, value_name = "HOST:PORT", value_parser = address, default_value = "127.0.0.1:0")]
    pub admin: SocketAddr,

    /// One circuit per route, or none; off: every request goes to its upstream.
    #[arg(long, value_name = "WHETHER", default_value = "on")]
    pub breaker: BreakerArg,

    /// Consecutive failures that open a circuit.
    #[arg(long, value_name = bounds::FAILURES.text, default_value_t = 5, allow_negative_numbers = true, value_parser = value_parser!(u32).range(bounds::FAILURES.range()))]
    pub failure_threshold: u32,

    /// Time for which an open circuit rejects before it lets a probe through.
    #[arg(long, value_name = bounds::TIME.text, default_value = "30s", value_parser = time)]
    pub reset_timeout: Duration,

    /// Probes that may be in flight at once.
    #[arg(long, value_name = bounds::PROBES.text, default_value_t = 1, allow_negative_numbers = true, value_parser = value_parser!(u32).range(bounds::PROBES.range()))]
    pub half_open_max: u32,

    /// Successful probes that close the circuit.
    #[arg(long, value_name = bounds::PROBES.text, default_value_t = 1, allow_negative_numbers = true, value_parser = value_parser!(u32).range(bounds::PROBES.range()))]
    pub success_threshold: u32,

    /// Time after which a probe in flight is considered lost and replaced [default: the reset
    /// timeout]
    #[arg(long, value_name = bounds::TIME.text, value_parser = time)]
    pub probe_lease: Option<Duration>,

    /// Statuses of an upstream that are failures, separated by commas.
    #[arg(long, value_name = bounds::STATUS.text, default_value = "500,502,503,504", value_delimiter = ',', allow_negative_numbers = true, value_parser = value_parser!(u16).range(bounds::STATUS.range()))]
    pub failure_on: Vec<u16>,

    /// The status of a rejection.
    #[arg(long, value_name = bounds::OPEN_STATUS.text, default_value_t = 503, allow_negative_numbers = true, value_parser = value_parser!(u16).range(bounds::OPEN_STATUS.range()))]
    pub open_status: u16,

    /// Time limit for a connection to an upstream.
    #[arg(long, value_name = bounds::TIME.text, default_value = "5s", value_parser = time)]
    pub connect_timeout: Duration,

    /// Time limit for an upstream's response header.
    #[arg(long, value_name = bounds::TIME.text, default_value = "30s", value_parser = time)]
    pub response_timeout: Duration,

    /// Time limit for a body's silence, of the upstream or the client, and for a receiver that
    /// takes nothing of one [default: the response timeout]
    #[arg(long, value_name = bounds::TIME.text, value_parser = time)]
    pub body_timeout: Option<Duration>,

    /// Header lines that a request or an answer may have.
    #[arg(long, value_name = bounds::HEADERS.text, default_value_t = 256, allow_negative_numbers = true, value_parser = value_parser!(u16).range(bounds::HEADERS.range()))]
    pub max_headers: u16,

    /// Time for which an unused upstream connection is kept; less than the upstream keeps it.
    #[arg(long, value_name = bounds::TIME.text, default_value = "4s", value_parser = time)]
    pub pool_idle_timeout: Duration,

    /// Time limit for requests in flight after SIGINT or SIGTERM; a second signal ends the program
    /// at once.
    #[arg(long, value_name = bounds::TIME.text, default_value = "10s", value_parser = time)]
    pub drain_timeout: Duration,

    /// Moment of the report of a good response: with its header (for streams of hours), or with
    /// the end of its body (a broken body is then a failure).
    #[arg(long, value_name = "WHEN", default_value = "body")]
    pub report_at: ReportAtArg,

    /// Clients that see the x-breakerbox-* headers; on-request: those that send
    /// `x-breakerbox-debug: 1`.
    #[arg(long, value_name = "CLIENTS", default_value = "on-request", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub debug_headers: DebugArg,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Stop after N seconds, with a summary.
    #[arg(long, value_name = bounds::SECONDS.text, allow_negative_numbers = true, value_parser = value_parser!(u32).range(bounds::SECONDS.range()))]
    pub seconds: Option<u32>,

    /// Print lines instead of the live view; the default where the output is no terminal.
    #[arg(long)]
    pub plain: bool,

    /// Address of the demo's proxy.
    #[arg(long, value_name = "HOST:PORT", value_parser = address, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Write the last frame of the live view as a picture.
    #[arg(long, value_name = "PATH", requires = "seconds")]
    pub svg: Option<PathBuf>,
}

/// `--breaker`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum BreakerArg {
    /// One circuit per route.
    On,
    /// No circuits.
    Off,
}

/// `--report-at`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReportAtArg {
    /// With the header.
    Headers,
    /// With the end of the body.
    Body,
}

/// `--debug-headers`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DebugArg {
    /// No client.
    Off,
    /// Clients that ask.
    OnRequest,
    /// Every client.
    Always,
}

impl From<ServeArgs> for Config {
    fn from(args: ServeArgs) -> Self {
        Self {
            listen: args.listen,
            admin: args.admin,
            routes: args.routes,
            policies: None,
            breaker: match args.breaker {
                BreakerArg::On => Breaker::On,
                BreakerArg::Off => Breaker::Off,
            },
            circuit: CircuitSettings {
                failure_threshold: args.failure_threshold,
                reset_timeout: args.reset_timeout,
                half_open_max: args.half_open_max,
                success_threshold: args.success_threshold,
                probe_lease: args.probe_lease,
                failure_on: args.failure_on,
                open_status: args.open_status,
            },
            connect_timeout: args.connect_timeout,
            response_timeout: args.response_timeout,
            body_timeout: args.body_timeout,
            max_headers: args.max_headers,
            pool_idle_timeout: args.pool_idle_timeout,
            drain_timeout: args.drain_timeout,
            report_at: match args.report_at {
                ReportAtArg::Headers => ReportAt::Headers,
                ReportAtArg::Body => ReportAt::Body,
            },
            debug_headers: match args.debug_headers {
                DebugArg::Off => DebugHeaders::Off,
                DebugArg::OnRequest => DebugHeaders::OnRequest,
                DebugArg::Always => DebugHeaders::Always,
            },
        }
    }
}

/// Parses a time such as `500ms`, `30s`, `2m` or `1h`.
fn time(text: &str) -> Result<Duration, String> {
    let time = breakerbox::parse_duration(text).ok();
    time.filter(|&time| bounds::TIME.has_time(time))
        .ok_or_else(|| {
            let bounds = bounds::TIME.text;
            format!("expected a time from {bounds}, such as 500ms, 30s or 1m30s")
        })
}

/// Resolves an address to listen on: the first IPv4 address of a name, or else its first address.
fn address(text: &str) -> Result<SocketAddr, String> {
    const FORM: &str = "expected HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
    let port: u16 = port.parse().map_err(|_| FORM)?;
    if host.is_empty() || host.contains([':', '[', ']', '/', '@']) {
        return Err(FORM.to_owned());
    }
    let found = (host, port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(|error| format!("{host}: {error}"))?.collect();
    let of_ipv4 = found.iter().find(|address| address.is_ipv4());
    let address = of_ipv4.or(found.first()).copied();
    address.ok_or_else(|| format!("{host} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("24h"), Ok(Duration::from_secs(86_400)));
        for text in [
            "",
            "5",
            "s",
            "0s",
            "25h",
            "-1s",
            "1.5s",
            "1 s",
            "99999999999999999999h",
        ] {
            assert!(time(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn addresses_may_be_names() {
        for text in ["127.0.0.1:0", "[::1]:80", "0.0.0.0:65535"] {
            assert_eq!(address(text), Ok(text.parse().unwrap()));
        }
        let local = address("localhost:8080").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 8080);
        for text in [
            "",
            "localhost",
            ":80",
            "8080",
            "localhost:",
            "localhost:65536",
            "localhost:-1",
            "::1:80",
            "http://localhost:80",
            "me@localhost:80",
            "127.0.0.1:0:0",
        ] {
            assert!(address(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_config() {
        let cli = Cli::parse_from(["x", "serve", "--route", "/a=http://h"]);
        let Command::Serve(args) = cli.command else {
            panic!("not serve")
        };
        let config = Config::from(*args);
        let default = Config::new(config.routes.clone());
        assert_eq!(
            format!("{:?}", config.circuit),
            format!("{:?}", default.circuit)
        );
        assert_eq!(config.breaker, default.breaker);
        assert_eq!(config.connect_timeout, default.connect_timeout);
        assert_eq!(config.response_timeout, default.response_timeout);
        assert_eq!(config.body_timeout, default.body_timeout);
        assert_eq!(config.max_headers, default.max_headers);
        assert_eq!(config.pool_idle_timeout, default.pool_idle_timeout);
        assert_eq!(config.drain_timeout, default.drain_timeout);
        assert_eq!(config.report_at, default.report_at);
        assert_eq!(config.debug_headers, default.debug_headers);
    }
}
