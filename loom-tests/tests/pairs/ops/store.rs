//! The operations of the store and its handles.

use breakerbox::__steps::{forget_row, put_rule, steer_ruled, words};
use breakerbox::{CircuitState, Outcome, Steering};

use super::act::*;
use super::cut::{count_failure, count_success};
use super::import::import;
use super::*;
use crate::world::{KEY, NEW};

/// The operations of the store by key, with or without a breaker over it.
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
    steps(
        op("to closed", SNAPSHOT, |w, _| to(w, CircuitState::Closed)),
        &[forgets_row, |w, _| to(w, CircuitState::Closed)],
    ),
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
    // A circuit that is created meanwhile may or may not be forgotten.
    steps(
        op("clear", ALL_GO, clear),
        &[lifts, clear_mate, clear_own, clear_rest],
    ),
    op("snapshots", MANY, |w, _| {
        let mut all = w.store.snapshots();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Answer::All(all)
    }),
    op("len", MANY, |w, _| Answer::Length(w.store.len())),
    op("force open", CREATES, |w, _| steer(w, Steering::ForceOpen)),
    steps(
        op("force closed", CREATES, |w, _| {
            steer(w, Steering::ForceClose)
        }),
        &[forgets_row, |w, _| steer(w, Steering::ForceClose)],
    ),
    op("disable", CREATES, |w, _| steer(w, Steering::Disable)),
    op("enable", NONE, |w, _| steer(w, Steering::Enable)),
    op("steered reset", REMOVAL, |w, _| steer(w, Steering::Reset)),
    // The rule is in place first, then the circuits follow.
    steps(
        op("disable by prefix", RULE, |w, _| {
            steered(w.store.steer_prefix(KEY, Steering::Disable))
        }),
        &[
            |w, _| put(w, KEY, Steering::Disable),
            creates_for_handles,
            |w, _| ruled(w, Steering::Disable, |key| key == KEY),
        ],
    ),
    steps(
        op("force all open", RULE_FOR_ALL, |w, _| {
            steered(w.store.steer_all(Steering::ForceOpen))
        }),
        &[
            |w, _| put(w, "", Steering::ForceOpen),
            |w, _| ruled(w, Steering::ForceOpen, |key| key != KEY),
            creates_for_handles,
            |w, _| ruled(w, Steering::ForceOpen, |key| key == KEY),
        ],
    ),
    // A circuit that is created meanwhile may or may not be reset.
    steps(
        op("reset all", ALL_GO, |w, _| {
            steered(w.store.steer_all(Steering::Reset))
        }),
        &[lifts, reset_mate, reset_own, reset_rest],
    ),
    op("export", MANY, |w, _| {
        Answer::Exported(format!("{:?}", w.store.export()))
    }),
    import(),
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

/// The operations of the store by the policy that each call brings.
pub(crate) const BARE: &[Op] = &[
    op("acquire", ASKS, acquire),
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
    // A vacant cell whose last handle is dropped stays in the map until its key is used or reset.
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

pub(super) const HOLDS: Has = Has {
    removal: true,
    ..CREATES
};

pub(super) const fn make_handle() -> Op {
    // The cell is pinned first, and brought to life afterwards.
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

pub(super) fn made(world: &World, _: Role) -> Answer {
    let made = world.store.circuit(KEY);
    let is_made = made.is_ok();
    world.made.borrow_mut().extend(made);
    Answer::Made(is_made)
}

pub(super) fn another(world: &World, _: Role) -> Answer {
    Answer::Is(world.store.record_failure(NEW))
}

pub(super) fn clear(world: &World, _: Role) -> Answer {
    world.store.clear();
    Answer::Nothing
}

pub(super) fn clear_mate(world: &World, role: Role) -> Answer {
    let _ = reset_mate(world, role);
    Answer::Nothing
}

pub(super) fn clear_own(world: &World, role: Role) -> Answer {
    let _ = reset_own(world, role);
    Answer::Nothing
}

pub(super) fn reset_mate(world: &World, _: Role) -> Answer {
    steered(world.store.steer_where(Steering::Reset, |key| key != KEY))
}

pub(super) fn reset_own(world: &World, _: Role) -> Answer {
    steered(world.store.steer_where(Steering::Reset, |key| key == KEY))
}

fn reset_rest(world: &World, _: Role) -> Answer {
    ruled(world, Steering::Reset, |_| true)
}

fn clear_rest(world: &World, role: Role) -> Answer {
    let _ = reset_rest(world, role);
    Answer::Nothing
}

/// Creates a circuit that a handle holds, since a forced state moves it even if it reads as
/// unknown.
fn creates_for_handles(world: &World, _: Role) -> Answer {
    if words(&world.store)
        .iter()
        .any(|(_, words)| words.handles != 0)
    {
        world.store.get_state(KEY);
    }
    Answer::Nothing
}

/// Lifts the rules by hand, as a command first does.
fn lifts(world: &World, _: Role) -> Answer {
    put(world, "", Steering::Reset)
}

fn put(world: &World, prefix: &str, steering: Steering) -> Answer {
    put_rule(&world.store, prefix, steering);
    Answer::Nothing
}

fn ruled(world: &World, steering: Steering, chosen: fn(&str) -> bool) -> Answer {
    steered(steer_ruled(&world.store, steering, |key| chosen(key)))
}

/// Ends the series of openings, as closing by hand does before the circuit is closed.
fn forgets_row(world: &World, _: Role) -> Answer {
    forget_row(&world.store, &KEY.to_owned());
    Answer::Nothing
}

/// The operations of a store's handle.
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
    by_handle(steps(
        op("handle to closed", SNAPSHOT, closed_by_handle),
        &[forgets_row, closed_by_handle],
    )),
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
        let asked = handle(w, |h| h.acquire(&w.policy));
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
            h.watch(&w.policy);
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

pub(super) const fn drop_handle() -> Op {
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

fn closed_by_handle(world: &World, _: Role) -> Answer {
    handle(world, |h| Answer::Is(h.transition(CircuitState::Closed)))
}
