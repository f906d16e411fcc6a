//! Toolchains and tools of the machine; tools are installed if they are missing.

pub(crate) mod debian;
pub(crate) mod source;

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::process::{Log, Run};
use crate::project::Project;

/// Lists rustup's toolchains by their whole names; none where there is no rustup.
pub(crate) fn toolchains(log: &Log) -> Vec<String> {
    let listed = Run::new("rustup").words("toolchain list").output(log);
    let listed = listed.unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Finds a toolchain whose name begins with one of `names`.
pub(crate) fn toolchain(log: &Log, names: &[String]) -> Result<String> {
    let is_one = |toolchain: &String| names.iter().any(|name| toolchain.starts_with(name));
    let found = toolchains(log).into_iter().find(is_one);
    let none = || Error::Impossible(format!("no toolchain {} is installed", names[0]));
    found.ok_or_else(none)
}

/// Finds the nightly toolchain.
pub(crate) fn nightly(log: &Log) -> Result<String> {
    toolchain(log, &["nightly".to_owned()])
}

/// Finds the cargo subcommand `spec`, which is `NAME` or `NAME@VERSION`, or installs it into the
/// target directory.
pub(crate) fn tool(project: &Project, spec: &str, log: &Log) -> Result<PathBuf> {
    let (name, version) = spec.split_once('@').unwrap_or((spec, ""));
    let own = project.target(&format!("tools/{spec}"));
    let program = own.join("bin").join(name);
    if program.exists() {
        return Ok(program);
    }
    // Cargo calls its subcommands by the last word of their name too.
    let command = name.trim_start_matches("cargo-");
    let found = Run::new(name).args([command, "--version"]).output(log);
    if found.is_some_and(|found| found.contains(version)) {
        return Ok(name.into());
    }
    log.line(&format!("installing {spec}"));
    // Compiled for speed they take five times as long to build, for seconds that they run.
    let install = Run::cargo("install --locked --debug").args([spec, "--root"]);
    let install = install.args([&own]).env("CARGO_PROFILE_DEV_DEBUG", "none");
    if install.works(log) && program.exists() {
        return Ok(program);
    }
    Err(Error::Missing(format!("{spec} could not be installed")))
}

/// Makes sure of valgrind: installs it where that takes no questions, on Debian and its kin as root.
pub(crate) fn valgrind(log: &Log) -> Result<()> {
    let works = || Run::new("valgrind").words("--version").works(log);
    if works() {
        return Ok(());
    }
    let why = match debian::install(log, "valgrind") {
        Ok(()) if works() => return Ok(()),
        Ok(()) => "valgrind is installed and does not start".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::Missing(why))
}
