//! The ring `dependencies`: what cargo-deny says of the lock files, by the rules of `deny.toml`.

use std::path::{Path, PathBuf};

use super::ring::{Answer, Context, unless};
use crate::error::Result;
use crate::files;
use crate::installed;
use crate::process::Run;
use crate::project::Project;

const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// The platforms whose programs `bans` is asked about.
const TARGETS: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
];

/// Writes a package that depends on the core alone, as a user's does, and returns its manifest.
fn user(project: &Project) -> Result<PathBuf> {
    let manifest = project.target("xtask/user/Cargo.toml");
    let core = toml::Value::from(&*project.root().to_string_lossy());
    let text = format!(
        "[package]\nname = \"breakerbox-user\"\nedition = \"2024\"\nlicense = \"MIT\"\n\n\
         [dependencies]\nbreakerbox = {{ path = {core} }}\n\n[workspace]\n"
    );
    files::write(&manifest, text)?;
    files::write(&project.target("xtask/user/src/lib.rs"), "")?;
    // The same versions; Cargo takes away what is of no use.
    let lock = project.read("Cargo.lock")?;
    files::write(&project.target("xtask/user/Cargo.lock"), lock)?;
    Ok(manifest)
}

pub(super) fn check(context: &Context<'_>) -> Answer {
    let (project, log) = (context.project, context.log);
    let program = installed::tool(project, CARGO_DENY, log)?;
    let deny = |manifest: &Path, words: &str| {
        let deny = Run::new(&program).args(["--manifest-path".as_ref(), manifest]);
        let deny = deny.args(["--config".as_ref(), &*project.path("deny.toml")]);
        deny.words("--all-features").words(words)
    };
    let user = user(project)?;
    let (own, fuzz) = (project.path("Cargo.toml"), project.path("fuzz/Cargo.toml"));
    let bans = TARGETS.map(|target| format!("--target {target} check bans"));
    let mut checks: Vec<_> = bans.iter().map(|bans| (&user, &**bans)).collect();
    checks.extend([
        (&own, "--workspace check licenses sources"),
        (&fuzz, "check licenses sources"),
    ]);
    // From GitHub, which not every machine reaches.
    let has_advisories = deny(&own, "fetch db").works(log);
    if has_advisories {
        checks.push((&own, "--workspace check advisories"));
        checks.push((&fuzz, "check advisories"));
    }
    let mut problems = Vec::new();
    for (manifest, words) in checks {
        let ran = deny(manifest, words).run(log)?;
        if !ran.success {
            let errors = ran.output.lines().filter(|line| line.starts_with("error"));
            let errors = errors.collect::<Vec<_>>().join(", ");
            problems.push(format!("{}: {errors}", project.relative(manifest)));
        }
    }
    let advisories = match has_advisories {
        true => "no advisory",
        false => "ADVISORIES NOT RUN: their database can't be had",
    };
    unless(&problems, format!("bans, licenses, sources; {advisories}"))
}
