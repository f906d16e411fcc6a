//! The files that mutations are recorded in; `loom-tests/mutations/README.md` describes them.

use std::path::Path;
use std::time::Duration;

use crate::error::{AtPath, Error, Result};
use crate::files;

/// The ring that must kill a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ring {
    /// A model of `loom-tests`.
    Loom,
    /// A test of the steps, in `loom-tests` too.
    Histories,
    /// A test of pairs of operations, in `loom-tests` too.
    Pairs,
    /// A test of the core crate.
    Test,
}

/// One recorded mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) model: String,
    pub(crate) file: String,
    pub(crate) find: String,
    pub(crate) replace: String,
    pub(crate) bound: Option<u32>,
    pub(crate) limit: Duration,
    pub(crate) ring: Ring,
}

const DEFAULT_LIMIT: u32 = 120;

/// All recorded mutations, by name.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<Recipe>> {
    files::below(dir)?
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(path).at(path)?;
            Recipe::parse(&name, &text)
                .map_err(|error| Error::failed(format!("{}: {error}", path.display())))
        })
        .collect()
}

impl Recipe {
    fn parse(name: &str, text: &str) -> std::result::Result<Self, String> {
        let mut fields = Fields::parse(text)?;
        let recipe = Self {
            name: name.to_owned(),
            why: fields.text("why")?,
            model: fields.text("model")?,
            file: fields.text("file")?,
            find: fields.text("find")?,
            replace: fields.text("replace")?,
            bound: fields.number("bound")?,
            limit: Duration::from_secs(fields.number("limit")?.unwrap_or(DEFAULT_LIMIT).into()),
            ring: fields.ring()?,
        };
        fields.finish()?;
        match &recipe {
            Self { find, replace, .. } if find == replace => {
                Err("`find` and `replace` are the same".to_owned())
            }
            Self { find, model, .. } if find.is_empty() || model.is_empty() => {
                Err("`find` and `model` must not be empty".to_owned())
            }
            _ => Ok(recipe),
        }
    }

    /// The text of the mutated file, given the sound one.
    pub(crate) fn apply(&self, sound: &str) -> std::result::Result<String, String> {
        match sound.matches(&self.find).count() {
            1 => Ok(sound.replacen(&self.find, &self.replace, 1)),
            n => Err(format!(
                "rotted: `find` occurs {n} times in {}, not once",
                self.file
            )),
        }
    }
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(u32),
}

/// The fields that nobody has asked for yet.
struct Fields {
    left: Vec<(String, Value)>,
}

impl Fields {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut left: Vec<(String, Value)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                rest = after;
                continue;
            }
            let (key, value) = rest
                .split_once('=')
                .filter(|(key, _)| !key.contains('\n'))
                .ok_or_else(|| format!("`{line}` is not `field = value`"))?;
            let key = key.trim().to_owned();
            if left.iter().any(|(known, _)| *known == key) {
                return Err(format!("`{key}` is given twice"));
            }
            let (value, after) = value_and_rest(value.trim_start_matches(' '))
                .map_err(|error| format!("`{key}`: {error}"))?;
            let (remainder, after) = after.split_once('\n').unwrap_or((after, ""));
            if !remainder.trim().is_empty() {
                return Err(format!("`{key}`: `{}` follows the value", remainder.trim()));
            }
            left.push((key, value));
            rest = after;
        }
        Ok(Self { left })
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        let at = self.left.iter().position(|(known, _)| known == key)?;
        Some(self.left.remove(at).1)
    }

    fn text(&mut self, key: &str) -> std::result::Result<String, String> {
        match self.take(key) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Number(_)) => Err(format!("`{key}` must be a text")),
            None => Err(format!("`{key}` is missing")),
        }
    }

    fn number(&mut self, key: &str) -> std::result::Result<Option<u32>, String> {
        match self.take(key) {
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(Value::Text(_)) => Err(format!("`{key}` must be a number")),
            None => Ok(None),
        }
    }

    fn ring(&mut self) -> std::result::Result<Ring, String> {
        match self.take("ring") {
            None => Ok(Ring::Loom),
            Some(Value::Text(ring)) if ring == "loom" => Ok(Ring::Loom),
            Some(Value::Text(ring)) if ring == "histories" => Ok(Ring::Histories),
            Some(Value::Text(ring)) if ring == "pairs" => Ok(Ring::Pairs),
            Some(Value::Text(ring)) if ring == "test" => Ok(Ring::Test),
            Some(_) => {
                Err("`ring` must be \"loom\", \"histories\", \"pairs\" or \"test\"".to_owned())
            }
        }
    }

    fn finish(self) -> std::result::Result<(), String> {
        match self.left.first() {
            None => Ok(()),
            Some((key, _)) => Err(format!("there is no field `{key}`")),
        }
    }
}

/// The value that `text` begins with, and what follows it.
fn value_and_rest(text: &str) -> std::result::Result<(Value, &str), String> {
    if let Some(text) = text.strip_prefix("'''") {
        let (value, rest) = text.split_once("'''").ok_or("''' is never closed")?;
        let value = value.strip_prefix('\n').unwrap_or(value);
        return Ok((Value::Text(value.to_owned()), rest));
    }
    let (line, _) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(inside) = line.strip_prefix('\'') {
        let length = inside.find('\'').ok_or("' is never closed on its line")?;
        return Ok((
            Value::Text(inside[..length].to_owned()),
            &text[length + 2..],
        ));
    }
    if line.starts_with('"') {
        return quoted(text);
    }
    let length = line.find([' ', '#']).unwrap_or(line.len());
    let number = line[..length]
        .parse()
        .map_err(|_| format!("`{}` is neither a text nor a number", line.trim()))?;
    Ok((Value::Number(number), &text[length..]))
}

/// A text in double quotes, with its escapes resolved.
fn quoted(text: &str) -> std::result::Result<(Value, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((Value::Text(value), &text[at + 1..])),
            '\n' => break,
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, 't')) => '\t',
                Some((_, same @ ('"' | '\\'))) => same,
                _ => return Err("the escapes are \\\" \\\\ \\n \\t".to_owned()),
            }),
            other => value.push(other),
        }
    }
    Err("\" is never closed on its line".to_owned())
}

#[cfg(test)]
#[path = "recipe_tests.rs"]
mod tests;
