//! Child processes: their output goes to a log, is kept for reading, and is shown where asked.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{AtPath, Error, Result};
use crate::project::Project;

/// Variables that change what is built or how far a model goes.
///
/// Flags from the environment replace those that a command sets, without a word: the loom models
/// would be built without their cfg, and all of them would pass. So each command says itself which
/// flags it wants.
const SCRUBBED: [&str; 9] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "LOOM_MAX_PREEMPTIONS",
    "LOOM_MAX_PERMUTATIONS",
    "LOOM_MAX_DURATION",
    "LOOM_CHECKPOINT_FILE",
];

/// Tells which of the scrubbed variables the environment has, once at the start of a command.
pub(crate) fn say_what_is_scrubbed() {
    for name in SCRUBBED {
        if std::env::var_os(name).is_some() {
            println!("note: {name} of the environment is not used here");
        }
    }
}

/// Which lines of a child's output are shown while it runs; the log has all of them.
pub(crate) type Show = fn(&str) -> bool;

/// A log file, and what of it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    show: Show,
}

impl Log {
    /// Begins the log `NAME.log` anew.
    pub(crate) fn create(project: &Project, name: &str, show: Show) -> Result<Self> {
        let path = project.target(&format!("xtask/{name}.log"));
        let dir = path.parent().expect("a log lies in a directory");
        std::fs::create_dir_all(dir).at(dir)?;
        let file = File::create(&path).at(&path)?;
        Ok(Self {
            path,
            file: Arc::new(Mutex::new(file)),
            show,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, and shows it if it is one of those to be shown.
    pub(crate) fn line(&self, line: &str) {
        if (self.show)(line) {
            println!("{line}");
        }
        // A full disk must not stop the checks themselves.
        let _ = writeln!(lock(&self.file), "{line}");
    }

    /// The last `lines` lines.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Standard output and error, as they came.
    pub(crate) output: String,
    /// Whether it exited with 0, within its limit.
    pub(crate) success: bool,
    pub(crate) timed_out: bool,
}

/// A command to run in the repository's root.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    limit: Option<Duration>,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null());
        for name in SCRUBBED {
            command.env_remove(name);
        }
        Self {
            command,
            limit: None,
        }
    }

    /// The cargo that runs this xtask.
    pub(crate) fn cargo(dir: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo, dir)
    }

    /// `program` with the tools of another toolchain.
    pub(crate) fn with_toolchain(toolchain: &str, program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let mut run = Self::new("rustup", dir)
            .args(["run", toolchain])
            .args([program]);
        // It names the cargo of the toolchain that runs now.
        run.command.env_remove("CARGO");
        run
    }

    pub(crate) fn args<I, A>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Ends the child, and what it started, after this long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs the child to its end; an error only if it could not be started.
    pub(crate) fn run(mut self, log: &Log) -> Result<Ran> {
        log.line(&self.describe());
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let program = self.command.get_program().display();
                Error::failed(format!("`{program}` could not be started: {error}"))
            })?;
        let output = Arc::new(Mutex::new(String::new()));
        let readers = [
            read(child.stdout.take(), log, &output),
            read(child.stderr.take(), log, &output),
        ];
        let status = wait(&mut child, self.limit);
        let timed_out = status.is_none();
        if timed_out {
            log.line("ended: it ran out of its time limit");
        } else {
            // After a kill something that the child started may still hold the pipe.
            for reader in readers {
                let _ = reader.join();
            }
        }
        let output = std::mem::take(&mut *lock(&output));
        Ok(Ran {
            output,
            success: status.unwrap_or(false),
            timed_out,
        })
    }

    /// The command as one would type it.
    fn describe(&self) -> String {
        let mut line = "$".to_owned();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value
                && name != "CARGO_TERM_COLOR"
            {
                line += &format!(" {}='{}'", name.display(), value.display());
            }
        }
        let program = Path::new(self.command.get_program());
        line += &format!(" {}", program.file_stem().unwrap_or_default().display());
        for arg in self.command.get_args() {
            line += &format!(" {}", arg.display());
        }
        line
    }
}

fn read(
    pipe: Option<impl Read + Send + 'static>,
    log: &Log,
    output: &Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    let (log, output) = (log.clone(), Arc::clone(output));
    let pipe = pipe.expect("the pipe was asked for and is taken once");
    thread::spawn(move || {
        for line in BufReader::new(pipe)
            .split(b'\n')
            .map_while(|line| line.ok())
        {
            let line = String::from_utf8_lossy(&line);
            log.line(&line);
            let mut output = lock(&output);
            output.push_str(&line);
            output.push('\n');
        }
    })
}

/// Whether the child succeeded; none if it had to be ended.
fn wait(child: &mut Child, limit: Option<Duration>) -> Option<bool> {
    let Some(limit) = limit else {
        return Some(child.wait().is_ok_and(|status| status.success()));
    };
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            Ok(None) | Err(_) => {
                end_descendants(child.id());
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Kills what `parent` started, so that no test binary lives on after its cargo.
///
/// A process group would do it in one step, but takes the children out of the terminal's reach:
/// Ctrl-C would leave them running.
fn end_descendants(parent: u32) {
    let Ok(listing) = Command::new("ps").args(["-eo", "pid=,ppid="]).output() else {
        return;
    };
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    for pid in descendants(parent, &listing) {
        let _ = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .stderr(Stdio::null())
            .status();
    }
}

/// All processes below `parent`, from lines of process and parent ids.
fn descendants(parent: u32, listing: &str) -> Vec<u32> {
    let pairs: Vec<(u32, u32)> = listing
        .lines()
        .filter_map(|line| {
            let mut ids = line.split_whitespace().map(str::parse);
            Some((ids.next()?.ok()?, ids.next()?.ok()?))
        })
        .collect();
    let mut found = vec![parent];
    let mut next = 0;
    while let Some(&above) = found.get(next) {
        next += 1;
        let children = pairs.iter().filter(|&&(_, ppid)| ppid == above);
        found.extend(children.map(|&(pid, _)| pid));
    }
    found.split_off(1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_through_generations() {
        let listing = "    1     0\n   10     1\n   11    10\n   12    11\n   20     1\n";
        assert_eq!(descendants(10, listing), [11, 12]);
        assert_eq!(descendants(20, listing), [0; 0]);
    }
}
