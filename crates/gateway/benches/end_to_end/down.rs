//! One of two upstreams is down: the times until callers of each get their answers.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};

use crate::Effort;
use crate::caller::{Call, Connection, request};
use crate::process::{Breaker, Gateway};
use crate::stats::ms;
use crate::upstream::{Mode, Upstream};

/// Calls a second to each route, at a steady rate. Few enough for the machine to be idle mostly.
pub(crate) const RATE: u32 = 200;

/// Workers that go through both routes in turn.
pub(crate) const WORKERS: usize = 16;

/// A worker calls the upstream that is down once in N calls.
pub(crate) const TURN: usize = 4;

/// The gateway's answer while the circuit is open; no upstream here answers so itself.
const REJECTED: u16 = 503;

const DOWN: &str = "/down";
const HEALTHY: &str = "/healthy";

/// All runs of one situation.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) mode: Mode,
    pub(crate) breaker: Breaker,
    pub(crate) runs: Vec<Run>,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Milliseconds until the callers of the upstream that is down had their answer.
    pub(crate) down: Vec<f64>,
    /// The same, of calls made after the circuit had opened.
    pub(crate) afterwards: Vec<f64>,
    /// Milliseconds of the callers of the healthy one, meanwhile.
    pub(crate) healthy: Vec<f64>,
    /// Answers that didn't come from the circuit.
    pub(crate) tried: u64,
    /// Requests that the upstream itself has seen.
    pub(crate) seen: u64,
    /// Milliseconds until the first rejection.
    pub(crate) opened: Option<f64>,
    /// Answers per second that the workers got from the healthy route.
    pub(crate) worked: f64,
}

impl Scenario {
    /// Returns the values of all runs together.
    pub(crate) fn all(&self, of: impl Fn(&Run) -> &[f64]) -> Vec<f64> {
        self.runs.iter().flat_map(|run| of(run).to_vec()).collect()
    }

    pub(crate) fn each(&self, of: impl Fn(&Run) -> f64) -> Vec<f64> {
        self.runs.iter().map(of).collect()
    }
}

pub(crate) fn measure(
    upstreams: &Runtime,
    callers: &Runtime,
    effort: Effort,
) -> io::Result<Vec<Scenario>> {
    let scenario = |(mode, breaker)| Scenario {
        mode,
        breaker,
        runs: Vec::new(),
    };
    let mut scenarios = [
        (Mode::Well, Breaker::On),
        (Mode::Refuses, Breaker::Off),
        (Mode::Refuses, Breaker::On),
        (Mode::Hangs, Breaker::Off),
        (Mode::Hangs, Breaker::On),
    ]
    .map(scenario);
    for turn in 0..effort.runs {
        let mut order: Vec<_> = scenarios.iter_mut().collect();
        if turn % 2 == 1 {
            order.reverse();
        }
        for scenario in order {
            let run = run(
                upstreams,
                callers,
                (scenario.mode, scenario.breaker),
                effort,
            )?;
            scenario.runs.push(run);
        }
    }
    Ok(scenarios.into())
}

fn run(
    upstreams: &Runtime,
    callers: &Runtime,
    (mode, breaker): (Mode, Breaker),
    effort: Effort,
) -> io::Result<Run> {
    let healthy = Upstream::start(upstreams, Mode::Well)?;
    let down = Upstream::start(upstreams, mode)?;
    let options = [
        format!(
            "--response-timeout={}ms",
            effort.response_timeout.as_millis()
        ),
        format!("--reset-timeout={}ms", effort.reset_timeout.as_millis()),
    ];
    let routes = [(DOWN, down.address), (HEALTHY, healthy.address)];
    // Each part starts with fresh circuits.
    let start = || Gateway::start(breaker, &routes, &options);

    let gateway = start()?;
    let (calls, others) = callers.block_on(async {
        tokio::try_join!(
            steady(gateway.address, DOWN, effort.steady),
            steady(gateway.address, HEALTHY, effort.steady),
        )
    })?;
    if let Some(other) = others.iter().find(|other| other.call.status != 200) {
        let what = format!("the healthy route answered {}", other.call.status);
        return Err(io::Error::other(what));
    }
    let seen = down.requests();
    drop(gateway);

    let gateway = start()?;
    let worked = callers.block_on(work(gateway.address, effort.working))?;

    let took =
        |calls: &[Made]| -> Vec<f64> { calls.iter().map(|made| ms(made.call.took)).collect() };
    let rejected = |made: &&Made| made.call.status == REJECTED;
    let opened = calls
        .iter()
        .filter(rejected)
        .map(|made| made.at + made.call.took)
        .min();
    let (_, afterwards): (Vec<_>, Vec<_>) = calls
        .iter()
        .copied()
        .partition(|made| opened.is_none_or(|opened| made.at < opened));
    let tried = calls.iter().filter(|made| !rejected(made)).count();
    Ok(Run {
        down: took(&calls),
        afterwards: took(&afterwards),
        healthy: took(&others),
        tried: tried as u64,
        seen,
        opened: opened.map(ms),
        worked,
    })
}

/// A call, and the time when it was made.
#[derive(Clone, Copy, Debug)]
struct Made {
    at: Duration,
    call: Call,
}

/// Makes calls at a steady rate, whether or not earlier ones have their answer.
async fn steady(address: SocketAddr, path: &str, time: Duration) -> io::Result<Vec<Made>> {
    let request: Arc<str> = request(path).into();
    let idle: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let begun = Instant::now();
    let mut ticks = interval_at(begun, Duration::from_secs(1) / RATE);
    let mut calls = JoinSet::new();
    for _ in 0..(time.as_secs_f64() * f64::from(RATE)) as usize {
        ticks.tick().await;
        let (idle, request) = (Arc::clone(&idle), Arc::clone(&request));
        calls.spawn(async move {
            let kept = || idle.lock().unwrap_or_else(PoisonError::into_inner);
            let at = begun.elapsed();
            let one = kept().pop();
            let mut connection = match one {
                Some(connection) => connection,
                None => Connection::open(address).await?,
            };
            let call = connection.call(&request).await?;
            kept().push(connection);
            io::Result::Ok(Made { at, call })
        });
    }
    let mut made = Vec::new();
    while let Some(call) = calls.join_next().await {
        made.push(call??);
    }
    Ok(made)
}

/// Counts answers per second from the healthy route, for workers that call the other one at times.
async fn work(address: SocketAddr, time: Duration) -> io::Result<f64> {
    let answered = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let answered = Arc::clone(&answered);
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let (down, healthy) = (request(DOWN), request(HEALTHY));
            for turn in worker.. {
                if turn % TURN == 0 {
                    connection.call(&down).await?;
                } else if connection.call(&healthy).await?.status == 200 {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
            io::Result::Ok(())
        });
    }
    tokio::select! {
        () = sleep(time) => {}
        // A worker ends only by an error.
        Some(ended) = workers.join_next() => ended??,
    }
    Ok(answered.load(Ordering::Relaxed) as f64 / time.as_secs_f64())
}
