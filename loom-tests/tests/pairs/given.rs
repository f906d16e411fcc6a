//! The pasts that a circuit may have when two operations meet on it.

use breakerbox::{CircuitState, Outcome, Steering};

use crate::world::{HUNG_MS, KEY, LEASE_MS, MATE, OPEN_MS, World};

/// A situation with two permits out: the outer operation reports the first, the inner one the
/// second.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&World),
}

const fn given(name: &'static str, make: fn(&World)) -> Given {
    Given { name, make }
}

pub(crate) const UNKNOWN: Given = given("unknown", two);
pub(crate) const CLEAN: Given = given("clean", |world| {
    world.store.record_success(KEY);
    two(world);
});
pub(crate) const FAILED: Given = given("failed", |world| {
    world.store.record_success(KEY);
    two(world);
    world.fail(KEY);
});
/// Known by hash under rules over a window: full of successes, or with a keeper.
pub(crate) const KNOWN: Given = given("known", |world| {
    for _ in 0..12 {
        if let Ok(permit) = world.ask(KEY) {
            let _ = world.tell(KEY, permit, Outcome::Success);
        }
    }
    two(world);
});
/// Closed again, and backing off if the rules do.
pub(crate) const RECOVERED: Given = given("recovered", |world| {
    recover(world);
    two(world);
});
pub(crate) const OPEN: Given = given("open", |world| {
    two(world);
    world.trip(KEY);
    world.clock.advance_ms(1);
});
/// Opened by hand, so that its open time isn't fixed yet.
pub(crate) const BY_HAND: Given = given("open by hand", |world| {
    two(world);
    world.store.transition(KEY, CircuitState::Open);
    world.clock.advance_ms(1);
});
pub(crate) const DUE: Given = given("due", |world| {
    two(world);
    world.trip(KEY);
    world.clock.advance_ms(OPEN_MS);
});
pub(crate) const HALF_OPEN: Given = given("half-open", |world| {
    half_open(world);
    world.clock.advance_ms(1);
});
pub(crate) const EXPIRED: Given = given("expired", |world| {
    half_open(world);
    world.clock.advance_ms(LEASE_MS);
});
pub(crate) const FORCED: Given = given("forced", |world| {
    two(world);
    world.store.transition(KEY, CircuitState::ForcedOpen);
});
pub(crate) const DISABLED: Given = given("disabled", |world| {
    two(world);
    world.store.transition(KEY, CircuitState::Disabled);
});
/// Under a rule by hand.
pub(crate) const RULED: Given = given("under a rule", |world| {
    (FAILED.make)(world);
    let _ = world.store.steer_prefix(KEY, Steering::ForceOpen);
});
/// Reset after a past of which any rest would show.
pub(crate) const RESET: Given = given("reset", |world| {
    recover(world);
    world.store.record_success(KEY);
    world.fail(KEY);
    two(world);
    world.store.reset(KEY);
});
/// Two calls have been out for too long.
pub(crate) const HUNG: Given = given("hung", |world| {
    two(world);
    world.clock.advance_ms(HUNG_MS);
});
/// Its group has no place left.
pub(crate) const CROWDED: Given = given("crowded", |world| {
    world.trip(MATE);
    (FAILED.make)(world);
});
/// Fills the store with another circuit that is never evicted.
pub(crate) fn filled(world: &World) {
    world.store.transition(MATE, CircuitState::Disabled);
}

impl Given {
    #[allow(clippy::wrong_self_convention, reason = "it makes the situation")]
    pub(crate) fn make(self, world: &World) {
        (self.make)(world);
        world.clock.advance_ms(1);
    }
}

fn two(world: &World) {
    world.take();
    world.take();
}

fn recover(world: &World) {
    world.trip(KEY);
    world.clock.advance_ms(OPEN_MS);
    for _ in 0..2 {
        if let Ok(permit) = world.ask(KEY) {
            let _ = world.tell(KEY, permit, Outcome::Success);
        }
    }
    assert_eq!(world.store.get_state(KEY).state, CircuitState::Closed);
}

/// Makes the circuit half-open. The first permit is a probe's; so is the second if two may probe,
/// otherwise it is older.
fn half_open(world: &World) {
    let old = world.ask(KEY).ok();
    world.trip(KEY);
    world.clock.advance_ms(OPEN_MS);
    world.take();
    world.take();
    let mut permits = world.permits.borrow_mut();
    if permits[1].is_none() {
        permits[1] = old;
    } else {
        permits.push(old);
    }
}
