//! What else the machine has: toolchains, and tools, which are installed if they are missing.

pub(crate) mod debian;
pub(crate) mod source;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::process::{Log, Run};
use crate::project::Project;

/// The nightly toolchain that is installed, by its whole name.
pub(crate) fn nightly(project: &Project, log: &Log) -> Option<String> {
    let listed = Run::new("rustup", project.root())
        .args(["toolchain", "list"])
        .run(log)
        .ok()?;
    let name = listed
        .output
        .split_whitespace()
        .find(|name| name.starts_with("nightly"))?;
    Some(name.to_owned())
}

/// Finds the cargo subcommand `name`, or installs it into the target directory.
pub(crate) fn tool(project: &Project, name: &str, log: &Log) -> Result<PathBuf> {
    let tools = project.target("tools");
    let own = tools.join("bin").join(name);
    if own.exists() {
        return Ok(own);
    }
    // Cargo calls its subcommands by the last word of their name too.
    let command = name.trim_start_matches("cargo-");
    let found = Run::new(name, project.root())
        .args([command, "--version"])
        .run(log);
    if found.is_ok_and(|ran| ran.success) {
        return Ok(name.into());
    }
    log.line(&format!("installing {name}"));
    let installed = Run::cargo(project.root())
        .args(["install", name, "--locked", "--root"])
        .args([&tools])
        .run(log)?;
    if installed.success && own.exists() {
        Ok(own)
    } else {
        Err(Error::failed(format!("{name} could not be installed")))
    }
}

/// Finds valgrind, or installs it where that takes no questions: on Debian and its kin, as root.
pub(crate) fn valgrind(project: &Project, log: &Log) -> Result<PathBuf> {
    let works = || {
        let found = Run::new("valgrind", project.root())
            .args(["--version"])
            .run(log);
        found.is_ok_and(|ran| ran.success)
    };
    if works() {
        return Ok("valgrind".into());
    }
    debian::install(project, log, &["valgrind"])
        .map_err(|unable| Error::failed(unable.to_string()))?;
    if works() {
        Ok("valgrind".into())
    } else {
        Err(Error::failed("valgrind is installed and does not start"))
    }
}
