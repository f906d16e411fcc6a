//! Debian's packages: which there are, and installing them where that takes no questions.

use crate::error::{Error, Result};
use crate::process::{Log, Run};

/// Installs `packages` unless they are all there.
pub(crate) fn ensure(log: &Log, packages: &[&str]) -> Result<()> {
    let format = "--showformat=${Package} ${db:Status-Status}\\n";
    let list = Run::new("dpkg-query")
        .args(["--show", format])
        .args(packages);
    if list
        .output(log)
        .is_some_and(|listed| are_installed(&listed, packages))
    {
        return Ok(());
    }
    install(log, packages)
}

/// Installs or upgrades `packages`, as root, and takes no other package away for it.
pub(crate) fn install(log: &Log, packages: &[&str]) -> Result<()> {
    let names = packages.join(", ");
    if !has_apt(log) {
        return Err(Error::Impossible(format!(
            "{names}: packages of Debian, and this machine has no apt-get"
        )));
    }
    let missing = |why: &str| Err(Error::Missing(format!("not installed, {why}: {names}")));
    if !is_root(log) {
        return missing("and only root may install them");
    }
    log.line(&format!("installing {names}"));
    let mut args = vec!["install", "-y", "--no-install-recommends", "--no-remove"];
    args.extend(packages);
    // A machine without lists of packages knows none, and one with old lists asks for what is gone.
    if apt(log, &args) || refresh(log) && apt(log, &args) {
        Ok(())
    } else {
        missing("and apt-get could not install them")
    }
}

/// Returns the version of `package` that would be installed, if there is such a package.
pub(crate) fn offered(log: &Log, package: &str) -> Option<String> {
    let policy = Run::new("apt-cache")
        .env("LC_ALL", "C")
        .args(["policy", package]);
    candidate(&policy.output(log)?).map(str::to_owned)
}

/// Fetches the lists of packages where the user may; false if that was tried and failed.
pub(crate) fn refresh(log: &Log) -> bool {
    !has_apt(log) || !is_root(log) || apt(log, &["update"])
}

fn apt(log: &Log, args: &[&str]) -> bool {
    let apt = Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    let apt = apt.words("-o DPkg::Lock::Timeout=120").args(args);
    apt.output(log).is_some()
}

fn has_apt(log: &Log) -> bool {
    Run::new("apt-get")
        .args(["--version"])
        .output(log)
        .is_some()
}

fn is_root(log: &Log) -> bool {
    let id = Run::new("id").args(["-u"]).output(log);
    id.is_some_and(|id| id.trim() == "0")
}

/// Returns whether each of `packages` is listed as installed: one that was removed keeps its line.
fn are_installed(listed: &str, packages: &[&str]) -> bool {
    let is_installed = |package: &&str| {
        let line = format!("{package} installed");
        listed.lines().any(|listed| listed == line)
    };
    packages.iter().all(is_installed)
}

/// Reads the version after `Candidate:` in what `apt-cache policy` says.
fn candidate(policy: &str) -> Option<&str> {
    let line = |line: &'_ str| line.trim_start().starts_with("Candidate: ");
    let (_, version) = policy.lines().find(|text| line(text))?.split_once(": ")?;
    Some(version.trim()).filter(|version| *version != "(none)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_is_not_installed() {
        let listed = "clang-19 installed\nllvm-19 config-files\n";
        assert!(are_installed(listed, &["clang-19"]));
        assert!(!are_installed(listed, &["clang-19", "llvm-19"]));
        // Not by the beginning of a name either.
        assert!(!are_installed(listed, &["clang"]));
    }

    #[test]
    fn what_would_be_installed_is_the_candidate() {
        let policy = "rustc-web:\n  Installed: 1.85.0+dfsg3-1~deb12u3\n  \
                      Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(candidate(policy), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(candidate("mine:\n  Candidate: (none)\n"), None);
    }
}
