//! Debian's packages: which there are, and installing them where that takes no questions.

use crate::error::{Error, Result};
use crate::process::{Log, Run};

/// Installs `packages`, words of a line, unless they are all there.
pub(crate) fn ensure(log: &Log, packages: &str) -> Result<()> {
    let query =
        Run::new("dpkg-query").args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
    let listed = query.words(packages).output(log).unwrap_or_default();
    // One that was removed keeps its line.
    let listed: Vec<_> = listed.lines().collect();
    let is_there = |package| listed.contains(&&*format!("{package} installed"));
    match packages.split(' ').all(is_there) {
        true => Ok(()),
        false => install(log, packages),
    }
}

/// Installs or upgrades `packages`, as root, and takes no other package away for it.
pub(crate) fn install(log: &Log, packages: &str) -> Result<()> {
    if !has_apt(log) {
        let why = format!("{packages}: packages of Debian, and this machine has no apt-get");
        return Err(Error::Impossible(why));
    }
    if !is_root(log) {
        let why = format!("not installed, and only root may install them: {packages}");
        return Err(Error::Missing(why));
    }
    log.line(&format!("installing {packages}"));
    let install = format!("install -y --no-install-recommends --no-remove {packages}");
    // A machine without lists of packages knows none, and one with old lists asks for what is gone.
    if apt(log, &install) || refresh(log) && apt(log, &install) {
        return Ok(());
    }
    let why = format!("not installed, and apt-get could not install them: {packages}");
    Err(Error::Missing(why))
}

/// Returns the version of `package` that would be installed, if there is such a package.
pub(crate) fn offered(log: &Log, package: &str) -> Option<String> {
    let policy = Run::new("apt-cache").args(["policy", package]);
    let policy = policy.env("LC_ALL", "C").output(log)?;
    let (_, version) = policy.split_once("Candidate: ")?;
    let version = version.lines().next()?.trim();
    (version != "(none)").then(|| version.to_owned())
}

/// Fetches the lists of packages where the user may; false if that was tried and failed.
pub(crate) fn refresh(log: &Log) -> bool {
    !has_apt(log) || !is_root(log) || apt(log, "update")
}

fn apt(log: &Log, words: &str) -> bool {
    let apt = Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    let apt = apt.words("-o DPkg::Lock::Timeout=120").words(words);
    apt.works(log)
}

fn has_apt(log: &Log) -> bool {
    Run::new("apt-get").args(["--version"]).works(log)
}

fn is_root(log: &Log) -> bool {
    let id = Run::new("id").args(["-u"]).output(log);
    id.is_some_and(|id| id.trim() == "0")
}
