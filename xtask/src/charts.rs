//! `cargo xtask charts`: the picture of what the measurements wrote, for light and dark pages.

mod canvas;
mod data;
mod scale;
#[cfg(test)]
mod tests;
mod theme;
mod throughput;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;
use crate::project::Project;

/// The picture, and the measurements that it is drawn from.
const PICTURE: &str = "throughput.svg";
const DATA: &str = "threads.json";

/// The arguments of `charts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the JSON is, target/comparison without it
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Where the picture goes, docs/charts without it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    // Cargo runs this where the user stands, so that a path of theirs is as they mean it.
    let from = args.from.unwrap_or_else(|| project.target("comparison"));
    let to = args.to.unwrap_or_else(|| project.path("docs/charts"));
    draw(project, &from, &to)
}

/// Draws what is measured in these files of `from` into `to`.
pub(crate) fn draw_some(project: &Project, from: &Path, to: &Path, data: &[String]) -> Result<()> {
    match data.iter().any(|data| data == DATA) {
        true => draw(project, from, to),
        false => Ok(()),
    }
}

fn draw(project: &Project, from: &Path, to: &Path) -> Result<()> {
    let picture = picture(&from.join(DATA))?;
    let path = to.join(PICTURE);
    files::write(&path, picture)?;
    println!("{}", project.relative(&path));
    Ok(())
}

fn picture(data: &Path) -> Result<String> {
    throughput::draw(&data::read(data)?).ok_or_else(|| {
        Error::failed(format!(
            "{} has nothing to draw; `cargo xtask bench --only threads` measures",
            data.display()
        ))
    })
}
