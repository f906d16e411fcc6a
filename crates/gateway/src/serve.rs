//! The `serve` command: a gateway that runs until a signal.

use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};

use breakerbox::StateChange;

use crate::Key;
use crate::cli::ServeArgs;
use crate::config::{Breaker, Config};
use crate::gateway::{Gateway, Hooks};
use crate::signals::{Signals, survive_hangups};

/// Serves until SIGINT or SIGTERM, then lets requests in flight finish, up to the drain time. A
/// second SIGINT or SIGTERM ends the program at once, with exit code 130 or 143. SIGHUP is logged
/// and otherwise ignored: there is no file to reload, and a closed terminal is no reason to stop
/// serving.
///
/// # Errors
/// If the gateway can't start.
pub async fn run(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    let config = Config::from(args);
    let routes = config.routes.clone();
    let breaker = config.breaker;
    let hooks = Hooks {
        on_change: Some(Box::new(|change| log(changed(change)))),
        pages: None,
    };
    // Before the addresses are printed, since a program that reads them may send a signal at once.
    let mut signals = Signals::listen()?;
    survive_hangups(|| log("SIGHUP: there is nothing to reload, serving on"))?;
    let gateway = tokio::select! {
        biased;
        _ = signals.next() => return Ok(()),
        gateway = Gateway::start(config, hooks) => gateway?,
    };
    println!("proxy http://{}", gateway.address());
    println!("admin http://{}/circuits", gateway.admin_address());
    for route in routes {
        println!("route {} -> http://{}", route.prefix(), route.upstream());
    }
    if breaker == Breaker::Off {
        println!("breaker off: every request goes to its upstream");
    }

    signals.next().await;
    log("stopping: requests in flight may finish; a second signal ends at once");
    signals.end_at_the_next();
    match gateway.shutdown().await {
        0 => log("stopped"),
        cut_off => log(format_args!(
            "stopped; connections cut off at the drain time: {cut_off}"
        )),
    }
    Ok(())
}

/// Formats a state change: time, circuit, states and cause.
fn changed(change: &StateChange<Key>) -> String {
    let mut line = clock_time(change.at);
    // Writing to a string can't fail.
    let _ = write!(
        line,
        " circuit {}: {} -> {}: {}",
        change.key, change.from, change.to, change.cause
    );
    line
}

/// Writes a line to the standard error, which may be gone with its terminal.
fn log(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Formats a Unix time in milliseconds as the time of day (UTC).
pub(crate) fn clock_time(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", unix_ms % 1000)
}
