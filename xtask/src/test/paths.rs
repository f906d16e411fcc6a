//! The paths that Rust code names, read from its tokens, so that no comment or text is mistaken for one.

use crate::error::{Error, Result};
use proc_macro2::{Ident, TokenStream, TokenTree};

/// A path as code names it, from the crate's root where it begins with `crate`, `self` or `super`.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: String,
    pub(crate) line: usize,
    /// The name under which a `pub use` exports it.
    pub(crate) exported: Option<String>,
    /// Whether it stands in a module `tests`.
    pub(crate) in_tests: bool,
}

/// Lists all paths and names in `text`, those in the braces of a `use` written out in full.
///
/// `module` is where the text stands: `crate::cell::filter` for `src/cell/filter.rs`. A string that
/// begins as a path of this crate is one too: serde's attributes name types so.
pub(crate) fn paths(module: &str, text: &str) -> Result<Vec<Named>> {
    let not_rust = |error| Error::failed(format!("not Rust: {error}"));
    let tokens = text.parse().map_err(not_rust)?;
    let mut reader = Reader {
        module: module.split("::").map(str::to_owned).collect(),
        exports: false,
        found: Vec::new(),
    };
    reader.read(tokens, &[]);
    Ok(reader.found)
}

struct Reader {
    module: Vec<String>,
    /// Whether the tokens belong to a `pub use`.
    exports: bool,
    found: Vec<Named>,
}

impl Reader {
    /// Reads `tokens`; in the braces of a `use`, `prefix` is what stands before them.
    fn read(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let [first, after @ ..] = rest {
            rest = match (first, after) {
                // `pub(crate)` names nothing.
                (TokenTree::Ident(word), [TokenTree::Group(_), after @ ..] | after)
                    if word == "pub" =>
                {
                    self.exports |= matches!(after, [TokenTree::Ident(next), ..] if next == "use");
                    after
                }
                // A new name, not one of the prefix's.
                (TokenTree::Ident(word), [name, after @ ..])
                    if word == "as" && (self.exports || !prefix.is_empty()) =>
                {
                    if let Some(last) = self.found.last_mut().filter(|_| self.exports) {
                        last.exported = Some(name.to_string());
                    }
                    after
                }
                // `mod name;` imports nothing.
                (TokenTree::Ident(word), [name @ TokenTree::Ident(_), after @ ..])
                    if word == "mod" =>
                {
                    if let [TokenTree::Group(body), ..] = after {
                        self.module.push(name.to_string());
                        self.read(body.stream(), &[]);
                        self.module.pop();
                    }
                    after.get(1..).unwrap_or_default()
                }
                (TokenTree::Ident(word), after) => self.path(word, after, prefix),
                (TokenTree::Group(group), after) => {
                    self.read(group.stream(), &[]);
                    after
                }
                (TokenTree::Literal(literal), after) => {
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    if let Some(("crate" | "self" | "super", _)) = text.split_once("::")
                        && let Ok(tokens) = text.parse()
                    {
                        self.read(tokens, &[]);
                    }
                    after
                }
                (TokenTree::Punct(mark), after) => {
                    self.exports &= mark.as_char() != ';';
                    after
                }
            };
        }
    }

    /// Reads the path that begins with `first`, and returns what comes after it.
    fn path<'a>(
        &mut self,
        first: &Ident,
        mut rest: &'a [TokenTree],
        prefix: &[String],
    ) -> &'a [TokenTree] {
        let mut segments = prefix.to_vec();
        // `a::{self}` is `a`.
        if prefix.is_empty() || first != "self" {
            segments.push(first.to_string());
        }
        while let [TokenTree::Punct(a), TokenTree::Punct(b), next, after @ ..] = rest
            && (a.as_char(), b.as_char()) == (':', ':')
        {
            match next {
                TokenTree::Group(group) => {
                    self.read(group.stream(), &segments);
                    return after;
                }
                TokenTree::Punct(mark) if mark.as_char() != '*' => break,
                segment => segments.push(segment.to_string()),
            }
            rest = after;
        }
        self.found.push(Named {
            path: self.resolve(&segments),
            line: first.span().start().line,
            exported: segments.pop().filter(|_| self.exports),
            in_tests: self.module.iter().any(|module| module == "tests"),
        });
        rest
    }

    fn resolve(&self, segments: &[String]) -> String {
        let own = match segments {
            [first, rest @ ..] if first == "self" && !rest.is_empty() => rest,
            _ => segments,
        };
        let up = own.iter().take_while(|one| *one == "super").count();
        if own.len() == segments.len() && up == 0 {
            return segments.join("::");
        }
        let outer = self.module.len().saturating_sub(up).max(1);
        [&self.module[..outer], &own[up..]].concat().join("::")
    }
}

/// Whether `path` is `name`, lies in it, or names it on the way.
pub(crate) fn names(path: &str, name: &str) -> bool {
    format!("::{path}::").contains(&format!("::{name}::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(module: &str, text: &str) -> Vec<String> {
        let found = paths(module, text).unwrap();
        found.into_iter().map(|named| named.path).collect()
    }

    #[test]
    fn groups_are_written_out() {
        let text = "use std::{fmt, sync::{self, Arc as A, atomic::{AtomicU64, Ordering}}, io::*};";
        let found = "use std::fmt std::sync std::sync::Arc std::sync::atomic::AtomicU64 \
                     std::sync::atomic::Ordering std::io::*";
        assert_eq!(read("crate", text).join(" "), found);
    }

    #[test]
    fn paths_are_told_from_the_root() {
        let at = "crate::cell::filter";
        for (code, path) in [
            ("super::super::breaker::X", "crate::breaker::X"),
            ("self::super::Cell", "crate::cell::Cell"),
            ("self::Slots", "crate::cell::filter::Slots"),
            ("$crate::store::f()", "crate::store::f"),
            ("Vec::<super::Cell>::new()", "crate::cell::Cell"),
            ("x as crate::store::X", "crate::store::X"),
            ("mod a { mod b { super::super::C } }", &format!("{at}::C")),
            ("#[serde(into = \"crate::config::B\")]", "crate::config::B"),
            ("{ use super::{super::{store::S}}; }", "crate::store::S"),
            ("use super::super::*;", "crate::*"),
        ] {
            let found = read(at, code);
            assert!(found.iter().any(|p| p == path), "{path} in {found:?}");
        }
        assert_eq!(read(at, "pub(crate) self.x"), ["self", "x"]);
    }

    #[test]
    fn exports_have_a_name() {
        let text = "use a::X; pub(crate) use b::{Y, c::Z as W}; pub fn f(_: V) {} mod tests { T }";
        let found = paths("crate", text).unwrap();
        let exported = found.iter().filter(|named| named.exported.is_some());
        let exported = exported.map(|named| (&*named.path, named.exported.as_deref().unwrap()));
        let exported: Vec<_> = exported.collect();
        assert_eq!(exported, [("use", "use"), ("b::Y", "Y"), ("b::c::Z", "W")]);
        let in_tests: Vec<_> = found.iter().filter(|named| named.in_tests).collect();
        assert!(in_tests.len() == 1 && in_tests[0].path == "T");
    }

    #[test]
    fn comments_and_text_name_nothing() {
        let text = "//! a loom\n/// crate::b\nlet x = \"loom // \"; // loom\ny";
        let found = paths("crate", text).unwrap();
        assert!(!found.iter().any(|named| names(&named.path, "loom")));
        let last = found.last().map(|named| (&*named.path, named.line));
        assert_eq!(last, Some(("y", 4)));
        assert!(paths("crate", "fn f() {").is_err());
    }

    #[test]
    fn a_name_is_a_whole_segment() {
        assert!(names("loom", "loom"));
        assert!(names("loom::sync::Arc", "loom"));
        assert!(!names("breakerbox_loom", "loom"));
        assert!(!names("crate::__loom", "loom"));
        assert!(names("std::sync::atomic::Ordering", "std::sync::atomic"));
        assert!(!names("std::sync::Arc", "std::sync::atomic"));
    }
}
