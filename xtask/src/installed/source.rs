//! Compilers with the source of their standard library, from which they build it for any target.

use std::fmt;
use std::path::PathBuf;

use super::debian::{self, Unable};
use crate::process::{Log, Run};
use crate::project::Project;

/// Where a compiler looks for that source, below its sysroot.
const SOURCE: &str = "lib/rustlib/src/rust/library/Cargo.lock";

/// Debian's compiler for its browsers, which is newer than its `rustc`.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The first two numbers of a compiler's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release(u32, u32);

impl Release {
    /// Reads `1.96` from `1.96`, `1.97.0-nightly` or `1.96.0+dfsg1-1~deb12u2`.
    pub(crate) fn parse(version: &str) -> Option<Self> {
        let mut numbers = version.trim().split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A compiler that has the source of its standard library.
#[derive(Debug)]
pub(crate) struct Compiler {
    sysroot: PathBuf,
    release: Release,
    /// The target that it compiles for by itself.
    pub(crate) host: String,
}

impl Compiler {
    /// Finds one of at least `oldest`, or installs Debian's.
    pub(crate) fn find(project: &Project, log: &Log, oldest: Release) -> Result<Self, Unable> {
        if let Some(found) = Self::installed(project, log, oldest) {
            return Ok(found);
        }
        let is_new = |version: &String| Release::parse(version).is_some_and(|is| is >= oldest);
        let offered = || debian::offered(project, log, PACKAGES[0]);
        if !offered().is_some_and(|version| is_new(&version)) {
            let is_fresh = debian::refresh(project, log);
            let offered = offered();
            if !offered.as_ref().is_some_and(is_new) {
                let why = none(oldest, offered.as_deref());
                return Err(if is_fresh {
                    Unable::Impossible(why)
                } else {
                    Unable::Missing(format!("{why}; `apt-get update` failed"))
                });
            }
        }
        debian::install(project, log, &PACKAGES)?;
        Self::installed(project, log, oldest).ok_or_else(|| {
            let packages = PACKAGES.join(", ");
            Unable::Missing(format!("{packages} are installed and have no source"))
        })
    }

    fn installed(project: &Project, log: &Log, oldest: Release) -> Option<Self> {
        sysroots(project, log)
            .into_iter()
            .filter(|sysroot| sysroot.join(SOURCE).exists())
            .filter_map(|sysroot| Self::of(project, log, sysroot))
            .find(|compiler| compiler.release >= oldest)
    }

    fn of(project: &Project, log: &Log, sysroot: PathBuf) -> Option<Self> {
        let ran = Run::new(sysroot.join("bin/rustc"), project.root())
            .args(["-vV"])
            .run(log)
            .ok()?;
        let (release, host) = identity(&ran.output)?;
        Some(Self {
            sysroot,
            release,
            host,
        })
    }

    /// Its cargo, which may use what only a nightly one may.
    pub(crate) fn cargo(&self, project: &Project) -> Run {
        self.tool("cargo", project)
            .env("RUSTC", &self.path("rustc"))
    }

    /// The compiler itself, which may use what only a nightly one may.
    pub(crate) fn rustc(&self, project: &Project) -> Run {
        self.tool("rustc", project)
    }

    fn tool(&self, name: &str, project: &Project) -> Run {
        Run::new(self.path(name), project.root()).env("RUSTC_BOOTSTRAP", "1")
    }

    fn path(&self, tool: &str) -> String {
        let path = self.sysroot.join("bin").join(tool);
        path.to_string_lossy().into_owned()
    }
}

/// The sysroots of the compilers here: the one that runs now, rustup's, Debian's.
fn sysroots(project: &Project, log: &Log) -> Vec<PathBuf> {
    let output = |run: Run| {
        let ran = run.run(log).ok().filter(|ran| ran.success);
        ran.map(|ran| ran.output).unwrap_or_default()
    };
    let toolchains = output(Run::new("rustup", project.root()).args(["toolchain", "list"]));
    let mut asked = vec![Run::new("rustc", project.root())];
    asked.extend(
        toolchains
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(|name| Run::with_toolchain(name, "rustc", project.root())),
    );
    asked
        .into_iter()
        .map(|rustc| output(rustc.args(["--print", "sysroot"])))
        .chain(["/usr".to_owned()])
        .map(|sysroot| PathBuf::from(sysroot.trim()))
        .collect()
}

/// The release and the host in what `rustc -vV` says.
fn identity(version: &str) -> Option<(Release, String)> {
    let value = |key: &str| version.lines().find_map(|line| line.strip_prefix(key));
    Some((
        Release::parse(value("release: ")?)?,
        value("host: ")?.to_owned(),
    ))
}

/// Why there is no compiler: what was looked for, and what there is instead.
fn none(oldest: Release, offered: Option<&str>) -> String {
    let debian = match offered {
        None => format!("apt-get knows no {}", PACKAGES[0]),
        Some(version) => format!("Debian's {} here is {version}", PACKAGES[0]),
    };
    format!(
        "no compiler from {oldest} on has the source of its standard library \
         (`rustup component add rust-src`), and {debian}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_origin_are_compared() {
        let release = |text| Release::parse(text).unwrap();
        assert_eq!(release("1.96.0+dfsg1-1~deb12u2"), release("1.96"));
        assert!(release("1.97.0-nightly") > release("1.96.0"));
        assert!(release("1.100.0") > release("1.88"));
        assert!(release("1.85.0+dfsg3-1~deb12u3") < release("1.88"));
        for text in ["", "1", "(none)", "rustc 1.96.0"] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_compiler_says_what_it_is() {
        let version = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n\
                       binary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\n";
        let host = "x86_64-unknown-linux-gnu".to_owned();
        assert_eq!(identity(version), Some((Release(1, 96), host)));
        assert_eq!(identity("error: no such command"), None);
    }

    #[test]
    fn what_is_offered_and_what_is_needed_are_named() {
        let why = none(Release(1, 88), Some("1.85.0+dfsg3-1~deb12u3"));
        assert!(why.contains("from 1.88 on"), "{why}");
        assert!(why.ends_with("rustc-web here is 1.85.0+dfsg3-1~deb12u3"));
        assert!(none(Release(1, 88), None).ends_with("apt-get knows no rustc-web"));
    }
}
