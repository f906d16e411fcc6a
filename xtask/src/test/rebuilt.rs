//! Rings that build the standard library too: for other machines, and for the thread sanitizer.

use std::env::consts;

use super::ring::{self, Answer, Context, RUST_VERSION};
use crate::counts;
use crate::error::{Error, Result, bail};
use crate::files;
use crate::installed::debian;
use crate::installed::source::Compiler;
use crate::process::Run;

/// A target, what links and runs its programs here, and the emulator that does the latter; none
/// where this kernel may do it by itself.
type Machine = (&'static str, &'static str, Option<&'static str>);

const MACHINES: [Machine; 2] = [
    (
        "aarch64-unknown-linux-gnu",
        "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
        Some("qemu-aarch64 -L /usr/aarch64-linux-gnu"),
    ),
    // Not emulated: qemu-i386 7.2 never ends a test that ends here at once.
    (
        "i686-unknown-linux-gnu",
        "gcc-i686-linux-gnu libc6-dev-i386-cross libc6-i386",
        None,
    ),
];

/// A program of 32 bits, which a kernel need not run, even where the processor would.
const PROGRAM: &str = "/lib/ld-linux.so.2";

/// The folder of all builds, below the target directory.
const BUILDS: &str = "rebuilt";

/// Tests of words, of the contract and of what several circuits share.
const TESTS: &str = "--lib --test contract --test groups --test policies";

/// The test that counts for minutes when emulated, in plain arithmetic.
const LONG_WHEN_EMULATED: &str = "failures_saturate";

/// Tests whose threads race.
const RACES: &str = "--test stress --test groups";

/// The crates in which they spend their time: each test has a limit, and is too slow otherwise.
const OPTIMISED: [&str; 3] = ["breakerbox", "papaya", "seize"];

/// The thread sanitizer's library is clang's, and its suppressions go by what a symbolizer says.
const SANITIZER: &str = "clang-19 libclang-rt-19-dev llvm-19";

const SYMBOLIZER: &str = "/usr/lib/llvm-19/bin/llvm-symbolizer";

/// The compiler's flags; `-Zexternal-clangrt` because Debian's brings no such library.
const SANITIZED: &str = "-Zsanitizer=thread -Zexternal-clangrt \
                         -Clinker=clang-19 -Clink-arg=-fsanitize=thread";

/// The race that the sanitizer must report.
const PLANTED: &str = "xtask/planted_race.rs";

/// Finds a compiler that can build its standard library, and installs `packages`.
fn equip(context: &Context<'_>, packages: &str) -> Result<Compiler> {
    let compiler = Compiler::find(context.log, RUST_VERSION)?;
    debian::ensure(context.log, packages)?;
    Ok(compiler)
}

/// Returns `cargo test` of the core and its standard library.
fn tests(context: &Context<'_>, compiler: &Compiler, target: &str, of: &str) -> Run {
    compiler
        .cargo()
        .words("test --package breakerbox --all-features --no-fail-fast -Zbuild-std")
        // One directory for all: procedural macros are of this machine, and built once.
        .args(["--target", target, "--target-dir"])
        .args([context.project.target(BUILDS)])
        .words(of)
}

/// Tests other widths, alignments and atomic instructions. Weak orders are not shown: on x86 the
/// emulator lets an ARM's loads and stores take the order that x86 gives them.
pub(super) fn machines(context: &Context<'_>) -> Answer {
    if consts::ARCH != "x86_64" {
        let why = "the compilers for them run on x86-64";
        return Err(Error::Impossible(why.to_owned()));
    }
    let packages = MACHINES.map(|(_, packages, _)| packages).join(" ");
    let compiler = equip(context, &packages)?;
    // The second runs whatever the first shows, and a failure tells more than what can't run.
    let (mut notes, mut is_failed, mut is_impossible) = (String::new(), false, false);
    for machine in &MACHINES {
        let answer = run(machine, context, &compiler);
        is_impossible |= matches!(answer, Err(Error::Impossible(_)));
        is_failed |= !matches!(answer, Ok(_) | Err(Error::Impossible(_)));
        let note = answer.unwrap_or_else(|error| error.to_string());
        notes += &format!("{}: {note}; ", machine.0);
    }
    notes += "weak orders are not shown";
    match is_failed {
        true => Err(Error::Failed(notes)),
        false if is_impossible => Err(Error::Impossible(notes)),
        false => Ok(notes),
    }
}

fn run(&(target, _, emulator): &Machine, context: &Context<'_>, compiler: &Compiler) -> Answer {
    let starts = |program| Run::new(program).args(["--version"]).output(context.log);
    if emulator.is_none() && starts(PROGRAM).is_none() {
        let why = "this kernel runs none of its programs";
        return Err(Error::Impossible(why.to_owned()));
    }
    let name = target.to_uppercase().replace('-', "_");
    let linker = format!("{}-gcc", target.replace("-unknown", ""));
    let mut tests = tests(context, compiler, target, TESTS)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env(&format!("CARGO_TARGET_{name}_LINKER"), linker);
    if let Some(emulator) = emulator {
        tests = tests
            .env(&format!("CARGO_TARGET_{name}_RUNNER"), emulator)
            .args(["--", "--skip", LONG_WHEN_EMULATED]);
    }
    ring::tests(tests, context.log)
}

/// Finds data races, in what the tests do. What fences alone order is not shown: the sanitizer knows
/// none, so what it says of papaya and seize is suppressed.
pub(super) fn thread(context: &Context<'_>) -> Answer {
    let compiler = equip(context, SANITIZER)?;
    let options = format!(
        "suppressions={} external_symbolizer_path={SYMBOLIZER}",
        context.project.path("xtask/tsan.supp").display()
    );
    if !sees_a_race(context, &compiler, &options)? {
        bail!("it is blind to {PLANTED}");
    }
    let optimised =
        OPTIMISED.map(|name| format!("--config=profile.dev.package.{name}.opt-level=1"));
    let ran = tests(context, &compiler, &compiler.host, RACES)
        // Suppressions go by functions, of which the inlined ones are known by the lines alone.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("RUSTFLAGS", SANITIZED)
        .env("TSAN_OPTIONS", &options)
        .args(optimised)
        // For the same limits: one after the other, each with the whole machine.
        .args(["--", "--test-threads=1"])
        .run(context.log)?;
    let races = reports(&ran.output);
    match counts::judge(&ran) {
        Ok(counts) => Ok(format!("{counts}; fences are not shown")),
        Err(why) => bail!("{races} reports; {why}"),
    }
}

/// Shows that the ring isn't blind: the program is a race for certain.
fn sees_a_race(context: &Context<'_>, compiler: &Compiler, options: &str) -> Result<bool> {
    let program = context.project.target(BUILDS).join("planted_race");
    files::write(&program, "")?;
    let build = compiler
        .rustc()
        .args(["--edition", "2024", PLANTED, "-o"])
        .args([&program])
        // Its standard library is the compiler's own, in which there is nothing to see.
        .args(["-Cunsafe-allow-abi-mismatch=sanitizer"])
        .words(SANITIZED);
    if !build.works(context.log) {
        bail!("{PLANTED} does not compile");
    }
    let run = Run::new(program).env("TSAN_OPTIONS", options);
    let ran = run.run(context.log)?;
    Ok(!ran.success && reports(&ran.output) == 1)
}

/// Counts the races that the sanitizer says it saw, wherever on a line.
fn reports(output: &str) -> usize {
    output.matches("WARNING: ThreadSanitizer: ").count()
}
