//! Compilers with the source of their standard library, from which they build it for any target.

use std::path::PathBuf;

use super::{debian, toolchains};
use crate::error::{Error, Result};
use crate::process::{Log, Run};

/// The place of that source, below a compiler's sysroot.
const SOURCE: &str = "lib/rustlib/src/rust/library/Cargo.lock";

/// Debian's compiler for its browsers, which is newer than its `rustc`.
const PACKAGES: &str = "rustc-web cargo-web rust-web-src";

const RUSTC: &str = "rustc-web";

/// The first two numbers of a compiler's version.
type Release = (u32, u32);

/// Reads `(1, 96)` from `1.96`, `1.97.0-nightly` or `1.96.0+dfsg1-1~deb12u2`.
fn release(version: &str) -> Option<Release> {
    let mut numbers = version.trim().split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A compiler that has the source of its standard library.
#[derive(Debug)]
pub(crate) struct Compiler {
    sysroot: PathBuf,
    /// The target that it compiles for by itself.
    pub(crate) host: String,
}

impl Compiler {
    /// Finds one of at least the version `oldest`, or installs Debian's.
    pub(crate) fn find(log: &Log, oldest: &str) -> Result<Self> {
        if let Some(found) = Self::installed(log, oldest) {
            return Ok(found);
        }
        let offered = || debian::offered(log, RUSTC).unwrap_or("none".to_owned());
        let is_new = || release(&offered()) >= release(oldest);
        let is_fresh = is_new() || debian::refresh(log);
        if !is_new() {
            let why = format!(
                "no compiler from {oldest} on has the source of its standard library (`rustup \
                 component add rust-src`), and the {RUSTC} of apt-get is {}",
                offered()
            );
            return Err(match is_fresh {
                true => Error::Impossible(why),
                false => Error::Missing(why),
            });
        }
        debian::install(log, PACKAGES)?;
        let none = || Error::Missing(format!("{PACKAGES} are installed and have no source"));
        Self::installed(log, oldest).ok_or_else(none)
    }

    fn installed(log: &Log, oldest: &str) -> Option<Self> {
        let with_source = |sysroot: &PathBuf| sysroot.join(SOURCE).exists();
        let mut sysroots = sysroots(log).into_iter().filter(with_source);
        sysroots.find_map(|sysroot| {
            let rustc = Run::new(sysroot.join("bin/rustc"));
            let (is, host) = identity(&rustc.words("-vV").output(log)?)?;
            (Some(is) >= release(oldest)).then_some(Self { sysroot, host })
        })
    }

    /// Returns its cargo, which may use what only a nightly one may.
    pub(crate) fn cargo(&self) -> Run {
        self.tool("cargo")
            .env("RUSTC", self.sysroot.join("bin/rustc"))
    }

    /// Returns the compiler itself, which may use what only a nightly one may.
    pub(crate) fn rustc(&self) -> Run {
        self.tool("rustc")
    }

    fn tool(&self, name: &str) -> Run {
        Run::new(self.sysroot.join("bin").join(name)).env("RUSTC_BOOTSTRAP", "1")
    }
}

/// Lists the sysroots of the compilers here: the one that runs now, rustup's, Debian's.
fn sysroots(log: &Log) -> Vec<PathBuf> {
    let others = toolchains(log);
    let others = others.iter().map(|name| Run::with_toolchain(name, "rustc"));
    let asked = [Run::new("rustc")].into_iter().chain(others);
    asked
        .filter_map(|rustc| rustc.words("--print sysroot").output(log))
        .map(|sysroot| PathBuf::from(sysroot.trim()))
        .chain([PathBuf::from("/usr")])
        .collect()
}

/// Reads the release and the host in what `rustc -vV` says.
pub(crate) fn identity(version: &str) -> Option<(Release, String)> {
    let value = |key: &str| version.lines().find_map(|line| line.strip_prefix(key));
    Some((release(value("release: ")?)?, value("host: ")?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_origin_are_compared() {
        assert_eq!(release("1.96.0+dfsg1-1~deb12u2"), release("1.96"));
        assert!(release("1.100.0-nightly") > release("1.96.0"));
        assert!(release("(none)") < release("1.88"));
    }
}
