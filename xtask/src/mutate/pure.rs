//! `cargo-mutants` on the pure words: every mutation that it knows, against their own unit tests.
//!
//! The words and what they need make a package of their own, which compiles in a second. What no
//! test can notice is listed in `.cargo/mutants.toml`, with its reason.

use std::path::Path;

use crate::error::{AtPath, Result};
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
    caught: usize,
    timed_out: usize,
    not_viable: usize,
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
    let ran = Run::new(&mutants)
        .dir(&root)
        .words("mutants --no-times --colors never --config")
        .args([project.path(".cargo/mutants.toml")])
        .words("--file src/word.rs --file src/word/** --cargo-arg=--lib")
        .args(["--minimum-test-timeout", LIMIT])
        .args(["--jobs", &jobs.to_string(), "--output"])
        .args([&out])
        .run(log)?;
    let tally = Tally::read(&out.join("mutants.out"))?;
    // Its exit code is 2 where some were missed, and 3 where some timed out: the lists tell.
    if !ran.success && tally.missed.is_empty() && tally.timed_out == 0 || tally.caught == 0 {
        return Err(log.failed("cargo-mutants did not come to its end"));
    }
    Ok(tally)
}

/// Writes the package, and takes what it no longer has away.
fn package(project: &Project, root: &Path) -> Result<()> {
    files::empty_dir(root)?;
    let mut lib = "#![allow(dead_code, unused_imports, unexpected_cfgs)]\n".to_owned();
    for module in MODULES {
        lib += &format!("mod {module};\npub use {module}::*;\n");
        let mut sources = files::below(&project.path(&format!("src/{module}")))?;
        sources.push(project.path(&format!("src/{module}.rs")));
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
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "words: {} killed ({} of them by not ending), {} do not compile, {} missed",
            self.caught + self.timed_out,
            self.timed_out,
            self.not_viable,
            self.missed.len()
        )
    }
}
