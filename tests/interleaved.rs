//! Two operations, one within the other: a user's clock runs the second one while the first reads
//! the time. That gives interleavings of two threads without threads, the same in every run.
//!
//! Every pair must look as if one had come wholly before the other, by answers and circuit.

mod support;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{Clock, InMemoryCircuitBreakerStore, PermitToken};

use support::model::{FailureCounting, More, Outcome, Rules, Snapshot, State};
use support::system::{Answer, Call, Modelled, System, report_of, same};

use Call::*;
use Outcome::{Failure, Ignored, Success};
use State::*;
use Turn::*;

type Store = InMemoryCircuitBreakerStore<String, RandomState, Interrupting>;

const KEY: &str = "a";
const START: u64 = 1_000;
/// The time at which the second operation begins: an open circuit is due, a lease is over.
const DUE: u64 = START + 10;

const RULES: Rules = Rules {
    trip: FailureCounting::Consecutive,
    failure_threshold: 2,
    reset_timeout: 10,
    half_open_max: 2,
    success_threshold: 1,
    probe_lease: 10,
    more: More::NONE,
};

/// The steps that lead to the circuit's state; two permits are given out where that is possible.
const GIVEN: [&[Call]; 9] = [
    &[Acquire, Acquire],
    &[GetState, Acquire, Acquire],
    &[RecordFailure, RecordSuccess, Acquire, Acquire],
    &[Acquire, Acquire, Transition(Open)],
    &[Acquire, Acquire, RecordSuccess, Transition(HalfOpen)],
    &[Transition(HalfOpen), Acquire, Acquire],
    &[Acquire, Acquire, Transition(ForcedOpen)],
    &[RecordFailure, Transition(Disabled), Acquire, Acquire],
    &[RecordFailure, RecordSuccess, Reset, Acquire, Acquire],
];

const CALLS: [Call; 18] = [
    Acquire,
    Report(0, Success),
    Report(0, Failure),
    Report(1, Success),
    Report(1, Failure),
    Report(1, Ignored),
    GetState,
    RecordSuccess,
    RecordFailure,
    Transition(Closed),
    Transition(Open),
    Transition(HalfOpen),
    Transition(ForcedOpen),
    Transition(Disabled),
    Reset,
    Clear,
    Peek,
    Release(0),
];

/// A clock that runs a closure at its Nth reading.
#[derive(Clone, Default)]
struct Interrupting(Arc<Mutex<Interrupt>>);

#[derive(Default)]
struct Interrupt {
    now: u64,
    reads_before: usize,
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl Interrupting {
    fn set(&self, now: u64) {
        self.0.lock().unwrap().now = now;
    }

    fn interrupt(&self, reads_before: usize, then: impl FnOnce() + Send + 'static) {
        let mut interrupt = self.0.lock().unwrap();
        interrupt.reads_before = reads_before;
        interrupt.then = Some(Box::new(then));
    }

    /// Takes the interrupt away, and returns whether it was still to come.
    fn disarm(&self) -> bool {
        self.0.lock().unwrap().then.take().is_some()
    }
}

impl Clock for Interrupting {
    fn now_ms(&self) -> u64 {
        let mut interrupt = self.0.lock().unwrap();
        let now = interrupt.now;
        let due = match interrupt.reads_before.checked_sub(1) {
            Some(left) => {
                interrupt.reads_before = left;
                None
            }
            None => interrupt.then.take(),
        };
        drop(interrupt);
        if let Some(then) = due {
            then();
        }
        now
    }
}

/// Makes one call of the crate, in the model's words.
fn ask(store: &Store, call: Call, permits: &mut Vec<PermitToken>) -> Answer {
    let policy = &RULES.policy();
    match call {
        Report(number, outcome) => ask(store, Call::Tell(number, outcome.into()), permits),
        Call::Tell(number, told) => {
            reported(store.report(KEY, permits[number], report_of(told), policy))
        }
        Release(number) => reported(store.release(KEY, permits[number], policy)),
        Acquire => match store.acquire(KEY, policy) {
            Ok(permit) => {
                permits.push(permit);
                if permit.is_probe() {
                    Answer::Probe
                } else {
                    Answer::Admitted
                }
            }
            Err(rejected) => Answer::Rejected(rejected.into()),
        },
        GetState => Answer::Is(store.get_state(KEY).into()),
        RecordSuccess => Answer::Is(store.record_success(KEY).into()),
        RecordFailure => Answer::Is(store.record_failure(KEY).into()),
        Transition(to) => Answer::Is(store.transition(KEY, to.into()).into()),
        Peek => {
            let circuit = store.peek(KEY);
            circuit.map_or(Answer::Unknown, |circuit| Answer::Is(circuit.into()))
        }
        Reset => {
            store.reset(KEY);
            Answer::Nothing
        }
        Clear | Destroy => {
            store.clear();
            Answer::Nothing
        }
    }
}

fn reported(reported: breakerbox::Reported) -> Answer {
    match reported {
        breakerbox::Reported::Recorded => Answer::Recorded,
        breakerbox::Reported::Stale => Answer::Stale,
        reported => unreachable!("no answer for {reported:?}"),
    }
}

/// The visible results of two operations: their answers, the circuit, and the calls admitted
/// afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    outer: Answer,
    inner: Answer,
    left: Option<Snapshot>,
    next: Answer,
}

/// A step of the model.
#[derive(Clone, Copy)]
enum Turn {
    Outer,
    Inner,
    Created,
}

/// One operation within another.
#[derive(Clone, Copy, Debug)]
struct Case {
    given: &'static [Call],
    pinned: bool,
    outer: Call,
    inner: Call,
    reads_before: usize,
}

impl Case {
    /// Runs the case. Returns `None` if the outer operation reads the clock less often.
    fn run(self) -> Option<Seen> {
        let clock = Interrupting::default();
        clock.set(START);
        let store: Store = InMemoryCircuitBreakerStore::builder()
            .clock(clock.clone())
            .build();
        // A handle keeps its circuit in the map; after a reset, it reads as unknown.
        let handle = self.pinned.then(|| store.circuit(KEY).unwrap());
        store.reset(KEY);

        let mut permits = Vec::new();
        for call in self.given {
            ask(&store, *call, &mut permits);
        }
        if permits.len() < 2 {
            panic!("{:?} gives out fewer than two permits", self.given);
        }
        clock.set(DUE);
        let answer = Arc::new(Mutex::new(None));
        clock.interrupt(self.reads_before, {
            let (store, mut permits) = (store.clone(), permits.clone());
            let answer = Arc::clone(&answer);
            move || *answer.lock().unwrap() = Some(ask(&store, self.inner, &mut permits))
        });
        let outer = ask(&store, self.outer, &mut permits);
        if clock.disarm() {
            return None;
        }
        let inner = answer
            .lock()
            .unwrap()
            .take()
            .expect("the inner operation ran");
        let left = store.peek(KEY).map(Snapshot::from);
        assert_eq!(store.len(), usize::from(left.is_some()));
        let next = ask(&store, Acquire, &mut permits);
        drop(handle);
        Some(Seen {
            outer,
            inner,
            left,
            next,
        })
    }

    /// Returns the results that are allowed: those of one operation wholly before the other.
    ///
    /// An operation creates its circuit in a step of its own, so another may come in between.
    fn allowed(self) -> Vec<Seen> {
        let mut orders = vec![
            self.in_order(&[Outer, Inner]),
            self.in_order(&[Inner, Outer]),
        ];
        let creates = matches!(
            self.outer,
            RecordSuccess | RecordFailure | Transition(_) | Report(_, Failure)
        );
        if creates {
            orders.push(self.in_order(&[Created, Inner, Outer]));
        }
        orders
    }

    fn in_order(self, steps: &[Turn]) -> Seen {
        let mut model = Modelled::new(RULES, START);
        for call in self.given {
            model.call(KEY, *call);
        }
        model.set_now(DUE);
        let (mut outer, mut inner) = (Answer::Nothing, Answer::Nothing);
        for step in steps {
            match step {
                Outer => outer = model.call(KEY, self.outer),
                Inner => inner = model.call(KEY, self.inner),
                Created => {
                    model.call(KEY, GetState);
                }
            }
        }
        let left = model.snapshots().get(KEY).copied();
        let next = model.call(KEY, Acquire);
        Seen {
            outer,
            inner,
            left,
            next,
        }
    }

    fn check(self) -> bool {
        let Some(seen) = self.run() else {
            return false;
        };
        let allowed = self.allowed();
        let fits = allowed.iter().any(|order| seen.fits(order));
        assert!(fits, "{self:?}: {seen:?}, not one of {allowed:#?}");
        true
    }
}

impl Seen {
    fn fits(&self, order: &Seen) -> bool {
        let circuit = |circuit: Option<Snapshot>| circuit.map_or(Answer::Unknown, Answer::Is);
        let (left, expected) = (circuit(self.left), circuit(order.left));
        let later = matches!(order.outer, Answer::Is(_)) && same(self.outer, expected, DUE);
        let outer = same(self.outer, order.outer, DUE)
            || same(self.outer, with_counts_of(order.outer, order.left), DUE)
            || later;
        outer
            && same(self.inner, order.inner, DUE)
            && same(left, expected, DUE)
            && same(self.next, order.next, DUE)
    }
}

/// The snapshot that an operation returns is taken after it: another's count may be in it too, and
/// it may be that of a later state.
fn with_counts_of(answer: Answer, left: Option<Snapshot>) -> Answer {
    match (answer, left) {
        (Answer::Is(own), Some(left))
            if (own.state, own.last_state_change) == (left.state, left.last_state_change) =>
        {
            Answer::Is(Snapshot {
                failure_count: own.failure_count.max(left.failure_count),
                success_count: own.success_count.max(left.success_count),
                ..own
            })
        }
        _ => answer,
    }
}

/// Returns the permit that a call reports.
fn spent(call: Call) -> Option<usize> {
    match call {
        Report(number, _) | Release(number) => Some(number),
        _ => None,
    }
}

fn cases() -> impl Iterator<Item = Case> {
    GIVEN.into_iter().flat_map(|given| {
        [false, true].into_iter().flat_map(move |pinned| {
            CALLS.into_iter().flat_map(move |outer| {
                CALLS.into_iter().map(move |inner| Case {
                    given,
                    pinned,
                    outer,
                    inner,
                    reads_before: 0,
                })
            })
        })
    })
}

#[test]
fn an_operation_within_another_acts_as_if_before_or_after_it() {
    let (done, finished) = channel();
    let under_way = Arc::new(Mutex::new(None));
    let current = Arc::clone(&under_way);
    // On a thread of its own, so that an operation that never ends fails the test.
    let work = std::thread::spawn(move || {
        let mut interrupted: BTreeMap<&str, usize> = BTreeMap::new();
        for case in cases() {
            // A permit is reported once.
            if spent(case.outer).is_some() && spent(case.outer) == spent(case.inner) {
                continue;
            }
            for reads_before in 0.. {
                let case = Case {
                    reads_before,
                    ..case
                };
                *current.lock().unwrap() = Some(case);
                if !case.check() {
                    break;
                }
                *interrupted.entry(kind(case.outer)).or_default() += 1;
            }
        }
        done.send(interrupted)
    });
    match finished.recv_timeout(Duration::from_secs(30)) {
        Ok(interrupted) => {
            println!("{interrupted:?}");
            for outer in ["acquire", "report", "get_state", "record", "transition"] {
                assert!(
                    interrupted.get(outer) > Some(&50),
                    "{outer}: {interrupted:?}"
                );
            }
        }
        Err(RecvTimeoutError::Timeout) => {
            panic!("it doesn't end: {:?}", under_way.lock().unwrap());
        }
        Err(RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(work.join().unwrap_err());
        }
    }
}

fn kind(call: Call) -> &'static str {
    match call {
        Acquire => "acquire",
        Report(..) | Call::Tell(..) | Release(_) => "report",
        GetState | Peek => "get_state",
        RecordSuccess | RecordFailure => "record",
        Transition(_) => "transition",
        Reset | Clear | Destroy => "removal",
    }
}
