//! The demo's counters: requests, their ends, and a log of events.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use breakerbox::{Cause, CircuitState, StateChange};
use tokio::time::Instant;

use super::fault::Fault;
use super::rules::SHADOWED;
use super::script::{RESPONSE, ROUTES};
use crate::Key;

/// The latest period, which rates and latencies cover.
const RECENT: Duration = Duration::from_secs(2);

/// The time between two marks of a route's time line.
pub(super) const MARK: Duration = Duration::from_millis(250);
const MARKS: usize = 480;

const LOG: usize = 200;

/// The end of a request of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The upstream answered.
    Answered,
    /// The circuit rejected it.
    Rejected,
    /// The gateway answered 502 or 504 for the upstream.
    Failed,
    /// No complete answer came, which is a bug.
    Lost,
}

/// Totals of one route.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) requests: u64,
    pub(super) answered: u64,
    pub(super) rejected: u64,
    pub(super) failed: u64,
    pub(super) lost: u64,
    pub(super) opened: u64,
    pub(super) probes: u64,
    pub(super) recoveries: u64,
}

/// Rates and latencies of one route in the latest period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) requests: f64,
    pub(super) rejected: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

/// An event of the demo.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) since: Duration,
    pub(super) route: usize,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Fault(Fault, bool),
    Change {
        from: CircuitState,
        to: CircuitState,
        cause: Cause,
        shadow: bool,
    },
    /// The rule of the route was replaced: by one in shadow, or one that rejects.
    Rule {
        shadow: bool,
    },
}

#[derive(Debug, Default)]
struct Route {
    totals: Totals,
    recent: VecDeque<(Instant, Ending, Duration)>,
    marks: VecDeque<CircuitState>,
}

#[derive(Debug)]
struct Inner {
    routes: [Route; ROUTES.len()],
    log: VecDeque<Event>,
    logged: usize,
    shadow: bool,
}

/// The counters that all tasks write to and the views read.
#[derive(Debug)]
pub(super) struct Board {
    started: Instant,
    inner: Mutex<Inner>,
}

impl Board {
    pub(super) fn new() -> Self {
        let inner = Inner {
            routes: Default::default(),
            log: VecDeque::new(),
            logged: 0,
            shadow: true,
        };
        Self {
            started: Instant::now(),
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn sent(&self, route: usize) {
        self.lock().routes[route].totals.requests += 1;
    }

    pub(super) fn ended(&self, route: usize, ending: Ending, took: Duration) {
        let mut inner = self.lock();
        let route = &mut inner.routes[route];
        match ending {
            Ending::Answered => route.totals.answered += 1,
            Ending::Rejected => route.totals.rejected += 1,
            Ending::Failed => route.totals.failed += 1,
            Ending::Lost => route.totals.lost += 1,
        }
        route.recent.push_back((Instant::now(), ending, took));
    }

    pub(super) fn changed(&self, change: &StateChange<Key>) {
        let name = change.key.trim_start_matches('/');
        let Some(route) = ROUTES.iter().position(|it| *it == name) else {
            return;
        };
        let since = self.elapsed();
        let mut inner = self.lock();
        let shadow = route == SHADOWED && inner.shadow;
        let totals = &mut inner.routes[route].totals;
        match (change.from, change.to) {
            (_, CircuitState::Open) => totals.opened += 1,
            (_, CircuitState::HalfOpen) => totals.probes += 1,
            (CircuitState::HalfOpen, CircuitState::Closed) => totals.recoveries += 1,
            _ => {}
        }
        inner.push(Event {
            since,
            route,
            what: What::Change {
                from: change.from,
                to: change.to,
                cause: change.cause,
                shadow,
            },
        });
    }

    /// Records that the rule which is in shadow at times was replaced.
    pub(super) fn ruled(&self, shadow: bool) {
        let since = self.elapsed();
        let mut inner = self.lock();
        inner.shadow = shadow;
        inner.push(Event {
            since,
            route: SHADOWED,
            what: What::Rule { shadow },
        });
    }

    pub(super) fn faulted(&self, route: usize, fault: Fault, by_hand: bool) {
        let since = self.elapsed();
        self.lock().push(Event {
            since,
            route,
            what: What::Fault(fault, by_hand),
        });
    }

    /// Adds a mark to each time line.
    pub(super) fn mark(&self, states: impl Iterator<Item = CircuitState>) {
        for (route, state) in self.lock().routes.iter_mut().zip(states) {
            if route.marks.len() == MARKS {
                route.marks.pop_front();
            }
            route.marks.push_back(state);
        }
    }

    pub(super) fn totals(&self, route: usize) -> Totals {
        self.lock().routes[route].totals.clone()
    }

    pub(super) fn rates(&self, route: usize) -> Rates {
        let (now, span) = (
            Instant::now(),
            RECENT.min(self.elapsed()).as_secs_f64().max(0.1),
        );
        let mut inner = self.lock();
        let recent = &mut inner.routes[route].recent;
        while recent.front().is_some_and(|(at, ..)| now - *at > RECENT) {
            recent.pop_front();
        }
        let rejected = recent
            .iter()
            .filter(|(_, ending, _)| *ending == Ending::Rejected)
            .count();
        let mut took: Vec<Duration> = recent.iter().map(|&(.., took)| took).collect();
        took.sort_unstable();
        let at = |part: usize| {
            took.get(took.len() * part / 100)
                .copied()
                .unwrap_or_default()
        };
        Rates {
            requests: recent.len() as f64 / span,
            rejected: rejected as f64 / span,
            p50: at(50),
            p99: at(99),
        }
    }

    /// Returns the last marks of a route, oldest first.
    pub(super) fn marks(&self, route: usize, count: usize) -> Vec<CircuitState> {
        let inner = self.lock();
        let marks = &inner.routes[route].marks;
        marks
            .iter()
            .skip(marks.len().saturating_sub(count))
            .copied()
            .collect()
    }

    /// Returns the last events, oldest first.
    pub(super) fn log(&self, count: usize) -> Vec<Event> {
        let inner = self.lock();
        inner
            .log
            .iter()
            .skip(inner.log.len().saturating_sub(count))
            .cloned()
            .collect()
    }

    /// Returns the events after the first `known`, and their number in all.
    pub(super) fn news(&self, known: usize) -> (Vec<Event>, usize) {
        let inner = self.lock();
        let fresh = (inner.logged - known).min(inner.log.len());
        (
            inner
                .log
                .iter()
                .skip(inner.log.len() - fresh)
                .cloned()
                .collect(),
            inner.logged,
        )
    }
}

impl Inner {
    fn push(&mut self, event: Event) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(event);
        self.logged += 1;
    }
}

impl Event {
    /// Describes the event in words.
    pub(super) fn text(&self) -> String {
        use CircuitState::{Closed, HalfOpen, Open};
        match self.what {
            What::Fault(Fault::None, by_hand) => format!("upstream is well again{}", hand(by_hand)),
            What::Fault(Fault::Hanging, by_hand) => format!(
                "upstream never answers (timeout {} ms){}",
                RESPONSE.as_millis(),
                hand(by_hand)
            ),
            What::Fault(fault, by_hand) => format!("upstream {}{}", fault.does(), hand(by_hand)),
            What::Change {
                from,
                to,
                cause,
                shadow,
            } => {
                let means = match (from, to, shadow) {
                    (_, Open, true) => "; in shadow: nothing is rejected",
                    (Closed, Open, false) => ": requests are rejected from now on",
                    (Open, HalfOpen, false) => {
                        ": one probe goes out, the others are still rejected"
                    }
                    (HalfOpen, Closed, false) => ": all requests pass again",
                    _ => "",
                };
                format!("{from} -> {to}: {cause}{means}")
            }
            What::Rule { shadow: true } => {
                "policy replaced: slow calls are watched in shadow".into()
            }
            What::Rule { shadow: false } => {
                "policy replaced: shadow ends, slow calls open the circuit".into()
            }
        }
    }
}

/// Formats minutes, seconds and tenths.
pub(super) fn time(since: Duration) -> String {
    let tenths = since.as_millis() / 100;
    format!(
        "{:02}:{:02}.{}",
        tenths / 600,
        tenths / 10 % 60,
        tenths % 10
    )
}

fn hand(by_hand: bool) -> &'static str {
    if by_hand { " (by hand)" } else { "" }
}
