//! End to end: the gateway with its breaker and with `--breaker off`.
//!
//! `cargo bench -p breakerbox-gateway --bench end_to_end [-- --quick | --smoke] [--markdown]`
//! prints tables and the goals that are met, and writes `target/comparison/end-to-end.json`.
//!
//! The gateway is the program itself, `serve`, in a process of its own, started anew for each run.
//! The upstreams are a thread of this process, the callers another one, and both speak just enough
//! HTTP/1.1 over kept connections.
//!
//! - **At saturation**: callers that ask again as soon as they have their answer, of an upstream
//!   that answers 200 at once. In each round, gateways with the breaker on and off take short
//!   turns; a second gateway with it off shows by how much two equal ones differ. Asking the
//!   upstream directly shows the limit of the callers.
//! - **An upstream down**, which refuses connections or accepts them and never answers: calls to it
//!   and to a healthy route at a steady rate, independent of each other; then workers that go
//!   through both routes in turn, as the threads of an application would.
//!
//! It does **not** measure a network, TLS, large bodies, more routes or more cores. Callers,
//! gateway and upstreams share the machine's cores, and the gateway's share is printed. Requests
//! per second are this machine's; only differences carry over.

mod caller;
mod down;
mod goals;
mod markdown;
mod process;
mod report;
mod saturation;
mod stats;
mod upstream;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io};

use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// The number of measurements, and the length of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds at saturation, each with new gateways.
    rounds: usize,
    /// The warm-up of each contender, in each round.
    warm_up: Duration,
    /// Turns of each contender within a round.
    slices: usize,
    /// The length of a turn.
    slice: Duration,
    /// Turns with an upstream down.
    runs: usize,
    /// The time that each of them calls at a steady rate.
    steady: Duration,
    /// The time that each of them has workers.
    working: Duration,
    /// The gateway's `--response-timeout`.
    response_timeout: Duration,
    /// The gateway's `--reset-timeout`.
    reset_timeout: Duration,
}

const FULL: Effort = Effort {
    rounds: 10,
    warm_up: Duration::from_millis(300),
    slices: 20,
    slice: Duration::from_millis(100),
    runs: 3,
    steady: Duration::from_secs(4),
    working: Duration::from_millis(2500),
    response_timeout: Duration::from_secs(1),
    reset_timeout: Duration::from_secs(2),
};
const QUICK: Effort = Effort {
    rounds: 5,
    warm_up: Duration::from_millis(200),
    slices: 4,
    slice: Duration::from_millis(100),
    runs: 1,
    steady: Duration::from_millis(1500),
    working: Duration::from_millis(800),
    response_timeout: Duration::from_millis(250),
    reset_timeout: Duration::from_millis(500),
};
/// A run that shows that the bench works; its figures mean nothing, and are not written.
const SMOKE: Effort = Effort {
    rounds: 1,
    warm_up: Duration::from_millis(50),
    slices: 2,
    slice: Duration::from_millis(50),
    runs: 1,
    steady: Duration::from_millis(200),
    working: Duration::from_millis(100),
    response_timeout: Duration::from_millis(50),
    reset_timeout: Duration::from_millis(100),
};

fn main() -> ExitCode {
    let (mut effort, mut is_bench, mut markdown) = (FULL, false, false);
    for argument in env::args().skip(1) {
        match &*argument {
            // Cargo passes it for `cargo bench`, and not for `cargo test --benches`.
            "--bench" => is_bench = true,
            "--quick" => effort = QUICK,
            "--smoke" => effort = SMOKE,
            "--markdown" => markdown = true,
            other => {
                eprintln!("{other}: unknown; there are --quick, --smoke and --markdown");
                return ExitCode::FAILURE;
            }
        }
    }
    if !is_bench {
        effort = SMOKE;
    }
    match measure(effort, markdown) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(effort: Effort, markdown: bool) -> io::Result<()> {
    report::legend(effort);
    let upstreams = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let callers = Builder::new_current_thread().enable_all().build()?;
    let saturation = saturation::measure(&upstreams, &callers, effort)?;
    report::saturation(&saturation);
    let down = down::measure(&upstreams, &callers, effort)?;
    report::down(&down);
    // Some connections of callers and upstreams never end.
    for runtime in [upstreams, callers] {
        Runtime::shutdown_background(runtime);
    }
    if effort.rounds == SMOKE.rounds {
        return Ok(());
    }
    let goals = goals::judge(&saturation, &down);
    report::goals(&goals);
    if markdown {
        println!("\n{}", markdown::section(&saturation, &down));
    }
    write(&json!({
        "saturation": report::saturation_json(&saturation),
        "down": report::down_json(&down),
        "goals": goals.iter().map(goals::Judged::json).collect::<Vec<_>>(),
    }))
}

fn write(results: &serde_json::Value) -> io::Result<()> {
    // Cargo's directory for temporary files is in the target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap_or(Path::new("target"));
    let folder = target.join("comparison");
    fs::create_dir_all(&folder)?;
    let path = folder.join("end-to-end.json");
    fs::write(&path, format!("{results:#}\n"))?;
    println!("\n{}", path.display());
    Ok(())
}
