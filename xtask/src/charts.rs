//! `cargo xtask charts`: pictures of what the measurements wrote, for light and dark pages.

mod bars;
mod canvas;
mod data;
mod label;
mod latency;
mod lines;
mod memory;
mod number;
mod palette;
mod scale;
#[cfg(test)]
mod tests;
mod theme;
mod timings;

use std::path::{Path, PathBuf};

use crate::charts::data::{Latency, Memory, Timing, read};
use crate::charts::palette::Palette;
use crate::error::{Error, Result};
use crate::files;
use crate::project::Project;

/// A picture's file, that of its data, and the picture: none where the data has nothing for it.
type Drawn = (&'static str, &'static str, Option<String>);

/// The arguments of `charts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the JSON is, target/comparison without it
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Where the pictures go, docs/charts without it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    // Cargo runs this where the user stands, so that a path of theirs is as they mean it.
    let from = args.from.unwrap_or_else(|| project.target("comparison"));
    let to = args.to.unwrap_or_else(|| project.path("docs/charts"));
    let charts = draw(&from)?;
    if !charts.iter().any(|drawn| drawn.2.is_some()) {
        return Err(Error::failed(format!(
            "{} has nothing to draw; `cargo xtask bench` measures",
            from.display()
        )));
    }
    write(project, &from, &to, charts)
}

/// Draws what is measured in these files of `from` into `to`.
pub(crate) fn draw_some(project: &Project, from: &Path, to: &Path, data: &[String]) -> Result<()> {
    let mut charts = draw(from)?;
    charts.retain(|drawn| data.iter().any(|data| data == drawn.1));
    write(project, from, to, charts)
}

fn write(project: &Project, from: &Path, to: &Path, charts: Vec<Drawn>) -> Result<()> {
    for (name, data, picture) in charts {
        let path = to.join(name);
        match picture {
            Some(picture) => {
                files::write(&path, picture)?;
                println!("{}", project.relative(&path));
            }
            None if from.join(data).exists() => {
                println!("{name}: not drawn, {data} has no such rows")
            }
            None => println!("{name}: not drawn, there is no {data}"),
        }
    }
    Ok(())
}

fn draw(from: &Path) -> Result<Vec<Drawn>> {
    const TIMINGS: &str = "results.json";
    const THREADS: &str = "threads.json";
    const LATENCY: &str = "latency.json";
    const MEMORY: &str = "memory.json";
    let timings = read(&from.join(TIMINGS), Timing::take)?.unwrap_or_default();
    let threads = read(&from.join(THREADS), Timing::take)?.unwrap_or_default();
    let latencies = read(&from.join(LATENCY), Latency::take)?.unwrap_or_default();
    let memories = read(&from.join(MEMORY), Memory::take)?.unwrap_or_default();

    // One palette for all, so that a subject looks the same in each picture.
    let subjects = timings.iter().chain(&threads).map(|row| &*row.subject);
    let subjects = subjects.chain(latencies.iter().map(|row| &*row.subject));
    let palette = &Palette::new(subjects.chain(memories.iter().map(|row| &*row.subject)));
    Ok(vec![
        (
            "throughput.svg",
            THREADS,
            timings::throughput(&threads, palette),
        ),
        ("keys.svg", TIMINGS, timings::keys(&timings, palette)),
        ("subjects.svg", TIMINGS, timings::subjects(&timings)),
        (
            "latency.svg",
            LATENCY,
            latency::latency(&latencies, palette),
        ),
        ("memory.svg", MEMORY, memory::memory(&memories, palette)),
    ])
}
