//! Rings that need a nightly compiler: the address sanitizer, miri.

use super::ring::{Context, Outcome};
use crate::error::{Error, Result};
use crate::installed::{self, source};
use crate::process::Run;

/// Tests that allocate, free and race: what the sanitizer watches.
const WATCHED: &str = "--lib --test leaks --test interleaved --test restart";

/// Finds uses after free, overflows and leaks, in what the tests do.
pub(super) fn address(context: &Context<'_>) -> Result<Outcome> {
    let toolchain = match installed::nightly(context.log) {
        Ok(toolchain) => toolchain,
        Err(unable) => return Ok(unable.into()),
    };
    let version = Run::with_toolchain(&toolchain, "rustc")
        .args(["-vV"])
        .output(context.log);
    let (_, host) = version
        .and_then(|version| source::identity(&version))
        .ok_or_else(|| Error::failed(format!("{toolchain} does not say what it is")))?;
    let ran = Run::with_toolchain(&toolchain, "cargo")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .words("test --package breakerbox --all-features")
        .words(WATCHED)
        .args(["--target", &host, "--target-dir"])
        .args([context.project.target("sanitizer-address")])
        .run(context.log)?;
    Ok(Outcome::of_tests(&ran))
}

/// Finds undefined behaviour, by interpretation of what has `unsafe` below it.
pub(super) fn miri(context: &Context<'_>) -> Result<Outcome> {
    let toolchain = match installed::nightly(context.log) {
        Ok(toolchain) => toolchain,
        Err(unable) => return Ok(unable.into()),
    };
    let miri = || Run::with_toolchain(&toolchain, "cargo").args(["miri"]);
    if miri().args(["--version"]).output(context.log).is_none() {
        return Ok(Outcome::impossible(format!("{toolchain} has no miri")));
    }
    let ran = miri()
        .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks")
        .words("test --package breakerbox --lib --target-dir")
        .args([context.project.target("miri")])
        .words("-- store cell")
        .run(context.log)?;
    Ok(Outcome::of_tests(&ran))
}
