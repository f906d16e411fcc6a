//! The public operations: each as a whole, and as the steps that its documentation names.

mod act;
mod breaker;
mod cut;
mod import;
mod store;

use std::time::Duration;

use breakerbox::{CircuitBreakerSnapshot, CircuitState, Rejected, Reported};

use crate::world::World;

pub(crate) use breaker::{BREAKER, BREAKER_HANDLE, LEAVING};
pub(crate) use cut::{
    asks_without_slot, counts_alone, evicts_idle, fails_alone, gives_back, is_untracked, leaves,
    makes_room, opens, past_rules, succeeds_alone, takes,
};
pub(crate) use store::{BARE, HANDLE, STORE};

/// The answer of an operation.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Answer {
    Nothing,
    /// A snapshot.
    Is(CircuitBreakerSnapshot),
    Unknown,
    Admitted {
        probe: bool,
    },
    Rejected(Rejected),
    Reported(Reported),
    Called(bool),
    Steered(Vec<(String, CircuitState, CircuitState, bool)>),
    All(Vec<(String, CircuitBreakerSnapshot)>),
    /// An export, as text, since its fields are private.
    Exported(String),
    Imported(usize, usize),
    RetryAfter(Option<Duration>),
    /// What the snapshot shows; until when the circuit is open, and the probes that are out.
    Looked(CircuitBreakerSnapshot, Option<u64>, u32),
    Made(bool),
    Length(usize),
}

impl Answer {
    /// Returns the answer of an operation whose steps answer this, and then `last`.
    pub(crate) fn then(self, last: Answer) -> Self {
        match (self, last) {
            (Answer::Steered(mut all), Answer::Steered(more)) => {
                all.extend(more);
                all.sort_by(|one, other| one.0.cmp(&other.0));
                Answer::Steered(all)
            }
            (before, Answer::Nothing) => before,
            (_, last) => last,
        }
    }
}

/// The number of an operation in its pair.
pub(crate) type Role = usize;

pub(crate) type Do = fn(&World, Role) -> Answer;

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) name: &'static str,
    /// Runs the whole operation.
    pub(crate) run: Do,
    /// The documented steps of an operation that has several; the last one answers.
    pub(crate) steps: &'static [Do],
    /// Its last step under rules over a window, if its circuit moves on after it.
    pub(crate) counts: Option<Do>,
    /// Sequences of steps that it may run instead, where it meets another operation.
    pub(crate) instead: &'static [&'static [Do]],
    pub(crate) has: Has,
}

/// The properties of an operation that decide with which others it is paired.
#[derive(Clone, Copy, Default)]
pub(crate) struct Has {
    /// It goes through a handle.
    pub(crate) handle: bool,
    /// It removes or holds circuits, which matters to handles.
    pub(crate) removal: bool,
    /// It spends its role's permit.
    pub(crate) permit: bool,
    /// Its answer is a snapshot taken after its effect.
    pub(crate) snapshot: bool,
    /// It creates the circuit, as a step of its own.
    pub(crate) creates: bool,
    /// It goes over all circuits, one after the other.
    pub(crate) many: bool,
    /// It asks to be admitted.
    pub(crate) asks: bool,
    /// It may record a failure.
    pub(crate) fails: bool,
    /// It puts a rule by hand in place, or lifts it.
    pub(crate) rules: bool,
    /// It removes something that others need: it is never within them, nor they within it.
    pub(crate) alone: bool,
}

pub(crate) const NONE: Has = Has {
    handle: false,
    removal: false,
    permit: false,
    snapshot: false,
    creates: false,
    many: false,
    asks: false,
    fails: false,
    rules: false,
    alone: false,
};
const ASKS: Has = Has {
    asks: true,
    ..CREATES
};
const FAILS: Has = Has {
    fails: true,
    ..SNAPSHOT
};
pub(crate) const SNAPSHOT: Has = Has {
    snapshot: true,
    creates: true,
    ..NONE
};
pub(crate) const CREATES: Has = Has {
    creates: true,
    ..NONE
};
pub(crate) const REMOVAL: Has = Has {
    removal: true,
    ..NONE
};
const FAILURE: Has = Has {
    fails: true,
    ..PERMIT
};
const FAILING: Has = Has {
    fails: true,
    ..ASKS
};
const OTHER: Has = Has {
    fails: true,
    // It may have to make room.
    many: true,
    ..REMOVAL
};
const MANY: Has = Has { many: true, ..NONE };
const RULE: Has = Has {
    rules: true,
    ..NONE
};
const RULE_FOR_ALL: Has = Has { many: true, ..RULE };
const ALL_GO: Has = Has {
    removal: true,
    ..RULE_FOR_ALL
};
pub(crate) const PERMIT: Has = Has {
    permit: true,
    creates: true,
    ..NONE
};

pub(crate) const fn op(name: &'static str, has: Has, run: Do) -> Op {
    Op {
        name,
        run,
        steps: &[],
        counts: None,
        instead: &[],
        has,
    }
}

const fn steps(op: Op, steps: &'static [Do]) -> Op {
    Op { steps, ..op }
}

const fn counts(op: Op, count: Do) -> Op {
    Op {
        counts: Some(count),
        ..op
    }
}

const fn by_handle(op: Op) -> Op {
    let has = Has {
        handle: true,
        ..op.has
    };
    Op { has, ..op }
}
