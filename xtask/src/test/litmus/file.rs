//! One litmus file: its head, and how it and its twins have to agree.
//!
//! `loom-tests/litmus/README.md` describes the format.

/// A file that could be read.
#[derive(Debug)]
pub(super) struct Litmus {
    /// `PROTOCOL`, or `PROTOCOL.WEAKER` of a weakened twin.
    pub(super) name: String,
    /// The memory model of its language, as herd7 names it.
    pub(super) model: &'static str,
    /// Files of the source, and functions in them, that it speaks of.
    pub(super) sources: Vec<(String, String)>,
    /// The language, the words' first values, and the condition.
    asks: [String; 3],
    threads: String,
}

/// Cuts a file into its first line, the fields and the claim of its head, the words' first values,
/// the threads, and the condition.
fn parts(text: &str) -> Option<[&str; 6]> {
    let (first, rest) = text.split_once("\n(*\n")?;
    let (head, rest) = rest.split_once("\n *)\n")?;
    let (fields, claim) = head.split_once("\n *\n")?;
    let (init, rest) = rest.trim().split_once("\n\n")?;
    let (threads, condition) = rest.rsplit_once("\n\n")?;
    let is_whole = !claim.trim_matches([' ', '*', '\n']).is_empty()
        && init.starts_with('{')
        && init.ends_with('}')
        && condition.starts_with("exists (")
        && !condition.contains('\n');
    is_whole.then_some([first, fields, claim, init, threads, condition])
}

impl Litmus {
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let unlike = "is not a head with a claim, `{..}`, threads and `exists (..)`";
        let [first, fields, _, init, threads, condition] = parts(text).ok_or(unlike)?;
        let model = match first.split_once(' ') {
            Some(("C", named)) if named == name => "rc11.cat",
            Some(("AArch64", named)) if named == name => "aarch64.cat",
            _ => return Err(format!("`{first}` is not `C {name}` nor `AArch64 {name}`")),
        };
        let mut litmus = Self {
            name: name.to_owned(),
            model,
            sources: Vec::new(),
            asks: [model, init, condition].map(str::to_owned),
            threads: threads.to_owned(),
        };
        let (mut results, mut weaker) = (Vec::new(), Vec::new());
        for line in fields.lines() {
            let field = line.strip_prefix(" * ").unwrap_or(line).split_once(": ");
            match field {
                Some(("Result", value)) => results.push(value),
                Some(("Weaker", value)) if !value.trim().is_empty() => weaker.push(value),
                Some(("Source", value)) => {
                    let unlike = || format!("`{value}` is not `FILE: FUNCTION, ..`");
                    let (file, functions) = value.split_once(": ").ok_or_else(unlike)?;
                    let sources = functions.split(", ");
                    let sources = sources.map(|function| (file.to_owned(), function.to_owned()));
                    litmus.sources.extend(sources);
                }
                _ => return Err(format!("`{line}` is no field")),
            }
        }
        if results != [litmus.result()] {
            return Err(format!("`Result` must be {}, once", litmus.result()));
        }
        if litmus.sources.is_empty() {
            return Err("`Source` is missing".to_owned());
        }
        if weaker.len() != usize::from(litmus.is_twin()) {
            return Err("a twin says once what is weaker, and nothing else does".to_owned());
        }
        Ok(litmus)
    }

    pub(super) fn is_twin(&self) -> bool {
        self.name.contains('.')
    }

    /// Returns how many executions meet the condition, in herd7's words.
    pub(super) fn result(&self) -> &'static str {
        if self.is_twin() { "Sometimes" } else { "Never" }
    }

    /// Returns what is wrong between this protocol, or twin, and the others.
    ///
    /// A twin begins from the same words and asks the same question, so that its answer says
    /// something of what is weaker in it.
    pub(super) fn mismatch(&self, all: &[Self]) -> Option<String> {
        let name = &self.name;
        let Some((protocol, _)) = name.split_once('.') else {
            let twin = format!("{name}.");
            let has_twin = all.iter().any(|other| other.name.starts_with(&twin));
            return (!has_twin).then(|| format!("{name} has no weakened twin"));
        };
        let Some(sound) = all.iter().find(|other| other.name == protocol) else {
            return Some(format!("{name} is the twin of nothing"));
        };
        if sound.asks != self.asks {
            return Some(format!("{name} asks something else than {protocol}"));
        }
        (sound.threads == self.threads).then(|| format!("{name} is as strong as {protocol}"))
    }
}

/// A file that is as it should be.
#[cfg(test)]
pub(super) const SOUND: &str = "\
C word
(*
 * Result: Never
 * Source: xtask/src/files.rs: below, write
 *
 * A claim.
 *)

{ x = 0; }

P0(atomic_int* x) {
  atomic_store_explicit(x, 1, memory_order_release);
}

exists (x=2)
";

#[cfg(test)]
mod tests {
    use super::*;

    fn twin() -> String {
        SOUND
            .replace("C word", "C word.relaxed")
            .replace("Never", "Sometimes")
            .replace(" *\n * A claim", " * Weaker: the store.\n *\n * A claim")
            .replace("memory_order_release", "memory_order_relaxed")
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        for (from, to) in [
            ("C word", "C other"),
            ("C word", "X86_64 word"),
            (" * Result: Never\n", ""),
            ("Never", "Sometimes"),
            ("Result: Never", "Result: Never\n * Result: Never"),
            ("Result: Never", "Wants: Never"),
            ("xtask/src/files.rs: below, write", "files"),
            (" * Source: xtask/src/files.rs: below, write\n", ""),
            (" *\n * A claim", " * Weaker: x.\n *\n * A claim"),
            (" * A claim.\n", " *\n"),
            ("(*\n", ""),
            ("{ x = 0; }", ""),
            ("exists (x=2)", "forall (x=2)"),
            ("exists (x=2)", "exists (x=2)\nexists (x=3)"),
        ] {
            assert!(SOUND.contains(from), "{from}");
            let parsed = Litmus::parse("word", &SOUND.replacen(from, to, 1));
            assert!(parsed.is_err(), "{to}");
        }
        for (from, to) in [("Sometimes", "Never"), (" * Weaker: the store.\n", "")] {
            assert!(Litmus::parse("word.relaxed", &twin().replace(from, to)).is_err());
        }
    }

    #[test]
    fn twins_go_with_their_protocols() {
        let sound = || Litmus::parse("word", SOUND).unwrap();
        let weaker = |text: &str| Litmus::parse("word.relaxed", text).unwrap();
        let twin = twin();
        let mismatches = |all: &[Litmus]| all.iter().filter_map(|one| one.mismatch(all)).count();
        assert_eq!(mismatches(&[sound(), weaker(&twin)]), 0);
        assert_eq!(mismatches(&[sound()]), 1);
        assert_eq!(mismatches(&[weaker(&twin)]), 1);
        for (from, to) in [
            ("x=2", "x=3"),
            ("{ x = 0; }", "{ x = 5; }"),
            ("C w", "AArch64 w"),
            ("relaxed);", "release);"),
        ] {
            let other = weaker(&twin.replacen(from, to, 1));
            assert_eq!(mismatches(&[sound(), other]), 1, "{from}");
        }
    }
}
