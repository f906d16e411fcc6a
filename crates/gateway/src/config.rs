//! All settings of a gateway, with the defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use breakerbox::PolicySet;

use crate::Key;
use crate::bounds;
use crate::error::StartError;
use crate::route::Route;

/// Settings of one gateway. [`Config::new`] gives the defaults.
///
/// Each time is 1 ms to 24 h. A value out of bounds is refused at the start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address that serves clients.
    pub listen: SocketAddr,
    /// The address that lists the circuits; loopback by default, since it has no log-in.
    pub admin: SocketAddr,
    /// The routes, one circuit each.
    pub routes: Vec<Route>,
    /// Circuits on or off.
    pub breaker: Breaker,
    /// The rules of the circuits.
    pub circuit: CircuitSettings,
    /// Rules by route prefix. If given, they replace those of `circuit`, which then only says which
    /// statuses are failures and how a rejection is answered.
    pub policies: Option<PolicySet<Key>>,
    /// The time limit for a connection to an upstream.
    pub connect_timeout: Duration,
    /// The time limit for an upstream's response header, the connection included. Time spent
    /// waiting for a client that is still sending its body doesn't count.
    pub response_timeout: Duration,
    /// The time for which a sender may send nothing of a body, or a receiver take nothing of one:
    /// the client and the upstream alike. `None`: the response timeout.
    pub body_timeout: Option<Duration>,
    /// The most header lines of a request or an answer: 1 to 10,000.
    pub max_headers: u16,
    /// The time for which an unused upstream connection is kept. Shorter than what common servers
    /// allow (5 s), since a request written into a connection that is just being closed may be
    /// lost.
    pub pool_idle_timeout: Duration,
    /// The time limit for requests in flight when the gateway stops.
    pub drain_timeout: Duration,
    /// The moment when a good response is reported to its circuit.
    pub report_at: ReportAt,
    /// The clients that get the `x-breakerbox-*` headers.
    pub debug_headers: DebugHeaders,
}

/// The rules of a circuit, and the statuses that count.
#[derive(Clone, Debug)]
pub struct CircuitSettings {
    /// Consecutive failures that open a circuit: 1 to 1,000,000.
    pub failure_threshold: u32,
    /// The time for which a circuit stays open before it lets a probe through.
    pub reset_timeout: Duration,
    /// Probes that may be in flight at once: 1 to 100.
    pub half_open_max: u32,
    /// Successful probes that close a circuit: 1 to 100.
    pub success_threshold: u32,
    /// The time after which a probe in flight is considered lost and replaced; `None`: the reset
    /// timeout.
    pub probe_lease: Option<Duration>,
    /// Statuses of an upstream that are failures: 100 to 599 each.
    pub failure_on: Vec<u16>,
    /// The status of a rejection: 400 to 599.
    pub open_status: u16,
}

/// Circuits on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// One circuit per route.
    On,
    /// No circuits: every request goes to its upstream, and nothing is counted.
    Off,
}

/// The moment when a response that isn't a failure by its status is reported to the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportAt {
    /// With its header. Right for streams that last for hours: their probes would otherwise keep
    /// the circuit half-open for that long. (Streams that are silent for long need a longer
    /// [`body_timeout`](Config::body_timeout) too.)
    Headers,
    /// With the end of its body, so that a broken body is a failure.
    Body,
}

/// The clients that get key, state and failures of the circuit in response headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugHeaders {
    /// No client.
    Off,
    /// Clients that send `x-breakerbox-debug: 1`.
    OnRequest,
    /// Every client.
    Always,
}

impl Config {
    /// Returns the defaults, on free ports of the loopback address.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            admin: (Ipv4Addr::LOCALHOST, 0).into(),
            routes,
            breaker: Breaker::On,
            circuit: CircuitSettings::default(),
            policies: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
            body_timeout: None,
            max_headers: 256,
            pool_idle_timeout: Duration::from_secs(4),
            drain_timeout: Duration::from_secs(10),
            report_at: ReportAt::Body,
            debug_headers: DebugHeaders::OnRequest,
        }
    }

    /// Returns how long a body may be silent.
    pub(crate) fn body_limit(&self) -> Duration {
        self.body_timeout.unwrap_or(self.response_timeout)
    }

    /// Returns an error if a setting is out of bounds.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let circuit = &self.circuit;
        bounds::FAILURES.check("failure_threshold", circuit.failure_threshold)?;
        bounds::PROBES.check("half_open_max", circuit.half_open_max)?;
        bounds::PROBES.check("success_threshold", circuit.success_threshold)?;
        for &status in &circuit.failure_on {
            bounds::STATUS.check("failure_on", status)?;
        }
        bounds::OPEN_STATUS.check("open_status", circuit.open_status)?;
        bounds::HEADERS.check("max_headers", self.max_headers)?;
        for (name, time) in [
            ("reset_timeout", Some(circuit.reset_timeout)),
            ("probe_lease", circuit.probe_lease),
            ("connect_timeout", Some(self.connect_timeout)),
            ("response_timeout", Some(self.response_timeout)),
            ("body_timeout", self.body_timeout),
            ("pool_idle_timeout", Some(self.pool_idle_timeout)),
            ("drain_timeout", Some(self.drain_timeout)),
        ] {
            time.map_or(Ok(()), |time| bounds::TIME.check_time(name, time))?;
        }
        Ok(())
    }
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            reset_timeout: Duration::from_secs(30),
            half_open_max: 1,
            success_threshold: 1,
            probe_lease: None,
            failure_on: vec![500, 502, 503, 504],
            open_status: 503,
        }
    }
}
