//! Results, for the terminal, for documents, and for programs in `target/comparison`.

use super::options::{Effort, Options};
use serde::Serialize;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

/// Runs a bench, and prints its error.
pub fn run(bench: impl FnOnce() -> Result<(), Box<dyn Error>>) -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A bound, and the figure that was measured.
pub struct Goal {
    pub label: String,
    pub found: String,
    pub is_met: bool,
}

/// Prints the results of the bench `name`, goals and a section of a document, and writes the JSON
/// file. `tmpdir` is `CARGO_TARGET_TMPDIR`, which Cargo gives to a bench, and not to a library.
pub fn give(
    (options, tmpdir, name): (&Options, &str, &str),
    goals: &[Goal],
    section: Option<&str>,
    rows: &impl Serialize,
) -> io::Result<()> {
    if options.effort == Effort::Smoke {
        return Ok(());
    }
    for (i, goal) in goals.iter().enumerate() {
        let verdict = if goal.is_met { "met" } else { "MISSED" };
        let title = if i == 0 { "\nGoals\n" } else { "" };
        println!("{title}  {verdict:<6} {:>8}  {}", goal.found, goal.label);
    }
    if let Some(section) = section.filter(|_| options.markdown) {
        print_section(name, section);
    }
    write(tmpdir, name, rows)
}

/// Writes `rows` as `name.json`, and prints the path.
pub fn write(tmpdir: &str, name: &str, rows: &impl Serialize) -> io::Result<()> {
    // It is in the target directory.
    let target = Path::new(tmpdir).parent().unwrap_or(Path::new("target"));
    let folder = target.join("comparison");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{name}.json"));
    fs::write(&path, serde_json::to_string_pretty(rows)? + "\n")?;
    println!("\n{}", path.display());
    Ok(())
}

/// Prints `text` as the section `name` of a document. `cargo xtask bench --record` finds it by
/// these marks, and puts it between the same ones.
pub fn print_section(name: &str, text: &str) {
    println!("\n<!-- {name} -->\n{}\n<!-- /{name} -->", text.trim_end());
}
