//! How an operation is taken apart, where the documentation says that it is several steps.

use crate::ops::{
    Answer, Do, Op, Role, asks_unseated, counts_alone, evicts_idle, fails_alone, gives_back,
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
    /// It has asked for rules by hand before.
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

/// The documented ways to take `op` apart where it meets `inner`: as one step first.
pub(crate) fn splits(op: &Op, inner: &Op, rules: &Rules) -> Splits {
    let policy = &rules.policy();
    let mut splits = vec![vec![step("outer", op.run)]];
    let steps: Vec<_> = op.steps.iter().map(|run| step("step", *run)).collect();
    if !steps.is_empty() {
        splits.push(steps.clone());
    }
    if op.has.asks && policy.hung_calls().is_some() {
        if inner.name == "import" {
            // What takes its seat while the circuit is replaced is admitted as without one.
            let rest = steps.iter().copied().skip(1);
            let unseated = std::iter::once(step("unseated", asks_unseated));
            splits.push(unseated.chain(rest).collect());
        }
        begin_with(&mut splits, step("opens", opens));
    }
    if policy.sliding_window().is_some() {
        counted(&mut splits, op, &steps);
    }
    if op.has.permit && policy.hung_calls().is_some() {
        begin_with(&mut splits, step("leaves", leaves));
    }
    // Of a call, between its two.
    if op.counts.is_some()
        && policy.hung_calls().is_some()
        && let [asks, reports] = steps[..]
    {
        splits.push(vec![asks, step("leaves", leaves), reports]);
    }
    if op.has.fails && rules.grouped {
        // Its place is taken before it opens, and given back if the circuit has changed.
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

/// The last of its steps, and those before it.
fn last_of<'a>(op: &Op, steps: &'a [Step]) -> (Step, &'a [Step]) {
    match steps.split_last() {
        Some((last, first)) => (*last, first),
        None => (step("last", op.run), &[]),
    }
}

/// A call is counted in its window first, and does after what else its report does.
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

/// All of `splits`, and again with each step past a rule that was put in place since it asked for
/// one.
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

/// The first use of a key makes room; of another's circuit, or of the key's own that was created
/// since it was looked for.
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

/// All of `splits`, and again with this step before.
fn begin_with(splits: &mut Splits, step: Step) {
    let begun: Vec<_> = splits
        .iter()
        .map(|split| [&[step], &split[..]].concat())
        .collect();
    splits.extend(begun);
}

/// What a call under rules that need to know of each does first, stale or not.
fn watch(world: &World, _: Role) -> Answer {
    let handle = world.store.circuit(KEY).expect("there is room");
    handle.watch(&world.policy);
    Answer::Nothing
}

/// What an operation on an unknown key does first.
fn create(world: &World, _: Role) -> Answer {
    world.store.get_state(KEY);
    Answer::Nothing
}
