//! How an operation is taken apart, where the documentation says that it is several steps.

use crate::ops::{
    Answer, Do, Op, asks_unseated, evicts_idle, gives_back, is_untracked, leaves, makes_room,
    opens, takes,
};
use crate::seen::watches;
use crate::world::{KEY, Rules, World};

/// The documented ways to take `op` apart: as one step first.
pub(crate) fn splits(op: &Op, rules: &Rules) -> Vec<Vec<Step>> {
    let limits = &rules.limits();
    let mut splits: Vec<Vec<Step>> = vec![vec![("outer", op.run)]];
    let steps = op.steps.iter().map(|step| ("step", *step));
    if !op.steps.is_empty() {
        splits.push(steps.clone().collect());
    }
    if op.has.asks && limits.hung_calls().is_some() {
        // The check of a circuit that was removed since it was created for it.
        let rest = steps.clone().skip(1);
        let unseated = [("create", create as Do), ("unseated", asks_unseated)];
        splits.push(unseated.into_iter().chain(rest).collect());
        begin_with(&mut splits, ("opens", opens));
    }
    if let Some(counts) = op.counts
        && limits.sliding_window().is_some()
    {
        // A call is counted in its window first, and opens the circuit after.
        let first = steps.clone().take(op.steps.len().saturating_sub(1));
        splits.push(first.chain([("counts", counts)]).collect());
    }
    if op.has.permit && limits.hung_calls().is_some() {
        begin_with(&mut splits, ("leaves", leaves));
    }
    // Of a call, between its two.
    if op.counts.is_some() && op.steps.len() == 2 && limits.hung_calls().is_some() {
        let [asks, reports] = [op.steps[0], op.steps[1]].map(|step| ("step", step));
        splits.push(vec![asks, ("leaves", leaves), reports]);
    }
    if op.has.fails && rules.grouped {
        // Its place is taken before it opens, and given back if the circuit has changed.
        let last = op.steps.last().copied().unwrap_or(op.run);
        let first = steps.take(op.steps.len().saturating_sub(1));
        let rest = [
            ("takes", takes as Do),
            ("gives back", gives_back),
            ("last", last),
        ];
        splits.push(first.chain(rest).collect());
    }
    if op.has.creates {
        begin_with(&mut splits, ("create", create));
        if watches(limits) {
            begin_with(&mut splits, ("watch", watch));
        }
    }
    if op.has.many && op.has.fails && rules.max_circuits.is_some() {
        for last in [op.run, is_untracked] {
            splits.push(vec![("makes room", makes_room), ("last", last)]);
            splits.push(vec![("evicts idle", evicts_idle), ("last", last)]);
        }
    }
    splits.extend(op.instead.map(|instead| vec![("instead", instead)]));
    splits
}

/// All of `splits`, and again with this step before.
fn begin_with(splits: &mut Vec<Vec<Step>>, step: Step) {
    let begun = splits.iter().map(|split| {
        let mut split = split.clone();
        split.insert(0, step);
        split
    });
    let begun: Vec<_> = begun.collect();
    splits.extend(begun);
}

/// A step of an operation.
pub(crate) type Step = (&'static str, Do);

/// What a call under rules that need to know of each does first, stale or not.
fn watch(world: &World, _: usize) -> Answer {
    let handle = world.store.circuit(KEY).expect("there is room");
    handle.watch(&world.limits);
    Answer::Nothing
}

/// What an operation on an unknown key does first.
fn create(world: &World, _: usize) -> Answer {
    world.store.get_state(KEY);
    Answer::Nothing
}
