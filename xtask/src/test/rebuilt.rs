//! Rings that build the standard library too: for other machines, and for the thread sanitizer.

use std::env::consts;

use super::ring::{Context, Outcome, Verdict};
use super::rings::RUST_VERSION;
use crate::counts;
use crate::error::{AtPath, Error, Result};
use crate::installed::debian;
use crate::installed::source::Compiler;
use crate::process::Run;

/// A machine that this one is not.
struct Machine {
    target: &'static str,
    /// What links its programs and what runs them here.
    packages: &'static [&'static str],
    linker: &'static str,
    runs: Runs,
}

/// What runs a machine's programs.
enum Runs {
    Emulator(&'static str),
    /// This machine, if it runs that program, which is one of them.
    Here(&'static str),
}

const MACHINES: [Machine; 2] = [
    Machine {
        target: "aarch64-unknown-linux-gnu",
        packages: &[
            "gcc-aarch64-linux-gnu",
            "libc6-dev-arm64-cross",
            "qemu-user",
        ],
        linker: "aarch64-linux-gnu-gcc",
        runs: Runs::Emulator("qemu-aarch64 -L /usr/aarch64-linux-gnu"),
    },
    // Not emulated: qemu-i386 7.2 never ends a test that ends here at once.
    Machine {
        target: "i686-unknown-linux-gnu",
        packages: &["gcc-i686-linux-gnu", "libc6-dev-i386-cross", "libc6-i386"],
        linker: "i686-linux-gnu-gcc",
        runs: Runs::Here("/lib/ld-linux.so.2"),
    },
];

/// Where all of it is built, below the target directory.
const BUILDS: &str = "rebuilt";

/// Tests of words, of the contract and of what several circuits share.
const TESTS: &str = "--lib --test contract --test groups --test policies";

/// The test that counts for minutes when emulated, in plain arithmetic.
const LONG_WHEN_EMULATED: &str = "failures_saturate";

/// Tests whose threads race.
const RACES: &str = "--test stress --test groups";

/// What they spend their time in: each has a limit, and is too slow under the sanitizer otherwise.
const OPTIMISED: [&str; 3] = ["breakerbox", "papaya", "seize"];

/// The thread sanitizer's library is clang's, and its suppressions go by what a symbolizer says.
const SANITIZER: [&str; 3] = ["clang-19", "libclang-rt-19-dev", "llvm-19"];

const SYMBOLIZER: &str = "/usr/lib/llvm-19/bin/llvm-symbolizer";

/// How the compiler is told; `-Zexternal-clangrt` because Debian's brings no such library.
const SANITIZED: &str = "-Zsanitizer=thread -Zexternal-clangrt \
                         -Clinker=clang-19 -Clink-arg=-fsanitize=thread";

/// What the sanitizer must report.
const PLANTED: &str = "xtask/planted_race.rs";

/// Finds a compiler that can build its standard library, and installs `packages`.
fn equip(context: &Context<'_>, packages: &[&str]) -> Result<Compiler> {
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

/// Tests other widths, alignments and atomic instructions. Weak orders are not shown: on x86 the emulator
/// lets an ARM's loads and stores take the order that x86 gives them.
pub(super) fn machines(context: &Context<'_>) -> Result<Outcome> {
    if consts::ARCH != "x86_64" {
        let why = "the compilers for them run on x86-64";
        return Err(Error::Impossible(why.to_owned()));
    }
    let packages = MACHINES.map(|machine| machine.packages).concat();
    let compiler = equip(context, &packages)?;
    let mut notes = Vec::new();
    let mut verdicts = Vec::new();
    for machine in &MACHINES {
        let outcome = machine.run(context, &compiler)?;
        notes.push(format!("{}: {}", machine.target, outcome.note));
        verdicts.push(outcome.verdict);
    }
    notes.push("weak orders are not shown".to_owned());
    let has = |verdict| verdicts.contains(&verdict);
    let verdict = match (has(Verdict::Failed), has(Verdict::Impossible)) {
        (true, _) => Verdict::Failed,
        (_, true) => Verdict::Impossible,
        _ => Verdict::Passed,
    };
    Ok(Outcome::new(verdict, notes.join("; ")))
}

impl Machine {
    fn run(&self, context: &Context<'_>, compiler: &Compiler) -> Result<Outcome> {
        let name = self.target.to_uppercase().replace('-', "_");
        let mut run = tests(context, compiler, self.target, TESTS)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env(&format!("CARGO_TARGET_{name}_LINKER"), self.linker);
        match self.runs {
            Runs::Emulator(emulator) => {
                run = run
                    .env(&format!("CARGO_TARGET_{name}_RUNNER"), emulator)
                    .args(["--", "--skip", LONG_WHEN_EMULATED]);
            }
            // A kernel need not run programs of 32 bits, even where the processor would.
            Runs::Here(program) => {
                if Run::new(program)
                    .args(["--version"])
                    .output(context.log)
                    .is_none()
                {
                    let why = "this kernel runs none of its programs";
                    return Ok(Outcome::new(Verdict::Impossible, why));
                }
            }
        }
        Outcome::of_tests(run, context.log)
    }
}

/// Finds data races, in what the tests do. What fences alone order is not shown: the sanitizer knows none,
/// so what it says of papaya and seize is suppressed.
pub(super) fn thread(context: &Context<'_>) -> Result<Outcome> {
    let compiler = equip(context, &SANITIZER)?;
    let options = format!(
        "suppressions={} external_symbolizer_path={SYMBOLIZER}",
        context.project.path("xtask/tsan.supp").display()
    );
    if !sees_the_planted_race(context, &compiler, &options)? {
        return Ok(Outcome::failed(format!("it is blind to {PLANTED}")));
    }
    let ran = tests(context, &compiler, &compiler.host, RACES)
        // Suppressions go by functions, of which the inlined ones are known by the lines alone.
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("RUSTFLAGS", SANITIZED)
        .env("TSAN_OPTIONS", &options)
        .args(
            OPTIMISED.map(|package| format!("--config=profile.dev.package.{package}.opt-level=1")),
        )
        // For the same limits: one after the other, each with the whole machine.
        .args(["--", "--test-threads=1"])
        .run(context.log)?;
    let (races, judged) = (reports(&ran.output), counts::judge(&ran));
    Ok(match judged {
        Ok(counts) => Outcome::passed(format!("{counts}; fences are not shown")),
        Err(why) => Outcome::failed(format!("{races} reports; {why}")),
    })
}

/// A ring that reports nothing may be blind: this is a race for certain.
fn sees_the_planted_race(
    context: &Context<'_>,
    compiler: &Compiler,
    options: &str,
) -> Result<bool> {
    let dir = context.project.target(BUILDS);
    std::fs::create_dir_all(&dir).at(&dir)?;
    let program = dir.join("planted_race");
    let built = compiler
        .rustc()
        .args(["--edition", "2024", PLANTED, "-o"])
        .args([&program])
        // Its standard library is the compiler's own, in which there is nothing to see.
        .args(["-Cunsafe-allow-abi-mismatch=sanitizer"])
        .args(SANITIZED.split_whitespace())
        .run(context.log)?;
    if !built.success {
        return Err(Error::failed(format!("{PLANTED} does not compile")));
    }
    let ran = Run::new(program)
        .env("TSAN_OPTIONS", options)
        .run(context.log)?;
    Ok(!ran.success && reports(&ran.output) == 1)
}

/// Counts the races that the sanitizer says it saw.
fn reports(output: &str) -> usize {
    // Not at the beginning of a line alone: the harness may have begun that.
    output.matches("WARNING: ThreadSanitizer: ").count()
}
