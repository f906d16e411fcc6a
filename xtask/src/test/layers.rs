//! The rules of `docs/design.md` that no lint knows: who may name whom, and how long a file may be.

use super::paths::{code, names, paths};
use super::ring::{Context, Outcome};
use crate::error::Result;
use crate::files;
use crate::project::Project;

const MOST_LINES: usize = 500;

/// Names that only some files of the core may use.
struct Rule {
    names: &'static [&'static str],
    /// Whether a file, named from `src/`, has to keep to it.
    holds_for: fn(&str) -> bool,
    why: &'static str,
}

const RULES: [Rule; 2] = [
    Rule {
        names: &[
            "std::sync::atomic",
            "core::sync::atomic",
            "portable_atomic",
            "loom",
        ],
        holds_for: |file| !file.starts_with("sync"),
        why: "crate::sync is the one door to atomics",
    },
    Rule {
        names: &[
            "crate::sync",
            "crate::clock",
            "papaya",
            "Instant",
            "SystemTime",
        ],
        holds_for: |file| file.starts_with("word"),
        why: "words are pure",
    },
];

pub(crate) fn check(context: &Context<'_>) -> Result<Outcome> {
    let found = read(context.project)?;
    let offences: Vec<_> = found
        .iter()
        .flat_map(|(file, text)| offences(file, text))
        .collect();
    for offence in &offences {
        context.log.line(offence);
    }
    Ok(if offences.is_empty() {
        Outcome::passed(format!("{} files", found.len()))
    } else {
        Outcome::failed(format!("{} offences", offences.len()))
    })
}

/// The text files of the crates that ship, named from the root.
fn read(project: &Project) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for dir in ["src", "crates"] {
        for path in files::below(&project.path(dir))? {
            // What is no text has no lines either.
            if let Ok(text) = std::fs::read_to_string(&path) {
                found.push((project.relative(&path).to_string(), text));
            }
        }
    }
    Ok(found)
}

fn offences(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!(
            "{file}: {lines} lines, and {MOST_LINES} are the most"
        ));
    }
    if !file.ends_with(".rs") {
        return found;
    }
    let code = code(text);
    for (at, line) in code.lines().enumerate() {
        for unfinished in ["todo!(", "unimplemented!("] {
            if line.contains(unfinished) {
                found.push(format!("{file}:{}: {unfinished})", at + 1));
            }
        }
    }
    if let Some(inside) = file.strip_prefix("src/") {
        let paths = paths(&code);
        for rule in RULES.iter().filter(|rule| (rule.holds_for)(inside)) {
            for name in rule.names {
                if let Some(path) = paths.iter().find(|path| names(path, name)) {
                    found.push(format!("{file}: names {path}, but {}", rule.why));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomics_have_one_door() {
        let text = "use std::sync::{Arc, atomic::AtomicU64};\n";
        assert_eq!(
            offences("src/cell.rs", text),
            [
                "src/cell.rs: names std::sync::atomic::AtomicU64, but crate::sync is the one door to atomics"
            ]
        );
        assert!(offences("src/sync/real.rs", text).is_empty());
        assert!(offences("crates/gateway/src/main.rs", text).is_empty());
        assert!(offences("src/cell.rs", "use crate::sync::atomic::AtomicU64;").is_empty());
    }

    #[test]
    fn the_cfg_is_not_the_crate() {
        let text = "#[cfg(any(test, breakerbox_loom))]\nfn counts() {}\n";
        assert!(offences("src/store.rs", text).is_empty());
        assert_eq!(offences("src/store.rs", "use loom::thread;").len(), 1);
    }

    #[test]
    fn words_are_pure() {
        let text = "//! Not an Instant.\nfn f(at: Instant) {}\n";
        assert_eq!(
            offences("src/word/control.rs", text),
            ["src/word/control.rs: names Instant, but words are pure"]
        );
        assert!(offences("src/cell.rs", text).is_empty());
    }

    #[test]
    fn nothing_is_left_unfinished_or_long() {
        let unfinished = format!("// todo!()\nfn f() {{ {}() }}\n", "todo!");
        assert_eq!(offences("src/a.rs", &unfinished), ["src/a.rs:2: todo!()"]);
        let long = "\n".repeat(501);
        assert_eq!(
            offences("crates/gateway/page.html", &long),
            ["crates/gateway/page.html: 501 lines, and 500 are the most"]
        );
    }
}
