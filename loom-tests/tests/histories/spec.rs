//! The sequential contract of one circuit, in points: where other operations may come between the
//! creation of a circuit, an effect on it and the snapshot that is returned.

mod window;

use std::collections::{BTreeMap, HashSet};

use crate::checker::{Event, Spec};
use crate::program::{DUE, Do, START};
use crate::support::model::{Outcome, Permit, Reported, Rules, Snapshot, State, Store};
use crate::support::system::{Answer, same};
use window::{IN_PARTS, Part};

/// An operation and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) number: usize,
    pub(crate) what: Do,
    /// `None`: the operation panicked.
    pub(crate) answer: Option<Answer>,
    /// The circuit may be removed before the operation returns.
    pub(crate) meets_removal: bool,
}

/// One circuit of the reference model.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Contract {
    store: Store<()>,
    permits: BTreeMap<usize, Permit>,
    /// The reports in parts that are on their way, by the operation's number.
    parts: BTreeMap<usize, Part>,
    rules: Rules,
    /// The store has a bound: the circuit may make room for another, or find no room.
    bounded: bool,
    /// Others are removed meanwhile: a report that began while this one was unknown may be lost.
    others_removed: bool,
}

const KEY: &() = &();

impl Contract {
    pub(crate) fn new(rules: Rules, now: u64, bounded: bool, others_removed: bool) -> Self {
        Contract {
            store: Store::new(now),
            permits: BTreeMap::new(),
            parts: BTreeMap::new(),
            rules,
            bounded,
            others_removed,
        }
    }

    pub(crate) fn set_now(&mut self, now: u64) {
        self.store.set_now(now);
    }

    /// Returns the possible states after these operations, one after the other.
    pub(crate) fn after(&self, history: &[Event<Done>]) -> Vec<Self> {
        let mut all = vec![self.clone()];
        for event in history {
            all = Self::finish(all, &event.op);
        }
        all
    }

    /// Returns all outcomes of an operation that no other interrupts.
    fn finish(before: Vec<Self>, op: &Done) -> Vec<Self> {
        let mut todo: Vec<_> = before.into_iter().map(|one| (one, ACT)).collect();
        let (mut seen, mut done) = (HashSet::new(), HashSet::new());
        while let Some((one, stage)) = todo.pop() {
            if !seen.insert((one.clone(), stage)) {
                continue;
            }
            for (next, stage) in one.next(op, stage) {
                match stage {
                    None => drop(done.insert(next)),
                    Some(stage) => todo.push((next, stage)),
                }
            }
            todo.extend(one.spontaneous().into_iter().map(|other| (other, stage)));
        }
        done.into_iter().collect()
    }

    fn exists(&self) -> bool {
        self.store.peek(KEY).is_some()
    }

    /// Returns the model's answer, in one point, with the snapshot right after the effect.
    fn act(&mut self, op: &Done) -> Answer {
        let answer = match op.what {
            Do::GetState => Answer::Is(self.store.get_state(KEY)),
            Do::Peek => self.store.peek(KEY).map_or(Answer::Unknown, Answer::Is),
            Do::RecordSuccess => Answer::Is(self.store.record_success(KEY)),
            Do::RecordFailure => Answer::Is(self.store.record_failure(KEY)),
            Do::Transition(to) => Answer::Is(self.store.transition(KEY, to)),
            Do::Reset | Do::Clear => {
                self.store.reset(KEY);
                Answer::Nothing
            }
            Do::Acquire => match self.store.acquire(KEY, &self.rules) {
                Ok(permit) => {
                    self.permits.insert(op.number, permit);
                    if permit.probe {
                        Answer::Probe
                    } else {
                        Answer::Admitted
                    }
                }
                Err(rejection) => Answer::Rejected(rejection),
            },
            Do::Report(of, outcome) => {
                let permit = self.permits.remove(&of).expect("it was admitted");
                match self.store.report(KEY, permit, outcome, &self.rules) {
                    Reported::Recorded => Answer::Recorded,
                    Reported::Stale => Answer::Stale,
                }
            }
        };
        self.store.take_announced();
        answer
    }

    fn creates(&self, op: &Done) -> bool {
        match op.what {
            Do::GetState | Do::RecordSuccess | Do::RecordFailure | Do::Transition(_) => true,
            Do::Report(_, Outcome::Failure) => true,
            Do::Report(_, Outcome::Success) => self.rules.more.window.is_some(),
            _ => false,
        }
    }

    /// Returns the possible states after an operation that gave no answer: any part of it may have
    /// happened.
    fn unheard(&self, op: &Done, stage: u8) -> Vec<(Self, Option<u8>)> {
        if stage == IN_PARTS {
            let mut outcomes = self.go_on_in_parts(op);
            outcomes.push((self.clone(), None));
            return outcomes;
        }
        let mut acted = self.clone();
        acted.act(op);
        let mut outcomes = vec![(self.clone(), None), (acted, None)];
        outcomes.extend(self.begin_in_parts(op).unwrap_or_default());
        // A check or report that panics gives back what its permit holds, without an outcome.
        let given_back = match op.what {
            Do::Report(of, _) => Some((self.clone(), of)),
            Do::Acquire => Some((outcomes[1].0.clone(), op.number)),
            _ => None,
        };
        if let Some((mut after, of)) = given_back
            && let Some(permit) = after.permits.remove(&of)
        {
            after
                .store
                .report(KEY, permit, Outcome::Ignored, &self.rules);
            outcomes.push((after, None));
        }
        if stage == ACT && !self.exists() && (self.creates(op) || matches!(op.what, Do::Report(..)))
        {
            let mut created = self.clone();
            created.store.get_state(KEY);
            outcomes.push((created, Some(MOST)));
        }
        outcomes
    }

    /// Returns the outcome of an operation that takes effect in one point.
    fn whole(&self, op: &Done, told: Answer) -> Option<(Self, Option<u8>)> {
        let mut acted = self.clone();
        let answer = acted.act(op);
        if same(told, answer, DUE) || op.meets_removal && is_left(op.what, told, answer) {
            return Some((acted, None));
        }
        // The snapshot is taken later.
        let later = matches!(told, Answer::Is(_)) && op.what != Do::Peek;
        later.then_some((acted, Some(READ)))
    }

    /// Returns whether a report may be lost that the model would count.
    fn may_lose(&self, op: &Done) -> bool {
        let Do::Report(of, _) = op.what else {
            return false;
        };
        let permit = self.permits[&of];
        op.answer == Some(Answer::Stale)
            && (self.store.may_lose(KEY, permit)
                || (permit.was_unknown() && (self.others_removed || self.bounded)))
    }
}

/// The stage before the effect; lower stages count the repetitions of a step that may repeat.
const ACT: u8 = 0;
const MOST: u8 = 2;
const READ: u8 = 3;

impl Spec for Contract {
    type Op = Done;

    fn next(&self, op: &Done, stage: u8) -> Vec<(Self, Option<u8>)> {
        let mut outcomes = Vec::new();
        let Some(told) = op.answer else {
            return self.unheard(op, stage);
        };
        match stage {
            IN_PARTS => {
                if told == Answer::Recorded {
                    outcomes = self.go_on_in_parts(op);
                }
            }
            ACT..=MOST => {
                if let Some(begun) = self.begin_in_parts(op) {
                    if told == Answer::Recorded {
                        outcomes = begun;
                    }
                } else {
                    outcomes.extend(self.whole(op, told));
                }
                if self.may_lose(op) {
                    outcomes.push((self.clone(), None));
                }
                if !self.exists() && self.creates(op) {
                    // The store is full: it answers as if the circuit existed, and keeps nothing.
                    let is_answer = |stage: &Option<u8>| matches!(stage, None | Some(IN_PARTS));
                    if self.bounded && outcomes.iter().any(|(_, stage)| is_answer(stage)) {
                        outcomes.push((self.clone(), None));
                    }
                    // Once more, if the circuit is removed before the effect.
                    if stage < MOST {
                        let mut created = self.clone();
                        created.store.get_state(KEY);
                        outcomes.push((created, Some(stage + 1)));
                    }
                }
                if op.what == Do::Clear && self.exists() && stage < MOST {
                    // It may come by again and remove a circuit that was created meanwhile.
                    let (removed, _) = outcomes[0].clone();
                    outcomes.push((removed, Some(stage + 1)));
                }
            }
            _ => {
                let now = self.store.peek(KEY).map_or(Answer::Unknown, Answer::Is);
                if same(told, now, DUE) {
                    outcomes.push((self.clone(), None));
                }
            }
        }
        outcomes
    }

    /// Evicts the circuit to make room: only a closed one, and a clean one loses nothing, unless
    /// its calls are in a window.
    fn spontaneous(&self) -> Vec<Self> {
        let closed =
            matches!(self.store.peek(KEY), Some(circuit) if circuit.state == State::Closed);
        if !self.bounded || !closed {
            return Vec::new();
        }
        let mut removed = self.clone();
        removed.store.reset(KEY);
        let mut forgotten = self.clone();
        if !self.store.has_window(KEY) {
            forgotten.store.forget_clean(KEY);
        }
        vec![removed, forgotten]
    }
}

/// Returns whether the answer is that of a circuit which was reset before the operation returned:
/// the operation's last view with its own effect, perhaps without concurrent effects of others.
fn is_left(what: Do, seen: Answer, expected: Answer) -> bool {
    let (Answer::Is(seen), Answer::Is(expected)) = (seen, expected) else {
        return false;
    };
    let missing = seen.failure_count < expected.failure_count;
    // A success may be counted in the state after the one seen, if that keeps successes.
    let before = if what == Do::RecordSuccess {
        seen
    } else {
        expected
    };
    let counted = Snapshot {
        state: before.state,
        last_state_change: before.last_state_change,
        failure_count: expected.failure_count.min(seen.failure_count),
        success_count: expected.success_count.min(seen.success_count),
        // The time of a missing failure is missing too.
        last_failure_time: match missing {
            true if seen.failure_count == 0 => 0,
            true => START.min(expected.last_failure_time),
            false => expected.last_failure_time,
        },
    };
    same(Answer::Is(seen), Answer::Is(counted), DUE)
}
