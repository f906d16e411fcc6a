//! The public operations, each as what it does, and as the steps that the documentation says it
//! is.

use std::time::Duration;

use breakerbox::__steps::{conform, leave_alone, leave_place, put_policies, take_place};
use breakerbox::{
    CallError, CircuitBreakerSnapshot, CircuitState, Outcome, Rejected, Reported, Steering,
};

use crate::world::{BOTH, GROUP, GROUPED, KEY, NEW, PLAIN, SEATS, TIMED, WINDOW, World};

/// What an operation answers.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Answer {
    Nothing,
    /// What the snapshot shows.
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
    /// As it is told: its fields are its own.
    Exported(String),
    Imported(usize, usize),
    RetryAfter(Option<Duration>),
    Made(bool),
    Length(usize),
}

impl Answer {
    /// What an operation answers whose steps answer this, and then `last`.
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

/// Which of the two operations.
pub(crate) type Role = usize;

pub(crate) type Do = fn(&World, Role) -> Answer;

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) name: &'static str,
    /// All of it.
    pub(crate) run: Do,
    /// Documented steps that make it up, where it is several; the last answer is its answer.
    pub(crate) steps: &'static [Do],
    /// Its last step under rules over a window, where its circuit moves on after it.
    pub(crate) counts: Option<Do>,
    /// What it may do in place of all that, where another meets it.
    pub(crate) instead: Option<Do>,
    pub(crate) has: Has,
}

/// What matters of an operation to who puts two together.
#[derive(Clone, Copy, Default)]
pub(crate) struct Has {
    /// It goes through a handle.
    pub(crate) handle: bool,
    /// It removes circuits, or holds them: what handles care for.
    pub(crate) removal: bool,
    /// It spends its role's permit.
    pub(crate) permit: bool,
    /// Its answer is a snapshot taken after its effect.
    pub(crate) snapshot: bool,
    /// It creates the circuit, as a step of its own.
    pub(crate) creates: bool,
    /// It is about all circuits, one after the other.
    pub(crate) many: bool,
    /// It asks to be admitted.
    pub(crate) asks: bool,
    /// It may record a failure.
    pub(crate) fails: bool,
    /// It takes away what others can't do without: it is never within them, nor they within it.
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
const MANY_GO: Has = Has {
    removal: true,
    ..MANY
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
        instead: None,
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

fn count_success(world: &World, role: Role) -> Answer {
    world.count(spent(world, role), false);
    Answer::Reported(Reported::Recorded)
}

fn count_failure(world: &World, role: Role) -> Answer {
    world.count(spent(world, role), true);
    Answer::Reported(Reported::Recorded)
}

fn count_call(world: &World, role: Role, failed: bool) -> Answer {
    match world.given[role].take() {
        Some(permit) => world.count(permit, failed),
        None => world.void.set(true),
    }
    Answer::Called(!failed)
}

fn count_call_well(world: &World, role: Role) -> Answer {
    count_call(world, role, false)
}

fn count_call_failing(world: &World, role: Role) -> Answer {
    count_call(world, role, true)
}

const fn by_handle(op: Op) -> Op {
    let has = Has {
        handle: true,
        ..op.has
    };
    Op { has, ..op }
}

/// What the store does by key, whatever is over it.
pub(crate) const STORE: &[Op] = &[
    op("get_state", SNAPSHOT, |w, _| {
        Answer::Is(w.store.get_state(KEY))
    }),
    op("peek", NONE, |w, _| is_or_unknown(w.store.peek(KEY))),
    op("record_success", SNAPSHOT, |w, _| {
        Answer::Is(w.store.record_success(KEY))
    }),
    op("record_failure", FAILS, |w, _| {
        Answer::Is(w.store.record_failure(KEY))
    }),
    op("to closed", SNAPSHOT, |w, _| to(w, CircuitState::Closed)),
    op("to open", SNAPSHOT, |w, _| to(w, CircuitState::Open)),
    op("to half-open", SNAPSHOT, |w, _| {
        to(w, CircuitState::HalfOpen)
    }),
    op("to forced", SNAPSHOT, |w, _| {
        to(w, CircuitState::ForcedOpen)
    }),
    op("to disabled", SNAPSHOT, |w, _| {
        to(w, CircuitState::Disabled)
    }),
    op("reset", REMOVAL, |w, _| {
        w.store.reset(KEY);
        Answer::Nothing
    }),
    // What is created meanwhile may or may not be forgotten.
    steps(op("clear", MANY_GO, clear), &[clear_mate, clear_own, clear]),
    op("snapshots", MANY, |w, _| {
        let mut all = w.store.snapshots();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Answer::All(all)
    }),
    op("len", MANY, |w, _| Answer::Length(w.store.len())),
    op("force open", CREATES, |w, _| steer(w, Steering::ForceOpen)),
    op("force closed", CREATES, |w, _| {
        steer(w, Steering::ForceClose)
    }),
    op("disable", CREATES, |w, _| steer(w, Steering::Disable)),
    op("enable", NONE, |w, _| steer(w, Steering::Enable)),
    op("steered reset", REMOVAL, |w, _| steer(w, Steering::Reset)),
    op("disable by prefix", NONE, |w, _| {
        steered(w.store.steer_prefix(KEY, Steering::Disable))
    }),
    op("force all open", MANY, |w, _| {
        steered(w.store.steer_all(Steering::ForceOpen))
    }),
    // One that is created meanwhile may or may not be.
    steps(
        op("reset all", MANY_GO, reset_all),
        &[reset_mate, reset_own, reset_all],
    ),
    op("export", MANY, |w, _| {
        Answer::Exported(format!("{:?}", w.store.export()))
    }),
    Op {
        // A circuit that is used meanwhile is as it was used, and the import skips it.
        instead: Some(|w, _| {
            w.store.get_state(KEY);
            Answer::Imported(0, 1)
        }),
        ..op("import", CREATES, |w, _| {
            let imported = w.store.import(w.export.clone()).expect("it is valid");
            Answer::Imported(imported.imported, imported.skipped)
        })
    },
    steps(
        op("another key", OTHER, another),
        &[
            |w, _| {
                w.store.get_state(NEW);
                Answer::Nothing
            },
            another,
        ],
    ),
];

/// What the store does by the limits that each call brings.
pub(crate) const BARE: &[Op] = &[
    op("acquire", ASKS, |w, role| acquire(w, role)),
    counts(
        op("success", PERMIT, |w, role| tell(w, role, Outcome::Success)),
        count_success,
    ),
    counts(
        op("failure", FAILURE, |w, role| {
            tell(w, role, Outcome::Failure)
        }),
        count_failure,
    ),
    op("ignored", PERMIT, |w, role| tell(w, role, Outcome::Ignored)),
    make_handle(),
    // A vacant cell whose last handle goes stays in the map until its key is used or reset.
    steps(
        op("handle, and drop it", HOLDS, |w, _| {
            Answer::Made(w.store.circuit(KEY).is_ok())
        }),
        &[
            made,
            |w, _| {
                for made in w.made.borrow().iter() {
                    made.get_state();
                }
                Answer::Nothing
            },
            |w, _| {
                let made = w.made.borrow_mut().pop();
                drop(made);
                Answer::Nothing
            },
        ],
    ),
];

const HOLDS: Has = Has {
    removal: true,
    ..CREATES
};

const fn make_handle() -> Op {
    // It is held first, and brought to life after.
    steps(
        op("handle", HOLDS, made),
        &[made, |w, _| {
            for made in w.made.borrow().iter() {
                made.get_state();
            }
            Answer::Nothing
        }],
    )
}

fn made(world: &World, _: Role) -> Answer {
    let made = world.store.circuit(KEY);
    let is_made = made.is_ok();
    world.made.borrow_mut().extend(made);
    Answer::Made(is_made)
}

fn another(world: &World, _: Role) -> Answer {
    Answer::Is(world.store.record_failure(NEW))
}

fn clear(world: &World, _: Role) -> Answer {
    world.store.clear();
    Answer::Nothing
}

fn clear_mate(world: &World, role: Role) -> Answer {
    let _ = reset_mate(world, role);
    Answer::Nothing
}

fn clear_own(world: &World, role: Role) -> Answer {
    let _ = reset_own(world, role);
    Answer::Nothing
}

fn reset_mate(world: &World, _: Role) -> Answer {
    steered(world.store.steer_where(Steering::Reset, |key| key != KEY))
}

fn reset_own(world: &World, _: Role) -> Answer {
    steered(world.store.steer_where(Steering::Reset, |key| key == KEY))
}

fn reset_all(world: &World, _: Role) -> Answer {
    steered(world.store.steer_all(Steering::Reset))
}

/// What a handle of the store's does.
pub(crate) const HANDLE: &[Op] = &[
    by_handle(op("handle.get_state", SNAPSHOT, |w, _| {
        handle(w, |h| Answer::Is(h.get_state()))
    })),
    by_handle(op("handle.peek", NONE, |w, _| {
        handle(w, |h| is_or_unknown(h.peek()))
    })),
    by_handle(op("handle.record_success", SNAPSHOT, |w, _| {
        handle(w, |h| Answer::Is(h.record_success()))
    })),
    by_handle(op("handle.record_failure", FAILS, |w, _| {
        handle(w, |h| Answer::Is(h.record_failure()))
    })),
    by_handle(op("handle to closed", SNAPSHOT, |w, _| {
        handle(w, |h| Answer::Is(h.transition(CircuitState::Closed)))
    })),
    by_handle(op("handle to open", SNAPSHOT, |w, _| {
        handle(w, |h| Answer::Is(h.transition(CircuitState::Open)))
    })),
    by_handle(op("handle.reset", REMOVAL, |w, _| {
        handle(w, |h| {
            h.reset();
            Answer::Nothing
        })
    })),
    by_handle(op("handle.acquire", ASKS, |w, role| {
        let asked = handle(w, |h| h.acquire(&w.limits));
        admitted(w, role, asked.map(crate::world::Permit::Token))
    })),
    by_handle(counts(
        op("handle success", PERMIT, |w, role| {
            handle_tells(w, role, Outcome::Success)
        }),
        count_success,
    )),
    by_handle(counts(
        op("handle failure", FAILURE, |w, role| {
            handle_tells(w, role, Outcome::Failure)
        }),
        count_failure,
    )),
    by_handle(op("handle ignored", PERMIT, |w, role| {
        handle_tells(w, role, Outcome::Ignored)
    })),
    by_handle(op("handle.watch", NONE, |w, _| {
        handle(w, |h| {
            h.watch(&w.limits);
            Answer::Nothing
        })
    })),
    by_handle(op("handle.clone, and drop it", NONE, |w, _| {
        handle(w, |h| {
            drop(h.clone());
            Answer::Nothing
        })
    })),
    by_handle(drop_handle()),
];

const fn drop_handle() -> Op {
    let has = Has {
        alone: true,
        ..REMOVAL
    };
    op("drop the handle", has, |w, _| {
        let (handle, guarded) = (w.handle.take(), w.guarded.take());
        drop((handle, guarded));
        Answer::Nothing
    })
}

/// What a breaker does.
pub(crate) const BREAKER: &[Op] = &[
    op("acquire", ASKS, |w, role| acquire(w, role)),
    counts(
        op("success", PERMIT, |w, role| tell(w, role, Outcome::Success)),
        count_success,
    ),
    counts(
        op("failure", FAILURE, |w, role| {
            tell(w, role, Outcome::Failure)
        }),
        count_failure,
    ),
    op("ignored", PERMIT, |w, role| tell(w, role, Outcome::Ignored)),
    op("drop a permit", FAILURE, |w, role| {
        let permit = w.permits.borrow_mut()[role].take();
        drop(permit);
        Answer::Nothing
    }),
    counts(
        steps(
            op("call, well", ASKS, |w, _| {
                called(breaker(w).call(KEY, || Ok::<_, ()>(())))
            }),
            &[asks, |w, role| calls(w, role, Outcome::Success)],
        ),
        count_call_well,
    ),
    counts(
        steps(
            op("call, failing", FAILING, |w, _| {
                called(breaker(w).call(KEY, || Err::<(), _>(())))
            }),
            &[asks, |w, role| calls(w, role, Outcome::Failure)],
        ),
        count_call_failing,
    ),
    op("breaker.peek", NONE, |w, _| {
        is_or_unknown(breaker(w).peek(KEY))
    }),
    op("retry_after", NONE, |w, _| {
        Answer::RetryAfter(breaker(w).retry_after(KEY))
    }),
    policies(
        "plain policies",
        |w, _| set(w, &PLAIN),
        &[|w, _| put(w, &PLAIN), conforms],
    ),
    policies(
        "window policies",
        |w, _| set(w, &WINDOW),
        &[|w, _| put(w, &WINDOW), conforms],
    ),
    policies(
        "seats policies",
        |w, _| set(w, &SEATS),
        &[|w, _| put(w, &SEATS), conforms],
    ),
    policies(
        "both policies",
        |w, _| set(w, &BOTH),
        &[|w, _| put(w, &BOTH), conforms],
    ),
    policies(
        "timed policies",
        |w, _| set(w, &TIMED),
        &[|w, _| put(w, &TIMED), conforms],
    ),
    policies(
        "grouped policies",
        |w, _| set(w, &GROUPED),
        &[|w, _| put(w, &GROUPED), conforms],
    ),
    steps(
        op("guarded handle", HOLDS, made_guarded),
        &[made_guarded, |w, _| {
            for made in w.made_guarded.borrow().iter() {
                made.get_state();
            }
            Answer::Nothing
        }],
    ),
    make_handle(),
];

fn made_guarded(world: &World, _: Role) -> Answer {
    let made = breaker(world).circuit(KEY);
    let is_made = made.is_ok();
    world.made_guarded.borrow_mut().extend(made);
    Answer::Made(is_made)
}

/// They are put in place, then the circuits conform.
const fn policies(name: &'static str, run: Do, steps_of: &'static [Do]) -> Op {
    steps(op(name, NONE, run), steps_of)
}

fn put(world: &World, rules: &crate::world::Rules) -> Answer {
    put_policies(&breaker(world), rules.policies());
    Answer::Nothing
}

fn conforms(world: &World, _: Role) -> Answer {
    conform(&breaker(world));
    Answer::Nothing
}

/// What a breaker's handle does.
pub(crate) const GUARDED: &[Op] = &[
    by_handle(op("guarded.acquire", ASKS, |w, role| {
        let asked = guarded(w, |h| h.acquire_owned());
        admitted(w, role, asked.map(crate::world::Permit::Owned))
    })),
    by_handle(counts(
        steps(
            op("guarded call, well", ASKS, |w, _| {
                called(guarded(w, |h| h.call(|| Ok::<_, ()>(()))))
            }),
            &[guarded_asks, |w, role| calls(w, role, Outcome::Success)],
        ),
        count_call_well,
    )),
    by_handle(counts(
        steps(
            op("guarded call, failing", FAILING, |w, _| {
                called(guarded(w, |h| h.call(|| Err::<(), _>(()))))
            }),
            &[guarded_asks, |w, role| calls(w, role, Outcome::Failure)],
        ),
        count_call_failing,
    )),
    by_handle(op("guarded to closed", SNAPSHOT, |w, _| {
        guarded(w, |h| Answer::Is(h.transition(CircuitState::Closed)))
    })),
    by_handle(op("guarded.reset", REMOVAL, |w, _| {
        guarded(w, |h| {
            h.reset();
            Answer::Nothing
        })
    })),
    by_handle(op("guarded.record_failure", FAILS, |w, _| {
        guarded(w, |h| Answer::Is(h.record_failure()))
    })),
    by_handle(drop_handle()),
];

/// Where no permit and no handle holds the breaker, which goes while its store lives on.
pub(crate) const LEAVING: &[Op] = &[op("drop the breaker", NONE, |w, _| {
    let breaker = w.breaker.take();
    drop(breaker);
    Answer::Nothing
})];

fn is_or_unknown(circuit: Option<CircuitBreakerSnapshot>) -> Answer {
    circuit.map_or(Answer::Unknown, Answer::Is)
}

fn to(world: &World, state: CircuitState) -> Answer {
    Answer::Is(world.store.transition(KEY, state))
}

fn steer(world: &World, steering: Steering) -> Answer {
    steered(world.store.steer(KEY, steering))
}

fn steered(all: impl IntoIterator<Item = breakerbox::Steered<String>>) -> Answer {
    let all = all.into_iter();
    let mut all: Vec<_> = all
        .map(|steered| (steered.key, steered.from, steered.to, steered.changed))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Answer::Steered(all)
}

fn acquire(world: &World, role: Role) -> Answer {
    admitted(world, role, world.ask(KEY))
}

fn admitted(world: &World, role: Role, asked: Result<crate::world::Permit, Rejected>) -> Answer {
    match asked {
        Ok(permit) => {
            let probe = permit.is_probe();
            world.given[role].replace(Some(permit));
            Answer::Admitted { probe }
        }
        Err(rejected) => Answer::Rejected(rejected),
    }
}

fn spent(world: &World, role: Role) -> crate::world::Permit {
    let permit = world.permits.borrow_mut()[role].take();
    permit.expect("pairs are of operations that have their permits")
}

fn tell(world: &World, role: Role, outcome: Outcome) -> Answer {
    let permit = spent(world, role);
    Answer::Reported(world.tell(KEY, permit, outcome))
}

fn handle<R>(world: &World, f: impl FnOnce(&crate::world::Handle) -> R) -> R {
    // Cloned handles would pin once more: it stays where it is, and nobody takes it meanwhile.
    f(world.handle.borrow().as_ref().expect("it is pinned"))
}

fn guarded<R>(world: &World, f: impl FnOnce(&crate::world::Guarded) -> R) -> R {
    f(world.guarded.borrow().as_ref().expect("it is pinned"))
}

fn handle_tells(world: &World, role: Role, outcome: Outcome) -> Answer {
    match spent(world, role) {
        crate::world::Permit::Token(token) => {
            let reported = handle(world, |h| h.report(token, outcome, &world.limits));
            Answer::Reported(reported)
        }
        crate::world::Permit::Owned(_) => unreachable!("there is no breaker here"),
    }
}

fn breaker(world: &World) -> crate::world::Breaker {
    world.breaker().expect("it is there")
}

fn set(world: &World, rules: &crate::world::Rules) -> Answer {
    breaker(world).set_policies(rules.policies());
    Answer::Nothing
}

fn called(result: Result<(), CallError<()>>) -> Answer {
    match result {
        Ok(()) => Answer::Called(true),
        Err(CallError::Rejected(rejected)) => Answer::Rejected(rejected),
        Err(_) => Answer::Called(false),
    }
}

fn asks(world: &World, role: Role) -> Answer {
    acquire(world, role)
}

fn guarded_asks(world: &World, role: Role) -> Answer {
    let asked = guarded(world, |h| h.acquire_owned());
    admitted(world, role, asked.map(crate::world::Permit::Owned))
}

/// The rest of a call, if it was admitted.
fn calls(world: &World, role: Role, outcome: Outcome) -> Answer {
    match world.given[role].take() {
        Some(permit) => {
            let _ = world.tell(KEY, permit, outcome);
            Answer::Called(outcome == Outcome::Success)
        }
        // The rejection was the answer.
        None => Answer::Nothing,
    }
}

/// What a check does that finds too many calls hanging: the circuit opens, and it asks again.
pub(crate) fn opens(world: &World, _: Role) -> Answer {
    match world.ask(KEY) {
        Ok(_) => world.void.set(true),
        Err(_) => world.unsaid.set(world.unsaid.get() + 1),
    }
    Answer::Nothing
}

/// What a check does that has created its circuit and finds it gone: it admits, without a seat.
pub(crate) fn asks_unseated(world: &World, role: Role) -> Answer {
    if world.store.peek(KEY).is_some() {
        world.void.set(true);
        return Answer::Nothing;
    }
    let asked = world.store.acquire(KEY, &PLAIN.limits());
    admitted(world, role, asked.map(crate::world::Permit::Token))
}

/// What a report does first: its seat is free.
pub(crate) fn leaves(world: &World, role: Role) -> Answer {
    let permits = world.permits.borrow();
    let given = world.given[role].borrow();
    let permit = given
        .as_ref()
        .or(permits.get(role).and_then(Option::as_ref));
    if let Some(permit) = permit {
        leave_alone(&world.store, &KEY.to_owned(), permit.token());
    }
    Answer::Nothing
}

/// What a rule does that opens a circuit of a group: it takes a place.
pub(crate) fn takes(world: &World, _: Role) -> Answer {
    take_place(&world.store, GROUP);
    Answer::Nothing
}

/// And gives it back, where the circuit has changed.
pub(crate) fn gives_back(world: &World, _: Role) -> Answer {
    leave_place(&world.store, GROUP);
    Answer::Nothing
}

/// What the first use of a key does in a store that is full: it makes room.
pub(crate) fn makes_room(world: &World, _: Role) -> Answer {
    world.store.get_state(NEW);
    world.store.reset(NEW);
    Answer::Nothing
}

/// And then, where another has taken that room: nothing is stored.
pub(crate) fn is_untracked(world: &World, _: Role) -> Answer {
    let full = crate::world::full(&world.clock);
    Answer::Is(full.record_failure(NEW))
}
