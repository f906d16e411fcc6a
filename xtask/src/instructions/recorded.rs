//! The counts that were recorded, in `benches/instructions.toml`.

use serde::Deserialize;

use super::count::{Counts, Machine, short};
use crate::error::{AtPath, Error, Result};
use crate::project::Project;

pub(crate) const FILE: &str = "benches/instructions.toml";

const HEAD: &str = "\
# What one run of each hot operation executes, counted by callgrind. `cargo xtask instructions`
# compares, `cargo xtask instructions --record` writes this file. `locked` are the instructions among
# them that write a shared word. Counts hold for this compiler, target and C library only.
";

/// The content of the file.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Recorded {
    #[serde(flatten)]
    pub(crate) machine: Machine,
    #[serde(rename = "operations")]
    pub(crate) counts: Counts,
}

impl Recorded {
    pub(crate) fn read(project: &Project) -> Result<Self> {
        let recorded = toml::from_str(&project.read(FILE)?);
        recorded.map_err(|error| Error::failed(format!("{FILE}: {error}")))
    }
}

/// Writes the file.
pub(crate) fn write(project: &Project, machine: &Machine, counts: &Counts) -> Result<()> {
    let path = project.path(FILE);
    std::fs::write(&path, text(machine, counts)?).at(&path)
}

fn text(machine: &Machine, counts: &Counts) -> Result<String> {
    let machine = toml::to_string(machine).map_err(|error| Error::failed(error.to_string()))?;
    let mut text = format!("{HEAD}\n{machine}\n[operations]\n");
    for (name, count) in counts {
        let (instructions, locked) = (short(count.instructions), short(count.locked));
        text += &format!("\"{name}\" = {{ instructions = {instructions}, locked = {locked} }}\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_would_be_written_again() {
        let project = Project::find();
        let there = project.read(FILE).unwrap();
        let Recorded { machine, counts } = Recorded::read(&project).unwrap();
        assert_eq!(text(&machine, &counts), Ok(there));
    }
}
