//! Single steps of operations that have several.

use breakerbox::__steps::{leave_alone, leave_place, put_rule, take_place};
use breakerbox::{CircuitState, Forced, Outcome, PermitToken, Policy, Reported, Steering};

use super::act::{admitted, spent};
use super::{Answer, Role};
use crate::world::{GROUP, KEY, NEW, Permit, World};

pub(super) fn count_success(world: &World, role: Role) -> Answer {
    world.count(spent(world, role), false);
    Answer::Reported(Reported::Recorded)
}

pub(super) fn count_failure(world: &World, role: Role) -> Answer {
    world.count(spent(world, role), true);
    Answer::Reported(Reported::Recorded)
}

pub(super) fn count_call(world: &World, role: Role, failed: bool) -> Answer {
    match world.given[role].take() {
        Some(permit) => world.count(permit, failed),
        None => world.void.set(true),
    }
    Answer::Called(!failed)
}

pub(super) fn count_call_well(world: &World, role: Role) -> Answer {
    count_call(world, role, false)
}

pub(super) fn count_call_failing(world: &World, role: Role) -> Answer {
    count_call(world, role, true)
}

/// Counts the call in its window and does nothing else: the rest of its report follows.
pub(crate) fn counts_alone(world: &World, role: Role, failed: bool) -> Answer {
    match token_of(world, role) {
        Some(token) => world.count_alone(token, failed),
        None => world.void.set(true),
    }
    Answer::Nothing
}

pub(crate) fn succeeds_alone(world: &World, role: Role) -> Answer {
    rest_of_report(world, role, Outcome::Success)
}

pub(crate) fn fails_alone(world: &World, role: Role) -> Answer {
    rest_of_report(world, role, Outcome::Failure)
}

/// Finishes a report whose call was counted in the window and opened nothing.
fn rest_of_report(world: &World, role: Role, outcome: Outcome) -> Answer {
    let given = world.given[role].take();
    let is_call = given.is_some();
    let permit = given.or_else(|| world.permits.borrow_mut().get_mut(role)?.take());
    let Some(permit) = permit else {
        world.void.set(true);
        return Answer::Nothing;
    };
    // Now the report is complete.
    world.counted.set(None);
    let policy = Policy::builder().failure_threshold(1_000).build();
    let policy = policy.expect("they are valid");
    let reported = world.store.report(KEY, permit.token(), outcome, &policy);
    let _ = world.tell(KEY, permit, Outcome::Ignored);
    if is_call {
        Answer::Called(outcome == Outcome::Success)
    } else {
        Answer::Reported(reported)
    }
}

/// Runs `run` as if no rule by hand were in place: it has looked before there was one.
pub(crate) fn past_rules(world: &World, role: Role, run: super::Do) -> Answer {
    let Some(forced) = world.store.forced(KEY) else {
        return run(world, role);
    };
    let prefix = match world.store.forced(NEW) {
        Some(_) => "",
        None => KEY,
    };
    put_rule(&world.store, prefix, Steering::Enable);
    let answer = run(world, role);
    let steering = match forced {
        Forced::Open => Steering::ForceOpen,
        _ => Steering::Disable,
    };
    put_rule(&world.store, prefix, steering);
    answer
}

/// Takes the step of a check that finds too many hung calls: opens the circuit, and asks again.
pub(crate) fn opens(world: &World, _: Role) -> Answer {
    match world.ask(KEY) {
        Ok(_) => world.void.set(true),
        Err(_) => world.unsaid.set(world.unsaid.get() + 1),
    }
    Answer::Nothing
}

/// Runs a check that takes a slot in a circuit which is being replaced: it admits, and its report
/// will be stale.
pub(crate) fn asks_without_slot(world: &World, role: Role) -> Answer {
    if world.store.peek(KEY).is_some() {
        world.void.set(true);
        return Answer::Nothing;
    }
    let asked = world.store.acquire(KEY, &crate::rules::PLAIN.policy());
    admitted(world, role, asked.map(crate::world::Permit::Token))
}

/// Takes the first step of a report: frees its slot.
pub(crate) fn leaves(world: &World, role: Role) -> Answer {
    if let Some(token) = token_of(world, role) {
        leave_alone(&world.store, &KEY.to_owned(), token);
    }
    Answer::Nothing
}

/// Returns the permit that this operation was given, or else the one that it reports.
fn token_of(world: &World, role: Role) -> Option<PermitToken> {
    let permits = world.permits.borrow();
    let given = world.given[role].borrow();
    let permit = given
        .as_ref()
        .or(permits.get(role).and_then(Option::as_ref));
    permit.map(Permit::token)
}

/// Takes a place, as a rule does that opens a circuit of a group.
pub(crate) fn takes(world: &World, _: Role) -> Answer {
    take_place(&world.store, GROUP);
    Answer::Nothing
}

/// Gives the place back, as a rule does if the circuit has changed.
pub(crate) fn gives_back(world: &World, _: Role) -> Answer {
    leave_place(&world.store, GROUP);
    Answer::Nothing
}

/// Evicts a clean circuit, as the first use of a key does in a full store.
pub(crate) fn makes_room(world: &World, _: Role) -> Answer {
    // Two keys, since there may be room for one more.
    for key in [NEW, "m"] {
        world.store.get_state(key);
    }
    for key in [NEW, "m"] {
        world.store.reset(key);
    }
    Answer::Nothing
}

/// Evicts a closed and idle circuit instead, which isn't announced.
pub(crate) fn evicts_idle(world: &World, _: Role) -> Answer {
    let circuit = world.store.peek(KEY);
    if circuit.is_some_and(|circuit| circuit.state == CircuitState::Closed) {
        world.store.reset(KEY);
    } else {
        world.void.set(true);
    }
    Answer::Nothing
}

/// Stores nothing, since another circuit has taken the room.
pub(crate) fn is_untracked(world: &World, _: Role) -> Answer {
    let full = crate::world::full(&world.clock);
    Answer::Is(full.record_failure(NEW))
}
