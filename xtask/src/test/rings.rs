//! The rings, from the quickest answer to the longest.

use super::ring::Kind::{Full, Quick, Source};
use super::ring::{Context, Kind, Outcome, Ring};
use super::{demo, dependencies, layers, litmus, rebuilt, tools};
use crate::error::{Error, Result};
use crate::histories::Steps;
use crate::installed;
use crate::loom::Depth;
use crate::process::{Ran, Run};
use crate::{fuzz, histories, instructions, loom, mutate};

/// Seconds for all fuzz targets together: enough to start each and to find what is shallow.
const FUZZ_SECONDS: u64 = 12;

/// What rings leave out under `--quick`.
pub(super) const SHORTENED: &str = "loom, more than one preemption where a model takes long; \
                                    of mutations, all but that they apply";

pub(super) const RINGS: [Ring; 25] = [
    ring(Source, "fmt", "formatting", fmt),
    ring(
        Source,
        "clippy",
        "lints, of all targets and features",
        clippy,
    ),
    ring(Full, "docs", "documentation, without a warning", docs),
    ring(
        Source,
        "layers",
        "which module may name which, and sizes of files",
        layers::check,
    ),
    ring(
        Full,
        "dependencies",
        "what comes with the core, licenses, advisories",
        dependencies::check,
    ),
    ring(
        Quick,
        "features",
        "the core without features, with each, with all",
        features,
    ),
    ring(
        Quick,
        "msrv",
        "nothing newer than rust-version, by lint",
        msrv,
    ),
    ring(
        Full,
        "msrv-build",
        "a build by the compiler of rust-version",
        msrv_build,
    ),
    ring(Quick, "tests", "unit and integration tests", tests),
    ring(Quick, "doctests", "examples in the documentation", doctests),
    ring(
        Full,
        "stress",
        "many threads for a while, in release",
        stress,
    ),
    ring(
        Full,
        "litmus",
        "protocols between words, by the models of C11 and Arm",
        litmus::check,
    ),
    ring(Quick, "loom", "the models, at their own bounds", models),
    ring(
        Full,
        "histories",
        "what threads saw, at any step, against the contract",
        all_histories,
    ),
    ring(
        Full,
        "pairs",
        "every pair of operations, one within the other at each step",
        all_pairs,
    ),
    ring(
        Quick,
        "mutations",
        "some of the recorded mutations, other ones each day",
        mutations,
    ),
    ring(Full, "fuzz", "every fuzz target for a few seconds", fuzzing),
    ring(
        Full,
        "asan",
        "the address sanitizer, leaks included",
        tools::address,
    ),
    ring(
        Full,
        "tsan",
        "the thread sanitizer, in what races",
        rebuilt::thread,
    ),
    ring(
        Full,
        "miri",
        "undefined behaviour, by interpretation",
        tools::miri,
    ),
    ring(
        Full,
        "machines",
        "aarch64, emulated, and 32 bits",
        rebuilt::machines,
    ),
    ring(Full, "benches", "benchmarks compile", benches),
    ring(
        Quick,
        "instructions",
        "what hot operations execute, against what is recorded",
        counted,
    ),
    ring(
        Full,
        "comparison",
        "the benches that compare, in their shortest form",
        comparison,
    ),
    ring(
        Full,
        "demo",
        "the gateway's demo opens, rejects and recovers",
        demo::check,
    ),
];

const fn ring(
    kind: Kind,
    name: &'static str,
    what: &'static str,
    run: fn(&Context<'_>) -> Result<Outcome>,
) -> Ring {
    Ring {
        name,
        what,
        kind,
        run,
    }
}

/// Runs cargo with the words of `line`.
pub(super) fn cargo(context: &Context<'_>, line: &str) -> Result<Ran> {
    Run::cargo(line).run(context.log)
}

fn fmt(context: &Context<'_>) -> Result<Outcome> {
    Ok(Outcome::of(
        cargo(context, "fmt --all --check")?.success,
        "",
    ))
}

fn clippy(context: &Context<'_>) -> Result<Outcome> {
    let line = "clippy --workspace --all-targets --all-features -- -D warnings";
    Ok(Outcome::of(cargo(context, line)?.success, ""))
}

fn docs(context: &Context<'_>) -> Result<Outcome> {
    let ran = Run::cargo("doc --workspace --no-deps --all-features")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run(context.log)?;
    Ok(Outcome::of(ran.success, ""))
}

fn features(context: &Context<'_>) -> Result<Outcome> {
    let manifest = context.project.toml("Cargo.toml")?;
    let names = manifest["features"]
        .as_table()
        .into_iter()
        .flat_map(|table| table.keys());
    let mut sets = vec![
        "--no-default-features".to_owned(),
        "--all-features".to_owned(),
    ];
    sets.extend(
        names
            .filter(|name| *name != "default")
            .map(|name| format!("--no-default-features --features {name}")),
    );
    for set in &sets {
        if !cargo(context, &format!("check --package breakerbox {set}"))?.success {
            return Ok(Outcome::failed(format!("does not compile with {set}")));
        }
    }
    Ok(Outcome::passed(format!("{} sets of features", sets.len())))
}

/// Returns the `rust-version` that all packages share.
pub(super) fn rust_version(context: &Context<'_>) -> Result<String> {
    let manifest = context.project.toml("Cargo.toml")?;
    let version = manifest["workspace"]["package"].get("rust-version");
    let version = version
        .and_then(|version| version.as_str())
        .map(str::to_owned);
    version.ok_or_else(|| Error::failed("Cargo.toml has no rust-version for the workspace"))
}

fn msrv(context: &Context<'_>) -> Result<Outcome> {
    let version = rust_version(context)?;
    for package in ["Cargo.toml", "crates/gateway/Cargo.toml"] {
        let manifest = context.project.toml(package)?;
        let own = manifest["package"].get("rust-version");
        if own.and_then(|own| own.get("workspace")?.as_bool()) != Some(true) {
            let why = format!("{package} does not take the workspace's rust-version");
            return Ok(Outcome::failed(why));
        }
    }
    let line = "clippy --package breakerbox --lib --all-features -- -D clippy::incompatible_msrv";
    Ok(Outcome::of(
        cargo(context, line)?.success,
        format!("rust-version {version}"),
    ))
}

fn msrv_build(context: &Context<'_>) -> Result<Outcome> {
    let version = rust_version(context)?;
    let is_oldest = |name: &String| {
        ['.', '-']
            .iter()
            .any(|end| name.starts_with(&format!("{version}{end}")))
    };
    let Some(toolchain) = installed::toolchains(context.log)
        .into_iter()
        .find(is_oldest)
    else {
        return Ok(Outcome::impossible(format!(
            "no toolchain {version} is installed"
        )));
    };
    let ran = Run::with_toolchain(&toolchain, "cargo")
        .words("check --package breakerbox --all-features --target-dir")
        .args([context.project.target("msrv")])
        .run(context.log)?;
    Ok(Outcome::of(ran.success, toolchain))
}

fn tests(context: &Context<'_>) -> Result<Outcome> {
    let line = "test --workspace --all-features --tests --no-fail-fast";
    Ok(Outcome::of_tests(&cargo(context, line)?))
}

fn doctests(context: &Context<'_>) -> Result<Outcome> {
    let line = "test --workspace --all-features --doc --no-fail-fast";
    Ok(Outcome::of_tests(&cargo(context, line)?))
}

fn stress(context: &Context<'_>) -> Result<Outcome> {
    let line = "test --release --package breakerbox --all-features \
                --test stress --test memory --test soak -- --include-ignored";
    Ok(Outcome::of_tests(&cargo(context, line)?))
}

fn models(context: &Context<'_>) -> Result<Outcome> {
    let depth = if context.quick {
        Depth::Quick
    } else {
        Depth::Own
    };
    let report = loom::run(context.project, None, depth, context.log)?;
    context.log.line(&loom::table(&report.models).to_string());
    let executions: u64 = report.models.iter().map(|model| model.executions).sum();
    let mut count = format!("{} models, {executions} executions", report.models.len());
    if report.cut > 0 {
        count += &format!("; {} of them with one preemption only", report.cut);
    }
    Ok(Outcome::unless(&report.problems, count))
}

fn all_histories(context: &Context<'_>) -> Result<Outcome> {
    by_steps(context, Steps::Histories)
}

fn all_pairs(context: &Context<'_>) -> Result<Outcome> {
    by_steps(context, Steps::Pairs)
}

fn by_steps(context: &Context<'_>, steps: Steps) -> Result<Outcome> {
    let project = context.project;
    let ran = histories::cargo_test(steps, project.root(), &project.target("steps"))
        .words("--no-fail-fast --")
        .words(histories::HARNESS)
        .run(context.log)?;
    Ok(Outcome::of_tests(&ran))
}

fn mutations(context: &Context<'_>) -> Result<Outcome> {
    let (all, rotten) = mutate::rotten(context.project)?;
    if context.quick || !rotten.is_empty() {
        return Ok(Outcome::unless(
            &rotten,
            format!("{all} apply, none is tried"),
        ));
    }
    let tried = mutate::some(context.project, context.sample, context.log)?;
    context.log.line(&mutate::table(&tried).to_string());
    let bad: Vec<_> = tried.iter().filter_map(|one| one.problem()).collect();
    Ok(Outcome::unless(&bad, format!("{} killed", tried.len())))
}

fn fuzzing(context: &Context<'_>) -> Result<Outcome> {
    let (project, log) = (context.project, context.log);
    let targets = fuzz::targets(project)?;
    let cargo_fuzz = match fuzz::prepare(project, log) {
        Ok(cargo_fuzz) => cargo_fuzz,
        Err(unable) => return Ok(unable.into()),
    };
    let fuzzed = fuzz::run(project, &cargo_fuzz, &targets, FUZZ_SECONDS, log)?;
    let problem = |one: &fuzz::Fuzzed| Some(format!("{}: {}", one.target, one.problem.as_ref()?));
    let problems: Vec<_> = fuzzed.iter().filter_map(problem).collect();
    let inputs: u64 = fuzzed.iter().map(|one| one.inputs).sum();
    Ok(Outcome::unless(
        &problems,
        format!("{} targets, {inputs} inputs", fuzzed.len()),
    ))
}

fn benches(context: &Context<'_>) -> Result<Outcome> {
    // Compiled as tests are, not optimised: what is asked is whether they still compile.
    let ran = cargo(context, "check --workspace --all-features --benches")?;
    Ok(Outcome::of(ran.success, ""))
}

fn counted(context: &Context<'_>) -> Result<Outcome> {
    use instructions::Checked;
    Ok(match instructions::check(context.project, context.log)? {
        Checked::Same(operations) => Outcome::passed(format!("{operations} operations")),
        Checked::Different(problems) => Outcome::failed(problems.join("; ")),
        Checked::Unable(unable) => unable.into(),
    })
}

fn comparison(context: &Context<'_>) -> Result<Outcome> {
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
