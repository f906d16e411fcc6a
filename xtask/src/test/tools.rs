//! Rings that need a nightly compiler: the address sanitizer, miri.

use super::ring::{Context, Outcome};
use super::rings::counted;
use crate::error::Result;
use crate::installed;
use crate::process::Run;

/// Tests that allocate, free and race: what the sanitizer watches.
const WATCHED: [&str; 7] = [
    "--lib",
    "--test",
    "leaks",
    "--test",
    "interleaved",
    "--test",
    "restart",
];

/// The nightly toolchain, and the target that it compiles for by itself.
fn compiler(context: &Context<'_>) -> Option<(String, String)> {
    let toolchain = installed::nightly(context.project, context.log)?;
    let ran = Run::with_toolchain(&toolchain, "rustc", context.project.root())
        .args(["-vV"])
        .run(context.log)
        .ok()?;
    let host = ran
        .output
        .lines()
        .find_map(|line| line.strip_prefix("host: "))?;
    Some((toolchain, host.to_owned()))
}

fn no_nightly() -> Result<Outcome> {
    Ok(Outcome::impossible("no nightly toolchain is installed"))
}

/// Uses after free, overflows and leaks, in what the tests do.
pub(super) fn address(context: &Context<'_>) -> Result<Outcome> {
    let Some((toolchain, host)) = compiler(context) else {
        return no_nightly();
    };
    let ran = Run::with_toolchain(&toolchain, "cargo", context.project.root())
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .args(["test", "--package", "breakerbox", "--all-features"])
        .args(WATCHED)
        .args(["--target", &host, "--target-dir"])
        .args([context.project.target("sanitizer-address")])
        .run(context.log)?;
    Ok(counted(&ran))
}

/// Undefined behaviour, by interpretation of what has `unsafe` below it.
pub(super) fn miri(context: &Context<'_>) -> Result<Outcome> {
    let Some(toolchain) = installed::nightly(context.project, context.log) else {
        return no_nightly();
    };
    let has = Run::with_toolchain(&toolchain, "cargo", context.project.root())
        .args(["miri", "--version"])
        .run(context.log)?;
    if !has.success {
        return Ok(Outcome::impossible(format!("{toolchain} has no miri")));
    }
    let ran = Run::with_toolchain(&toolchain, "cargo", context.project.root())
        .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks")
        .args(["miri", "test", "--package", "breakerbox", "--lib"])
        .args(["--target-dir"])
        .args([context.project.target("miri")])
        .args(["--", "store", "cell"])
        .run(context.log)?;
    Ok(counted(&ran))
}
