//! The rules of `docs/design.md` that no lint knows: who may name whom, and how long a file may be.

use super::paths::{names, paths};
use super::ring::{Answer, Context};
use crate::error::{Result, bail};
use crate::files;
use crate::project::Project;

const MOST_LINES: usize = 500;

/// The modules of the core: each names those before it, and none after it.
const LAYERS: [&str; 17] = [
    "key",
    "on_panic",
    "snapshot",
    "word",
    "error",
    "sync",
    "clock",
    "stats",
    "cell",
    "events",
    "contract",
    "store",
    "config",
    "policy",
    "subscription",
    "breaker",
    // What tests see of all that.
    "inside",
];

/// What a module names all the same: serde reads and writes `Limits` as their builder.
const EXCEPTIONS: [(&str, &str); 1] = [("word", "config::LimitsBuilder")];

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
            "papaya",
            "seize",
            "crossbeam_epoch",
            "loom",
        ],
        holds_for: |file| !file.starts_with("sync"),
        why: "crate::sync is the one door to atomics and the map",
    },
    Rule {
        names: &["Instant", "SystemTime"],
        // A breaker over a remote store has no clock, and times its calls itself.
        holds_for: |file| !file.starts_with("clock") && file != "breaker/remote",
        why: "crate::clock is the one door to time",
    },
];

pub(crate) fn check(context: &Context<'_>) -> Answer {
    let found = read(context.project)?;
    let root = context.project.read("src/lib.rs")?;
    let exports = exports(&root)?;
    let offences: Vec<_> = found
        .iter()
        .flat_map(|(file, text)| offences(file, text, &exports))
        .collect();
    for offence in &offences {
        context.log.line(offence);
    }
    if offences.is_empty() {
        return Ok(format!("{} files", found.len()));
    }
    bail!("{} offences", offences.len())
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

fn offences(file: &str, text: &str, exports: &[Export]) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!(
            "{file}: {lines} lines, and {MOST_LINES} are the most"
        ));
    }
    let Some(name) = file.strip_suffix(".rs") else {
        return found;
    };
    let inside = name.strip_prefix("src/");
    let module: Vec<_> = inside.unwrap_or_default().split('/').collect();
    let paths = match paths(&module, text) {
        Ok(paths) => paths,
        Err(error) => return vec![format!("{file}: {error}")],
    };
    for named in &paths {
        let mut blame = |why: String| found.push(format!("{file}:{}: {why}", named.line));
        let path = &named.path;
        if ["todo", "unimplemented"].contains(&path.as_str()) {
            blame(format!("{path}!()"));
        }
        let Some(inside) = inside else { continue };
        for rule in RULES.iter().filter(|rule| (rule.holds_for)(inside)) {
            if rule.names.iter().any(|name| names(path, name)) {
                blame(format!("names {path}, but {}", rule.why));
            }
        }
        if let Some(why) = upward(&module, path, exports) {
            blame(format!("names {path}, but {why}"));
        }
    }
    found
}

/// Why `module` may not name `path`, if it may not.
fn upward(module: &[&str], path: &str, exports: &[Export]) -> Option<String> {
    let (own, rest) = (module[0], path.strip_prefix("crate")?);
    // The root names all, and so do unit tests in files of their own.
    if own == "lib" || module.ends_with(&["tests"]) {
        return None;
    }
    let rest = rest.trim_start_matches("::");
    let first = rest.split("::").next().unwrap_or_default();
    let exported = exports.iter().find(|(name, _)| name == first);
    let target = exported.map_or(rest, |(_, target)| target);
    let layer = target.split("::").next().unwrap_or_default();
    let at = |layer: &str| LAYERS.iter().position(|one| *one == layer);
    match (at(own), at(layer)) {
        (None, _) => Some(format!("{own} is not in LAYERS")),
        (_, None) => Some(format!("`{layer}` is not in LAYERS")),
        (Some(this), Some(that)) if that <= this => None,
        _ if EXCEPTIONS.contains(&(own, target)) => None,
        _ => Some(format!("{layer} comes after {own}")),
    }
}

/// A name of the root, and the path behind it.
type Export = (String, String);

/// What the root has under names of its own: `pub use store::Circuit`.
fn exports(root: &str) -> Result<Vec<Export>> {
    let named = paths(&[], root)?;
    let paths = named.into_iter().map(|named| named.path);
    Ok(paths
        .filter(|path| {
            let first = path.split("::").next().unwrap_or_default();
            path != first && LAYERS.contains(&first)
        })
        .filter_map(|path| Some((path.rsplit("::").next()?.to_string(), path)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "pub use breaker::{CircuitBreaker, Permit};\npub use config::LimitsBuilder;";

    fn offences(file: &str, text: &str) -> Vec<String> {
        super::offences(file, text, &exports(ROOT).unwrap())
    }

    #[test]
    fn each_layer_names_those_before_it_alone() {
        for (at, layer) in LAYERS.iter().enumerate() {
            for (other_at, other) in LAYERS.iter().enumerate() {
                for code in [
                    format!("use crate::{other}::X;"),
                    format!("use crate::{{{other}::X}};"),
                    format!("use crate::{other};"),
                    format!("use super::super::{other}::X;"),
                    format!("fn f() {{ crate::{other}::f(); }}"),
                    format!("fn f(_: &super::super::{other}::X) {{}}"),
                    format!("mod inner {{ use super::super::super::{{{other}::*}}; }}"),
                    format!("#[serde(into = \"crate::{other}::X\")] struct Y;"),
                ] {
                    let found = offences(&format!("src/{layer}/part.rs"), &code);
                    assert_eq!(found.len(), usize::from(other_at > at), "{layer}: {code}");
                }
            }
        }
    }

    #[test]
    fn an_offence_says_where_and_why() {
        let text = "//! Filters.\nuse crate::{clock::Clock, breaker::Permit};\n";
        assert_eq!(
            offences("src/cell/filter.rs", text),
            ["src/cell/filter.rs:2: names crate::breaker::Permit, but breaker comes after cell"]
        );
    }

    #[test]
    fn the_root_hides_no_layer() {
        assert_eq!(offences("src/store.rs", "use crate::Permit;").len(), 1);
        assert_eq!(offences("src/store.rs", "use super::*;").len(), 1);
        assert_eq!(offences("src/store.rs", "use crate as all;").len(), 1);
        assert_eq!(
            offences("src/store.rs", "extern crate self as all;").len(),
            1
        );
        assert_eq!(offences("src/store/part.rs", "use super::*;").len(), 0);
        assert_eq!(
            offences("src/breaker/call.rs", "use crate::Permit;").len(),
            0
        );
        assert_eq!(offences("src/lib.rs", ROOT).len(), 0);
    }

    #[test]
    fn limits_are_read_as_their_builder_and_nothing_else_is() {
        let text = "#[serde(try_from = \"crate::LimitsBuilder\")] struct Limits;";
        assert_eq!(offences("src/word/limits.rs", text).len(), 0);
        assert_eq!(offences("src/cell/limits.rs", text).len(), 1);
        assert_eq!(
            offences("src/word/limits.rs", "use crate::config::f;").len(),
            1
        );
    }

    #[test]
    fn every_module_has_a_layer() {
        assert_eq!(
            offences("src/metrics.rs", "use crate::word::Limits;"),
            ["src/metrics.rs:1: names crate::word::Limits, but metrics is not in LAYERS"]
        );
        assert_eq!(offences("src/store.rs", "use crate::metrics::X;").len(), 1);
    }

    #[test]
    fn unit_tests_in_files_of_their_own_name_all() {
        assert_eq!(
            offences("src/store/tests.rs", "use crate::Permit;").len(),
            0
        );
        assert_eq!(offences("src/store/test.rs", "use crate::Permit;").len(), 1);
    }

    #[test]
    fn atomics_and_the_map_have_one_door() {
        let text = "use std::sync::{Arc, atomic::AtomicU64};\n";
        assert_eq!(
            offences("src/cell.rs", text),
            [
                "src/cell.rs:1: names std::sync::atomic::AtomicU64, but crate::sync is the one door to atomics and the map"
            ]
        );
        assert!(offences("src/sync/real.rs", text).is_empty());
        assert!(offences("crates/gateway/src/main.rs", text).is_empty());
        assert!(offences("src/cell.rs", "use crate::sync::atomic::AtomicU64;").is_empty());
        assert_eq!(offences("src/store.rs", "fn f(_: papaya::X) {}").len(), 1);
    }

    #[test]
    fn the_cfg_is_not_the_crate() {
        let text = "#[cfg(any(test, breakerbox_loom))]\nfn counts() {}\n";
        assert!(offences("src/store.rs", text).is_empty());
        assert_eq!(offences("src/store.rs", "use loom::thread;").len(), 1);
    }

    #[test]
    fn time_has_one_door() {
        let text = "//! Not an Instant.\nfn f(at: Instant) {}\n";
        assert_eq!(
            offences("src/word/control.rs", text),
            ["src/word/control.rs:2: names Instant, but crate::clock is the one door to time"]
        );
        assert!(offences("src/clock.rs", text).is_empty());
    }

    #[test]
    fn nothing_is_left_unfinished_or_long() {
        let unfinished = format!("// todo!()\nfn f() {{ {}() }}\n", "todo!");
        assert_eq!(
            offences("src/word.rs", &unfinished),
            ["src/word.rs:2: todo!()"]
        );
        let long = "\n".repeat(501);
        assert_eq!(
            offences("crates/gateway/page.html", &long),
            ["crates/gateway/page.html: 501 lines, and 500 are the most"]
        );
    }
}
