//! `cargo xtask bench`: the comparison with what people use instead, and the gateway end to end.

use std::process::{Command, Stdio};

use crate::args::Args;
use crate::error::{Error, Result};
use crate::project::Project;

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let quick = args.flag("--quick");
    let (package, bench) = if args.flag("--end-to-end") {
        ("breakerbox-gateway", "end_to_end")
    } else {
        ("breakerbox-benches", "comparison")
    };
    args.finish()?;
    // Not a logged child: the table belongs on the terminal as it is, and flags such as target-cpu
    // are the caller's to choose.
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["bench", "--package", package, "--bench", bench, "--"])
        .args(quick.then_some("--quick"))
        .current_dir(project.root())
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Error::failed(format!("cargo could not be started: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::failed("the bench did not come to its end"))
    }
}
