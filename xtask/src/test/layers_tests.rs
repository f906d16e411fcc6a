//! Planted offences, each of which the check has to find.

use super::*;
use crate::project::Project;

fn graph(files: &[(&str, &str)]) -> Graph {
    let own = |(file, text): &(&str, &str)| (file.to_string(), text.to_string());
    let files: Vec<_> = files.iter().map(own).collect();
    Graph::read("src", &files).unwrap()
}

/// Puts `lines` where the document has the drawing.
fn drawn(lines: &str) -> Result<Drawing> {
    drawing(&format!("<!-- layers -->\n```text\n{lines}\n```"))
}

/// Plants an import of each layer into each layer that must not import it, in every way of writing
/// one.
#[test]
fn an_import_that_is_not_drawn_is_found_in_any_form() {
    let drawing = drawing(&Project::find().read(DRAWING).unwrap()).unwrap();
    assert!(drawing.len() > 10, "{drawing:?}");
    let file = |name: &String| (format!("src/{name}.rs"), String::new());
    let mut found: Vec<_> = drawing.keys().map(file).collect();
    let others = |own| drawing.keys().map(move |other| (own, other));
    for ((own, drawn), other) in drawing.iter().flat_map(others) {
        if own == other || drawn.contains(other) {
            continue;
        }
        for code in [
            format!("use crate::{other}::X;"),
            format!("use crate::{{{other}::X}};"),
            format!("use crate::{other};"),
            format!("use super::super::{other}::X;"),
            format!("fn f() {{ crate::{other}::f(); }}"),
            format!("fn f() {{ assert!(super::super::{other}::f()); }}"),
            format!("mod inner {{ use super::super::super::{{{other}::*}}; }}"),
            format!("#[serde(into = \"crate::{other}::X\")] struct Y;"),
        ] {
            found.push((format!("src/{own}/planted.rs"), code));
            let seen = Graph::read("src", &found).unwrap().differences(&drawing);
            let wanted = format!("doesn't draw {own}: {other}");
            let is_seen = seen.iter().any(|one| one.ends_with(&wanted));
            assert!(is_seen, "{:?}: {seen:?}", found.pop());
            found.pop();
        }
    }
}

#[test]
fn the_drawing_is_exact() {
    let graph = graph(&[
        ("src/lib.rs", "pub use high::Top;"),
        ("src/high.rs", "use crate::low::X;"),
        ("src/low.rs", "struct X;"),
    ]);
    let undrawn = "src/high.rs:1: names crate::low::X, but docs/design.md doesn't draw high: low";
    let absent = "docs/design.md doesn't draw src/low.rs";
    let unused = "docs/design.md draws high: lost, which nothing needs";
    let lost = "docs/design.md draws lost, which is not there";
    for (lines, differences) in [
        ("high: low\nlow:", &[][..]),
        ("high:\nlow:", &[undrawn]),
        ("high:", &[undrawn, absent]),
        ("high: low lost\nlow:\nlost:", &[unused, lost]),
    ] {
        assert_eq!(graph.differences(&drawn(lines).unwrap()), differences);
    }
    assert!(drawing("no block").is_err() && drawn("high low\nlow:").is_err());
    for upward in ["low:\nhigh: low", "high: low\nlow: high", "high: high"] {
        assert!(drawn(upward).is_err(), "{upward}");
    }
}

#[test]
fn a_name_belongs_to_the_file_that_defines_it() {
    let graph = graph(&[
        ("src/lib.rs", "pub use high::Top;"),
        ("src/high.rs", "mod inner; pub use inner::Top;"),
        ("src/high/inner.rs", "pub struct Top;"),
        ("src/low.rs", "use crate::Top;"),
    ]);
    let found = graph.differences(&drawn("high:\nlow:").unwrap());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("doesn't draw low: high"));
}

#[test]
fn a_circle_of_files_is_found() {
    let circle = |code| {
        let parent = "mod b; mod c; pub use b::B; use c::C; struct A;";
        let sibling = ("src/a/b.rs", "use super::c::C; struct B;");
        let circle = graph(&[("src/a.rs", parent), sibling, ("src/a/c.rs", code)]).circle();
        circle.unwrap_or_default().replace("crate::", "")
    };
    assert_eq!(circle("struct C;"), "");
    assert_eq!(circle("struct C; mod tests { use super::super::A; }"), "");
    let up = circle("use super::A; struct C;");
    assert_eq!(up, "a circle of files: a -> a::c -> a");
    // What a parent passes on comes from the sibling.
    let passed_on = circle("use super::B; struct C;");
    assert_eq!(passed_on, "a circle of files: a::c -> a::b -> a::c");
}

#[test]
fn a_file_keeps_to_the_rules_by_itself() {
    let root = "names the crate's root, which hides the layer";
    let atomic = "use std::sync::{Arc, atomic::AtomicU64};";
    let time = "//! Not an Instant.\nfn f(at: Instant) {}";
    let unfinished = format!("// todo!()\nfn f() {{ {}() }}\n", "todo!");
    let long = "\n".repeat(501);
    for (file, text, offence) in [
        ("src/store.rs", "use super::*;", root),
        ("src/store.rs", "use crate as all;", root),
        ("src/store.rs", "extern crate self as all;", root),
        ("src/store/part.rs", "use super::*;", ""),
        ("src/cell.rs", atomic, "names std::sync::atomic::AtomicU64"),
        ("src/sync/real.rs", atomic, ""),
        ("crates/gateway/src/main.rs", atomic, ""),
        ("src/cell.rs", "use crate::sync::atomic::AtomicU64;", ""),
        ("src/store.rs", "fn f(_: papaya::X) {}", "names papaya::X"),
        ("src/store.rs", "use loom::thread;", "names loom::thread"),
        ("src/store.rs", "#[cfg(breakerbox_loom)]\nfn f() {}", ""),
        ("src/key.rs", time, "src/key.rs:2: names Instant"),
        ("src/clock.rs", time, ""),
        ("src/word.rs", &unfinished, "src/word.rs:2: todo!()"),
        ("crates/gateway/tests/a.rs", &unfinished, "todo!()"),
        ("crates/a.html", &long, "501 lines, of at most 500"),
    ] {
        let found = own_offences(file, text).join("; ");
        assert_eq!(found.is_empty(), offence.is_empty(), "{file}: {found}");
        assert!(found.contains(offence) && !found.contains("; "), "{found}");
    }
}
