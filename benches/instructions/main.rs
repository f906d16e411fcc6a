//! Runs one hot operation N times: `instructions OPERATION N`. Without arguments it names
//! the operations.
//!
//! `cargo xtask instructions` runs it under callgrind with one count and with twice that; the
//! difference is what the operations cost, without the start of the program.

use breakerbox_benches::hot::OPERATIONS;
use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo adds an option of its own.
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(name) = args.next() else {
        for operation in OPERATIONS {
            println!("{}", operation.name);
        }
        return ExitCode::SUCCESS;
    };
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.name == name) else {
        eprintln!("there is no operation `{name}`");
        return ExitCode::from(2);
    };
    let Some(count) = args.next().and_then(|count| count.parse().ok()) else {
        eprintln!("how often? usage: instructions OPERATION COUNT");
        return ExitCode::from(2);
    };
    (operation.prepare)()(count);
    ExitCode::SUCCESS
}
