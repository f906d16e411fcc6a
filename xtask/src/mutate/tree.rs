//! The copy of the repository that mutations are applied to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::process::{Log, Run};
use crate::project::Project;

/// Brings `copy` up to date with everything that git tracks or would track. Files that are right
/// already keep their times, so that cargo builds little.
pub(super) fn sync(project: &Project, copy: &Project, log: &Log) -> Result<()> {
    let wanted = tracked(project, log)?;
    for path in files::below(copy.root())? {
        let file = path.strip_prefix(copy.root()).expect("it lies below");
        if !wanted.contains(file) {
            fs::remove_file(&path).at(&path)?;
        }
    }
    for file in &wanted {
        let [from, to] = [project, copy].map(|project| project.root().join(file));
        let content = fs::read(&from).at(&from)?;
        if !fs::read(&to).is_ok_and(|there| there == content) {
            files::write(&to, content)?;
        }
    }
    Ok(())
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
