//! The rings, from the quickest answer to the longest.

use std::time::Duration;

use super::ring::Check::{By, Cargo, Tests};
use super::ring::Kind::{Full, Quick, Source};
use super::ring::{Answer, Check, Context, Kind, RUST_VERSION, Ring, cargo, unless};
use super::{demo, dependencies, layers, litmus, rebuilt, tools};
use crate::error::bail;
use crate::fuzz::Fuzz;
use crate::installed;
use crate::loom::models;
use crate::process::Run;
use crate::{fuzz, histories, instructions, mutate};

/// Seconds for all fuzz targets together: enough to start each and to find what is shallow.
const FUZZ_SECONDS: u64 = 12;

/// A quick run gives each model this long at its own bound.
const QUICK_LIMIT: Duration = Duration::from_secs(3);

/// The parts that quick rings leave out.
pub(super) const SHORTENED: &str = "loom, more than one preemption where a model takes long; \
                                    of mutations, all but that they apply";

/// The words for `stress`; its long tests are ignored elsewhere.
const STRESS: &str = "test --release --package breakerbox --all-features \
                      --test stress --test memory --test soak --test properties -- --include-ignored";

#[rustfmt::skip] // a table
pub(super) const RINGS: [Ring; 25] = [
    ring(Source, "fmt", "formatting", Cargo("fmt --all --check")),
    ring(Source, "clippy", "lints, of all targets and features",
        Cargo("clippy --workspace --all-targets --all-features -- -D warnings")),
    ring(Full, "docs", "documentation, without a warning", By(docs)),
    ring(Source, "layers", "which module may name which, and sizes of files", By(layers::check)),
    ring(Full, "dependencies", "what the core brings along, licenses, advisories", By(dependencies::check)),
    ring(Quick, "features", "the core without features, with each, with all", By(features)),
    ring(Quick, "msrv", "nothing newer than rust-version, by lint", By(msrv)),
    ring(Full, "msrv-build", "a build by the compiler of rust-version", By(msrv_build)),
    ring(Quick, "tests", "unit and integration tests",
        Tests("test --workspace --all-features --tests --no-fail-fast")),
    ring(Quick, "doctests", "examples in the documentation",
        Tests("test --workspace --all-features --doc --no-fail-fast")),
    ring(Full, "stress", "many threads and many histories, in release", Tests(STRESS)),
    ring(Full, "litmus", "protocols between words, by the models of C11 and Arm", By(litmus::check)),
    ring(Quick, "loom", "the models, at their own bounds", By(explored)),
    ring(Full, "histories", "what threads saw, at any step, against the contract",
        By(|context| by_steps(context, "histories"))),
    ring(Full, "pairs", "every pair of operations, one within the other at each step",
        By(|context| by_steps(context, "pairs"))),
    ring(Quick, "mutations", "some of the recorded mutations, other ones each day", By(mutations)),
    ring(Full, "fuzz", "every fuzz target for a few seconds", By(fuzzing)),
    ring(Full, "asan", "the address sanitizer, leaks included", By(tools::address)),
    ring(Full, "tsan", "the thread sanitizer, in what races", By(rebuilt::thread)),
    ring(Full, "miri", "undefined behaviour, by interpretation", By(tools::miri)),
    ring(Full, "machines", "aarch64, emulated, and 32 bits", By(rebuilt::machines)),
    // Compiled as tests are, not optimised: what is asked is whether they still compile.
    ring(Full, "benches", "benchmarks compile", Cargo("check --workspace --all-features --benches")),
    ring(Quick, "instructions", "what hot operations execute, against what is recorded", By(counted)),
    ring(Full, "comparison", "the benches that compare, in their shortest form", By(comparison)),
    ring(Full, "demo", "the gateway's demo opens, rejects and recovers", By(demo::check)),
];

const fn ring(kind: Kind, name: &'static str, what: &'static str, check: Check) -> Ring {
    Ring {
        kind,
        name,
        what,
        check,
    }
}

fn docs(context: &Context<'_>) -> Answer {
    let docs = Run::cargo("doc --workspace --no-deps --all-features");
    cargo(docs.env("RUSTDOCFLAGS", "-D warnings"), context.log)
}

fn features(context: &Context<'_>) -> Answer {
    let manifest = context.project.toml("Cargo.toml")?;
    let names = manifest["features"].as_table().into_iter().flatten();
    let names = names.filter(|(name, _)| *name != "default");
    let one = |(name, _)| format!("--no-default-features --features {name}");
    let mut sets: Vec<_> = names.map(one).collect();
    sets.extend(["--no-default-features", "--all-features"].map(str::to_owned));
    for set in &sets {
        let check = Run::cargo("check --package breakerbox").words(set);
        if !check.works(context.log) {
            bail!("does not compile with {set}");
        }
    }
    Ok(format!("{} sets of features", sets.len()))
}

fn msrv(context: &Context<'_>) -> Answer {
    for package in ["Cargo.toml", "crates/gateway/Cargo.toml"] {
        let manifest = context.project.toml(package)?;
        let own = manifest["package"].get("rust-version");
        if own.and_then(|own| own.get("workspace")).is_none() {
            bail!("{package} does not take the workspace's rust-version");
        }
    }
    let line = "clippy --package breakerbox --lib --all-features -- -D clippy::incompatible_msrv";
    cargo(Run::cargo(line), context.log)?;
    Ok(format!("rust-version {RUST_VERSION}"))
}

fn msrv_build(context: &Context<'_>) -> Answer {
    let oldest = ['.', '-'].map(|end| format!("{RUST_VERSION}{end}"));
    let toolchain = installed::toolchain(context.log, &oldest)?;
    let check = Run::with_toolchain(&toolchain, "cargo")
        .words("check --package breakerbox --all-features --target-dir")
        .args([context.project.target("msrv")]);
    cargo(check, context.log)?;
    Ok(toolchain)
}

fn explored(context: &Context<'_>) -> Answer {
    let limit = context.quick.then_some(QUICK_LIMIT);
    let limit = limit.unwrap_or(Duration::MAX);
    let report = models::run(context.project, None, None, limit, context.log)?;
    context.log.line(&models::table(&report.models).to_string());
    let executions: u64 = report.models.iter().map(|model| model.executions).sum();
    let mut count = format!("{} models, {executions} executions", report.models.len());
    if report.cut > 0 {
        count += &format!("; {} of them with one preemption only", report.cut);
    }
    unless(&report.problems, count)
}

fn by_steps(context: &Context<'_>, name: &str) -> Answer {
    let project = context.project;
    let tests = histories::cargo_test(name, project.root(), &project.target("steps"));
    let tests = tests.words("--no-fail-fast --").words(histories::HARNESS);
    super::ring::tests(tests, context.log)
}

fn mutations(context: &Context<'_>) -> Answer {
    let (all, rotten) = mutate::rotten(context.project)?;
    if context.quick || !rotten.is_empty() {
        return unless(&rotten, format!("{all} apply, none is tried"));
    }
    let tried = mutate::some(context.project, context.sample, context.log)?;
    context.log.line(&mutate::table(&tried).to_string());
    let bad: Vec<_> = tried.iter().filter_map(|one| one.problem()).collect();
    unless(&bad, format!("{} killed", tried.len()))
}

fn fuzzing(context: &Context<'_>) -> Answer {
    let targets = fuzz::targets(context.project)?;
    let fuzz = Fuzz::prepare(context.project, context.log)?;
    let fuzzed = fuzz.run(&targets, FUZZ_SECONDS)?;
    let inputs: u64 = fuzzed.iter().map(|one| one.inputs).sum();
    let problems: Vec<_> = fuzzed.into_iter().filter_map(|one| one.problem).collect();
    let count = format!("{} targets, {inputs} inputs", targets.len());
    unless(&problems, count)
}

fn counted(context: &Context<'_>) -> Answer {
    let operations = instructions::check(context.project, context.log)?;
    Ok(format!("{operations} operations"))
}

fn comparison(context: &Context<'_>) -> Answer {
    for benches in [
        "breakerbox-benches --bench comparison --bench latency --bench memory --bench mix \
         --bench scaling --bench trips --bench words",
        "breakerbox-gateway --bench end_to_end",
    ] {
        let line = format!("bench --profile release --package {benches} -- --smoke");
        if !Run::cargo(&line).works(context.log) {
            bail!("{benches}");
        }
    }
    Ok(String::new())
}
