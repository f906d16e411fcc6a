//! The subjects of one number of keys and one set of rules, in one state. Each has circuits of its
//! own, so that none soils another's, and is made when it is first asked for.

use super::keys::{Distribution, Keys, Lists};
use super::rules::Rules;
use super::store::Circuits;
use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// The key of no target.
const ELSEWHERE: &str = "elsewhere.internal:443";

/// Which circuits reject. While any does, a check by key has to look at its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// None.
    Down,
    /// One that nobody asks for.
    Up,
    /// One of a hundred of those that are asked for.
    Hundredth,
}

impl Gate {
    pub fn label(self) -> &'static str {
        match self {
            Gate::Down => "gate down",
            Gate::Up => "gate up",
            Gate::Hundredth => "1 % open",
        }
    }
}

/// A floor's word, in a cache line of its own as a circuit is.
#[repr(align(64))]
#[derive(Default)]
pub struct Line(pub AtomicU64);

pub struct World {
    pub keys: &'static Keys,
    pub rules: Rules,
    gate: Gate,
    distribution: Distribution,
    subjects: Shelf,
    lines: OnceLock<Vec<Line>>,
}

impl World {
    /// With lists for up to `threads` threads; nothing is open.
    pub fn new(keys: usize, threads: usize, rules: Rules) -> Self {
        Self {
            keys: Keys::of(keys, threads),
            rules,
            gate: Gate::Down,
            distribution: Distribution::Uniform,
            subjects: Shelf::default(),
            lines: OnceLock::new(),
        }
    }

    /// Puts all subjects in another state, and those too that are made later.
    pub fn enter(&mut self, gate: Gate, distribution: Distribution) {
        self.distribution = distribution;
        if gate == self.gate {
            return;
        }
        let left = std::mem::replace(&mut self.gate, gate);
        self.subjects.for_each(&|circuits| {
            self.open_in(left).for_each(|key| circuits.close(key));
            self.open_in(gate).for_each(|key| circuits.open(key));
        });
    }

    pub fn gate(&self) -> Gate {
        self.gate
    }

    /// The subject of this type.
    pub fn get<C: Circuits>(&self) -> &C {
        self.subjects.get(|| {
            let circuits = C::new(self.rules, &self.keys.names);
            self.open_in(self.gate).for_each(|key| circuits.open(key));
            circuits
        })
    }

    pub fn lines(&self) -> &[Line] {
        let line = |_: &String| Line::default();
        self.lines
            .get_or_init(|| self.keys.names.iter().map(line).collect())
    }

    /// What each thread asks for.
    pub fn lists(&self) -> &'static Lists {
        self.keys.lists(self.distribution)
    }

    /// Makes the circuits that should be closed so, with nothing counted.
    pub fn reset(&self, circuits: &dyn Circuits) {
        for (i, key) in self.keys.names.iter().enumerate() {
            if self.gate != Gate::Hundredth || !is_hundredth(i) {
                circuits.close(key);
            }
        }
    }

    fn open_in(&self, gate: Gate) -> impl Iterator<Item = &'static str> {
        let names = self.keys.names.iter().map(|key| &**key).enumerate();
        let among = names.filter_map(move |(i, key)| {
            (gate == Gate::Hundredth && is_hundredth(i)).then_some(key)
        });
        among.chain((gate == Gate::Up).then_some(ELSEWHERE))
    }
}

fn is_hundredth(key: usize) -> bool {
    key % 100 == 50
}

/// One subject of each type: a list that grows, and lends what is in it.
#[derive(Default)]
struct Shelf(OnceLock<Box<(Box<dyn Circuits>, Shelf)>>);

impl Shelf {
    fn get<C: Circuits>(&self, make: impl FnOnce() -> C) -> &C {
        let mut rest = self;
        while let Some(full) = rest.0.get() {
            let circuits: &dyn Any = &*full.0;
            if let Some(found) = circuits.downcast_ref() {
                return found;
            }
            rest = &full.1;
        }
        let made = Box::new((Box::new(make()) as Box<dyn Circuits>, Shelf::default()));
        let made: &dyn Any = &*rest.0.get_or_init(|| made).0;
        made.downcast_ref().unwrap()
    }

    fn for_each(&self, op: &impl Fn(&dyn Circuits)) {
        let mut rest = self;
        while let Some(full) = rest.0.get() {
            op(&*full.0);
            rest = &full.1;
        }
    }
}
