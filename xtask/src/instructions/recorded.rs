//! The counts that were recorded, in `benches/instructions.toml`.

use std::fmt::Write;

use super::count::{Count, Machine};
use crate::error::{AtPath, Error, Result};
use crate::project::Project;

pub(crate) const FILE: &str = "benches/instructions.toml";

const HEAD: &str = "\
# What one run of each hot operation executes, counted by callgrind. `cargo xtask instructions`
# compares, `cargo xtask instructions --record` writes this file. `locked` are the instructions among
# them that write a shared word. Counts hold for this compiler, target and C library only.
";

/// What the file says.
#[derive(Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) machine: Machine,
    pub(crate) counts: Vec<(String, Count)>,
}

impl Recorded {
    pub(crate) fn read(project: &Project) -> Result<Self> {
        if !project.has(FILE) {
            return Err(Error::failed(format!(
                "there is no {FILE}; `cargo xtask instructions --record` writes it"
            )));
        }
        Self::parse(&project.read(FILE)?)
    }

    pub(crate) fn write(&self, project: &Project) -> Result<()> {
        let path = project.path(FILE);
        std::fs::write(&path, self.to_text()).at(&path)
    }

    fn parse(text: &str) -> Result<Self> {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='))
                .map(|value| value.trim().trim_matches('"').to_owned())
                .ok_or_else(|| Error::failed(format!("{FILE} has no `{key}`")))
        };
        let machine = Machine {
            rustc: value("rustc")?,
            target: value("target")?,
            libc: value("libc")?,
        };
        let operations = text.lines().filter(|line| line.starts_with('"'));
        let counts = operations.map(|line| {
            operation(line).ok_or_else(|| Error::failed(format!("{FILE}: `{line}` is no count")))
        });
        Ok(Self {
            machine,
            counts: counts.collect::<Result<_>>()?,
        })
    }

    fn to_text(&self) -> String {
        let Machine {
            rustc,
            target,
            libc,
        } = &self.machine;
        let mut text = format!(
            "{HEAD}\nrustc = \"{rustc}\"\ntarget = \"{target}\"\nlibc = \"{libc}\"\n\n[operations]\n"
        );
        for (name, count) in &self.counts {
            let (instructions, locked) = (short(count.instructions), short(count.locked));
            let _ = writeln!(
                text,
                "\"{name}\" = {{ instructions = {instructions}, locked = {locked} }}"
            );
        }
        text
    }
}

/// `"NAME" = { instructions = I, locked = L }`.
fn operation(line: &str) -> Option<(String, Count)> {
    let (name, values) = line.strip_prefix('"')?.split_once("\" = {")?;
    let values = values.trim_end().strip_suffix('}')?;
    let value = |key: &str| {
        values.split(',').find_map(|pair| {
            let (known, value) = pair.split_once('=')?;
            (known.trim() == key).then(|| value.trim().parse().ok())?
        })
    };
    let count = Count {
        instructions: value("instructions")?,
        locked: value("locked")?,
    };
    Some((name.to_owned(), count))
}

/// A count without decimals where it has none; what takes place now and then has two.
pub(crate) fn short(count: f64) -> String {
    let text = format!("{count:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let count = |instructions, locked| Count {
            instructions,
            locked,
        };
        let recorded = Recorded {
            machine: Machine {
                rustc: "rustc 1.95.0 (abc 2026-04-14)".into(),
                target: "x86_64-unknown-linux-gnu".into(),
                libc: "2.36".into(),
            },
            counts: vec![
                ("handle: check, success".into(), count(7.0, 0.0)),
                ("breaker's handle: rejection".into(), count(573.25, 3.01)),
            ],
        };
        assert_eq!(Recorded::parse(&recorded.to_text()), Ok(recorded));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = |text: &str| Recorded::parse(text).unwrap_err().to_string();
        assert!(error("").ends_with("has no `rustc`"));
        let wrong = "rustc = \"r\"\ntarget = \"t\"\nlibc = \"l\"\n\"a\" = { instructions = x }";
        assert!(error(wrong).ends_with("`\"a\" = { instructions = x }` is no count"));
    }

    #[test]
    fn decimals_only_where_there_are_some() {
        assert_eq!(short(100.0), "100");
        assert_eq!(short(146.679_688), "146.68");
        assert_eq!(short(3.5), "3.5");
        assert_eq!(short(0.0), "0");
    }
}
