//! Places: the repository's root, the target directory, the manifests.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};
use crate::files;

/// The checkout that this xtask belongs to.
#[derive(Debug)]
pub(crate) struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Self {
        // Cargo sets the variable at run time too, so a moved checkout is found without a rebuild.
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.parent().expect("it lies in the repository");
        let root = root.to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
            || root.join("target"),
            |dir| env::current_dir().unwrap_or_default().join(dir),
        );
        Self { root, target }
    }

    /// Returns the copy that mutations are applied to, which is built apart.
    pub(crate) fn mutated(&self) -> Self {
        Self {
            root: self.target("mutate/tree"),
            target: self.target("mutate/target"),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of something in the repository.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Returns the path of something in the target directory.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        let path = self.path(relative);
        std::fs::read_to_string(&path).at(&path)
    }

    /// Returns the text files below these folders, named from the root.
    pub(crate) fn texts(&self, folders: &[&str]) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for folder in folders {
            for path in files::below(&self.path(folder))? {
                // A file that isn't text has no lines.
                if let Ok(text) = std::fs::read_to_string(&path) {
                    found.push((self.relative(&path).to_string(), text));
                }
            }
        }
        Ok(found)
    }

    /// Reads the TOML file at `relative`.
    pub(crate) fn toml(&self, relative: &str) -> Result<toml::Table> {
        let table = self.read(relative)?.parse();
        table.map_err(|error| Error::failed(format!("{relative}: {error}")))
    }

    /// Returns `path` as it reads from the root, for people.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
