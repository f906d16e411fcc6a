//! The signals that end the program politely.

use std::io;

/// Resolves at the first SIGINT or SIGTERM (elsewhere: Ctrl-C).
///
/// # Errors
/// If the signals can't be listened to.
#[cfg(unix)]
pub(crate) async fn stop_asked() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Resolves at the first Ctrl-C.
///
/// # Errors
/// If it can't be listened to.
#[cfg(not(unix))]
pub(crate) async fn stop_asked() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
