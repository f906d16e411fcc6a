//! The measurements, as the comparison writes them; what makes no sense is named with its entry.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::error::{AtPath, Error, Result};

/// An entry of `results.json`: the time of one operation as each thread sees it.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    pub(super) work: String,
    pub(super) subject: String,
    pub(super) keys: u64,
    pub(super) threads: u64,
    pub(super) state: String,
    /// How often each key is used: `uniform`, or as `zipf` says.
    pub(super) distribution: Option<String>,
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// An entry of `latency.json`.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    pub(super) situation: String,
    pub(super) subject: String,
    pub(super) threads: u64,
    pub(super) max: f64,
    /// How many took no longer than so many nanoseconds, and longer than those before.
    pub(super) histogram: Vec<(f64, u64)>,
}

/// An entry of `memory.json`.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    pub(super) subject: String,
    pub(super) keys: u64,
    pub(super) state: String,
    pub(super) per_key: f64,
    pub(super) without_key: f64,
}

impl Timing {
    pub(super) fn take(entry: &Entry<'_>) -> Result<Self> {
        let timing = Self {
            work: entry.text("work")?,
            subject: entry.text("subject")?,
            keys: entry.count("keys")?,
            threads: entry.count("threads")?,
            state: entry.text("state")?,
            distribution: entry.maybe_text("distribution")?,
            median: entry.positive("median_ns")?,
            low: entry.positive("low_ns")?,
            high: entry.positive("high_ns")?,
        };
        if timing.low <= timing.median && timing.median <= timing.high {
            Ok(timing)
        } else {
            Err(entry.wrong("`median_ns` is not between `low_ns` and `high_ns`"))
        }
    }
}

impl Latency {
    pub(super) fn take(entry: &Entry<'_>) -> Result<Self> {
        const BUCKETS: &str = "`histogram` is no list of [upper_ns, count], ascending from zero";
        let buckets = entry.get("histogram")?.as_array();
        let bucket = |pair: &Value| match pair.as_array()?.as_slice() {
            [upper, count] => Some((upper.as_f64()?, count.as_u64()?)),
            _ => None,
        };
        let histogram: Option<Vec<_>> = buckets.and_then(|all| all.iter().map(bucket).collect());
        let histogram = histogram.ok_or_else(|| entry.wrong(BUCKETS))?;
        let uppers = || histogram.iter().map(|bucket| bucket.0);
        let ascends = [0.0].into_iter().chain(uppers()).zip(uppers());
        if !ascends.into_iter().all(|(before, upper)| before < upper) {
            return Err(entry.wrong(BUCKETS));
        }
        if histogram.iter().all(|bucket| bucket.1 == 0) {
            return Err(entry.wrong("`histogram` counts nothing"));
        }
        Ok(Self {
            situation: entry.text("situation")?,
            subject: entry.text("subject")?,
            threads: entry.count("threads")?,
            max: entry.positive("max_ns")?,
            histogram,
        })
    }
}

impl Memory {
    pub(super) fn take(entry: &Entry<'_>) -> Result<Self> {
        let memory = Self {
            subject: entry.text("subject")?,
            keys: entry.count("keys")?,
            state: entry.text("state")?,
            per_key: entry.zero_or_positive("bytes_per_key")?,
            without_key: entry.zero_or_positive("bytes_without_key")?,
        };
        if memory.without_key <= memory.per_key {
            Ok(memory)
        } else {
            Err(entry.wrong("`bytes_without_key` is more than `bytes_per_key`"))
        }
    }
}

/// Every entry of the list in `path`; nothing where there is no such file.
pub(super) fn read<T>(
    path: &Path,
    take: impl Fn(&Entry<'_>) -> Result<T>,
) -> Result<Option<Vec<T>>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.at(path)?,
    };
    let json = serde_json::from_str::<Value>(&text)
        .map_err(|error| Error::failed(format!("{}: no JSON: {error}", path.display())))?;
    let Value::Array(entries) = json else {
        return Err(Error::failed(format!("{}: no list", path.display())));
    };
    let entry = |(number, fields)| {
        take(&Entry {
            path,
            number,
            fields,
        })
    };
    (1..)
        .zip(&entries)
        .map(entry)
        .collect::<Result<_>>()
        .map(Some)
}

/// An object of the list, which knows what to call itself.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    path: &'a Path,
    number: usize,
    fields: &'a Value,
}

impl Entry<'_> {
    fn wrong(&self, what: &str) -> Error {
        let subject = self.fields.get("subject").and_then(Value::as_str);
        let of = subject.map_or(String::new(), |subject| format!(" ({subject})"));
        let path = self.path.display();
        Error::failed(format!("{path}, entry {}{of}: {what}", self.number))
    }

    fn get(&self, name: &str) -> Result<&Value> {
        let value = self.fields.get(name);
        value.ok_or_else(|| self.wrong(&format!("there is no `{name}`")))
    }

    fn text(&self, name: &str) -> Result<String> {
        let value = self.get(name)?;
        match value.as_str() {
            Some(text) if !text.trim().is_empty() && !text.contains(char::is_control) => {
                Ok(text.to_owned())
            }
            _ => Err(self.wrong(&format!("`{name}` is {value}, not a text"))),
        }
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(name).map(Some),
        }
    }

    fn count(&self, name: &str) -> Result<u64> {
        let value = self.get(name)?;
        let count = value.as_u64().filter(|&count| count > 0);
        count.ok_or_else(|| self.wrong(&format!("`{name}` is {value}, not a count above zero")))
    }

    fn zero_or_positive(&self, name: &str) -> Result<f64> {
        match self.get(name)?.as_f64() {
            Some(0.0) => Ok(0.0),
            _ => self.positive(name),
        }
    }

    /// JSON has no word for what isn't a number; writers put `null` in its place.
    fn positive(&self, name: &str) -> Result<f64> {
        let value = self.get(name)?;
        let sensible = |number: &f64| (1e-6..1e18).contains(number);
        let number = value.as_f64().filter(sensible);
        number.ok_or_else(|| {
            self.wrong(&format!(
                "`{name}` is {value}, no sensible number above zero"
            ))
        })
    }
}
