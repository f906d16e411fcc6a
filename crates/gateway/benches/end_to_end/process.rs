//! A gateway in a process of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

/// A running gateway, killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// `--breaker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    On,
    Off,
}

impl Breaker {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl Gateway {
    /// Starts `serve` and waits until it listens.
    pub(crate) fn start(
        breaker: Breaker,
        routes: &[(&str, SocketAddr)],
        options: &[String],
    ) -> io::Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_breakerbox-gateway"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--breaker", breaker.label()])
            .args(
                routes
                    .iter()
                    .map(|(prefix, upstream)| format!("--route={prefix}=http://{upstream}")),
            )
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It logs each transition, which is of no interest here.
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("proxy http://");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            child.kill()?;
            return Err(io::Error::other(format!("serve says no address: {line:?}")));
        };
        // A closed pipe would be an error to the gateway.
        thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
        Ok(Self { child, address })
    }

    /// Returns the processor time of all its threads so far, in nanoseconds, if the system tells.
    pub(crate) fn cpu_ns(&self) -> Option<f64> {
        let mut sum = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id())).ok()? {
            let stat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            sum += stat.split(' ').next()?.parse::<f64>().ok()?;
        }
        Some(sum)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The process may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
