//! Counts what one run of each hot operation executes, by callgrind.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::{Error, Result};
use crate::installed;
use crate::process::{Log, Run};
use crate::project::Project;

/// The loop alone, which is taken off every other count.
const NOTHING: &str = "nothing";

/// Operations of the shorter of two runs. A multiple of 128, after which many pins
/// crossbeam-epoch tidies up: the longer run has exactly twice as many of those.
const TIMES: u64 = 1024;

/// What one operation executes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) instructions: f64,
    /// Locked ones among them, each a write that takes its cache line from all others.
    pub(crate) locked: f64,
}

/// Everything that counts depend on beside the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) rustc: String,
    pub(crate) target: String,
    /// Its version: comparing and copying bytes is the C library's.
    pub(crate) libc: String,
}

impl Machine {
    pub(crate) fn here(project: &Project, log: &Log) -> Result<Self> {
        let version = Run::new("rustc", project.root()).args(["-vV"]).run(log)?;
        let mut lines = version.output.lines();
        let rustc = lines.next().unwrap_or_default().to_owned();
        let target = lines.find_map(|line| line.strip_prefix("host: "));
        // Where there is no `ldd` there is no callgrind either.
        let ldd = Run::new("ldd", project.root()).args(["--version"]).run(log);
        let ldd = ldd.map(|ran| ran.output).unwrap_or_default();
        let libc = ldd
            .lines()
            .next()
            .and_then(|line| line.split(' ').next_back());
        Ok(Self {
            rustc,
            target: target.unwrap_or_default().to_owned(),
            libc: libc.unwrap_or("unknown").to_owned(),
        })
    }
}

/// Every operation with its count, in the program's own order; the loop around them is taken off.
///
/// `twice`: each is counted again, and a different count is an error.
pub(crate) fn all(project: &Project, log: &Log, twice: bool) -> Result<Vec<(String, Count)>> {
    let valgrind = installed::valgrind(project, log)?;
    let program = build(project, log)?;
    let listed = Run::new(&program, project.root()).run(log)?;
    let names: Vec<_> = listed.output.lines().map(str::to_owned).collect();
    if !listed.success || names.is_empty() {
        return Err(Error::failed("the program names no operations"));
    }

    let one = |name: &str| {
        let count = || count(project, &valgrind, &program, name, log);
        let first = count()?;
        if twice && count()? != first {
            return Err(Error::failed(format!(
                "`{name}` is not the same each time: it can't be compared"
            )));
        }
        Ok(first)
    };
    let counts = in_parallel(&names, one)?;
    let mut all: Vec<_> = names.into_iter().zip(counts).collect();
    let Some(at) = all.iter().position(|(name, _)| name == NOTHING) else {
        return Err(Error::failed(format!(
            "the program has no operation `{NOTHING}`"
        )));
    };
    let (_, around) = all.remove(at);
    for (_, count) in &mut all {
        count.instructions -= around.instructions;
        count.locked -= around.locked;
    }
    Ok(all)
}

/// The program of the hot operations, as measured: by the profile of benches.
fn build(project: &Project, log: &Log) -> Result<PathBuf> {
    let built = Run::cargo(project.root())
        .args(["bench", "--package", "breakerbox-benches"])
        .args(["--bench", "instructions", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .run(log)?;
    if !built.success {
        return Err(Error::failed(
            "the program of the hot operations does not build",
        ));
    }
    executable(&built.output, "instructions")
        .ok_or_else(|| Error::failed("cargo does not say where the program of operations is"))
}

/// The path that cargo gives for the target `name`, in its messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let named = format!("\"name\":\"{name}\"");
    messages
        .lines()
        .filter(|line| line.starts_with('{') && line.contains(&named))
        .find_map(|line| {
            let (_, path) = line.split_once("\"executable\":\"")?;
            let (path, _) = path.split_once('"')?;
            Some(PathBuf::from(path))
        })
}

/// What each of `names` has, asked for by as many threads as there are cores.
fn in_parallel<T: Send>(
    names: &[String],
    ask: impl Fn(&str) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        // Relaxed: each number is taken once, and that is all.
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((name, ask(name)?));
        }
        Ok(done)
    };
    let mut done = Vec::new();
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            done.extend(worker.join().expect("counting doesn't panic")?);
        }
        Ok(())
    })?;
    let place = |name: &String| names.iter().position(|other| other == name);
    done.sort_by_key(|(name, _)| place(name));
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}

fn count(
    project: &Project,
    valgrind: &Path,
    program: &Path,
    name: &str,
    log: &Log,
) -> Result<Count> {
    let total = |times: u64| {
        let ran = Run::new(valgrind, project.root())
            .args(["--tool=callgrind", "--collect-bus=yes"])
            .args(["--callgrind-out-file=/dev/null"])
            .args([program])
            .args([name, &times.to_string()])
            .run(log)?;
        collected(&ran.output)
            .filter(|_| ran.success)
            .ok_or_else(|| Error::failed(format!("callgrind could not count `{name}`")))
    };
    let (once, twice) = (total(TIMES)?, total(2 * TIMES)?);
    let each = |once: u64, twice: u64| twice.saturating_sub(once) as f64 / TIMES as f64;
    Ok(Count {
        instructions: each(once.0, twice.0),
        locked: each(once.1, twice.1),
    })
}

/// The instructions and the locked ones that callgrind has counted.
fn collected(output: &str) -> Option<(u64, u64)> {
    let line = output.lines().find_map(|line| {
        let (_, counts) = line.split_once("Collected :")?;
        Some(counts)
    })?;
    let mut numbers = line.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_counted_is_read() {
        let output = "==1== Events    : Ir Ge\n==1== Collected : 126559 20\n==1==\n";
        assert_eq!(collected(output), Some((126_559, 20)));
        assert_eq!(collected("==1== Collected : 126559\n"), None);
        assert_eq!(collected("nothing"), None);
    }

    #[test]
    fn the_program_is_found_in_cargos_messages() {
        let messages = "\
   Compiling something
{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"lib\"},\"executable\":null}
{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"instructions\"},\"executable\":\"/t/i-1\"}
{\"reason\":\"build-finished\",\"success\":true}
";
        assert_eq!(executable(messages, "instructions"), Some("/t/i-1".into()));
        assert_eq!(executable(messages, "lib"), None);
    }

    #[test]
    fn answers_keep_the_order_of_the_questions() {
        let names: Vec<_> = (0..50).map(|number| number.to_string()).collect();
        let answers = in_parallel(&names, |name| Ok(name.to_owned()));
        assert_eq!(answers, Ok(names));
        let error = in_parallel(&["a".to_owned()], |_| Err::<(), _>(Error::Told));
        assert_eq!(error, Err(Error::Told));
    }
}
