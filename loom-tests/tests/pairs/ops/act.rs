//! What operations are made of.

use breakerbox::{CallError, CircuitBreakerSnapshot, CircuitState, Outcome, Rejected, Steering};

use super::{Answer, Role};
use crate::world::{KEY, Permit, World};

pub(super) fn is_or_unknown(circuit: Option<CircuitBreakerSnapshot>) -> Answer {
    circuit.map_or(Answer::Unknown, Answer::Is)
}

pub(super) fn to(world: &World, state: CircuitState) -> Answer {
    Answer::Is(world.store.transition(KEY, state))
}

pub(super) fn steer(world: &World, steering: Steering) -> Answer {
    steered(world.store.steer(KEY, steering))
}

pub(super) fn steered(all: impl IntoIterator<Item = breakerbox::Steered<String>>) -> Answer {
    let all = all.into_iter();
    let mut all: Vec<_> = all
        .map(|steered| (steered.key, steered.from, steered.to, steered.changed))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Answer::Steered(all)
}

pub(super) fn acquire(world: &World, role: Role) -> Answer {
    admitted(world, role, world.ask(KEY))
}

pub(super) fn admitted(world: &World, role: Role, asked: Result<Permit, Rejected>) -> Answer {
    match asked {
        Ok(permit) => {
            let probe = permit.is_probe();
            world.given[role].replace(Some(permit));
            Answer::Admitted { probe }
        }
        Err(rejected) => Answer::Rejected(rejected),
    }
}

pub(super) fn spent(world: &World, role: Role) -> Permit {
    let permit = world.permits.borrow_mut()[role].take();
    permit.expect("pairs are of operations that have their permits")
}

pub(super) fn tell(world: &World, role: Role, outcome: Outcome) -> Answer {
    let permit = spent(world, role);
    Answer::Reported(world.tell(KEY, permit, outcome))
}

pub(super) fn handle<R>(world: &World, f: impl FnOnce(&crate::world::Handle) -> R) -> R {
    // Cloned handles would pin once more: it stays where it is, and nobody takes it meanwhile.
    f(world.handle.borrow().as_ref().expect("it is pinned"))
}

pub(super) fn guarded<R>(world: &World, f: impl FnOnce(&crate::world::Guarded) -> R) -> R {
    f(world.guarded.borrow().as_ref().expect("it is pinned"))
}

pub(super) fn handle_tells(world: &World, role: Role, outcome: Outcome) -> Answer {
    match spent(world, role) {
        Permit::Token(token) => {
            let reported = handle(world, |h| h.report(token, outcome, &world.policy));
            Answer::Reported(reported)
        }
        Permit::Owned(_) => unreachable!("there is no breaker here"),
    }
}

pub(super) fn breaker(world: &World) -> crate::world::Breaker {
    world.breaker().expect("it is there")
}

pub(super) fn set(world: &World, rules: &crate::rules::Rules) -> Answer {
    breaker(world).set_policies(rules.policies());
    Answer::Nothing
}

pub(super) fn called(result: Result<(), CallError<()>>) -> Answer {
    match result {
        Ok(()) => Answer::Called(true),
        Err(CallError::Rejected(rejected)) => Answer::Rejected(rejected),
        Err(_) => Answer::Called(false),
    }
}

pub(super) fn asks(world: &World, role: Role) -> Answer {
    acquire(world, role)
}

pub(super) fn guarded_asks(world: &World, role: Role) -> Answer {
    let asked = guarded(world, |h| h.acquire_owned());
    admitted(world, role, asked.map(Permit::Owned))
}

/// The rest of a call, if it was admitted.
pub(super) fn calls(world: &World, role: Role, outcome: Outcome) -> Answer {
    match world.given[role].take() {
        Some(permit) => {
            let _ = world.tell(KEY, permit, outcome);
            Answer::Called(outcome == Outcome::Success)
        }
        // The rejection was the answer.
        None => Answer::Nothing,
    }
}
