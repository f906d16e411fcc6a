//! Errors: the answers other than a result.

mod call;
mod rejected;

pub(crate) use call::flat;
pub use call::{BoxedCallError, CallError};
pub use rejected::{NoneAdmits, Rejected};

use std::error::Error;
use std::fmt;

/// The error of a store that holds as many circuits as it may, and can evict none: see
/// [`max_circuits`](crate::InMemoryStoreBuilder::max_circuits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StoreFull;

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store holds as many circuits as it can")
    }
}

impl Error for StoreFull {}

/// The reason why a store behind [`CircuitBreakerStore`](crate::CircuitBreakerStore) gave no
/// answer.
#[derive(Debug)]
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// Makes an error of its cause, which is its [`source`](Error::source).
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("circuit breaker store failed")
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// The error of a setting that is out of its range, or has no effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    field: &'static str,
    value: String,
    expected: String,
}

impl ConfigError {
    pub(crate) fn new(
        field: &'static str,
        value: impl fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            field,
            value: value.to_string(),
            expected: expected.into(),
        }
    }

    /// Returns the setting's name, as the builder's method has it.
    pub fn field(&self) -> &str {
        self.field
    }

    /// Returns the value that was refused.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the range or condition that the value must meet.
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {}; it must be {}",
            self.field, self.value, self.expected
        )
    }
}

impl Error for ConfigError {}
