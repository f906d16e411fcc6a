//! Debian's packages: which there are, and installing them where that takes no questions.

use std::fmt;

use crate::process::{Log, Run};
use crate::project::Project;

/// Why something cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unable {
    /// The machine could have it.
    Missing(String),
    /// There is none for this machine.
    Impossible(String),
}

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Missing(why) | Self::Impossible(why)) = self;
        f.write_str(why)
    }
}

/// Installs `packages` unless they are all there.
pub(crate) fn ensure(project: &Project, log: &Log, packages: &[&str]) -> Result<(), Unable> {
    let listed = Run::new("dpkg-query", project.root())
        .args([
            "--show",
            "--showformat",
            "${Package} ${db:Status-Status}\\n",
        ])
        .args(packages)
        .run(log);
    if listed.is_ok_and(|ran| are_installed(&ran.output, packages)) {
        return Ok(());
    }
    install(project, log, packages)
}

/// Installs or upgrades `packages`, as root, and takes no other package away for it.
pub(crate) fn install(project: &Project, log: &Log, packages: &[&str]) -> Result<(), Unable> {
    let names = packages.join(", ");
    if !has_apt(project, log) {
        return Err(Unable::Impossible(format!(
            "{names}: packages of Debian, and this machine has no apt-get"
        )));
    }
    let missing = |why: &str| Err(Unable::Missing(format!("not installed, {why}: {names}")));
    if !is_root(project, log) {
        return missing("and only root may install them");
    }
    log.line(&format!("installing {names}"));
    let mut args = vec!["install", "-y", "--no-install-recommends", "--no-remove"];
    args.extend(packages);
    // A machine without lists of packages knows none, and one with old lists asks for what is gone.
    if apt(project, log, &args) || refresh(project, log) && apt(project, log, &args) {
        Ok(())
    } else {
        missing("and apt-get could not install them")
    }
}

/// The version of `package` that would be installed, if there is such a package.
pub(crate) fn offered(project: &Project, log: &Log, package: &str) -> Option<String> {
    let policy = Run::new("apt-cache", project.root())
        .env("LC_ALL", "C")
        .args(["policy", package])
        .run(log)
        .ok()?;
    candidate(&policy.output).map(str::to_owned)
}

/// Fetches the lists of packages where the user may; false if that was tried and failed.
pub(crate) fn refresh(project: &Project, log: &Log) -> bool {
    !has_apt(project, log) || !is_root(project, log) || apt(project, log, &["update"])
}

fn apt(project: &Project, log: &Log, args: &[&str]) -> bool {
    let ran = Run::new("apt-get", project.root())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-o", "DPkg::Lock::Timeout=120"])
        .args(args)
        .run(log);
    ran.is_ok_and(|ran| ran.success)
}

fn has_apt(project: &Project, log: &Log) -> bool {
    let ran = Run::new("apt-get", project.root())
        .args(["--version"])
        .run(log);
    ran.is_ok_and(|ran| ran.success)
}

fn is_root(project: &Project, log: &Log) -> bool {
    let id = Run::new("id", project.root()).args(["-u"]).run(log);
    id.is_ok_and(|ran| ran.output.trim() == "0")
}

/// Whether each of `packages` has a line that says so: one that was removed keeps its line.
fn are_installed(listed: &str, packages: &[&str]) -> bool {
    let is_installed = |package: &&str| {
        let line = format!("{package} installed");
        listed.lines().any(|listed| listed == line)
    };
    packages.iter().all(is_installed)
}

/// The version after `Candidate:` in what `apt-cache policy` says.
fn candidate(policy: &str) -> Option<&str> {
    let line = policy
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("Candidate: "))?;
    Some(line.trim()).filter(|version| *version != "(none)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_is_not_installed() {
        let listed = "clang-19 installed\nllvm-19 config-files\n\
                      dpkg-query: no packages found matching qemu-user\n";
        assert!(are_installed(listed, &["clang-19"]));
        assert!(!are_installed(listed, &["clang-19", "llvm-19"]));
        assert!(!are_installed(listed, &["qemu-user"]));
        // Not by the beginning of a name either.
        assert!(!are_installed(listed, &["clang"]));
    }

    #[test]
    fn what_would_be_installed_is_the_candidate() {
        let policy = "rustc-web:\n  Installed: 1.85.0+dfsg3-1~deb12u3\n  \
                      Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(candidate(policy), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(
            candidate("mine:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate(""), None);
    }
}
