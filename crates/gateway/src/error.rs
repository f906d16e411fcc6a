//! Reasons why a gateway doesn't start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use breakerbox::ConfigError;

/// A reason why a gateway didn't start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The circuits can't be made with these settings.
    Circuit(ConfigError),
    /// Two routes have the same prefix.
    DuplicateRoute(String),
    /// A setting is out of bounds.
    Setting {
        /// The field of [`Config`](crate::Config).
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// An address couldn't be listened on.
    Listen(SocketAddr, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Circuit(error) => error.fmt(f),
            Self::DuplicateRoute(prefix) => write!(f, "two routes have the prefix {prefix}"),
            Self::Setting {
                name,
                value,
                allowed,
            } => write!(f, "{name} is {value}; it must be {allowed}"),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
