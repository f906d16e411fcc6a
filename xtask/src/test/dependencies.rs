//! What the core brings along to its users: few crates, by name, free to use, without known faults.

use super::advisories;
use super::ring::{Context, Outcome};
use super::rings::cargo;
use crate::error::Result;

/// All that a build without features compiles.
const CORE: [&str; 7] = [
    "crossbeam-epoch",
    "crossbeam-utils",
    "equivalent",
    "libc",
    "papaya",
    "portable-atomic",
    "seize",
];

/// What is compiled with every feature is under one of these.
const LICENSES: [&str; 2] = ["MIT", "Apache-2.0"];

const TREE: &str = "tree --package breakerbox --edges normal --prefix none --locked";

/// Name and license of each crate in a listing of `cargo tree`, but for our own.
fn crates(output: &str) -> Vec<(&str, &str)> {
    let mut crates: Vec<_> = output
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            let (_, license) = rest.split_once('|')?;
            Some((name, license.trim_end_matches(" (*)")))
        })
        .filter(|(name, _)| *name != "breakerbox")
        .collect();
    crates.sort_unstable();
    crates.dedup();
    crates
}

/// Whether one may choose a license that we know. (`A AND B` has ours in brackets, or not at all.)
fn is_free(license: &str) -> bool {
    let choices = license.split(" AND ").next().unwrap_or(license);
    choices
        .split([' ', '/', '(', ')'])
        .any(|one| LICENSES.contains(&one))
}

pub(super) fn check(context: &Context<'_>) -> Result<Outcome> {
    let format = "--format {p}|{l}";
    let core = cargo(context, &format!("{TREE} {format}"))?;
    let all = cargo(context, &format!("{TREE} {format} --all-features"))?;
    if !core.success || !all.success {
        return Ok(Outcome::failed("the dependencies can't be listed"));
    }
    let core = crates(&core.output);
    let new: Vec<_> = core
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !CORE.contains(name))
        .collect();
    if !new.is_empty() {
        return Ok(Outcome::failed(format!(
            "the core depends on more than is agreed: {}",
            new.join(", ")
        )));
    }
    let all = crates(&all.output);
    let bound: Vec<_> = all
        .iter()
        .filter(|(_, license)| !is_free(license))
        .map(|(name, license)| format!("{name} ({license})"))
        .collect();
    if !bound.is_empty() || core.is_empty() {
        return Ok(Outcome::failed(format!(
            "another license: {}",
            bound.join(", ")
        )));
    }
    let audit = advisories::audit(context.project)?;
    Ok(if audit.objections.is_empty() {
        Outcome::passed(format!(
            "{} crates, {} with features; no advisory of before {} about {} locked ones",
            core.len(),
            all.len(),
            audit.read,
            audit.crates
        ))
    } else {
        Outcome::failed(audit.objections.join("; "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_read() {
        let output = "breakerbox v0.1.0 (/a)|MIT\npapaya v0.2.5|MIT\npapaya v0.2.5|MIT (*)\n\
                      serde_derive v1.0.2 (proc-macro)|MIT OR Apache-2.0\n";
        assert_eq!(
            crates(output),
            [("papaya", "MIT"), ("serde_derive", "MIT OR Apache-2.0")]
        );
    }

    #[test]
    fn licenses_are_read() {
        for free in [
            "MIT",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_free(free), "{free}");
        }
        for bound in ["GPL-3.0", "", "MPL-2.0 AND MIT"] {
            assert!(!is_free(bound), "{bound}");
        }
    }
}
