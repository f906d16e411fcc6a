//! One row of a table: given, when, then.

use breakerbox::InMemoryCircuitBreakerStore;

use crate::support::clock::LaggingClock;
use crate::support::model::{Rejection, Rules, Snapshot, State};
use crate::support::system::{Answer, Call, FACES, Face, Modelled, Real, System};

/// The key that a scenario is about.
const KEY: &str = "upstream";
/// Another key.
const OTHER: &str = "neighbour";
/// The time at which a scenario begins.
pub(crate) const START: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    At(u64),
    Do(Call),
    DoTimes(u32, Call),
    /// A call with another key.
    Other(Call),
    /// Another policy from this step on.
    Under(Rules),
}

pub(crate) struct Scenario {
    says: String,
    rules: Rules,
    given: Vec<Step>,
    when: Call,
    answers: Answer,
    then: Option<Snapshot>,
}

/// Starts a scenario under the default rules, of a key without a circuit.
pub(crate) fn scenario(says: impl Into<String>) -> Scenario {
    Scenario {
        says: says.into(),
        rules: Rules::default(),
        given: Vec::new(),
        when: Call::Peek,
        answers: Answer::Nothing,
        then: None,
    }
}

impl Scenario {
    pub(crate) fn under(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    pub(crate) fn given(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.given.extend(steps);
        self
    }

    pub(crate) fn when(mut self, call: Call) -> Self {
        self.when = call;
        self
    }

    pub(crate) fn answers(mut self, answer: Answer) -> Self {
        self.answers = answer;
        self
    }

    /// Sets the expected circuit afterwards; without it, unknown.
    pub(crate) fn then(mut self, circuit: Snapshot) -> Self {
        self.then = Some(circuit);
        self
    }

    /// Sets the expected circuit afterwards, which the call returns too.
    pub(crate) fn returns(self, circuit: Snapshot) -> Self {
        self.answers(Answer::Is(circuit)).then(circuit)
    }

    fn check(&self, system: &mut dyn System, by: &str) {
        let name = format!("{}, by {by}", self.says);
        system.set_rules(self.rules);
        for step in &self.given {
            match *step {
                Step::At(ms) => system.set_now(ms),
                Step::Do(call) => {
                    system.call(KEY, call);
                }
                Step::DoTimes(times, call) => {
                    for _ in 0..times {
                        system.call(KEY, call);
                    }
                }
                Step::Other(call) => {
                    system.call(OTHER, call);
                }
                Step::Under(rules) => system.set_rules(rules),
            }
        }
        assert_eq!(system.call(KEY, self.when), self.answers, "answer: {name}");
        let after = system.snapshots().get(KEY).copied();
        assert_eq!(after, self.then, "circuit afterwards: {name}");
        let peeked = self.then.map_or(Answer::Unknown, Answer::Is);
        assert_eq!(system.call(KEY, Call::Peek), peeked, "peek: {name}");
    }
}

/// Runs every scenario on the model and on each form of the store.
pub(crate) fn check_all(scenarios: impl IntoIterator<Item = Scenario>) {
    for scenario in scenarios {
        scenario.check(&mut Modelled::new(Rules::default(), START), "the model");
        for face in FACES {
            let mut real = real();
            real.face = face;
            if face == Face::Handle {
                // A handle creates its circuit, which reads as unknown after a reset.
                real.pin(KEY);
                real.store.reset(KEY);
            }
            scenario.check(&mut real, &format!("{face:?}"));
        }
    }
}

/// Makes a new store at [`START`].
pub(crate) fn real() -> Real {
    let clock = LaggingClock::new(START, 0);
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(clock.clone())
        .build();
    Real::new(store, clock, Rules::default())
}

/// Returns a circuit that has been in `state` since then, with nothing counted.
pub(crate) const fn circuit(state: State, since: u64) -> Snapshot {
    Snapshot {
        state,
        failure_count: 0,
        success_count: 0,
        last_failure_time: 0,
        last_state_change: since,
    }
}

impl Snapshot {
    pub(crate) const fn failures(self, failure_count: u64) -> Self {
        Snapshot {
            failure_count,
            ..self
        }
    }

    pub(crate) const fn successes(self, success_count: u64) -> Self {
        Snapshot {
            success_count,
            ..self
        }
    }

    pub(crate) const fn failed_at(self, last_failure_time: u64) -> Self {
        Snapshot {
            last_failure_time,
            ..self
        }
    }
}

pub(crate) const fn rejected(state: State, retry_after: u64) -> Answer {
    Answer::Rejected(Rejection { state, retry_after })
}
