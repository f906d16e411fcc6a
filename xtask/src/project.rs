//! Where things are: the repository's root, the target directory, the manifests.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Result};
use crate::manifest::Manifest;

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
        let root = manifest_dir
            .parent()
            .expect("xtask lies in a directory of the repository")
            .to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
            || root.join("target"),
            |dir| env::current_dir().unwrap_or_default().join(dir),
        );
        Self { root, target }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of something in the repository.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The path of something in the target directory.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }

    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    pub(crate) fn read(&self, relative: &str) -> Result<String> {
        let path = self.path(relative);
        std::fs::read_to_string(&path).at(&path)
    }

    /// The manifest at `relative`, a path that ends in `Cargo.toml`.
    pub(crate) fn manifest(&self, relative: &str) -> Result<Manifest> {
        Ok(Manifest::parse(&self.read(relative)?))
    }

    /// `path` as it reads from the root, for people.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
