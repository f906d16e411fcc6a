//! The files below a directory, and new ones.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Result};

/// Lists every file below `dir` in a fixed order; none where there is no such directory.
pub(crate) fn below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if dir.exists() {
        for entry in fs::read_dir(dir).at(dir)? {
            let path = entry.at(dir)?.path();
            if path.is_dir() {
                found.extend(below(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a file, in directories that may not be there yet.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let dir = path.parent().expect("a file lies in a directory");
    fs::create_dir_all(dir).at(dir)?;
    fs::write(path, content).at(path)
}

/// Makes a directory that is empty, whatever was there before.
pub(crate) fn empty_dir(path: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(path);
    fs::create_dir_all(path).at(path)
}
