//! One litmus file: its head, and how it and its twins have to agree.
//!
//! `loom-tests/litmus/README.md` describes the format.

use super::answer::Observed;

type Parsed<T> = std::result::Result<T, String>;

/// The language of a file, and with it the memory model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    C,
    AArch64,
}

impl Language {
    pub(super) const fn model(self) -> &'static str {
        match self {
            Self::C => "rc11.cat",
            Self::AArch64 => "aarch64.cat",
        }
    }
}

/// A file that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Litmus {
    /// `PROTOCOL`, or `PROTOCOL.WEAKER` of a weakened twin.
    pub(super) name: String,
    pub(super) language: Language,
    /// What herd7 must answer.
    pub(super) result: Observed,
    /// Files of the source, and functions in them, that it speaks of.
    pub(super) sources: Vec<(String, String)>,
    init: String,
    threads: String,
    condition: String,
}

impl Litmus {
    pub(super) fn parse(name: &str, text: &str) -> Parsed<Self> {
        let (first, rest) = text.split_once('\n').ok_or("is empty")?;
        let language = match first.split_once(' ') {
            Some(("C", named)) if named == name => Language::C,
            Some(("AArch64", named)) if named == name => Language::AArch64,
            _ => return Err(format!("`{first}` is not `C {name}` nor `AArch64 {name}`")),
        };
        let (head, rest) = rest
            .strip_prefix("(*\n")
            .and_then(|rest| rest.split_once("\n *)\n"))
            .ok_or("no head follows the first line")?;
        let (init, rest) = rest
            .trim_start()
            .split_once("\n\n")
            .filter(|(init, _)| init.starts_with('{') && init.ends_with('}'))
            .ok_or("no `{..}` follows the head")?;
        let (threads, condition) = rest
            .trim_end()
            .rsplit_once("\n\n")
            .filter(|(_, condition)| condition.starts_with("exists (") && !condition.contains('\n'))
            .ok_or("does not end with `exists (..)` on a line of its own")?;
        let (result, sources) = parse_head(head, name.contains('.'))?;
        Ok(Self {
            name: name.to_owned(),
            language,
            result,
            sources,
            init: init.to_owned(),
            threads: threads.to_owned(),
            condition: condition.to_owned(),
        })
    }

    /// Returns the protocol that this file is a twin of.
    fn twin_of(&self) -> Option<&str> {
        Some(self.name.split_once('.')?.0)
    }
}

/// Reads the comment at the beginning of a file.
fn parse_head(head: &str, is_twin: bool) -> Parsed<(Observed, Vec<(String, String)>)> {
    let (fields, claim) = head
        .split_once("\n *\n")
        .ok_or("no claim follows the fields of the head")?;
    if claim.trim_matches([' ', '*', '\n']).is_empty() {
        return Err("the claim is empty".to_owned());
    }
    let (mut result, mut sources, mut is_weaker) = (None, Vec::new(), false);
    for line in fields.lines() {
        let field = line
            .strip_prefix(" * ")
            .and_then(|line| line.split_once(": "));
        match field {
            Some(("Result", value)) if result.is_none() => result = Some(Observed::parse(value)?),
            Some(("Source", value)) => {
                let (file, functions) = value
                    .split_once(": ")
                    .ok_or_else(|| format!("`{value}` is not `FILE: FUNCTION, ..`"))?;
                let functions = functions.split(", ").map(str::to_owned);
                sources.extend(functions.map(|function| (file.to_owned(), function)));
            }
            Some(("Weaker", value)) if !is_weaker && !value.trim().is_empty() => is_weaker = true,
            _ => return Err(format!("`{line}` is no field, or is given twice")),
        }
    }
    if sources.is_empty() {
        return Err("`Source` is missing".to_owned());
    }
    if is_weaker != is_twin {
        return Err("a twin says what is weaker, and nothing else does".to_owned());
    }
    match result {
        None => Err("`Result` is missing".to_owned()),
        Some(result @ Observed::Never) if !is_twin => Ok((result, sources)),
        Some(result @ Observed::Sometimes) if is_twin => Ok((result, sources)),
        Some(_) => Err("a protocol must answer Never, a weakened twin Sometimes".to_owned()),
    }
}

/// Returns what is wrong between protocols and their twins.
///
/// A twin begins from the same words and asks the same question, so that its answer says something
/// of what is weaker in it.
pub(super) fn mismatches(found: &[Litmus]) -> Vec<String> {
    let mut problems = Vec::new();
    for one in found {
        let Some(protocol) = one.twin_of() else {
            if !found.iter().any(|two| two.twin_of() == Some(&one.name)) {
                problems.push(format!("{} has no weakened twin", one.name));
            }
            continue;
        };
        let Some(sound) = found.iter().find(|two| two.name == protocol) else {
            problems.push(format!("{} is the twin of nothing", one.name));
            continue;
        };
        let asks = |one: &Litmus| (one.language, one.init.clone(), one.condition.clone());
        if asks(sound) != asks(one) {
            problems.push(format!("{} asks something else than {protocol}", one.name));
        }
        if sound.threads == one.threads {
            problems.push(format!("{} is as strong as {protocol}", one.name));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "\
C gate
(*
 * Result: Never
 * Source: src/cell/gate.rs: release, load
 *
 * A claim.
 *)

{ x = 0; }

P0(atomic_int* x) {
  atomic_store_explicit(x, 1, memory_order_release);
}

exists (x=2)
";

    fn twin() -> String {
        SOUND
            .replace("C gate", "C gate.relaxed")
            .replace("Never", "Sometimes")
            .replace(" *\n * A claim", " * Weaker: the store.\n *\n * A claim")
            .replace("memory_order_release", "memory_order_relaxed")
    }

    #[test]
    fn a_file_says_what_it_wants_and_what_it_speaks_of() {
        let litmus = Litmus::parse("gate", SOUND).unwrap();
        assert_eq!(
            (litmus.language, litmus.result),
            (Language::C, Observed::Never)
        );
        let source = |function: &str| ("src/cell/gate.rs".to_owned(), function.to_owned());
        assert_eq!(litmus.sources, ["release", "load"].map(source));
        assert_eq!(litmus.condition, "exists (x=2)");
        assert!(Litmus::parse("gate.relaxed", &twin()).is_ok());
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        for (from, to, complaint) in [
            ("C gate", "C other", "`C gate`"),
            ("C gate", "X86_64 gate", "AArch64 gate"),
            (" * Result: Never\n", "", "`Result` is missing"),
            ("Never", "Seldom", "Seldom"),
            ("Never", "Sometimes", "must answer Never"),
            ("Result: Never", "Result: Never\n * Result: Never", "twice"),
            ("Result: Never", "Wants: Never", "no field"),
            ("src/cell/gate.rs: release, load", "gate", "FILE: FUNCTION"),
            (
                " * Source: src/cell/gate.rs: release, load\n",
                "",
                "`Source` is missing",
            ),
            (" *\n * A claim", " * Weaker: x.\n *\n * A claim", "weaker"),
            (" * A claim.\n", " *\n", "claim"),
            ("(*\n", "", "head"),
            ("{ x = 0; }", "", "`{..}`"),
            ("exists (x=2)", "forall (x=2)", "exists"),
            ("exists (x=2)", "exists (x=2)\nexists (x=3)", "exists"),
        ] {
            assert!(SOUND.contains(from), "{from}");
            let problem = Litmus::parse("gate", &SOUND.replacen(from, to, 1)).unwrap_err();
            assert!(problem.contains(complaint), "{to}: {problem}");
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
        assert_eq!(mismatches(&[sound()]), ["gate has no weakened twin"]);
        assert_eq!(
            mismatches(&[weaker(&twin())]),
            ["gate.relaxed is the twin of nothing"]
        );
        for (from, to) in [
            ("x=2", "x=3"),
            ("{ x = 0; }", "{ x = 5; }"),
            ("C g", "AArch64 g"),
        ] {
            let other = weaker(&twin().replacen(from, to, 1));
            let told = mismatches(&[sound(), other]);
            assert_eq!(told, ["gate.relaxed asks something else than gate"]);
        }
        let same = weaker(&twin().replace("relaxed);", "release);"));
        assert_eq!(
            mismatches(&[sound(), same]),
            ["gate.relaxed is as strong as gate"]
        );
    }
}
