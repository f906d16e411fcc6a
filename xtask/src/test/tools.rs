//! Rings that need more than a stable compiler: sanitizers, miri, other machines.

use std::path::Path;

use super::ring::{Context, Outcome};
use super::rings::counted;
use crate::error::Result;
use crate::installed;
use crate::process::Run;

/// Tests that allocate, free and race: what a sanitizer watches.
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
    let ran = sanitized(context, &toolchain, &host, "address", &[]).run(context.log)?;
    Ok(counted(&ran))
}

/// Data races, where the standard library is instrumented too: without its source, the fence in
/// `Arc` and the test harness are reported.
pub(super) fn thread(context: &Context<'_>) -> Result<Outcome> {
    let Some((toolchain, host)) = compiler(context) else {
        return no_nightly();
    };
    let sysroot = Run::with_toolchain(&toolchain, "rustc", context.project.root())
        .args(["--print", "sysroot"])
        .run(context.log)?;
    let source = Path::new(sysroot.output.trim()).join("lib/rustlib/src/rust/library");
    if !source.exists() {
        return Ok(Outcome::impossible(format!(
            "{toolchain} has no source of the standard library (rust-src)"
        )));
    }
    let ran = sanitized(context, &toolchain, &host, "thread", &["-Zbuild-std"]).run(context.log)?;
    Ok(counted(&ran))
}

fn sanitized(
    context: &Context<'_>,
    toolchain: &str,
    host: &str,
    sanitizer: &str,
    more: &[&str],
) -> Run {
    Run::with_toolchain(toolchain, "cargo", context.project.root())
        .env("RUSTFLAGS", &format!("-Zsanitizer={sanitizer}"))
        .args(["test", "--package", "breakerbox", "--all-features"])
        .args(WATCHED)
        .args(["--target", host])
        .args(more)
        .args(["--target-dir"])
        .args([context.project.target(&format!("sanitizer-{sanitizer}"))])
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

/// Machines with other words: the target, and what runs its programs here.
const MACHINES: [(&str, &str); 3] = [
    ("aarch64-unknown-linux-gnu", "qemu-aarch64"),
    ("i686-unknown-linux-gnu", ""),
    ("armv7-unknown-linux-gnueabihf", "qemu-arm"),
];

/// The unit and contract tests on other machines, as far as their standard library is installed.
pub(super) fn machines(context: &Context<'_>) -> Result<Outcome> {
    let listed = Run::new("rustup", context.project.root())
        .args(["target", "list", "--installed"])
        .run(context.log)
        .map(|ran| ran.output)
        .unwrap_or_default();
    let mut passed = Vec::new();
    for (target, emulator) in MACHINES {
        if !listed.lines().any(|line| line.trim() == target) {
            continue;
        }
        let mut run = Run::cargo(context.project.root())
            .args(["test", "--package", "breakerbox", "--all-features", "--lib"])
            .args(["--test", "contract", "--target", target]);
        if !emulator.is_empty() {
            let name = target.to_uppercase().replace('-', "_");
            run = run.env(&format!("CARGO_TARGET_{name}_RUNNER"), emulator);
        }
        let ran = run.run(context.log)?;
        if !ran.success {
            return Ok(Outcome::failed(target));
        }
        passed.push(target);
    }
    Ok(if passed.is_empty() {
        let all = MACHINES.map(|(target, _)| target).join(", ");
        Outcome::impossible(format!("the standard library of none is here: {all}"))
    } else {
        Outcome::passed(passed.join(", "))
    })
}
