//! The arguments of a bench.

use std::env;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    Full,
    Quick,
    /// A run that shows that the bench still works; its figures mean nothing, and are not written.
    Smoke,
}

pub struct Options {
    pub effort: Effort,
    pub markdown: bool,
    /// The options that only this bench has, with their values; a flag's value is empty.
    own: Vec<(String, String)>,
}

impl Options {
    /// Reads the process's arguments: those of all benches, `flags`, and `named`, which take a value.
    pub fn read(flags: &[&str], named: &[&str]) -> Result<Self, String> {
        let (mut effort, mut is_bench, mut markdown) = (None, false, false);
        let mut own = Vec::new();
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match &*argument {
                // Cargo passes it for `cargo bench`, and not for `cargo test --benches`.
                "--bench" => is_bench = true,
                "--markdown" => markdown = true,
                "--quick" => effort = Some(Effort::Quick),
                "--smoke" => effort = Some(Effort::Smoke),
                flag if flags.contains(&flag) => own.push((argument, String::new())),
                name if named.contains(&name) => match arguments.next() {
                    Some(value) => own.push((argument, value)),
                    None => return Err(format!("{argument} needs a value")),
                },
                _ => {
                    let known = ["--quick", "--smoke", "--markdown"];
                    let known = [&known, flags, named].concat().join(", ");
                    return Err(format!("{argument}: unknown; there are {known}"));
                }
            }
        }
        let default = if is_bench {
            Effort::Full
        } else {
            Effort::Smoke
        };
        Ok(Self {
            effort: effort.unwrap_or(default),
            markdown,
            own,
        })
    }

    pub fn has(&self, flag: &str) -> bool {
        self.own.iter().any(|(name, _)| name == flag)
    }

    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.own.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| &**value)
    }

    pub fn pick<T>(&self, full: T, quick: T, smoke: T) -> T {
        match self.effort {
            Effort::Full => full,
            Effort::Quick => quick,
            Effort::Smoke => smoke,
        }
    }
}
