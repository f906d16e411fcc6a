//! The ways in which a command ends badly.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// What went wrong; `main` turns it into the exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The command line makes no sense: exit code 2.
    Usage(String),
    /// The command ran and the answer is no: exit code 1.
    Failed(String),
    /// As `Failed`, where all has been said already.
    Told,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => f.write_str(message),
            Self::Told => Ok(()),
        }
    }
}

/// Adds the path to an error that does not name it by itself.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| Error::failed(format!("{}: {error}", path.display())))
    }
}
