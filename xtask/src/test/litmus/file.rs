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

/// Functions of the source that a file speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) file: String,
    pub(super) functions: Vec<String>,
}

/// A file that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Litmus {
    /// `PROTOCOL`, or `PROTOCOL.WEAKER` of a weakened twin.
    pub(super) name: String,
    pub(super) language: Language,
    /// What herd7 must answer.
    pub(super) result: Observed,
    pub(super) sources: Vec<Source>,
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
        let head = Head::parse(head)?;
        let is_twin = name.contains('.');
        match head.result {
            Observed::Never if !is_twin => {}
            Observed::Sometimes if is_twin => {}
            _ => return Err("a protocol must answer Never, a weakened twin Sometimes".to_owned()),
        }
        if head.is_weaker != is_twin {
            return Err("a twin says what is weaker, and nothing else does".to_owned());
        }
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
        Ok(Self {
            name: name.to_owned(),
            language,
            result: head.result,
            sources: head.sources,
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

/// The comment at the beginning of a file.
struct Head {
    result: Observed,
    sources: Vec<Source>,
    is_weaker: bool,
}

impl Head {
    fn parse(head: &str) -> Parsed<Self> {
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
                Some(("Result", value)) if result.is_none() => {
                    result = Some(Observed::parse(value)?);
                }
                Some(("Source", value)) => sources.push(Source::parse(value)?),
                Some(("Weaker", value)) if !is_weaker && !value.trim().is_empty() => {
                    is_weaker = true;
                }
                _ => return Err(format!("`{line}` is no field, or is given twice")),
            }
        }
        if sources.is_empty() {
            return Err("`Source` is missing".to_owned());
        }
        Ok(Self {
            result: result.ok_or("`Result` is missing")?,
            sources,
            is_weaker,
        })
    }
}

impl Source {
    fn parse(value: &str) -> Parsed<Self> {
        let (file, functions) = value
            .split_once(": ")
            .ok_or_else(|| format!("`{value}` is not `FILE: FUNCTION, ..`"))?;
        Ok(Self {
            file: file.to_owned(),
            functions: functions.split(", ").map(str::to_owned).collect(),
        })
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
#[path = "file_tests.rs"]
mod tests;
