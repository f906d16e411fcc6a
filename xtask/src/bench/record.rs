//! Writes what a bench has printed into the documents.

use std::fs;
use std::thread;

use super::Bench;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::sections;

/// Fails unless the documents have a place for what the bench says.
pub(super) fn expect(project: &Project, bench: &Bench) -> Result<()> {
    for section in bench.sections {
        sections::expect(project, section.file, section.name)?;
    }
    Ok(())
}

/// Puts what was printed into its sections, which begin by saying `with` what, and where.
pub(super) fn put(project: &Project, bench: &Bench, with: &str, output: &str) -> Result<()> {
    for section in bench.sections {
        let printed = sections::printed(output, section.name).ok_or_else(|| {
            let (bench, section) = (bench.name, section.name);
            Error::failed(format!("{bench} has printed no section `{section}`"))
        })?;
        let text = format!("{with}\n\n{printed}");
        sections::put(project, section.file, section.name, &text)?;
        println!("recorded in {}: {}", section.file, section.name);
    }
    Ok(())
}

/// `2 cores (AMD EPYC 7B13, Linux)`.
pub(super) fn machine() -> String {
    let cores = match thread::available_parallelism().map_or(1, usize::from) {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    };
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then_some(value.trim())
    });
    let model = model.unwrap_or(std::env::consts::ARCH);
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        other => other,
    };
    format!("{cores} ({model}, {system})")
}
