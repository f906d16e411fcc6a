//! One vocabulary of calls and answers for the model and for every form of the store.

#![allow(
    clippy::unit_arg,
    reason = "an operation without an answer has the answer `Nothing`"
)]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use breakerbox::{
    CircuitBreakerSnapshot, CircuitBreakerStore, CircuitState, InMemoryCircuitBreakerStore,
    PermitToken, Policy, Rejected, Report, StoreHandle,
};

use super::clock::LaggingClock;
use super::model::{self, Outcome, Rejection, Reported, Rules, Snapshot, State, Told};

/// The store that the differential tests drive.
pub type Store = InMemoryCircuitBreakerStore<String, std::hash::RandomState, LaggingClock>;

/// A call with one key. Permits are numbered in the order in which they were admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    GetState,
    RecordSuccess,
    RecordFailure,
    Transition(State),
    Reset,
    Clear,
    Destroy,
    Peek,
    Acquire,
    Report(usize, Outcome),
    Tell(usize, Told),
    Release(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Nothing,
    Is(Snapshot),
    Unknown,
    Admitted,
    Probe,
    Rejected(Rejection),
    Recorded,
    Stale,
}

/// Returns whether an answer is the expected one at `now`. The time of the last failure may be that
/// of a failure that has begun and isn't counted yet.
pub fn same(seen: Answer, expected: Answer, now: u64) -> bool {
    match (seen, expected) {
        (Answer::Is(seen), Answer::Is(expected)) => {
            let time = seen.last_failure_time;
            let equal = Snapshot {
                last_failure_time: time,
                ..expected
            } == seen;
            equal && (expected.last_failure_time..=now).contains(&time)
        }
        _ => seen == expected,
    }
}

/// An implementation of the contract.
pub trait System {
    fn call(&mut self, key: &str, call: Call) -> Answer;
    fn set_now(&mut self, ms: u64);
    fn set_rules(&mut self, rules: Rules);
    fn snapshots(&self) -> BTreeMap<String, Snapshot>;
}

/// The model behind the common vocabulary.
#[derive(Debug)]
pub struct Modelled {
    pub store: model::Store<String>,
    rules: Rules,
    permits: Vec<Option<model::Permit>>,
}

impl Modelled {
    pub fn new(rules: Rules, now: u64) -> Self {
        Modelled {
            store: model::Store::new(now),
            rules,
            permits: Vec::new(),
        }
    }

    /// Returns the permit of that number, if it hasn't been reported.
    pub fn permit(&self, number: usize) -> Option<model::Permit> {
        self.permits.get(number).copied().flatten()
    }

    /// Takes a permit without a report.
    pub fn take_permit(&mut self, number: usize) -> model::Permit {
        self.permits[number]
            .take()
            .expect("a permit is reported once")
    }
}

impl System for Modelled {
    fn call(&mut self, key: &str, call: Call) -> Answer {
        let key = &key.to_owned();
        let store = &mut self.store;
        match call {
            Call::GetState => Answer::Is(store.get_state(key)),
            Call::RecordSuccess => Answer::Is(store.record_success(key)),
            Call::RecordFailure => Answer::Is(store.record_failure(key)),
            Call::Transition(to) => Answer::Is(store.transition(key, to)),
            Call::Reset => nothing(store.reset(key)),
            Call::Clear => nothing(store.clear()),
            Call::Destroy => nothing(store.destroy()),
            Call::Peek => store.peek(key).map_or(Answer::Unknown, Answer::Is),
            Call::Acquire => match store.acquire(key, &self.rules) {
                Ok(permit) => {
                    self.permits.push(Some(permit));
                    admitted(permit.probe)
                }
                Err(rejection) => Answer::Rejected(rejection),
            },
            Call::Report(number, outcome) => self.call(key, Call::Tell(number, outcome.into())),
            Call::Tell(number, told) => {
                let permit = self.take_permit(number);
                reported(self.store.report(key, permit, told, &self.rules))
            }
            Call::Release(number) => {
                let permit = self.take_permit(number);
                reported(self.store.release(key, permit, &self.rules))
            }
        }
    }

    fn set_now(&mut self, ms: u64) {
        self.store.set_now(ms);
    }

    fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    fn snapshots(&self) -> BTreeMap<String, Snapshot> {
        self.store.snapshots()
    }
}

/// The way to call the crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// The store's keyed methods.
    Keyed,
    /// A handle, if one is held; else the keyed methods.
    Handle,
    /// The asynchronous contract, through a trait object.
    Trait,
}

pub const FACES: [Face; 3] = [Face::Keyed, Face::Handle, Face::Trait];

/// The crate behind the common vocabulary.
pub struct Real {
    pub face: Face,
    pub store: Store,
    pub clock: LaggingClock,
    policy: Policy,
    shared: Arc<dyn CircuitBreakerStore<str>>,
    handles: BTreeMap<String, StoreHandle<String, std::hash::RandomState, LaggingClock>>,
    permits: Vec<Option<PermitToken>>,
}

impl Real {
    pub fn new(store: Store, clock: LaggingClock, rules: Rules) -> Self {
        Real {
            face: Face::Keyed,
            shared: Arc::new(store.clone()),
            store,
            clock,
            policy: rules.policy(),
            handles: BTreeMap::new(),
            permits: Vec::new(),
        }
    }

    /// Takes a handle, which creates the circuit.
    pub fn pin(&mut self, key: &str) {
        let handle = self.store.circuit(key).expect("the store has no bound");
        handle.watch(&self.policy);
        self.handles.insert(key.to_owned(), handle);
    }

    pub fn unpin(&mut self, key: &str) {
        self.handles.remove(key);
    }

    fn take_permit(&mut self, number: usize) -> PermitToken {
        self.permits[number]
            .take()
            .expect("a permit is reported once")
    }

    fn call_keyed(&mut self, key: &str, call: Call) -> Answer {
        match call {
            Call::GetState => is(self.store.get_state(key)),
            Call::RecordSuccess => is(self.store.record_success(key)),
            Call::RecordFailure => is(self.store.record_failure(key)),
            Call::Transition(to) => is(self.store.transition(key, to.into())),
            Call::Reset => nothing(self.store.reset(key)),
            Call::Clear => nothing(self.store.clear()),
            Call::Destroy => nothing(self.store.destroy()),
            Call::Peek => self.store.peek(key).map_or(Answer::Unknown, is),
            Call::Acquire => {
                let answer = self.store.acquire(key, &self.policy);
                self.admit(answer)
            }
            Call::Report(number, outcome) => {
                self.call_keyed(key, Call::Tell(number, outcome.into()))
            }
            Call::Tell(number, told) => {
                let permit = self.take_permit(number);
                reported(
                    self.store
                        .report(key, permit, report_of(told), &self.policy)
                        .into(),
                )
            }
            Call::Release(number) => {
                let permit = self.take_permit(number);
                reported(self.store.release(key, permit, &self.policy).into())
            }
        }
    }

    fn call_handle(&mut self, key: &str, call: Call) -> Answer {
        let Some(handle) = self.handles.get(key).cloned() else {
            return self.call_keyed(key, call);
        };
        match call {
            Call::GetState => is(handle.get_state()),
            Call::RecordSuccess => is(handle.record_success()),
            Call::RecordFailure => is(handle.record_failure()),
            Call::Transition(to) => is(handle.transition(to.into())),
            Call::Reset => nothing(handle.reset()),
            Call::Peek => handle.peek().map_or(Answer::Unknown, is),
            Call::Acquire => self.admit(handle.acquire(&self.policy)),
            Call::Report(number, outcome) => {
                self.call_handle(key, Call::Tell(number, outcome.into()))
            }
            Call::Tell(number, told) => {
                let permit = self.take_permit(number);
                reported(handle.report(permit, report_of(told), &self.policy).into())
            }
            Call::Release(number) => {
                let permit = self.take_permit(number);
                reported(handle.release(permit, &self.policy).into())
            }
            Call::Clear | Call::Destroy => self.call_keyed(key, call),
        }
    }

    fn call_trait(&mut self, key: &str, call: Call) -> Answer {
        let store = Arc::clone(&self.shared);
        match call {
            Call::GetState => is(ready(store.get_state(key)).unwrap()),
            Call::RecordSuccess => is(ready(store.record_success(key)).unwrap()),
            Call::RecordFailure => is(ready(store.record_failure(key)).unwrap()),
            Call::Transition(to) => is(ready(store.transition(key, to.into())).unwrap()),
            Call::Reset => nothing(ready(store.reset(key)).unwrap()),
            Call::Clear => nothing(ready(store.clear()).unwrap()),
            Call::Destroy => nothing(ready(store.destroy()).unwrap()),
            Call::Peek => self.call_keyed(key, call),
            Call::Acquire => self.admit(ready(store.acquire(key, &self.policy)).unwrap()),
            Call::Report(number, outcome) => {
                self.call_trait(key, Call::Tell(number, outcome.into()))
            }
            Call::Tell(number, told) => {
                let permit = self.take_permit(number);
                let report = store.report(key, permit, report_of(told), &self.policy);
                reported(ready(report).unwrap().into())
            }
            Call::Release(number) => {
                let permit = self.take_permit(number);
                let release = store.release(key, permit, &self.policy);
                reported(ready(release).unwrap().into())
            }
        }
    }

    fn admit(&mut self, answer: Result<PermitToken, Rejected>) -> Answer {
        match answer {
            Ok(permit) => {
                self.permits.push(Some(permit));
                admitted(permit.is_probe())
            }
            Err(rejected) => Answer::Rejected(rejected.into()),
        }
    }
}

impl System for Real {
    fn call(&mut self, key: &str, call: Call) -> Answer {
        match self.face {
            Face::Keyed => self.call_keyed(key, call),
            Face::Handle => self.call_handle(key, call),
            Face::Trait => self.call_trait(key, call),
        }
    }

    fn set_now(&mut self, ms: u64) {
        self.clock.set(ms);
    }

    fn set_rules(&mut self, rules: Rules) {
        self.policy = rules.policy();
        for handle in self.handles.values() {
            handle.watch(&self.policy);
        }
    }

    fn snapshots(&self) -> BTreeMap<String, Snapshot> {
        let live = self.store.snapshots().into_iter();
        live.map(|(key, snapshot)| (key, snapshot.into())).collect()
    }
}

/// Returns the value of a future that never waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the in-memory store never waits"),
    }
}

pub fn report_of(told: Told) -> Report {
    let ms = std::time::Duration::from_millis;
    Report::from(breakerbox::Outcome::from(told.outcome))
        .took(ms(told.took))
        .retry_after(ms(told.retry_after))
}

fn is(snapshot: CircuitBreakerSnapshot) -> Answer {
    Answer::Is(snapshot.into())
}

fn nothing((): ()) -> Answer {
    Answer::Nothing
}

fn admitted(probe: bool) -> Answer {
    if probe {
        Answer::Probe
    } else {
        Answer::Admitted
    }
}

fn reported(reported: Reported) -> Answer {
    match reported {
        Reported::Recorded => Answer::Recorded,
        Reported::Stale => Answer::Stale,
    }
}

impl From<CircuitBreakerSnapshot> for Snapshot {
    fn from(snapshot: CircuitBreakerSnapshot) -> Self {
        Snapshot {
            state: snapshot.state.into(),
            failure_count: snapshot.failure_count,
            success_count: snapshot.success_count,
            last_failure_time: snapshot.last_failure_time,
            last_state_change: snapshot.last_state_change,
        }
    }
}

impl From<CircuitState> for State {
    fn from(state: CircuitState) -> Self {
        match state {
            CircuitState::Closed => State::Closed,
            CircuitState::Open => State::Open,
            CircuitState::HalfOpen => State::HalfOpen,
            CircuitState::ForcedOpen => State::ForcedOpen,
            CircuitState::Disabled => State::Disabled,
            state => unreachable!("the model doesn't know {state}"),
        }
    }
}

impl From<State> for CircuitState {
    fn from(state: State) -> Self {
        match state {
            State::Closed => CircuitState::Closed,
            State::Open => CircuitState::Open,
            State::HalfOpen => CircuitState::HalfOpen,
            State::ForcedOpen => CircuitState::ForcedOpen,
            State::Disabled => CircuitState::Disabled,
        }
    }
}

impl From<Outcome> for breakerbox::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => breakerbox::Outcome::Success,
            Outcome::Failure => breakerbox::Outcome::Failure,
            Outcome::Ignored => breakerbox::Outcome::Ignored,
        }
    }
}

impl From<breakerbox::Reported> for Reported {
    fn from(reported: breakerbox::Reported) -> Self {
        match reported {
            breakerbox::Reported::Recorded => Reported::Recorded,
            breakerbox::Reported::Stale => Reported::Stale,
            reported => unreachable!("the model doesn't know {reported:?}"),
        }
    }
}

impl From<Rejected> for Rejection {
    fn from(rejected: Rejected) -> Self {
        Rejection {
            state: rejected.state().into(),
            retry_after: rejected.retry_after().as_millis() as u64,
        }
    }
}
