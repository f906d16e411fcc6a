//! As many requests as the machine gets through, with the breaker on and off by turns.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::Effort;
use crate::caller::{Connection, request};
use crate::process::{Breaker, Gateway};
use crate::stats::{median, middle_half, ms, quantile};
use crate::upstream::{Mode, Upstream};

/// Enough for no core to be idle, and few enough for nobody to queue for long.
pub(crate) const CONNECTIONS: usize = 64;

/// What takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    On,
    Off,
    /// `Off` once more: what it differs by from `Off` is chance.
    OffAgain,
    /// The upstream itself: what callers and upstream can do.
    Direct,
}

pub(crate) const SUBJECTS: [Subject; 4] = [
    Subject::On,
    Subject::Off,
    Subject::OffAgain,
    Subject::Direct,
];

/// One subject in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time of the gateway per request, in microseconds, where the system says.
    pub(crate) cpu: Option<f64>,
    /// Cores that the gateway kept busy.
    pub(crate) cores: Option<f64>,
}

/// All runs, in the order of [`SUBJECTS`].
#[derive(Debug, Default)]
pub(crate) struct Saturation([Vec<Run>; SUBJECTS.len()]);

/// How far a subject is from [`Subject::Off`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// Of the medians, as a share of the latter's.
    pub(crate) medians: f64,
    /// How far the middle half of all runs with the breaker off reaches, as a share of the median.
    pub(crate) spread: f64,
    /// The rounds' own differences: median, and what nine of ten are above, and below.
    pub(crate) paired: [f64; 3],
}

impl Saturation {
    pub(crate) fn of(&self, subject: Subject) -> &[Run] {
        &self.0[subject as usize]
    }

    pub(crate) fn difference(
        &self,
        subject: Subject,
        figure: impl Fn(&Run) -> Option<f64>,
    ) -> Option<Difference> {
        let values =
            |subject| -> Option<Vec<f64>> { self.of(subject).iter().map(&figure).collect() };
        let (own, off) = (values(subject)?, values(Subject::Off)?);
        let pairs = own.iter().zip(&off).map(|(own, off)| own / off - 1.0);
        let pairs: Vec<_> = pairs.collect();
        let all_off = [&off[..], &values(Subject::OffAgain)?].concat();
        Some(Difference {
            medians: median(&own) / median(&off) - 1.0,
            spread: middle_half(&all_off) / median(&all_off),
            paired: [0.5, 0.1, 0.9].map(|part| quantile(&pairs, part)),
        })
    }
}

pub(crate) fn measure(
    upstreams: &Runtime,
    callers: &Runtime,
    effort: Effort,
) -> io::Result<Saturation> {
    let upstream = Upstream::start(upstreams, Mode::Well)?;
    let mut all = Saturation::default();
    for round in 0..effort.rounds {
        let mut lanes = Vec::new();
        for subject in SUBJECTS {
            lanes.push(callers.block_on(Lane::open(subject, upstream.address))?);
        }
        for lane in &mut lanes {
            callers.block_on(lane.drive(effort.warm_up))?;
            lane.forget();
        }
        for slice in 0..effort.slices {
            // Now one way, now the other, so that whatever drifts takes from all alike.
            let turn = round + slice;
            lanes.sort_by_key(|lane| {
                let place = (lane.subject as usize + turn / 2) % SUBJECTS.len();
                if turn % 2 == 0 {
                    place
                } else {
                    SUBJECTS.len() - place
                }
            });
            for lane in &mut lanes {
                callers.block_on(lane.drive(effort.slice))?;
            }
        }
        for lane in lanes {
            all.0[lane.subject as usize].push(lane.run());
        }
    }
    Ok(all)
}

/// A subject, with the callers' connections to it.
struct Lane {
    subject: Subject,
    gateway: Option<Gateway>,
    connections: Vec<Connection>,
    /// Milliseconds of each call that ended within its slice.
    took: Vec<f64>,
    /// The slices together.
    time: Duration,
    /// What the gateway's processor time was for: all calls, and all the time until they ended.
    calls: usize,
    elapsed: Duration,
    cpu_ns: Option<f64>,
}

impl Lane {
    async fn open(subject: Subject, upstream: SocketAddr) -> io::Result<Self> {
        let start = |breaker| Gateway::start(breaker, &[("/", upstream)], &[]).map(Some);
        let gateway = match subject {
            Subject::On => start(Breaker::On)?,
            Subject::Off | Subject::OffAgain => start(Breaker::Off)?,
            Subject::Direct => None,
        };
        let address = gateway.as_ref().map_or(upstream, |gateway| gateway.address);
        let mut lane = Self {
            subject,
            gateway,
            connections: Vec::new(),
            took: Vec::new(),
            time: Duration::ZERO,
            calls: 0,
            elapsed: Duration::ZERO,
            cpu_ns: Some(0.0),
        };
        for _ in 0..CONNECTIONS {
            lane.connections.push(Connection::open(address).await?);
        }
        Ok(lane)
    }

    /// Every connection asks again as soon as it has its answer, for so long.
    async fn drive(&mut self, time: Duration) -> io::Result<()> {
        let cpu = |lane: &Self| lane.gateway.as_ref().and_then(Gateway::cpu_ns);
        let cpu_before = cpu(self);
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for connection in self.connections.drain(..) {
            callers.spawn(call_until(connection, begun + time));
        }
        while let Some(ended) = callers.join_next().await {
            let (connection, took) = ended??;
            self.connections.push(connection);
            self.calls += took.len() + 1;
            self.took.extend(took);
        }
        self.time += time;
        self.elapsed += begun.elapsed();
        let cpu = cpu(self).zip(cpu_before).map(|(now, before)| now - before);
        self.cpu_ns = self.cpu_ns.zip(cpu).map(|(sum, cpu)| sum + cpu);
        Ok(())
    }

    fn forget(&mut self) {
        self.took.clear();
        (self.calls, self.cpu_ns) = (0, Some(0.0));
        (self.time, self.elapsed) = (Duration::ZERO, Duration::ZERO);
    }

    fn run(self) -> Run {
        Run {
            rate: self.took.len() as f64 / self.time.as_secs_f64(),
            p50: quantile(&self.took, 0.5),
            p99: quantile(&self.took, 0.99),
            cpu: self.cpu_ns.map(|ns| ns / 1e3 / self.calls as f64),
            cores: self.cpu_ns.map(|ns| ns / 1e9 / self.elapsed.as_secs_f64()),
        }
    }
}

/// Milliseconds of the calls that ended before `end`; one more is on its way then, and is awaited.
async fn call_until(
    mut connection: Connection,
    end: Instant,
) -> io::Result<(Connection, Vec<f64>)> {
    let request = request("/api/users/42");
    let mut took = Vec::new();
    loop {
        let call = connection.call(&request).await?;
        if call.status != 200 {
            let what = format!("an answer {} of a healthy upstream", call.status);
            return Err(io::Error::other(what));
        }
        if Instant::now() >= end {
            return Ok((connection, took));
        }
        took.push(ms(call.took));
    }
}
