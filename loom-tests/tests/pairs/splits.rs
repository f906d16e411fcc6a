//! Takes operations apart that are several steps by their documentation.

use crate::ops::{
    Answer, Do, Op, Role, asks_without_slot, counts_alone, evicts_idle, fails_alone, gives_back,
    is_untracked, leaves, makes_room, opens, past_rules, succeeds_alone, takes,
};
use crate::rules::Rules;
use crate::seen::watches;
use crate::world::{KEY, World};

/// A step of an operation.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    run: Do,
    /// The step has looked up the rules by hand before.
    past_rules: bool,
}

impl Step {
    pub(crate) fn run(&self, world: &World, role: Role) -> Answer {
        if self.past_rules {
            past_rules(world, role, self.run)
        } else {
            (self.run)(world, role)
        }
    }
}

const fn step(name: &'static str, run: Do) -> Step {
    Step {
        name,
        run,
        past_rules: false,
    }
}

type Splits = Vec<Vec<Step>>;

/// Returns the documented ways to take `op` apart where it meets `inner`; as one step first.
pub(crate) fn splits(op: &Op, inner: &Op, rules: &Rules) -> Splits {
    let policy = &rules.policy();
    let mut splits = vec![vec![step("outer", op.run)]];
    let steps: Vec<_> = op.steps.iter().map(|run| step("step", *run)).collect();
    if !steps.is_empty() {
        splits.push(steps.clone());
    }
    if op.has.asks && policy.hung_calls().is_some() {
        if inner.name == "import" {
            // A call that takes its slot while the circuit is replaced is admitted without one.
            let rest = steps.iter().copied().skip(1);
            let without_slot = std::iter::once(step("without slot", asks_without_slot));
            splits.push(without_slot.chain(rest).collect());
        }
        begin_with(&mut splits, step("opens", opens));
    }
    if policy.sliding_window().is_some() {
        counted(&mut splits, op, &steps);
    }
    if op.has.permit && policy.hung_calls().is_some() {
        begin_with(&mut splits, step("leaves", leaves));
    }
    // A call frees its slot between its check and its report.
    if op.counts.is_some()
        && policy.hung_calls().is_some()
        && let [asks, reports] = steps[..]
    {
        splits.push(vec![asks, step("leaves", leaves), reports]);
    }
    if op.has.fails && rules.grouped {
        // The place is taken before the circuit opens, and given back if the circuit has changed.
        let (last, first) = last_of(op, &steps);
        let rest = [step("takes", takes), step("gives back", gives_back), last];
        splits.push(first.iter().copied().chain(rest).collect());
    }
    if inner.has.rules && (op.has.asks || op.has.permit) {
        past(&mut splits);
    }
    if op.has.creates {
        begin_with(&mut splits, step("create", create));
        if watches(policy) {
            begin_with(&mut splits, step("watch", watch));
        }
    }
    if rules.max_circuits.is_some() {
        roomy(&mut splits, op);
    }
    for instead in op.instead {
        splits.push(instead.iter().map(|run| step("instead", *run)).collect());
    }
    splits
}

/// Returns the last step of an operation, and those before it.
fn last_of<'a>(op: &Op, steps: &'a [Step]) -> (Step, &'a [Step]) {
    match steps.split_last() {
        Some((last, first)) => (*last, first),
        None => (step("last", op.run), &[]),
    }
}

/// Adds the splits of a call that is counted in its window before the rest of its report.
fn counted(splits: &mut Splits, op: &Op, steps: &[Step]) {
    let Some(counts) = op.counts else { return };
    let (_, first) = last_of(op, steps);
    splits.push([first, &[step("counts", counts)]].concat());
    let apart = if op.has.fails {
        let count = |w: &World, role: Role| counts_alone(w, role, true);
        [step("counts", count), step("fails", fails_alone)]
    } else {
        let count = |w: &World, role: Role| counts_alone(w, role, false);
        [step("counts", count), step("succeeds", succeeds_alone)]
    };
    splits.push([first, &apart].concat());
}

/// Adds each split once more for every step that may have looked up the rules before a new one was
/// in place.
fn past(splits: &mut Splits) {
    let mut more = Vec::new();
    for split in &*splits {
        for nth in 0..split.len() {
            let mut split = split.clone();
            split[nth].past_rules = true;
            more.push(split);
        }
    }
    splits.extend(more);
}

/// Adds the splits of a first use that makes room: it evicts another circuit, or the key's own if
/// that was created since the look-up.
fn roomy(splits: &mut Splits, op: &Op) {
    let begins = [
        step("makes room", makes_room),
        step("evicts idle", evicts_idle),
    ];
    if op.has.many && op.has.fails {
        for last in [op.run, is_untracked] {
            let last = step("last", last);
            splits.extend(begins.map(|begin| vec![begin, last]));
        }
    } else if op.has.creates {
        splits.extend(begins.map(|begin| vec![begin, step("outer", op.run)]));
    }
}

/// Adds each split once more with this step before it.
fn begin_with(splits: &mut Splits, step: Step) {
    let begun: Vec<_> = splits
        .iter()
        .map(|split| [&[step], &split[..]].concat())
        .collect();
    splits.extend(begun);
}

/// Watches the circuit, as a call first does under rules that need to know of each, stale or not.
fn watch(world: &World, _: Role) -> Answer {
    let handle = world.store.circuit(KEY).expect("there is room");
    handle.watch(&world.policy);
    Answer::Nothing
}

/// Creates the circuit, as an operation on an unknown key first does.
fn create(world: &World, _: Role) -> Answer {
    world.store.get_state(KEY);
    Answer::Nothing
}
