//! The import, and its steps.

use breakerbox::__steps::{Part, Words, import_part, words};
use breakerbox::{CircuitBreakerSnapshot, CircuitState};

use super::{Answer, CREATES, Do, Op, op, steps};
use crate::world::{KEY, World};

/// Returns the import: state and failures first, with the time of the last failure never behind
/// them; then the rest.
pub(super) const fn import() -> Op {
    let whole = op("import", CREATES, |w, _| {
        let imported = w.store.import(w.export.clone()).expect("it is valid");
        Answer::Imported(imported.imported, imported.skipped)
    });
    Op {
        instead: SKIPS,
        ..steps(whole, &[forgets, creates, time, state, rest])
    }
}

/// The steps of an import that skips a circuit which is used meanwhile.
const SKIPS: &[&[Do]] = &[
    &[creates, skips],
    &[forgets, creates, skips],
    &[forgets, creates, time, skips],
];

/// Returns whether the circuit is clean, as far as a snapshot shows.
fn is_clean(is: &CircuitBreakerSnapshot) -> bool {
    is.state == CircuitState::Closed && is.failure_count == 0
}

/// Forgets successes that aren't the imported circuit's: an open circuit would keep those from
/// before it opened.
fn forgets(world: &World, _: usize) -> Answer {
    let own = world.store.peek(KEY);
    if own.is_some_and(|own| is_clean(&own) && own.success_count != 0) {
        world.store.reset(KEY);
    }
    Answer::Nothing
}

/// Creates the circuit, and notes whether it is clean.
fn creates(world: &World, _: usize) -> Answer {
    let found = world.store.get_state(KEY);
    let key = |(key, words): (String, Words)| (key == KEY).then_some(words);
    let words = words(&world.store).into_iter().find_map(key);
    let is_idle =
        |words: Words| words.openings == 0 && words.watch.is_none_or(|calls| calls.in_flight == 0);
    let clean = is_clean(&found) && words.is_some_and(is_idle);
    world.found_clean.set(clean);
    Answer::Nothing
}

fn time(world: &World, _: usize) -> Answer {
    if world.found_clean.get() {
        let _ = import_part(&world.store, world.export.clone(), Part::Time);
    }
    Answer::Nothing
}

fn state(world: &World, _: usize) -> Answer {
    if !world.found_clean.get() {
        return Answer::Imported(0, 1);
    }
    let imported = import_part(&world.store, world.export.clone(), Part::State);
    let is_done = imported.imported != 0;
    world
        .restored
        .set(is_done.then(|| world.generation()).flatten());
    Answer::Imported(imported.imported, imported.skipped)
}

fn rest(world: &World, _: usize) -> Answer {
    let restored = world.restored.get();
    if restored.is_some() && restored == world.generation() {
        let _ = import_part(&world.store, world.export.clone(), Part::Rest);
    }
    Answer::Nothing
}

fn skips(_: &World, _: usize) -> Answer {
    Answer::Imported(0, 1)
}
