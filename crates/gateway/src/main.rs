//! `breakerbox-gateway`: a reverse proxy whose routes are guarded by circuits.

use std::process::ExitCode;

use breakerbox_gateway::cli::{Cli, Command};
use breakerbox_gateway::{demo, serve};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // Bad arguments end the program here, with exit code 2.
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Serve(args) => serve::run(*args).await,
        Command::Demo(args) => demo::run(args).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
