//! The `serve` command: run a gateway until a signal.

use std::error::Error;

use crate::cli::ServeArgs;
use crate::config::{Breaker, Config};
use crate::gateway::{Gateway, Hooks};
use crate::signals::stop_asked;

/// Serves until SIGINT or SIGTERM, then lets requests in flight finish.
///
/// # Errors
/// If the gateway can't start.
pub async fn run(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    let config = Config::from(args);
    let routes = config.routes.clone();
    let breaker = config.breaker;
    let hooks = Hooks {
        on_change: Some(Box::new(|change| {
            let time = clock_time(change.at);
            eprintln!(
                "{time} circuit {}: {} -> {}",
                change.key, change.from, change.to
            );
        })),
        pages: None,
    };
    // Before the addresses are told, since whoever reads them may signal at once.
    let mut stop = std::pin::pin!(stop_asked());
    let gateway = tokio::select! {
        biased;
        stopped = stop.as_mut() => return Ok(stopped?),
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

    stop.await?;
    eprintln!("stopping: requests in flight may finish");
    match gateway.shutdown().await {
        0 => eprintln!("stopped"),
        cut_off => eprintln!("stopped; connections cut off at the drain time: {cut_off}"),
    }
    Ok(())
}

/// The time of day (UTC) of a Unix time in milliseconds.
pub(crate) fn clock_time(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000 % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", unix_ms % 1000)
}
