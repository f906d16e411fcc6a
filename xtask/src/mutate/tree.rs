//! The copy of the repository that mutations are applied to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::process::{Log, Run};
use crate::project::Project;

/// A copy of everything that git tracks or would track.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
}

impl Tree {
    /// Brings the copy up to date. Files that are right already keep their times, so that cargo
    /// builds little.
    pub(crate) fn sync(project: &Project, log: &Log) -> Result<Self> {
        let root = project.target("mutate/tree");
        let wanted = tracked(project, log)?;
        for path in files::below(&root)? {
            let file = path.strip_prefix(&root).expect("it lies below the root");
            if !wanted.contains(file) {
                fs::remove_file(&path).at(&path)?;
            }
        }
        for file in &wanted {
            let (from, to) = (project.root().join(file), root.join(file));
            let content = fs::read(&from).at(&from)?;
            if !fs::read(&to).is_ok_and(|there| there == content) {
                files::write(&to, content)?;
            }
        }
        Ok(Self { root })
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

/// Lists what git tracks or would track.
fn tracked(project: &Project, log: &Log) -> Result<BTreeSet<PathBuf>> {
    let list = Run::new("git").words("ls-files -z --cached --others --exclude-standard");
    let none = || Error::failed("git cannot list the files of the repository");
    let names = list.output(log).ok_or_else(none)?;
    // A copy within the copy is of no use, should the target directory not be ignored.
    let is_wanted = |path: &Path| path.is_file() && !path.starts_with(project.target(""));
    let files = names.split('\0').map(PathBuf::from);
    let wanted = files.filter(|file| is_wanted(&project.root().join(file)));
    Ok(wanted.collect())
}
