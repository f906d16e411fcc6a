//! The measurements, as the comparison writes them; what makes no sense is named with its entry.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::{AtPath, Error, Result};

/// The time of one operation, as each thread sees it.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    pub(super) work: String,
    pub(super) contender: String,
    pub(super) keys: u64,
    pub(super) threads: u64,
    pub(super) condition: String,
    pub(super) median: f64,
}

impl Timing {
    fn take(entry: &Entry<'_>) -> Result<Self> {
        Ok(Self {
            work: entry.text("work")?,
            contender: entry.text("contender")?,
            keys: entry.count("keys")?,
            threads: entry.count("threads")?,
            condition: entry.text("condition")?,
            median: entry.positive("median_ns")?,
        })
    }
}

/// Reads every entry of the list in `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Timing>> {
    let text = fs::read_to_string(path).at(path)?;
    let json = serde_json::from_str::<Value>(&text)
        .map_err(|error| Error::failed(format!("{}: no JSON: {error}", path.display())))?;
    let Value::Array(entries) = json else {
        return Err(Error::failed(format!("{}: no list", path.display())));
    };
    let entry = |(number, fields)| {
        Timing::take(&Entry {
            path,
            number,
            fields,
        })
    };
    (1..).zip(&entries).map(entry).collect()
}

/// An object of the list, which knows what to call itself.
#[derive(Debug)]
struct Entry<'a> {
    path: &'a Path,
    number: usize,
    fields: &'a Value,
}

impl Entry<'_> {
    fn get<T>(&self, name: &str, what: &str, take: impl Fn(&Value) -> Option<T>) -> Result<T> {
        let value = self.fields.get(name).unwrap_or(&Value::Null);
        take(value).ok_or_else(|| {
            let (path, number) = (self.path.display(), self.number);
            Error::failed(format!(
                "{path}, entry {number}: `{name}` is {value}, not {what}"
            ))
        })
    }

    fn text(&self, name: &str) -> Result<String> {
        self.get(name, "a text", |value| {
            let text = value.as_str()?;
            let is_sensible = !text.trim().is_empty() && !text.contains(char::is_control);
            is_sensible.then(|| text.to_owned())
        })
    }

    fn count(&self, name: &str) -> Result<u64> {
        self.get(name, "a count above zero", |value| {
            value.as_u64().filter(|&count| count > 0)
        })
    }

    fn positive(&self, name: &str) -> Result<f64> {
        self.get(name, "a sensible number above zero", |value| {
            value
                .as_f64()
                .filter(|number| (1e-6..1e18).contains(number))
        })
    }
}
