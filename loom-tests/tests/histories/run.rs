//! Runs a program on a store and writes down what each thread saw.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use breakerbox::__steps::{Step as At, step as user, summary_counts};
use breakerbox::{
    Clock, InMemoryCircuitBreakerStore, ManualClock, PermitToken, Policy, Reported, StoreHandle,
};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use crate::checker::{Event, is_linearizable};
use crate::program::{DUE, Do, KEYS, Program, START, Step};
use crate::spec::{Contract, Done};
use crate::support::model::{Outcome, State};
use crate::support::system::Answer;

/// A hasher with fixed keys: a history must be the same each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Store = InMemoryCircuitBreakerStore<Key, Hasher, Stepping>;

/// A key whose comparison is a step, since it takes place inside the map.
#[derive(Clone, Debug)]
pub(crate) struct Key(usize);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        user(At::User);
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        user(At::User);
        self.0.hash(state);
    }
}

/// A clock whose reading is a step.
#[derive(Clone, Debug)]
struct Stepping(ManualClock);

impl Clock for Stepping {
    fn now_ms(&self) -> u64 {
        user(At::User);
        self.0.now_ms()
    }
}

/// The way in which a store is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    AsMeant,
    /// With the mistake that several breakers make: a check reads the state and changes it
    /// afterwards.
    ReadThenTransition,
    /// With a mistake that only a window shows: a success that finds nothing to forget isn't
    /// counted.
    SkipSuccesses,
}

/// The objects that the threads of a program share.
pub(crate) struct Bench {
    store: Store,
    clock: ManualClock,
    handles: [Option<StoreHandle<Key, Hasher, Stepping>>; KEYS],
    policy: Policy,
    usage: Use,
    time: AtomicU64,
}

/// The operations of one thread, with their answers, and its permits.
#[derive(Default)]
pub(crate) struct Seen {
    events: Vec<(usize, Event<Done>)>,
    permits: BTreeMap<usize, PermitToken>,
}

impl Bench {
    /// Prepares a store with the program's past, and gives each thread its share of the permits.
    pub(crate) fn prepare(program: &Program, usage: Use) -> (Arc<Self>, Seen, Vec<Seen>) {
        let clock = ManualClock::new(START);
        let mut store = InMemoryCircuitBreakerStore::keyed_builder()
            .hasher(Hasher::default())
            .clock(Stepping(clock.clone()));
        if let Some(max) = program.max_circuits {
            store = store.max_circuits(max);
        }
        let store = store.build();
        let mut key = 0;
        let handles = program.pinned.map(|pinned| {
            let handle = pinned.then(|| store.circuit(&Key(key)).expect("there is no bound"));
            key += 1;
            handle
        });
        // A circuit that a handle holds reads as unknown once it is reset.
        store.clear();
        let bench = Arc::new(Bench {
            store,
            clock,
            handles,
            policy: program.rules.policy(),
            usage,
            time: AtomicU64::new(0),
        });
        let mut before = Seen::default();
        bench.run(&program.before, &mut before);
        bench.clock.set(DUE);
        let threads = program.threads.iter().map(|steps| {
            let mut seen = Seen::default();
            for step in steps {
                if let Do::Report(of, _) = step.what
                    && let Some(permit) = before.permits.remove(&of)
                {
                    seen.permits.insert(of, permit);
                }
            }
            seen
        });
        let threads = threads.collect();
        (bench, before, threads)
    }

    /// Runs the steps and writes down the answers.
    pub(crate) fn run(&self, steps: &[Step], seen: &mut Seen) {
        for step in steps {
            let invoked = self.tick();
            let ask = AssertUnwindSafe(|| self.ask(step, &mut seen.permits));
            let answer = match catch_unwind(ask) {
                Ok(None) => continue,
                Ok(answer) => answer,
                Err(planted) if planted.is::<&str>() => None,
                Err(panic) => resume_unwind(panic),
            };
            let event = Event {
                op: Done {
                    number: step.number,
                    what: step.what,
                    answer,
                    meets_removal: false,
                },
                invoked,
                returned: self.tick(),
            };
            seen.events.push((step.key, event));
        }
    }

    fn tick(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst)
    }

    /// Runs one step. `None`: there was no permit to report.
    fn ask(&self, step: &Step, permits: &mut BTreeMap<usize, PermitToken>) -> Option<Answer> {
        let key = &Key(step.key);
        let policy = &self.policy;
        let handle = self.handles[step.key].as_ref().filter(|_| step.by_handle);
        let is = |snapshot: breakerbox::CircuitBreakerSnapshot| Answer::Is(snapshot.into());
        let store = &self.store;
        Some(match (step.what, handle) {
            (Do::GetState, None) => is(store.get_state(key)),
            (Do::GetState, Some(handle)) => is(handle.get_state()),
            (Do::Peek, None) => store.peek(key).map_or(Answer::Unknown, is),
            (Do::Peek, Some(handle)) => handle.peek().map_or(Answer::Unknown, is),
            (Do::RecordSuccess, None) => is(store.record_success(key)),
            (Do::RecordSuccess, Some(handle)) => is(handle.record_success()),
            (Do::RecordFailure, None) => is(store.record_failure(key)),
            (Do::RecordFailure, Some(handle)) => is(handle.record_failure()),
            (Do::Transition(to), None) => is(store.transition(key, to.into())),
            (Do::Transition(to), Some(handle)) => is(handle.transition(to.into())),
            (Do::Reset, None) => {
                store.reset(key);
                Answer::Nothing
            }
            (Do::Reset, Some(handle)) => {
                handle.reset();
                Answer::Nothing
            }
            (Do::Clear, _) => {
                store.clear();
                Answer::Nothing
            }
            (Do::Acquire, handle) => {
                if self.usage == Use::ReadThenTransition
                    && store.peek(key).map(|circuit| circuit.state.into()) == Some(State::Open)
                {
                    store.transition(key, State::HalfOpen.into());
                }
                let answer = match handle {
                    None => store.acquire(key, policy),
                    Some(handle) => handle.acquire(policy),
                };
                match answer {
                    Ok(permit) => {
                        permits.insert(step.number, permit);
                        if permit.is_probe() {
                            Answer::Probe
                        } else {
                            Answer::Admitted
                        }
                    }
                    Err(rejected) => Answer::Rejected(rejected.into()),
                }
            }
            (Do::Report(of, outcome), handle) => {
                let permit = permits.remove(&of)?;
                if self.usage == Use::SkipSuccesses
                    && outcome == Outcome::Success
                    && store.peek(key).is_some_and(has_nothing_to_forget)
                {
                    return Some(Answer::Recorded);
                }
                let outcome = breakerbox::Outcome::from(outcome);
                let reported = match handle {
                    None => store.report(key, permit, outcome, policy),
                    Some(handle) => handle.report(permit, outcome, policy),
                };
                match reported {
                    Reported::Recorded => Answer::Recorded,
                    Reported::Stale => Answer::Stale,
                    reported => unreachable!("no answer for {reported:?}"),
                }
            }
        })
    }

    /// Asks for the state of each circuit, and whether it admits a call.
    pub(crate) fn ask_all(&self, program: &Program) -> Seen {
        let mut seen = Seen::default();
        for key in 0..KEYS {
            for (nth, what) in [Do::Peek, Do::Acquire].into_iter().enumerate() {
                let step = Step {
                    number: program.steps() + 2 * key + nth,
                    key,
                    by_handle: false,
                    what,
                };
                self.run(&[step], &mut seen);
            }
        }
        seen
    }

    /// Asserts that nothing is left over once all circuits are removed.
    pub(crate) fn assert_at_rest(&self) {
        self.store.clear();
        assert_eq!(summary_counts(&self.store), (0, 0));
        assert!(self.store.is_empty());
    }

    /// Checks each circuit's history.
    pub(crate) fn judge(&self, program: &Program, seen: Vec<Seen>) -> Verdict {
        let mut all: Vec<_> = seen.into_iter().flat_map(|seen| seen.events).collect();
        all.sort_by_key(|(_, event)| event.invoked);
        let overlaps = all
            .windows(2)
            .filter(|pair| pair[1].1.invoked < pair[0].1.returned)
            .count();
        for key in 0..KEYS {
            let of_key = |(at, event): &(usize, Event<Done>)| {
                (*at == key || event.op.what == Do::Clear).then(|| event.clone())
            };
            let mut history: Vec<_> = all.iter().filter_map(of_key).collect();
            let others_removed = all
                .iter()
                .any(|(at, event)| *at != key && matches!(event.op.what, Do::Reset | Do::Clear));
            let bounded = program.max_circuits.is_some();
            meet(&mut history, bounded);
            let contract = Contract::new(program.rules, START, bounded, others_removed);
            let began = program.before.len();
            let (before, after): (Vec<_>, Vec<_>) = history
                .into_iter()
                .partition(|event| event.op.number < began);
            let mut begun = contract.after(&before);
            for contract in &mut begun {
                contract.set_now(DUE);
            }
            match is_linearizable(begun, &after) {
                Some(true) => {}
                Some(false) => {
                    let lines = before.iter().chain(&after).map(line);
                    return Verdict::Refuted(lines.collect());
                }
                None => return Verdict::TooMany,
            }
        }
        Verdict::Holds { overlaps }
    }
}

fn has_nothing_to_forget(circuit: breakerbox::CircuitBreakerSnapshot) -> bool {
    State::from(circuit.state) == State::Closed && circuit.failure_count == 0
}

/// Notes in each event the removals that go on at the same time.
fn meet(history: &mut [Event<Done>], bounded: bool) {
    let removals: Vec<(u64, u64)> = history
        .iter()
        .filter(|event| matches!(event.op.what, Do::Reset | Do::Clear))
        .map(|event| (event.invoked, event.returned))
        .collect();
    for event in history {
        let overlaps = |&(from, to): &(u64, u64)| event.invoked < to && from < event.returned;
        event.op.meets_removal = bounded || removals.iter().any(overlaps);
    }
}

fn line(event: &Event<Done>) -> String {
    let Event {
        op,
        invoked,
        returned,
    } = event;
    format!(
        "{invoked:3}..{returned:3} #{} {:?} -> {:?}",
        op.number, op.what, op.answer
    )
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Holds { overlaps: usize },
    Refuted(Vec<String>),
    TooMany,
}
