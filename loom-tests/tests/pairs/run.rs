//! Runs one operation within another, at each of its steps, and both one after the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use breakerbox::__steps::with_hook;
use breakerbox::Export;

use crate::given::{Given, filled};
use crate::ops::{Answer, Op};
use crate::rules::Rules;
use crate::seen::Seen;
use crate::splits::splits;
use crate::world::World;

const OUTER: usize = 0;
const INNER: usize = 1;

/// The beginning of a world.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    pub(crate) rules: &'static Rules,
    pub(crate) given: Given,
    /// There is a breaker.
    pub(crate) ruled: bool,
    /// A handle is held throughout.
    pub(crate) pinned: bool,
    /// The breaker may go.
    pub(crate) leaving: bool,
}

impl Scene {
    fn name(&self) -> String {
        let over = match (self.ruled, self.leaving) {
            (false, _) => "store",
            (true, false) => "breaker",
            (true, true) => "breaker that goes",
        };
        let pinned = if self.pinned { ", pinned" } else { "" };
        format!("{over}, {}, {}{pinned}", self.rules.name, self.given.name)
    }

    fn begin(&self, export: &Export<String>) -> World {
        self.begin_with_room(export, 0)
    }

    /// Begins a world with room for `room` circuits more than its rules say.
    fn begin_with_room(&self, export: &Export<String>, room: usize) -> World {
        let mut world = World::new(self.rules, self.ruled, room, export.clone());
        world.leaving = self.leaving;
        if self.pinned {
            world.pin();
        }
        if self.rules.max_circuits.is_some() {
            filled(&world);
        }
        self.given.make(&world);
        world.called.set(false);
        world
    }
}

/// The result of both operations one after the other, and whether the inner one was last.
struct Order {
    name: String,
    seen: Seen,
    inner_last: bool,
}

/// The refutations of one pair.
pub(crate) struct Refuted {
    pub(crate) pair: String,
    /// The steps before which the inner operation ran.
    pub(crate) steps: Vec<usize>,
    pub(crate) of: usize,
    /// The text of the first refutation.
    pub(crate) told: String,
}

/// The pairs that have been run, and their results.
#[derive(Default)]
pub(crate) struct Tally {
    operations: std::collections::BTreeSet<&'static str>,
    scenes: usize,
    pairs: usize,
    steps: usize,
    refuted: Vec<Refuted>,
}

pub(crate) struct Bench {
    export: Export<String>,
    only: Option<String>,
    pub(crate) tally: Tally,
    begun: Instant,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            export: World::exported(),
            only: std::env::var("BREAKERBOX_PAIRS").ok(),
            tally: Tally::default(),
            begun: Instant::now(),
        }
    }

    /// Runs every pair of these operations in this scene, except pairs of two of `others`.
    pub(crate) fn run(&mut self, scene: &Scene, ops: &[&[Op]], others: &[Op]) {
        self.tally.scenes += 1;
        let all = others.iter().chain(ops.iter().copied().flatten());
        let ops: Vec<(bool, &Op)> = all
            .enumerate()
            .map(|(nth, op)| (nth < others.len(), op))
            .collect();
        let world = scene.begin(&self.export);
        let has = |role: usize, op: &Op| {
            !op.has.permit
                || world
                    .permits
                    .borrow()
                    .get(role)
                    .is_some_and(Option::is_some)
        };
        for (other, outer) in ops.iter().copied() {
            for (another, inner) in ops.iter().copied() {
                if other && another {
                    continue;
                }
                let takes = |one: &Op, other: &Op| one.has.alone && other.has.handle;
                let meets = !takes(outer, inner) && !takes(inner, outer);
                // Pairs without a handle among them were run in scenes without one.
                let matters = |op: &Op| op.has.handle || op.has.removal;
                let new = !scene.pinned || matters(outer) || matters(inner);
                let handles = scene.pinned || !(outer.has.handle || inner.has.handle);
                // Each circuit is of one moment, all circuits together aren't.
                let apart = !(outer.has.many && inner.has.many && world.store.len() > 1);
                if apart && meets && new && handles && has(OUTER, outer) && has(INNER, inner) {
                    self.pair(scene, outer, inner);
                }
            }
        }
    }

    /// Runs a look, and compares with a world without one.
    pub(crate) fn look(&mut self, scene: &Scene, look: &Op) {
        let name = format!("{}: {}", scene.name(), look.name);
        self.tally.operations.insert(look.name);
        self.tally.steps += 1;
        let nothing = [Answer::Nothing, Answer::Nothing];
        let [seen, order] = [true, false].map(|looks| {
            let world = scene.begin(&self.export);
            if looks {
                let _ = (look.run)(&world, OUTER);
            }
            Seen::of(&world, nothing.clone(), false)
        });
        if !seen.fits(&order, look, false) {
            let orders = [Order {
                name: "nothing".to_owned(),
                seen: order,
                inner_last: false,
            }];
            self.tally.refuted.push(Refuted {
                pair: name,
                steps: Vec::new(),
                of: 0,
                told: tell(&seen, look, &orders),
            });
        }
    }

    fn pair(&mut self, scene: &Scene, outer: &Op, inner: &Op) {
        let name = format!("{}: {} / {}", scene.name(), outer.name, inner.name);
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        self.tally.pairs += 1;
        self.tally.operations.extend([outer.name, inner.name]);
        let orders = self.orders(scene, outer, inner);
        let mut refuted: Option<Refuted> = None;
        let mut of = 0;
        for nth in 0.. {
            let Some(seen) = self.within(scene, outer, inner, nth) else {
                of = nth;
                break;
            };
            let fits = |order: &Order| seen.fits(&order.seen, outer, order.inner_last);
            if orders.iter().any(fits) && seen.faults.is_empty() {
                continue;
            }
            let refuted = refuted.get_or_insert_with(|| Refuted {
                pair: name.clone(),
                steps: Vec::new(),
                of: 0,
                told: if self.only.is_some() {
                    tell_all(&seen, outer, &orders)
                } else {
                    tell(&seen, outer, &orders)
                },
            });
            refuted.steps.push(nth);
        }
        self.tally.steps += of;
        if let Some(mut refuted) = refuted {
            refuted.of = of;
            self.tally.refuted.push(refuted);
        }
    }

    /// Runs `inner` before the `nth` step of `outer`. `None`: `outer` has fewer steps.
    fn within(&self, scene: &Scene, outer: &Op, inner: &Op, nth: usize) -> Option<Seen> {
        let world = Rc::new(scene.begin(&self.export));
        let steps = Cell::new(0);
        let answer = Rc::new(RefCell::new(None));
        let hook = {
            let (world, answer) = (Rc::clone(&world), Rc::clone(&answer));
            let run = inner.run;
            move |_| {
                if steps.replace(steps.get() + 1) == nth {
                    // The inner operation counts its steps on its own.
                    let inner = run(&world, INNER);
                    answer.replace(Some(inner));
                }
            }
        };
        let told = with_hook(hook, || (outer.run)(&world, OUTER));
        let answers = [told, answer.take()?];
        let fails = outer.has.fails || inner.has.fails;
        Some(Seen::of(&world, answers, fails))
    }

    /// Returns the results of both orders, by the documented steps.
    fn orders(&self, scene: &Scene, outer: &Op, inner: &Op) -> Vec<Order> {
        let mut orders = Vec::new();
        // While several threads create circuits, the store may hold one more for each thread.
        let rooms = 0..=usize::from(scene.rules.max_circuits.is_some());
        let splits = splits(outer, inner, scene.rules);
        for (room, split) in rooms.flat_map(|room| splits.iter().map(move |split| (room, split))) {
            for place in 0..=split.len() {
                let world = scene.begin_with_room(&self.export, room);
                let mut name = Vec::new();
                let mut told = [Answer::Nothing, Answer::Nothing];
                for nth in 0..=split.len() {
                    if nth == place {
                        name.push("inner");
                        told[INNER] = (inner.run)(&world, INNER);
                    }
                    if let Some(step) = split.get(nth) {
                        name.push(step.name);
                        let answer = step.run(&world, OUTER);
                        let before = std::mem::replace(&mut told[OUTER], Answer::Nothing);
                        told[OUTER] = before.then(answer);
                    }
                }
                if world.is_order() {
                    orders.push(Order {
                        name: name.join(", "),
                        seen: Seen::of(&world, told, false),
                        inner_last: place == split.len(),
                    });
                }
            }
        }
        orders
    }

    /// Prints the pairs that were run, and fails if any was refuted.
    pub(crate) fn finish(self, name: &str) {
        let Tally {
            operations,
            scenes,
            pairs,
            steps,
            refuted,
        } = self.tally;
        println!(
            "pairs, {name}: {} operations, {scenes} scenes, {pairs} pairs, {steps} cases in {:.1} s",
            operations.len(),
            self.begun.elapsed().as_secs_f64()
        );
        for refuted in &refuted {
            let Refuted {
                pair,
                steps,
                of,
                told,
            } = refuted;
            println!("{pair}, before steps {steps:?} of {of}\n{told}");
        }
        assert!(refuted.is_empty(), "{} pairs are refuted", refuted.len());
        assert!(
            self.only.is_some() || steps > pairs,
            "nothing was in between"
        );
    }
}

/// Tells how `seen` differs from each order.
fn tell_all(seen: &Seen, outer: &Op, orders: &[Order]) -> String {
    let mut lines = seen.faults.clone();
    for order in orders {
        lines.push(format!("    by ({}):", order.name));
        for [field, seen, expected] in seen.differences(&order.seen, outer, order.inner_last) {
            lines.push(format!(
                "      {field}\n        is {seen}\n        by {expected}"
            ));
        }
    }
    lines.join("\n")
}

fn tell(seen: &Seen, outer: &Op, orders: &[Order]) -> String {
    let mut lines = Vec::new();
    for fault in &seen.faults {
        lines.push(format!("    not so: {fault}"));
    }
    let differences = |order: &Order| seen.differences(&order.seen, outer, order.inner_last);
    let nearest = orders.iter().min_by_key(|order| differences(order).len());
    let nearest = nearest.expect("there are two orders at least");
    for [field, seen, expected] in differences(nearest) {
        lines.push(format!(
            "    {field}\n      is {seen}\n      by ({}) {expected}",
            nearest.name
        ));
    }
    for order in orders {
        if !order.seen.faults.is_empty() {
            lines.push(format!(
                "    by ({}) too: {:?}",
                order.name, order.seen.faults
            ));
        }
    }
    lines.join("\n")
}
