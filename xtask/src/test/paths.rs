//! The paths that Rust code names, read well enough to check who names whom.

/// The code of a file without comments, in which text cannot be mistaken for a path.
///
/// A `//` inside a string ends its line here, which can hide something but never accuse anyone.
pub(crate) fn code(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// All paths and names in `code`, those in the braces of a `use` written out in full.
pub(crate) fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut prefixes = vec![String::new()];
    let mut path = String::new();
    let mut chars = code.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            c if c.is_alphanumeric() || c == '_' => path.push(c),
            ':' if chars.peek() == Some(&':') => {
                chars.next();
                path.push_str("::");
            }
            // Only `a::{b, c}` continues a path; any other brace begins anew.
            '{' if path.ends_with("::") => {
                let inner = format!("{}{path}", prefixes[prefixes.len() - 1]);
                prefixes.push(inner);
                path.clear();
            }
            '{' => {
                finish(&mut path, &prefixes, &mut found);
                prefixes.push(String::new());
            }
            '}' => {
                finish(&mut path, &prefixes, &mut found);
                if prefixes.len() > 1 {
                    prefixes.pop();
                }
            }
            _ => finish(&mut path, &prefixes, &mut found),
        }
    }
    finish(&mut path, &prefixes, &mut found);
    found
}

fn finish(path: &mut String, prefixes: &[String], found: &mut Vec<String>) {
    if !path.is_empty() {
        found.push(format!("{}{path}", prefixes[prefixes.len() - 1]));
        path.clear();
    }
}

/// Whether `path` is `module`, lies in it, or names it on the way.
pub(crate) fn names(path: &str, module: &str) -> bool {
    path.match_indices(module).any(|(at, _)| {
        let (before, after) = (&path[..at], &path[at + module.len()..]);
        (before.is_empty() || before.ends_with("::"))
            && (after.is_empty() || after.starts_with("::"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_out() {
        let code =
            "use std::{fmt, sync::{Arc, atomic::{AtomicU64, Ordering}}};\nfn f() { g::h(x) }";
        let paths = paths(code);
        for path in [
            "std::fmt",
            "std::sync::Arc",
            "std::sync::atomic::AtomicU64",
            "std::sync::atomic::Ordering",
            "g::h",
            "x",
        ] {
            assert!(paths.iter().any(|p| p == path), "{path} in {paths:?}");
        }
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(code("//! a loom\nlet x; // loom\n"), "\nlet x; ");
    }

    #[test]
    fn a_name_is_a_whole_segment() {
        assert!(names("loom", "loom"));
        assert!(names("loom::sync::Arc", "loom"));
        assert!(names("::loom::sync", "loom"));
        assert!(!names("breakerbox_loom", "loom"));
        assert!(!names("crate::__loom", "loom"));
        assert!(names("std::sync::atomic::Ordering", "std::sync::atomic"));
        assert!(!names("std::sync::Arc", "std::sync::atomic"));
    }
}
