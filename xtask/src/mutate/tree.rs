//! The copy of the repository that mutations are applied to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::project::Project;

/// A copy of everything that git tracks or would track.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Brings the copy up to date. Files that are right already keep their times, so that cargo
    /// builds little.
    pub(crate) fn sync(project: &Project) -> Result<Self> {
        let root = project.target("mutate/tree");
        let wanted: BTreeSet<_> = tracked(project)?
            .into_iter()
            .filter(|file| project.root().join(file).is_file())
            .collect();
        for path in files::below(&root)? {
            let file = path.strip_prefix(&root).expect("it lies below the root");
            if !wanted.contains(file) {
                fs::remove_file(&path).at(&path)?;
            }
        }
        for file in &wanted {
            let from = project.root().join(file);
            write_if_new(&root.join(file), &fs::read(&from).at(&from)?)?;
        }
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn read(&self, file: &str) -> Result<String> {
        let path = self.root.join(file);
        fs::read_to_string(&path).at(&path)
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.root.join(file);
        fs::write(&path, text).at(&path)
    }
}

fn tracked(project: &Project) -> Result<Vec<PathBuf>> {
    let listing = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(project.root())
        .output()
        .ok()
        .filter(|listing| listing.status.success())
        .ok_or_else(|| Error::failed("git cannot list the files of the repository"))?;
    let names = String::from_utf8_lossy(&listing.stdout).into_owned();
    Ok(names
        .split_terminator('\0')
        .map(PathBuf::from)
        // A copy within the copy is of no use, should the target directory not be ignored.
        .filter(|name| !project.root().join(name).starts_with(project.target("")))
        .collect())
}

fn write_if_new(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    files::write(path, content)
}
