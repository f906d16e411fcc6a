//! Signals: the first lets requests finish, a second ends the program at once.

use std::io;

/// A listener for SIGINT and SIGTERM (for Ctrl-C where there are none).
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the signals can't be listened to.
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next signal, and returns its number.
    pub(crate) async fn next(&mut self) -> i32 {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
        #[cfg(not(unix))]
        {
            // If Ctrl-C can't be listened to, no signal ever comes.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            2
        }
    }

    /// Ends the program at the next signal, with the exit code of a program that the signal killed:
    /// 130 or 143.
    pub(crate) fn end_at_the_next(mut self) {
        tokio::spawn(async move { std::process::exit(128 + self.next().await) });
    }
}

/// Calls `hung_up` at each SIGHUP, which then no longer ends the program.
///
/// # Errors
/// If the signal can't be listened to.
#[cfg_attr(not(unix), allow(unused_variables, clippy::unnecessary_wraps))]
pub(crate) fn survive_hangups(hung_up: impl Fn() + Send + 'static) -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                hung_up();
            }
        });
    }
    Ok(())
}
