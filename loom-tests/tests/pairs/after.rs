//! The end of a pair: calls go on, and then everything is removed.

use breakerbox::__steps::{Words, entries, needs, summary_counts, words};
use breakerbox::Outcome;

use crate::ops::Answer;
use crate::world::{GROUP, HUNG_MS, KEY, OPEN_MS, World};

/// Reports all permits and goes on calling until the circuit has opened and closed again.
pub(crate) fn go_on(world: &World, faults: &mut Vec<String>) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut out: Vec<_> = world.permits.borrow_mut().drain(..).collect();
    out.extend(world.given.iter().map(std::cell::RefCell::take));
    for permit in out.into_iter().flatten() {
        answers.push(Answer::Reported(world.tell(KEY, permit, Outcome::Success)));
    }
    let in_flight = |(_, words): &(String, Words)| words.watch.map_or(0, |watch| watch.in_flight);
    if words(&world.store).iter().map(in_flight).sum::<u32>() != 0 {
        faults.push("no call is out, and no in-flight slot is taken".to_owned());
    }
    let call = |outcome| match world.ask(KEY) {
        Ok(permit) => {
            let probe = permit.is_probe();
            let _ = world.tell(KEY, permit, outcome);
            Answer::Admitted { probe }
        }
        Err(rejected) => Answer::Rejected(rejected),
    };
    // Calls that hang would show now.
    world.clock.advance_ms(HUNG_MS);
    answers.push(call(Outcome::Ignored));
    for _ in 0..4 {
        answers.push(call(Outcome::Failure));
    }
    world.clock.advance_ms(4 * OPEN_MS);
    for _ in 0..2 {
        answers.push(call(Outcome::Success));
    }
    let left = world.store.peek(KEY);
    answers.push(left.map_or(Answer::Unknown, Answer::Is));
    answers
}

/// Drops and resets everything, and notes as faults whatever is left.
pub(crate) fn clean_up(world: &World, faults: &mut Vec<String>) {
    drop(world.handle.take());
    drop(world.guarded.take());
    world.made.borrow_mut().clear();
    world.made_guarded.borrow_mut().clear();
    drop(world.breaker.take());
    world.store.clear();
    let store = &world.store;
    let left = (
        summary_counts(store),
        needs(store),
        entries(store),
        store.len(),
        store.open_in_group(GROUP).unwrap_or(0),
    );
    if left != ((0, 0), (0, 0), 0, 0, 0) {
        faults.push(format!("nothing is left when all is gone: {left:?}"));
    }
}
