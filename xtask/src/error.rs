//! The ways in which a command ends badly.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

/// A bad end; `main` turns it into the exit code, and `test` into the answer of a ring.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The command line makes no sense: exit code 2, as all others have 1.
    Usage(String),
    /// The command ran and the answer is no.
    Failed(String),
    /// Something is missing that the machine could have.
    Missing(String),
    /// Something is missing that there is none of for this machine.
    Impossible(String),
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Failed(why) => f.write_str(why),
            Self::Missing(why) | Self::Impossible(why) => f.write_str(why),
            Self::Told => Ok(()),
        }
    }
}

/// Returns [`Error::Failed`] from a function, with a message as `format!` takes it.
macro_rules! bail {
    ($($message:tt)*) => {
        return Err($crate::error::Error::failed(format!($($message)*)))
    };
}
pub(crate) use bail;

/// Adds the path to an error that does not name it by itself.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| Error::failed(format!("{}: {error}", path.display())))
    }
}
