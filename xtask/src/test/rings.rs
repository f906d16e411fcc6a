//! The rings, from the quickest answer to the longest.

use super::demo;
use super::dependencies;
use super::layers;
use super::litmus;
use super::rebuilt;
use super::ring::{Context, Outcome, Ring};
use super::tools;
use crate::counts::{Counts, failures};
use crate::error::{Error, Result};
use crate::histories::Steps;
use crate::process::{Ran, Run};
use crate::{fuzz, histories, instructions, loom, mutate};

/// Seconds for all fuzz targets together: enough to start each and to find what is shallow.
const FUZZ_SECONDS: u64 = 12;

pub(crate) const RINGS: [Ring; 25] = [
    ring("fmt", "formatting", false, fmt),
    ring(
        "clippy",
        "lints, of all targets and features",
        false,
        clippy,
    ),
    ring("docs", "documentation, without a warning", true, docs),
    ring(
        "layers",
        "who may name whom, and sizes of files",
        false,
        layers::check,
    ),
    ring(
        "dependencies",
        "what the core brings along, and its licenses",
        false,
        dependencies::check,
    ),
    ring(
        "features",
        "the core without features, with each, with all",
        true,
        features,
    ),
    ring(
        "msrv",
        "nothing newer than rust-version, by lint",
        true,
        msrv,
    ),
    ring(
        "msrv-build",
        "a build by the compiler of rust-version",
        true,
        msrv_build,
    ),
    ring("tests", "unit and integration tests", true, tests),
    ring("doctests", "examples in the documentation", true, doctests),
    ring(
        "stress",
        "many threads for a while, in release",
        true,
        stress,
    ),
    ring(
        "litmus",
        "protocols between words, by the models of C11 and Arm",
        false,
        litmus::check,
    ),
    ring("loom", "the models, at their own bounds", true, models),
    ring(
        "histories",
        "what threads saw, at any step, against the contract",
        true,
        all_histories,
    ),
    ring(
        "pairs",
        "every pair of operations, one within the other at each step",
        true,
        all_pairs,
    ),
    ring(
        "mutations",
        "some of the recorded mutations, other ones each day",
        true,
        mutations,
    ),
    ring("fuzz", "every fuzz target for a few seconds", true, fuzzing),
    ring(
        "asan",
        "the address sanitizer, leaks included",
        true,
        tools::address,
    ),
    ring(
        "tsan",
        "the thread sanitizer, in what races",
        true,
        rebuilt::thread,
    ),
    ring(
        "miri",
        "undefined behaviour, by interpretation",
        true,
        tools::miri,
    ),
    ring(
        "machines",
        "aarch64, emulated, and 32 bits",
        true,
        rebuilt::machines,
    ),
    ring("benches", "benchmarks compile", true, benches),
    ring(
        "instructions",
        "what hot operations execute, against what is recorded",
        true,
        counted_instructions,
    ),
    ring(
        "comparison",
        "the benches that compare, in their shortest form",
        true,
        comparison,
    ),
    ring(
        "demo",
        "the gateway's demo opens, rejects and recovers",
        true,
        demo::check,
    ),
];

const fn ring(
    name: &'static str,
    what: &'static str,
    builds: bool,
    run: fn(&Context<'_>) -> Result<Outcome>,
) -> Ring {
    Ring {
        name,
        what,
        builds,
        run,
    }
}

/// Runs cargo with the words of `line`.
pub(crate) fn cargo(context: &Context<'_>, line: &str) -> Result<Ran> {
    cargo_run(context, line).run(context.log)
}

fn cargo_run(context: &Context<'_>, line: &str) -> Run {
    Run::cargo(context.project.root()).args(line.split_whitespace())
}

fn fmt(context: &Context<'_>) -> Result<Outcome> {
    let ran = cargo(context, "fmt --all --check")?;
    Ok(Outcome::of(ran.success, ""))
}

fn clippy(context: &Context<'_>) -> Result<Outcome> {
    let line = "clippy --workspace --all-targets --all-features -- -D warnings";
    Ok(Outcome::of(cargo(context, line)?.success, ""))
}

fn docs(context: &Context<'_>) -> Result<Outcome> {
    let ran = cargo_run(context, "doc --workspace --no-deps --all-features")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run(context.log)?;
    Ok(Outcome::of(ran.success, ""))
}

fn features(context: &Context<'_>) -> Result<Outcome> {
    let manifest = context.project.manifest("Cargo.toml")?;
    let mut sets = vec!["--no-default-features".to_owned()];
    sets.extend(
        manifest
            .keys("features")
            .filter(|name| *name != "default")
            .map(|name| format!("--no-default-features --features {name}")),
    );
    sets.push("--all-features".to_owned());
    for set in &sets {
        if !cargo(context, &format!("check --package breakerbox {set}"))?.success {
            return Ok(Outcome::failed(format!("does not compile with {set}")));
        }
    }
    Ok(Outcome::passed(format!("{} sets of features", sets.len())))
}

/// The `rust-version` that all packages share.
pub(super) fn rust_version(context: &Context<'_>) -> Result<String> {
    let manifest = context.project.manifest("Cargo.toml")?;
    let version = manifest.values("workspace.package", "rust-version").next();
    version
        .map(str::to_owned)
        .ok_or_else(|| Error::failed("Cargo.toml has no rust-version for the workspace"))
}

fn msrv(context: &Context<'_>) -> Result<Outcome> {
    let version = rust_version(context)?;
    for package in ["Cargo.toml", "crates/gateway/Cargo.toml"] {
        let manifest = context.project.manifest(package)?;
        if manifest.values("package", "rust-version.workspace").next() != Some("true") {
            return Ok(Outcome::failed(format!(
                "{package} does not take the workspace's rust-version"
            )));
        }
    }
    let ran = cargo(
        context,
        "clippy --package breakerbox --lib --all-features -- -D clippy::incompatible_msrv",
    )?;
    Ok(Outcome::of(ran.success, format!("rust-version {version}")))
}

fn msrv_build(context: &Context<'_>) -> Result<Outcome> {
    let version = rust_version(context)?;
    let root = context.project.root();
    let toolchains = Run::new("rustup", root)
        .args(["toolchain", "list"])
        .run(context.log)
        .map(|ran| ran.output)
        .unwrap_or_default();
    let Some(toolchain) = toolchains.split_whitespace().find(|name| {
        name.starts_with(&format!("{version}.")) || name.starts_with(&format!("{version}-"))
    }) else {
        return Ok(Outcome::impossible(format!(
            "no toolchain {version} is installed"
        )));
    };
    let ran = Run::with_toolchain(toolchain, "cargo", root)
        .args(["check", "--package", "breakerbox", "--all-features"])
        .args([
            "--target-dir".as_ref(),
            context.project.target("msrv").as_path(),
        ])
        .run(context.log)?;
    Ok(Outcome::of(ran.success, toolchain))
}

fn tests(context: &Context<'_>) -> Result<Outcome> {
    let ran = cargo(
        context,
        "test --workspace --all-features --tests --no-fail-fast",
    )?;
    Ok(counted(&ran))
}

fn doctests(context: &Context<'_>) -> Result<Outcome> {
    let ran = cargo(
        context,
        "test --workspace --all-features --doc --no-fail-fast",
    )?;
    Ok(counted(&ran))
}

fn stress(context: &Context<'_>) -> Result<Outcome> {
    if !context.project.has("tests/stress.rs") && !context.project.has("tests/stress/main.rs") {
        return Ok(Outcome::missing("there is no tests/stress.rs"));
    }
    let ran = cargo(
        context,
        "test --release --package breakerbox --all-features --test stress --test memory --test soak -- --include-ignored",
    )?;
    Ok(counted(&ran))
}

/// Passed if tests ran and none failed: a run of no test is green and shows nothing.
pub(super) fn counted(ran: &Ran) -> Outcome {
    let counts = Counts::parse(&ran.output);
    if ran.success && counts.passed > 0 {
        return Outcome::passed(counts.to_string());
    }
    Outcome::failed(match failures(&ran.output)[..] {
        [] if ran.success => "no test ran".to_owned(),
        [] => counts.to_string(),
        ref names => format!("{counts}: {}", names.join(", ")),
    })
}

fn models(context: &Context<'_>) -> Result<Outcome> {
    if !context.project.has("loom-tests/tests") {
        return Ok(Outcome::missing("there are no models: loom-tests/tests"));
    }
    let report = loom::run(context.project, None, None, context.log)?;
    context.log.line(&loom::table(&report.models).to_string());
    if !report.problems.is_empty() {
        return Ok(Outcome::failed(report.problems.join("; ")));
    }
    let executions: u64 = report.models.iter().map(|model| model.executions).sum();
    Ok(Outcome::passed(format!(
        "{} models, {executions} executions",
        report.models.len()
    )))
}

fn all_histories(context: &Context<'_>) -> Result<Outcome> {
    by_steps(context, Steps::Histories)
}

fn all_pairs(context: &Context<'_>) -> Result<Outcome> {
    by_steps(context, Steps::Pairs)
}

fn by_steps(context: &Context<'_>, steps: Steps) -> Result<Outcome> {
    let target = context.project.target("steps");
    let ran = histories::cargo_test(steps, context.project.root(), &target)
        .args(["--no-fail-fast", "--"])
        .args(histories::HARNESS)
        .run(context.log)?;
    Ok(counted(&ran))
}

fn mutations(context: &Context<'_>) -> Result<Outcome> {
    let rotten = mutate::rotten(context.project)?;
    if !rotten.is_empty() {
        return Ok(Outcome::failed(rotten.join("; ")));
    }
    let tried = mutate::some(context.project, context.sample, context.log)?;
    context.log.line(&mutate::table(&tried).to_string());
    let bad: Vec<_> = tried
        .iter()
        .filter(|one| !one.fate.is_killed())
        .map(|one| format!("{}: {}", one.name, one.fate))
        .collect();
    Ok(if bad.is_empty() {
        Outcome::passed(format!("{} killed", tried.len()))
    } else {
        Outcome::failed(bad.join("; "))
    })
}

fn fuzzing(context: &Context<'_>) -> Result<Outcome> {
    let (project, log) = (context.project, context.log);
    let ready =
        fuzz::targets(project).and_then(|targets| Ok((fuzz::prepare(project, log)?, targets)));
    let (cargo_fuzz, targets) = match ready {
        Ok(ready) => ready,
        Err(unable @ fuzz::Unable::NoNightly) => {
            return Ok(Outcome::impossible(unable.to_string()));
        }
        Err(unable) => return Ok(Outcome::missing(unable.to_string())),
    };
    let fuzzed = fuzz::run(project, &cargo_fuzz, &targets, FUZZ_SECONDS, log)?;
    let problems: Vec<_> = fuzzed
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.target, one.problem.as_ref()?)))
        .collect();
    if !problems.is_empty() {
        return Ok(Outcome::failed(problems.join("; ")));
    }
    let inputs: u64 = fuzzed.iter().filter_map(|one| one.inputs).sum();
    Ok(Outcome::passed(format!(
        "{} targets, {inputs} inputs",
        fuzzed.len()
    )))
}

fn benches(context: &Context<'_>) -> Result<Outcome> {
    if !context.project.has("benches") {
        return Ok(Outcome::missing("there are no benches"));
    }
    // Compiled as tests are, not optimised: what is asked is whether they still compile.
    let ran = cargo(context, "check --workspace --all-features --benches")?;
    Ok(Outcome::of(ran.success, ""))
}

fn counted_instructions(context: &Context<'_>) -> Result<Outcome> {
    use instructions::Checked;
    Ok(match instructions::check(context.project, context.log)? {
        Checked::Same(operations) => Outcome::passed(format!("{operations} operations")),
        Checked::Different(problems) => Outcome::failed(problems.join("; ")),
        Checked::Incomparable(why) => Outcome::impossible(why),
        Checked::Missing(what) => Outcome::missing(what),
    })
}

fn comparison(context: &Context<'_>) -> Result<Outcome> {
    if !context.project.has("benches/comparison.rs")
        && !context.project.has("benches/comparison/main.rs")
    {
        return Ok(Outcome::missing("there is no benches/comparison"));
    }
    for benches in [
        "breakerbox-benches --bench comparison --bench latency --bench memory --bench scaling \
         --bench trips --bench words",
        "breakerbox-gateway --bench end_to_end",
    ] {
        let line = format!("bench --profile release --package {benches} -- --smoke");
        if !cargo(context, &line)?.success {
            return Ok(Outcome::failed(benches));
        }
    }
    Ok(Outcome::passed(""))
}
