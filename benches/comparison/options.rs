//! What the command line asks for.

use crate::cells::{self, Cell};
use crate::measure::Effort;
use breakerbox_benches::subjects::{SUBJECTS, Subject};
use std::env;

const FULL: Effort = Effort {
    rounds: 31,
    round_ns: 2e6,
    crowded: (9, 2e7),
    is_lean: false,
};
const QUICK: Effort = Effort {
    rounds: 11,
    round_ns: 7e5,
    crowded: (5, 1e7),
    is_lean: true,
};
/// Whether it still runs; its figures mean nothing, and are not written.
const SMOKE: Effort = Effort {
    rounds: 1,
    round_ns: 1e4,
    crowded: (1, 1e4),
    is_lean: true,
};

pub(crate) const HELP: &str = "\
--quick         the cells that goals are about, in less than a minute
--threads       fewer subjects, with 1, 2, 4 .. threads, up to one for each core
--smoke         whether it still runs
--list          the names of all cells and subjects, and what --quick measures
--cell CELL     this cell, of the list or not: check/10000/zipf/all/up; may be repeated
--subject WORD  only the subject of this name, or if there is none, all that have it in
                theirs; may be repeated
--markdown      the tables of README.md and BENCHMARKS.md too
WORD            only cells that have it in their name";

/// What is measured with more and more threads: of those that behave alike one, since with many
/// threads the slow ones take very long.
const BY_THREADS: &[&str] = &[
    "atomic load",
    "atomic fetch_add",
    "handle",
    "breaker's handle",
    "store",
    "store, foldhash",
    "store, coarse clock",
    "breaker",
    "mutex store",
    "parking_lot mutex store",
    "parking_lot mutex store, foldhash",
    "parking_lot rwlock store",
    "parking_lot rwlock store, foldhash",
    "sharded mutex store",
    "sharded mutex store, foldhash",
    "circuit mutex store, foldhash",
    "papaya, bare u64",
    "papaya, bare u64, foldhash",
    "dashmap, bare u64",
    "dashmap, bare u64, foldhash",
    "recloser",
    "failsafe",
    "recloser's object",
    "failsafe's object",
];

/// A list of cells that are measured together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Comparison,
    ByThreads,
}

impl List {
    /// Of the results.
    pub(crate) fn file(self) -> &'static str {
        match self {
            List::Comparison => "results.json",
            List::ByThreads => "threads.json",
        }
    }
}

pub(crate) struct Options {
    pub(crate) list: List,
    pub(crate) effort: Effort,
    pub(crate) cells: Vec<Cell>,
    /// Names, or parts of names, of subjects; none: every subject.
    subjects: Vec<String>,
    pub(crate) lists: bool,
    pub(crate) markdown: bool,
    /// Whether figures are a list's, as it is.
    pub(crate) is_whole: bool,
}

/// Whether `word` means this subject: its name, or where that is nobody's, a part of it.
fn is_called(subject: &Subject, word: &str) -> bool {
    let is_whole = SUBJECTS.iter().any(|subject| subject.name == word);
    subject.name == word || !is_whole && subject.name.contains(word)
}

impl Options {
    /// Whether this subject is to be measured.
    pub(crate) fn wants(&self, subject: &Subject) -> bool {
        let mut words = self.subjects.iter();
        self.subjects.is_empty() || words.any(|word| is_called(subject, word))
    }

    pub(crate) fn read(cores: usize) -> Result<Self, String> {
        let (mut quick, mut smoke, mut is_bench) = (false, false, false);
        let mut list = List::Comparison;
        let (mut lists, mut markdown) = (false, false);
        let (mut named, mut words, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let next = arguments.next();
                next.ok_or_else(|| format!("{argument} wants a word more"))
            };
            match &*argument {
                // Cargo says it for `cargo bench`, and not for `cargo test --benches`.
                "--bench" => is_bench = true,
                "--quick" => quick = true,
                "--smoke" => smoke = true,
                "--threads" => list = List::ByThreads,
                "--list" => lists = true,
                "--markdown" => markdown = true,
                "--cell" => named.push(Cell::parse(&value()?, cores)?),
                "--subject" => {
                    let word = value()?;
                    if !SUBJECTS.iter().any(|subject| is_called(subject, &word)) {
                        return Err(format!("no subject has {word} in its name: see --list"));
                    }
                    subjects.push(word);
                }
                option if option.starts_with('-') => {
                    return Err(format!("{option}: unknown\n{HELP}"));
                }
                _ => words.push(argument),
            }
        }

        let smoke = smoke || !is_bench;
        let effort = match (smoke, quick) {
            (true, _) => SMOKE,
            (_, true) => QUICK,
            _ => FULL,
        };
        let mut cells = match (list, smoke, quick) {
            (_, true, _) => cells::smoke(cores),
            (List::ByThreads, ..) => cells::by_threads(cores),
            (List::Comparison, _, true) => cells::quick(cores),
            (List::Comparison, ..) => cells::standard(cores),
        };
        let is_whole = named.is_empty() && words.is_empty() && subjects.is_empty() && !smoke;
        let is_known = |name: &&str| SUBJECTS.iter().any(|subject| subject.name == *name);
        assert!(BY_THREADS.iter().all(is_known), "a name is out of date");
        if list == List::ByThreads && subjects.is_empty() {
            subjects = BY_THREADS.iter().map(|name| name.to_string()).collect();
        }
        if !named.is_empty() {
            cells::sort(&mut named);
            cells = named;
        }
        cells.retain(|cell| words.iter().all(|word| cell.to_string().contains(word)));
        if cells.is_empty() {
            return Err(format!("no cell has {} in its name", words.join(" and ")));
        }
        Ok(Self {
            list,
            effort,
            cells,
            subjects,
            lists,
            markdown,
            is_whole,
        })
    }
}
