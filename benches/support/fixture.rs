//! The contenders for one number of keys and one set of rules, in one condition. Each has circuits
//! of its own, so that none changes another's, and is made at its first use.

use super::keys::Keys;
use super::rules::Rules;
use super::store::Circuits;
use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// The key of the open circuit. No thread checks it.
pub const ELSEWHERE: &str = "elsewhere.internal:443";

/// The circuits that reject. While there are any, a check by key has to look at its own circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    AllClosed,
    /// One that no thread checks.
    OneOpen,
}

impl Condition {
    pub const ALL: [Self; 2] = [Self::AllClosed, Self::OneOpen];

    pub fn label(self) -> &'static str {
        match self {
            Condition::AllClosed => "all closed",
            Condition::OneOpen => "one open",
        }
    }
}

/// A floor's word, in a cache line of its own as a circuit is.
#[repr(align(64))]
#[derive(Default)]
pub struct Line(pub AtomicU64);

pub struct Fixture {
    pub keys: Keys,
    pub rules: Rules,
    condition: Condition,
    contenders: Shelf,
    lines: OnceLock<Vec<Line>>,
}

impl Fixture {
    /// Makes a fixture with lists for up to `threads` threads; all circuits are closed.
    pub fn new(keys: usize, threads: usize, rules: Rules) -> Self {
        Self {
            keys: Keys::of(keys, threads),
            rules,
            condition: Condition::AllClosed,
            contenders: Shelf::default(),
            lines: OnceLock::new(),
        }
    }

    /// Puts all contenders in another condition, those made later too.
    pub fn enter(&mut self, condition: Condition) {
        if condition != self.condition {
            self.condition = condition;
            self.contenders.for_each(&|circuits| match condition {
                Condition::AllClosed => circuits.close(ELSEWHERE),
                Condition::OneOpen => circuits.open(ELSEWHERE),
            });
        }
    }

    /// Returns the contender of this type.
    pub fn get<C: Circuits>(&self) -> &C {
        self.contenders.get(|| {
            let circuits = C::new(self.rules, self.keys.names);
            if self.condition == Condition::OneOpen {
                circuits.open(ELSEWHERE);
            }
            circuits
        })
    }

    pub fn lines(&self) -> &[Line] {
        let line = |_: &String| Line::default();
        self.lines
            .get_or_init(|| self.keys.names.iter().map(line).collect())
    }

    /// Closes the circuits of all keys, with nothing counted.
    pub fn reset(&self, circuits: &dyn Circuits) {
        self.keys.names.iter().for_each(|key| circuits.close(key));
    }
}

/// One contender of each type: a list that grows, and lends its items.
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
