//! `cargo-mutants` on the pure words: every mutation that it knows, against their own unit tests.
//!
//! The words and what they need make a package of their own, which compiles in a second. What no
//! test can notice is listed in `.cargo/mutants.toml`, with its reason.

use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::installed;
use crate::process::{Log, Run};
use crate::project::Project;

/// What the package consists of, below `src`: the words, and what names and checks their rules.
const MODULES: [&str; 4] = ["config", "error", "snapshot", "word"];

const MANIFEST: &str = r#"[package]
name = "breakerbox-words"
version = "0.0.0"
edition = "2024"

[features]
default = ["serde"]
serde = ["dep:serde"]

[dependencies]
serde = { version = "1", features = ["derive"], optional = true }

[dev-dependencies]
proptest = { version = "1", default-features = false, features = ["std"] }

[profile.test]
debug = 0

[workspace]
"#;

/// A mutant that loops is ended after so many seconds; the tests take less than one.
const LIMIT: &str = "10";

/// How many mutants met each end, and which lived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) caught: usize,
    pub(crate) timed_out: usize,
    pub(crate) not_viable: usize,
    pub(crate) missed: Vec<String>,
}

/// Tries every mutant of the words.
pub(crate) fn run(project: &Project, log: &Log) -> Result<Tally> {
    let mutants = installed::tool(project, "cargo-mutants", log)?;
    let root = project.target("mutate/words");
    package(project, &root)?;
    let out = project.target("mutate/words-out");
    std::fs::create_dir_all(&out).at(&out)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let ran = Run::new(&mutants, &root)
        .args(["mutants", "--no-times", "--colors", "never", "--config"])
        .args([project.path(".cargo/mutants.toml")])
        .args(["--file", "src/word.rs", "--file", "src/word/**"])
        .args(["--cargo-arg=--lib", "--minimum-test-timeout", LIMIT])
        .args(["--jobs", &jobs.to_string(), "--output"])
        .args([&out])
        .run(log)?;
    let tally = Tally::read(&out.join("mutants.out"))?;
    // Its exit code is 2 where some were missed, and 3 where some timed out: the lists tell.
    if !ran.success && tally.missed.is_empty() && tally.timed_out == 0 || tally.caught == 0 {
        return Err(Error::failed(format!(
            "cargo-mutants did not come to its end; its output: {}",
            project.relative(log.path())
        )));
    }
    Ok(tally)
}

/// Writes the package, and takes what it no longer has away.
fn package(project: &Project, root: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(root);
    let mut lib = "#![allow(dead_code, unused_imports, unexpected_cfgs)]\n".to_owned();
    for module in MODULES {
        lib += &format!("mod {module};\npub use {module}::*;\n");
        let file = PathBuf::from(format!("src/{module}.rs"));
        let mut sources = vec![project.root().join(file)];
        let folder = project.path(&format!("src/{module}"));
        if folder.exists() {
            sources.extend(files::below(&folder)?);
        }
        for source in sources {
            let inside = source.strip_prefix(project.root()).expect("it lies below");
            files::write(&root.join(inside), std::fs::read(&source).at(&source)?)?;
        }
    }
    files::write(&root.join("src/lib.rs"), lib)?;
    files::write(&root.join("Cargo.toml"), MANIFEST)?;
    files::write(&root.join("Cargo.lock"), project.read("Cargo.lock")?)
}

impl Tally {
    fn read(dir: &Path) -> Result<Self> {
        let list = |name: &str| -> Result<Vec<String>> {
            let path = dir.join(name);
            let text = std::fs::read_to_string(&path).at(&path)?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            caught: list("caught.txt")?.len(),
            timed_out: list("timeout.txt")?.len(),
            not_viable: list("unviable.txt")?.len(),
            missed: list("missed.txt")?,
        })
    }

    pub(crate) fn killed(&self) -> usize {
        self.caught + self.timed_out
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "words: {} killed ({} of them by not ending), {} do not compile, {} missed",
            self.killed(),
            self.timed_out,
            self.not_viable,
            self.missed.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_counted() {
        let dir = std::env::temp_dir().join(format!("breakerbox-lists-{}", std::process::id()));
        for (name, text) in [
            ("caught.txt", "a\nb\n"),
            ("timeout.txt", "c\n"),
            ("unviable.txt", ""),
            ("missed.txt", "src/word.rs:1:1: replace + with -\n"),
        ] {
            files::write(&dir.join(name), text).unwrap();
        }
        let tally = Tally::read(&dir).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!((tally.killed(), tally.not_viable), (3, 0));
        assert_eq!(tally.missed, ["src/word.rs:1:1: replace + with -"]);
        assert!(Tally::read(&dir).is_err());
    }
}
