//! Child processes: their output goes to a log, is kept for reading, and is shown where asked.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::project::Project;

/// Variables that change what is built or how far a model goes.
///
/// Flags from the environment replace those that a command sets, without a word: the loom models
/// would be built without their cfg, and all of them would pass. So each command sets its own flags.
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

/// A [`Show`] of nothing.
pub(crate) const NOTHING: Show = |_| false;

/// A log file, and what of it is shown.
#[derive(Debug)]
pub(crate) struct Log {
    root: PathBuf,
    path: PathBuf,
    file: Mutex<File>,
    verbose: bool,
    show: Show,
}

impl Log {
    /// Begins the log `NAME.log` anew; it shows all if `verbose`, else what `show` picks.
    pub(crate) fn create(project: &Project, name: &str, verbose: bool, show: Show) -> Result<Self> {
        let path = project.target(&format!("xtask/{name}.log"));
        files::write(&path, "")?;
        Ok(Self {
            root: project.root().to_owned(),
            file: Mutex::new(File::create(&path).at(&path)?),
            path,
            verbose,
            show,
        })
    }

    /// Writes a line, and shows it if it is one of those to be shown.
    pub(crate) fn line(&self, line: &str) {
        // Cargo's messages to programs.
        if line.starts_with("{\"reason\":") {
            return;
        }
        if self.verbose || (self.show)(line) {
            println!("{line}");
        }
        // A full disk must not stop the checks themselves.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
    }

    /// Prints the last lines, each after `before`, unless all have been shown.
    pub(crate) fn print_tail(&self, before: &str) {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let skipped = text.lines().count().saturating_sub(60);
        for line in text.lines().skip(skipped).filter(|_| !self.verbose) {
            println!("{before}{line}");
        }
    }

    /// Returns an error that says where the whole output is.
    pub(crate) fn failed(&self, why: impl std::fmt::Display) -> Error {
        let path = self.path.strip_prefix(&self.root).unwrap_or(&self.path);
        Error::failed(format!("{why}\nthe whole output: {}", path.display()))
    }
}

/// The end of a child.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Standard output and error, as they came.
    pub(crate) output: String,
    /// True if it exited with 0, within its limit.
    pub(crate) success: bool,
    pub(crate) timed_out: bool,
}

/// A command, run in the repository's root unless it is told another directory.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    limit: Duration,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::null());
        for name in SCRUBBED {
            command.env_remove(name);
        }
        let limit = Duration::MAX;
        Self { command, limit }
    }

    /// Runs the cargo that runs this xtask, with the words of `line`.
    pub(crate) fn cargo(line: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).words(line)
    }

    /// Runs `program` with the tools of another toolchain.
    pub(crate) fn with_toolchain(toolchain: &str, program: impl AsRef<OsStr>) -> Self {
        let mut run = Self::new("rustup").args(["run", toolchain]).args([program]);
        // It names the cargo of the toolchain that runs now.
        run.command.env_remove("CARGO");
        run
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn words(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets a variable if there is a value for it.
    pub(crate) fn env_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.env(name, value.to_string()),
            None => self,
        }
    }

    /// Ends the child, and what it started, after this long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns what the child prints; none if it can't be started or fails.
    pub(crate) fn output(self, log: &Log) -> Option<String> {
        let ran = self.run(log).ok()?;
        ran.success.then_some(ran.output)
    }

    /// Runs the child; returns whether it could be started and succeeds.
    pub(crate) fn works(self, log: &Log) -> bool {
        self.output(log).is_some()
    }

    /// Builds with cargo and returns the program of the target `name`; none if it does not build.
    pub(crate) fn program(self, name: &str, log: &Log) -> Option<PathBuf> {
        let build = self.words("--no-run --message-format json-render-diagnostics");
        build.output(log)?.lines().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_named = message["target"]["name"] == name;
            Some(message["executable"].as_str().filter(|_| is_named)?.into())
        })
    }

    /// Runs the child to its end; an error only if it could not be started.
    pub(crate) fn run(mut self, log: &Log) -> Result<Ran> {
        log.line(&self.describe());
        let program = self.command.get_program().display().to_string();
        let unable = |error| Error::failed(format!("`{program}` could not be started: {error}"));
        if self.command.get_current_dir().is_none() {
            self.command.current_dir(&log.root);
        }
        let (reader, writer) = std::io::pipe().map_err(unable)?;
        self.command.stderr(writer.try_clone().map_err(unable)?);
        let mut child = self.command.stdout(writer).spawn().map_err(unable)?;
        // The command holds an end of the pipe, which would never close.
        drop(self.command);
        let lines = BufReader::new(reader).split(b'\n');
        let (send, sent) = mpsc::channel();
        let mut lines = lines.map_while(|line| line.ok());
        thread::spawn(move || lines.try_for_each(|line| send.send(line)));
        let (start, mut output, mut timed_out) = (Instant::now(), String::new(), false);
        // Not to the end of the pipe: a process that has lost its parent may hold it open.
        while !timed_out {
            let left = self.limit.saturating_sub(start.elapsed());
            match sent.recv_timeout(left) {
                Ok(line) if !left.is_zero() => {
                    let line = String::from_utf8_lossy(&line);
                    log.line(&line);
                    output += &line;
                    output.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) | Err(RecvTimeoutError::Timeout) => timed_out = true,
            }
        }
        if timed_out {
            log.line("ended: it ran out of its time limit");
            kill(child.id());
        }
        let success = child.wait().is_ok_and(|status| status.success()) && !timed_out;
        Ok(Ran {
            output,
            success,
            timed_out,
        })
    }

    /// Returns the command as one would type it.
    fn describe(&self) -> String {
        let command = &self.command;
        let set: String = command
            .get_envs()
            .filter(|(name, _)| *name != "CARGO_TERM_COLOR")
            .filter_map(|(name, value)| Some((name.display(), value?.display())))
            .map(|(name, value)| format!("{name}='{value}' "))
            .collect();
        let program = Path::new(command.get_program()).file_stem();
        let args = command.get_args().map(|arg| format!(" {}", arg.display()));
        let (program, args) = (program.unwrap_or_default(), args.collect::<String>());
        format!("$ {set}{}{args}", program.display())
    }
}

/// Kills a process and what it started, so that no test binary lives on after its cargo.
///
/// A process group would do it in one step, but takes the children out of the terminal's reach:
/// Ctrl-C would leave them running.
fn kill(process: u32) {
    let id = process.to_string();
    let signal = |name: &str| Command::new("kill").args([name, &id]).output();
    // Stopped, it starts no other child while these are listed.
    let _ = signal("-STOP");
    let children = Command::new("pgrep").args(["-P", &id]).output();
    let _ = signal("-KILL");
    let children = children.map(|children| children.stdout).unwrap_or_default();
    for child in String::from_utf8_lossy(&children).split_whitespace() {
        child.parse().map(kill).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_ended_with_what_it_started() {
        let log = Log::create(&Project::find(), "process-test", false, NOTHING).unwrap();
        let run = |script: &str| Run::new("sh").args(["-c", script]);
        let limit = Duration::from_millis(500);
        // The first has lost its parent, and holds the pipe open.
        let sleeps = run("(sleep 9 &); sh -c 'echo $$; sleep 60'; true").limit(limit);
        let start = Instant::now();
        let ran = sleeps.run(&log).unwrap();
        assert!(ran.timed_out && !ran.success && start.elapsed().as_secs() < 8);
        let lives = format!("ps -o stat= -p {} | grep -v Z", ran.output.trim());
        assert!(run(&lives).output(&log).is_none());
        let ran = run("echo one; echo two >&2; exit 3").run(&log).unwrap();
        assert_eq!((&*ran.output, ran.success), ("one\ntwo\n", false));
    }
}
