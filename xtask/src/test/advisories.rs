//! Known advisories against the crates that the lock files name.

use std::collections::BTreeSet;

use semver::{Version, VersionReq};
use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::project::Project;

/// What was read of the advisory database, and when.
const KNOWN: &str = "xtask/advisories.toml";
const LOCKS: [&str; 2] = ["Cargo.lock", "fuzz/Cargo.lock"];

/// What the lock files hold against what is known.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) crates: usize,
    pub(super) read: String,
    /// Each a sentence: a crate that an advisory is about, or one that nobody has looked up.
    pub(super) objections: Vec<String>,
}

pub(super) fn audit(project: &Project) -> Result<Audit> {
    let known = parse(KNOWN, &project.read(KNOWN)?)?;
    let mut crates = BTreeSet::new();
    for lock in LOCKS {
        crates.extend(locked(lock, &parse(lock, &project.read(lock)?)?)?);
    }
    judge(&known, &crates)
}

fn judge(known: &Table, crates: &BTreeSet<(String, Version)>) -> Result<Audit> {
    let looked_up: BTreeSet<_> = strings(known, "looked_up")?.into_iter().collect();
    let mut objections: Vec<String> = crates
        .iter()
        .filter(|(name, _)| !looked_up.contains(&**name))
        .map(|(name, _)| format!("{name} has not been looked up, see {KNOWN}"))
        .collect();
    for advisory in tables(KNOWN, known, "advisory")? {
        let (package, id) = (text(advisory, "package")?, text(advisory, "id")?);
        let mut sound = requirements(advisory, "patched")?;
        sound.extend(requirements(advisory, "unaffected")?);
        let concerned = crates.iter().filter(|(name, version)| {
            name == package && !sound.iter().any(|sound| sound.matches(version))
        });
        objections.extend(concerned.map(|(name, version)| {
            let title = advisory.get("title").and_then(Value::as_str);
            format!("{name} {version}: {id}, {}", title.unwrap_or_default())
        }));
    }
    Ok(Audit {
        crates: crates.len(),
        read: text(known, "read")?.to_owned(),
        objections,
    })
}

/// Name and version of each crate that comes from a registry.
fn locked(file: &str, lock: &Table) -> Result<Vec<(String, Version)>> {
    let packages = tables(file, lock, "package")?;
    let foreign = packages.filter(|package| package.contains_key("source"));
    foreign
        .map(|package| {
            let version = text(package, "version")?;
            let version = Version::parse(version).map_err(|error| wrong(version, &error))?;
            Ok((text(package, "name")?.to_owned(), version))
        })
        .collect()
}

fn parse(file: &str, text: &str) -> Result<Table> {
    text.parse().map_err(|error| wrong(file, &error))
}

fn tables<'a>(file: &str, table: &'a Table, key: &str) -> Result<impl Iterator<Item = &'a Table>> {
    let values = table.get(key).and_then(Value::as_array);
    let values = values.ok_or_else(|| Error::failed(format!("{file} has no [[{key}]]")))?;
    Ok(values.iter().filter_map(Value::as_table))
}

fn text<'a>(table: &'a Table, key: &str) -> Result<&'a str> {
    let value = table.get(key).and_then(Value::as_str);
    value.ok_or_else(|| Error::failed(format!("an entry has no `{key}`: {table}")))
}

fn strings<'a>(table: &'a Table, key: &str) -> Result<Vec<&'a str>> {
    let values = table.get(key).and_then(Value::as_array);
    let strings = values.and_then(|values| values.iter().map(Value::as_str).collect());
    strings.ok_or_else(|| Error::failed(format!("an entry has no list `{key}`: {table}")))
}

fn requirements(advisory: &Table, key: &str) -> Result<Vec<VersionReq>> {
    let ranges = strings(advisory, key)?.into_iter();
    ranges
        .map(|range| VersionReq::parse(range).map_err(|error| wrong(range, &error)))
        .collect()
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::failed(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = r#"
        read = "2026-01-02"
        looked_up = ["sound", "struck"]
        [[advisory]]
        id = "RUSTSEC-2026-1"
        package = "struck"
        patched = [">= 1.4.2", "^1.2.9"]
        unaffected = ["< 1.1.0"]
        title = "it falls"
    "#;

    fn objections(crates: &[(&str, &str)]) -> Vec<String> {
        let lock = crates.iter().map(|(name, version)| {
            format!("[[package]]\nname = '{name}'\nversion = '{version}'\nsource = 'r'\n")
        });
        let own = "[[package]]\nname = 'own'\nversion = '0.1.0'\n".to_owned();
        let lock = parse("lock", &lock.chain([own]).collect::<String>()).unwrap();
        let crates = locked("lock", &lock).unwrap().into_iter().collect();
        let audit = judge(&parse("known", KNOWN).unwrap(), &crates).unwrap();
        audit.objections
    }

    #[test]
    fn what_is_patched_or_was_never_struck_is_sound() {
        for version in ["1.4.2", "1.2.9", "1.3.0", "1.0.9", "2.0.0"] {
            assert_eq!(objections(&[("struck", version)]), [""; 0], "{version}");
        }
        assert_eq!(
            objections(&[("sound", "0.1.0"), ("struck", "1.2.8")]),
            ["struck 1.2.8: RUSTSEC-2026-1, it falls"]
        );
    }

    #[test]
    fn what_nobody_looked_up_is_named() {
        let found = objections(&[("new", "1.0.0")]);
        assert_eq!(
            found,
            ["new has not been looked up, see xtask/advisories.toml"]
        );
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(parse("known", "read = ").is_err());
        let known = parse("known", "read = '2026'").unwrap();
        assert!(judge(&known, &BTreeSet::new()).is_err());
    }
}
