//! Rings that need a nightly compiler: the address sanitizer, miri.

use super::ring::{Answer, Context, tests};
use crate::error::{Error, bail};
use crate::installed::{self, source};
use crate::process::Run;

/// Tests that allocate, free and race: what the sanitizer watches.
const WATCHED: &str = "--lib --test leaks --test interleaved --test restart";

/// Finds uses after free, overflows and leaks, in what the tests do.
pub(super) fn address(context: &Context<'_>) -> Answer {
    let toolchain = installed::nightly(context.log)?;
    let rustc = Run::with_toolchain(&toolchain, "rustc").args(["-vV"]);
    let version = rustc.output(context.log).unwrap_or_default();
    let Some((_, host)) = source::identity(&version) else {
        bail!("{toolchain} does not say what it is");
    };
    let run = Run::with_toolchain(&toolchain, "cargo")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .words("test --package breakerbox --all-features")
        .words(WATCHED)
        .args(["--target", &host, "--target-dir"])
        .args([context.project.target("sanitizer-address")]);
    tests(run, context.log)
}

/// Finds undefined behaviour, by interpretation of what has `unsafe` below it.
pub(super) fn miri(context: &Context<'_>) -> Answer {
    let toolchain = installed::nightly(context.log)?;
    let miri = || Run::with_toolchain(&toolchain, "cargo").args(["miri"]);
    if !miri().args(["--version"]).works(context.log) {
        return Err(Error::Impossible(format!("{toolchain} has no miri")));
    }
    let run = miri()
        .env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks")
        .words("test --package breakerbox --lib --target-dir")
        .args([context.project.target("miri")])
        .words("-- store cell");
    tests(run, context.log)
}
