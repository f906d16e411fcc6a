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
            show: if verbose { |_| true } else { show },
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, and shows it if it is one of those to be shown.
    pub(crate) fn line(&self, line: &str) {
        // Cargo's messages to programs.
        if line.starts_with("{\"reason\":") {
            return;
        }
        if (self.show)(line) {
            println!("{line}");
        }
        // A full disk must not stop the checks themselves.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
    }

    /// Returns the last `lines` lines.
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

/// A command, run in the repository's root unless it is told another directory.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    limit: Duration,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env("CARGO_TERM_COLOR", "never");
        for name in SCRUBBED {
            command.env_remove(name);
        }
        Self {
            command,
            limit: Duration::MAX,
        }
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

    /// Builds with cargo and returns the program of the target `name`; none if it does not build.
    pub(crate) fn program(self, name: &str, log: &Log) -> Result<Option<PathBuf>> {
        let line = "--no-run --message-format json-render-diagnostics";
        let built = self.words(line).run(log)?;
        let program = |line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let is_named = message["target"]["name"] == name;
            let program = message["executable"].as_str().filter(|_| is_named);
            program.map(PathBuf::from)
        };
        let found = built.output.lines().find_map(program);
        Ok(found.filter(|_| built.success))
    }

    /// Runs the child to its end; an error only if it could not be started.
    pub(crate) fn run(mut self, log: &Log) -> Result<Ran> {
        log.line(&self.describe());
        let start = Instant::now();
        let program = self.command.get_program().display().to_string();
        let unable = |error| Error::failed(format!("`{program}` could not be started: {error}"));
        if self.command.get_current_dir().is_none() {
            self.command.current_dir(&log.root);
        }
        let (reader, writer) = std::io::pipe().map_err(unable)?;
        let also = writer.try_clone().map_err(unable)?;
        let command = self
            .command
            .stdin(Stdio::null())
            .stdout(also)
            .stderr(writer);
        let mut child = command.spawn().map_err(unable)?;
        // The command holds an end of the pipe, which would never close.
        drop(self.command);
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(reader).split(b'\n');
            lines
                .map_while(|line| line.ok())
                .try_for_each(|line| send.send(line))
        });

        let mut output = String::new();
        let success = loop {
            let left = self.limit.saturating_sub(start.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) if !left.is_zero() => {
                    let line = String::from_utf8_lossy(&line);
                    log.line(&line);
                    output.push_str(&line);
                    output.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => {
                    break Some(child.wait().is_ok_and(|status| status.success()));
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {
                    log.line("ended: it ran out of its time limit");
                    kill(child.id());
                    let _ = child.wait();
                    break None;
                }
            }
        };
        Ok(Ran {
            output,
            success: success.unwrap_or(false),
            timed_out: success.is_none(),
        })
    }

    /// Returns the command as one would type it.
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

/// Kills a process and what it started, so that no test binary lives on after its cargo.
///
/// A process group would do it in one step, but takes the children out of the terminal's reach:
/// Ctrl-C would leave them running.
fn kill(process: u32) {
    let id = process.to_string();
    let children = Command::new("pgrep").args(["-P", &id]).output();
    let _ = Command::new("kill")
        .args(["-KILL", &id])
        .stderr(Stdio::null())
        .status();
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
        let ran = run("sh -c 'echo $$; sleep 60'; true")
            .limit(Duration::from_millis(500))
            .run(&log)
            .unwrap();
        assert!(ran.timed_out && !ran.success);
        let child = ran.output.trim();
        assert!(
            run(&format!("ps -o stat= -p {child} | grep -v Z"))
                .output(&log)
                .is_none()
        );
        let ran = run("echo one; echo two >&2; exit 3").run(&log).unwrap();
        assert_eq!((&*ran.output, ran.success), ("one\ntwo\n", false));
    }
}
