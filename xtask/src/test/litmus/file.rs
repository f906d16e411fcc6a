//! One litmus file: its head, and how it and its twins have to agree.
//!
//! `loom-tests/litmus/README.md` describes the format.

type Parsed<T> = std::result::Result<T, String>;

/// A file that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Litmus {
    /// `PROTOCOL`, or `PROTOCOL.WEAKER` of a weakened twin.
    pub(super) name: String,
    /// The memory model of its language, as herd7 names it.
    pub(super) model: &'static str,
    /// Files of the source, and functions in them, that it speaks of.
    pub(super) sources: Vec<(String, String)>,
    init: String,
    threads: String,
    condition: String,
}

impl Litmus {
    pub(super) fn parse(name: &str, text: &str) -> Parsed<Self> {
        let (first, rest) = text.split_once('\n').ok_or("is empty")?;
        let model = match first.split_once(' ') {
            Some(("C", named)) if named == name => "rc11.cat",
            Some(("AArch64", named)) if named == name => "aarch64.cat",
            _ => return Err(format!("`{first}` is not `C {name}` nor `AArch64 {name}`")),
        };
        let rest = rest.strip_prefix("(*\n");
        let (head, rest) = rest
            .and_then(|rest| rest.split_once("\n *)\n"))
            .ok_or("no head follows the first line")?;
        let (init, rest) = rest.trim().split_once("\n\n").unwrap_or_default();
        let (threads, condition) = rest.rsplit_once("\n\n").unwrap_or_default();
        if !init.starts_with('{') || !init.ends_with('}') {
            return Err("no `{..}` follows the head".to_owned());
        }
        if !condition.starts_with("exists (") || condition.contains('\n') {
            return Err("does not end with `exists (..)` on a line of its own".to_owned());
        }
        let mut litmus = Self {
            name: name.to_owned(),
            model,
            sources: Vec::new(),
            init: init.to_owned(),
            threads: threads.to_owned(),
            condition: condition.to_owned(),
        };
        litmus.read_head(head)?;
        Ok(litmus)
    }

    /// Reads the sources in the comment at the beginning of a file, and checks the rest of it.
    fn read_head(&mut self, head: &str) -> Parsed<()> {
        let (fields, claim) = head.split_once("\n *\n").unwrap_or((head, ""));
        if claim.trim_matches([' ', '*', '\n']).is_empty() {
            return Err("no claim follows the fields of the head".to_owned());
        }
        let (mut result, mut weaker) = (None, None);
        for line in fields.lines() {
            let field = line
                .strip_prefix(" * ")
                .and_then(|line| line.split_once(": "));
            match field {
                Some(("Result", value)) if result.is_none() => result = Some(value),
                Some(("Weaker", value)) if weaker.is_none() => weaker = Some(value),
                Some(("Source", value)) => {
                    let not = || format!("`{value}` is not `FILE: FUNCTION, ..`");
                    let (file, functions) = value.split_once(": ").ok_or_else(not)?;
                    let functions = functions.split(", ");
                    let sources = functions.map(|name| (file.to_owned(), name.to_owned()));
                    self.sources.extend(sources);
                }
                _ => return Err(format!("`{line}` is no field, or is given twice")),
            }
        }
        if result != Some(self.result()) {
            return Err(format!("`Result` must be {}", self.result()));
        }
        if self.sources.is_empty() {
            return Err("`Source` is missing".to_owned());
        }
        if weaker.is_some_and(|weaker| !weaker.trim().is_empty()) != self.is_twin() {
            return Err("a twin says what is weaker, and nothing else does".to_owned());
        }
        Ok(())
    }

    pub(super) fn is_twin(&self) -> bool {
        self.name.contains('.')
    }

    /// Returns how many executions meet the condition, in herd7's words.
    pub(super) fn result(&self) -> &'static str {
        if self.is_twin() { "Sometimes" } else { "Never" }
    }
}

/// Returns what is wrong between protocols and their twins.
///
/// A twin begins from the same words and asks the same question, so that its answer says something
/// of what is weaker in it.
pub(super) fn mismatches(found: &[Litmus]) -> Vec<String> {
    let mut problems = Vec::new();
    for one in found {
        let Some((protocol, _)) = one.name.split_once('.') else {
            let twin = format!("{}.", one.name);
            if !found.iter().any(|two| two.name.starts_with(&twin)) {
                problems.push(format!("{} has no weakened twin", one.name));
            }
            continue;
        };
        let Some(sound) = found.iter().find(|two| two.name == protocol) else {
            problems.push(format!("{} is the twin of nothing", one.name));
            continue;
        };
        let asks = |one: &Litmus| (one.model, one.init.clone(), one.condition.clone());
        if asks(sound) != asks(one) {
            problems.push(format!("{} asks something else than {protocol}", one.name));
        }
        if sound.threads == one.threads {
            problems.push(format!("{} is as strong as {protocol}", one.name));
        }
    }
    problems
}

/// A file that is as it should be.
#[cfg(test)]
pub(super) const SOUND: &str = "\
C gate
(*
 * Result: Never
 * Source: src/cell/ticket.rs: release, number_after
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
            .replace("C gate", "C gate.relaxed")
            .replace("Never", "Sometimes")
            .replace(" *\n * A claim", " * Weaker: the store.\n *\n * A claim")
            .replace("memory_order_release", "memory_order_relaxed")
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        for (from, to) in [
            ("C gate", "C other"),
            ("C gate", "X86_64 gate"),
            (" * Result: Never\n", ""),
            ("Never", "Sometimes"),
            ("Result: Never", "Result: Never\n * Result: Never"),
            ("Result: Never", "Wants: Never"),
            ("src/cell/ticket.rs: release, number_after", "gate"),
            (" * Source: src/cell/ticket.rs: release, number_after\n", ""),
            (" *\n * A claim", " * Weaker: x.\n *\n * A claim"),
            (" * A claim.\n", " *\n"),
            ("(*\n", ""),
            ("{ x = 0; }", ""),
            ("exists (x=2)", "forall (x=2)"),
            ("exists (x=2)", "exists (x=2)\nexists (x=3)"),
        ] {
            assert!(SOUND.contains(from), "{from}");
            let parsed = Litmus::parse("gate", &SOUND.replacen(from, to, 1));
            assert!(parsed.is_err(), "{to}");
        }
        for (from, to) in [("Sometimes", "Never"), (" * Weaker: the store.\n", "")] {
            assert!(Litmus::parse("gate.relaxed", &twin().replace(from, to)).is_err());
        }
    }

    #[test]
    fn twins_go_with_their_protocols() {
        let sound = || Litmus::parse("gate", SOUND).unwrap();
        let weaker = |text: &str| Litmus::parse("gate.relaxed", text).unwrap();
        assert_eq!(mismatches(&[sound(), weaker(&twin())]), [""; 0]);
        assert_eq!(mismatches(&[sound()]).len(), 1);
        assert_eq!(mismatches(&[weaker(&twin())]).len(), 1);
        for (from, to) in [
            ("x=2", "x=3"),
            ("{ x = 0; }", "{ x = 5; }"),
            ("C g", "AArch64 g"),
            ("relaxed);", "release);"),
        ] {
            let other = weaker(&twin().replacen(from, to, 1));
            assert_eq!(mismatches(&[sound(), other]).len(), 1, "{from}");
        }
    }
}
