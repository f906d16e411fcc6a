//! The highest throughput of the machine, with the breaker on and off by turns.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::Effort;
use crate::caller::{Connection, request};
use crate::process::{Breaker, Gateway};
use crate::stats::{median, median_within, middle_half, ms, quantile};
use crate::upstream::{Mode, Upstream};

/// Enough to keep every core busy, and few enough for calls not to queue for long.
pub(crate) const CONNECTIONS: usize = 64;

/// A contender that takes turns with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    On,
    Off,
    /// `Off` once more: its difference from `Off` is chance.
    OffAgain,
    /// The upstream itself: the limit of callers and upstream.
    Direct,
}

pub(crate) const CONTENDERS: [Contender; 4] = [
    Contender::On,
    Contender::Off,
    Contender::OffAgain,
    Contender::Direct,
];

/// The figures of one contender in one round, or in one turn of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time of the gateway per request, in microseconds, if the system tells.
    pub(crate) cpu: Option<f64>,
    /// Cores that the gateway kept busy.
    pub(crate) cores: Option<f64>,
}

/// All figures, in the order of [`CONTENDERS`].
#[derive(Debug, Default)]
pub(crate) struct Saturation {
    rounds: [Vec<Run>; CONTENDERS.len()],
    turns: [Vec<Run>; CONTENDERS.len()],
}

/// The distance of a contender from [`Contender::Off`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Difference {
    /// The medians' difference, as a share of the latter's.
    pub(crate) medians: f64,
    /// The reach of the middle half of all runs with the breaker off, as a share of the median.
    pub(crate) spread: f64,
    /// The median of the turns' own differences, and its 95 % confidence interval.
    pub(crate) paired: [f64; 3],
}

impl Saturation {
    pub(crate) fn of(&self, contender: Contender) -> &[Run] {
        &self.rounds[contender as usize]
    }

    pub(crate) fn difference(
        &self,
        contender: Contender,
        figure: impl Fn(&Run) -> Option<f64>,
    ) -> Option<Difference> {
        let values = |of: &[Vec<Run>], contender| -> Option<Vec<f64>> {
            of[contender as usize].iter().map(&figure).collect()
        };
        let rounds = |contender| values(&self.rounds, contender);
        let (own, off) = (rounds(contender)?, rounds(Contender::Off)?);
        let all_off = [&off[..], &rounds(Contender::OffAgain)?].concat();
        let turns = |contender| values(&self.turns, contender);
        let pairs = turns(contender)?.into_iter().zip(turns(Contender::Off)?);
        let pairs: Vec<_> = pairs.map(|(own, off)| own / off - 1.0).collect();
        Some(Difference {
            medians: median(&own) / median(&off) - 1.0,
            spread: middle_half(&all_off) / median(&all_off),
            paired: median_within(&pairs),
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
        for contender in CONTENDERS {
            lanes.push(callers.block_on(Lane::open(contender, upstream.address))?);
        }
        for lane in &mut lanes {
            callers.block_on(lane.drive(effort.warm_up))?;
        }
        for slice in 0..effort.slices {
            // The order alternates, so that drift affects all alike.
            let turn = round + slice;
            lanes.sort_by_key(|lane| {
                let place = (lane.contender as usize + turn / 2) % CONTENDERS.len();
                if turn % 2 == 0 {
                    place
                } else {
                    CONTENDERS.len() - place
                }
            });
            for lane in &mut lanes {
                let turn = callers.block_on(lane.drive(effort.slice))?;
                all.turns[lane.contender as usize].push(turn.run());
                lane.all.add(turn);
            }
        }
        for lane in lanes {
            all.rounds[lane.contender as usize].push(lane.all.run());
        }
    }
    Ok(all)
}

/// A contender, with the callers' connections to it.
struct Lane {
    contender: Contender,
    gateway: Option<Gateway>,
    connections: Vec<Connection>,
    /// All turns of the round.
    all: Tally,
}

/// The calls of one turn.
#[derive(Default)]
struct Tally {
    /// Milliseconds of each call that ended within the time.
    took: Vec<f64>,
    time: Duration,
    /// All calls, and the time until they ended, which the gateway's processor time covers.
    calls: usize,
    elapsed: Duration,
    cpu_ns: f64,
}

impl Lane {
    async fn open(contender: Contender, upstream: SocketAddr) -> io::Result<Self> {
        let start = |breaker| Gateway::start(breaker, &[("/", upstream)], &[]).map(Some);
        let gateway = match contender {
            Contender::On => start(Breaker::On)?,
            Contender::Off | Contender::OffAgain => start(Breaker::Off)?,
            Contender::Direct => None,
        };
        let address = gateway.as_ref().map_or(upstream, |gateway| gateway.address);
        let mut lane = Self {
            contender,
            gateway,
            connections: Vec::new(),
            all: Tally::default(),
        };
        for _ in 0..CONNECTIONS {
            lane.connections.push(Connection::open(address).await?);
        }
        Ok(lane)
    }

    /// Lets every connection ask again as soon as it has its answer, for this time.
    async fn drive(&mut self, time: Duration) -> io::Result<Tally> {
        // Where the system doesn't tell, no difference is reported.
        let cpu = |lane: &Self| {
            lane.gateway
                .as_ref()
                .and_then(Gateway::cpu_ns)
                .unwrap_or(0.0)
        };
        let cpu_before = cpu(self);
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for connection in self.connections.drain(..) {
            callers.spawn(call_until(connection, begun + time));
        }
        let mut tally = Tally {
            time,
            ..Tally::default()
        };
        while let Some(ended) = callers.join_next().await {
            let (connection, took) = ended??;
            self.connections.push(connection);
            tally.calls += took.len() + 1;
            tally.took.extend(took);
        }
        tally.elapsed = begun.elapsed();
        tally.cpu_ns = cpu(self) - cpu_before;
        Ok(tally)
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.time += other.time;
        self.calls += other.calls;
        self.elapsed += other.elapsed;
        self.cpu_ns += other.cpu_ns;
    }

    fn run(&self) -> Run {
        let cpu_ns = (self.cpu_ns > 0.0).then_some(self.cpu_ns);
        Run {
            rate: self.took.len() as f64 / self.time.as_secs_f64(),
            p50: quantile(&self.took, 0.5),
            p99: quantile(&self.took, 0.99),
            cpu: cpu_ns.map(|ns| ns / 1e3 / self.calls as f64),
            cores: cpu_ns.map(|ns| ns / 1e9 / self.elapsed.as_secs_f64()),
        }
    }
}

/// Returns the milliseconds of the calls that ended before `end`; one more is awaited after it.
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
