//! Planted offences, each of which the check has to find.

use super::*;

fn tree(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(file, text): &(&str, &str)| (file.to_string(), text.to_string());
    files.iter().map(own).collect()
}

fn differences(drawing: &str, files: &[(&str, &str)]) -> Vec<String> {
    let drawing = super::drawing(&format!("<!-- layers -->\n```text\n{drawing}\n```")).unwrap();
    Graph::read("src", &tree(files))
        .unwrap()
        .differences(&drawing)
}

fn circle(files: &[(&str, &str)]) -> Option<String> {
    Graph::read("src", &tree(files)).unwrap().circle()
}

/// Plants an import of each layer into each layer that must not import it, in every way of writing
/// one.
#[test]
fn an_import_that_is_not_drawn_is_found_in_any_form() {
    let drawing = drawing(&Project::find().read(DRAWING).unwrap()).unwrap();
    assert!(drawing.len() > 10, "{drawing:?}");
    let file = |name: &String| (format!("src/{name}.rs"), String::new());
    let mut found: Vec<_> = drawing.keys().map(file).collect();
    let pairs = drawing
        .iter()
        .flat_map(|own| drawing.keys().map(move |other| (own, other)));
    for ((own, drawn), other) in pairs {
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
    let files = [
        ("src/lib.rs", "pub use high::Top;"),
        ("src/high.rs", "use crate::low::X;"),
        ("src/low.rs", "struct X;"),
    ];
    assert_eq!(differences("high: low\nlow:", &files), [""; 0]);
    let message = |drawing| differences(drawing, &files).join("; ");
    assert_eq!(
        message("high:\nlow:"),
        "src/high.rs:1: names crate::low::X, but docs/design.md doesn't draw high: low"
    );
    assert!(message("high:").ends_with("; src/low.rs is not in the drawing of docs/design.md"));
    assert_eq!(
        message("high: low lost\nlow:\nlost:"),
        "docs/design.md draws high: lost, which nothing needs; \
         docs/design.md draws lost, which is not there"
    );
    for wrong in [
        "",
        "high low\nlow:",
        "low:\nhigh: low",
        "high: low\nlow: high",
        "high: high",
    ] {
        let text = format!("<!-- layers -->\n```text\n{wrong}\n```");
        assert_eq!(super::drawing(&text).is_err(), !wrong.is_empty(), "{wrong}");
    }
    assert!(super::drawing("no block").is_err());
}

#[test]
fn a_name_belongs_to_the_file_that_defines_it() {
    let files = [
        ("src/lib.rs", "pub use high::Top;"),
        ("src/high.rs", "mod inner; pub use inner::Top;"),
        ("src/high/inner.rs", "pub struct Top;"),
        ("src/low.rs", "use crate::Top;"),
    ];
    let found = differences("high:\nlow:", &files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("doesn't draw low: high"));
}

#[test]
fn a_circle_of_files_is_found() {
    let one = (
        "src/a.rs",
        "mod b; mod c; pub use b::B; use c::C; struct A;",
    );
    let two = ("src/a/b.rs", "use super::c::C; struct B;");
    let three = ("src/a/c.rs", "struct C;");
    assert_eq!(circle(&[one, two, three]), None);
    let up = ("src/a/c.rs", "use super::A; struct C;");
    assert_eq!(
        circle(&[one, two, up]),
        Some("a circle of files: crate::a -> crate::a::c -> crate::a".to_string())
    );
    // What a parent passes on comes from the sibling.
    let passed_on = ("src/a/c.rs", "use super::B; struct C;");
    let found = circle(&[one, two, passed_on]);
    assert_eq!(
        found,
        Some("a circle of files: crate::a::c -> crate::a::b -> crate::a::c".to_string())
    );
    let in_tests = ("src/a/c.rs", "struct C; mod tests { use super::super::A; }");
    assert_eq!(circle(&[one, two, in_tests]), None);
}

#[test]
fn the_root_hides_no_layer() {
    for code in [
        "use super::*;",
        "use crate as all;",
        "extern crate self as all;",
    ] {
        assert_eq!(own_offences("src/store.rs", code).len(), 1, "{code}");
    }
    assert_eq!(own_offences("src/store/part.rs", "use super::*;").len(), 0);
}

#[test]
fn atomics_and_the_map_have_one_door() {
    let text = "use std::sync::{Arc, atomic::AtomicU64};\n";
    assert_eq!(
        own_offences("src/cell.rs", text),
        [
            "src/cell.rs:1: names std::sync::atomic::AtomicU64, but crate::sync is the one door to atomics and the map"
        ]
    );
    assert!(own_offences("src/sync/real.rs", text).is_empty());
    assert!(own_offences("crates/gateway/src/main.rs", text).is_empty());
    assert!(own_offences("src/cell.rs", "use crate::sync::atomic::AtomicU64;").is_empty());
    assert_eq!(
        own_offences("src/store.rs", "fn f(_: papaya::X) {}").len(),
        1
    );
    assert!(own_offences("src/store.rs", "#[cfg(breakerbox_loom)]\nfn f() {}").is_empty());
    assert_eq!(own_offences("src/store.rs", "use loom::thread;").len(), 1);
}

#[test]
fn time_has_one_door() {
    let text = "//! Not an Instant.\nfn f(at: Instant) {}\n";
    assert_eq!(
        own_offences("src/word/control.rs", text),
        ["src/word/control.rs:2: names Instant, but crate::clock is the one door to time"]
    );
    assert!(own_offences("src/clock.rs", text).is_empty());
}

#[test]
fn nothing_is_left_unfinished_or_long() {
    let unfinished = format!("// todo!()\nfn f() {{ {}() }}\n", "todo!");
    assert_eq!(
        own_offences("src/word.rs", &unfinished),
        ["src/word.rs:2: todo!()"]
    );
    let long = "\n".repeat(501);
    assert_eq!(
        own_offences("crates/gateway/page.html", &long),
        ["crates/gateway/page.html: 501 lines; at most 500 are allowed"]
    );
}
