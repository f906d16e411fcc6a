//! `cargo-mutants` on words and decisions: every mutation that it knows, against their unit tests.
//!
//! They make a package of their own with what they need, which compiles in seconds. Mutants that no
//! test can notice are listed in `.cargo/mutants.toml`, with the reason.

use std::path::Path;

use crate::error::{AtPath, Result, bail};
use crate::files;
use crate::installed;
use crate::process::{Log, NOTHING, Run};
use crate::project::Project;

/// The modules of the package, below `src`: words and decisions, and what they name.
const MODULES: [&str; 5] = ["error", "key", "rules", "snapshot", "word"];

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
serde_json = "1"
toml = "1"

[profile.test]
debug = 0

[workspace]
"#;

/// A mutant that loops is ended after so many seconds; the tests take less than one.
const LIMIT: &str = "10";

/// Tries every mutant of the words; an error if one lives that `.cargo/mutants.toml` doesn't explain.
pub(super) fn judge(project: &Project, verbose: bool) -> Result<()> {
    let log = Log::create(project, "mutate-words", verbose, NOTHING)?;
    println!("\ntrying every mutant of the words; this takes some five minutes");
    let mutants = installed::tool(project, "cargo-mutants", &log)?;
    let [root, out] = ["mutate/words", "mutate/words-out"].map(|dir| project.target(dir));
    package(project, &root)?;
    files::empty_dir(&out)?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let ran = Run::new(&mutants)
        .dir(&root)
        .words("mutants --no-times --colors never --config")
        .args([project.path(".cargo/mutants.toml")])
        .words("--file src/word.rs --file src/word/** --cargo-arg=--lib")
        .words("--file src/rules/trip.rs --file src/rules/decision.rs")
        .args(["--minimum-test-timeout", LIMIT])
        .args(["--jobs", &jobs.to_string(), "--output"])
        .args([&out])
        .run(&log)?;
    let list = |name: &str| {
        let path = out.join("mutants.out").join(name);
        let text = std::fs::read_to_string(&path).at(&path)?;
        Ok(text.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let (caught, not_viable) = (list("caught.txt")?.len(), list("unviable.txt")?.len());
    let (timed_out, missed) = (list("timeout.txt")?.len(), list("missed.txt")?);
    // Its exit code is 2 where some were missed, and 3 where some timed out: the lists tell.
    if !ran.success && missed.is_empty() && timed_out == 0 || caught == 0 {
        return Err(log.failed("cargo-mutants did not come to its end"));
    }
    for missed in &missed {
        println!("  MISSED: {missed}");
    }
    let (killed, missed) = (caught + timed_out, missed.len());
    println!(
        "words: {killed} killed ({timed_out} of them by not ending), {not_viable} do not compile, \
         {missed} missed"
    );
    if missed > 0 {
        bail!("{missed} mutants of the words live; kill or explain them in .cargo/mutants.toml");
    }
    Ok(())
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
    // A test compares the settings with it.
    let guide = "docs/guide.md";
    files::write(&root.join(guide), project.read(guide)?)?;
    files::write(&root.join("Cargo.toml"), MANIFEST)?;
    files::write(&root.join("Cargo.lock"), project.read("Cargo.lock")?)
}
