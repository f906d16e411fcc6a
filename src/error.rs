//! The answers that aren't what the caller hoped for.

use crate::snapshot::CircuitState;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A call was not admitted: its circuit is open, half-open with all probe slots taken, or
/// forced open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rejected {
    state: CircuitState,
    retry_after_ms: u64,
}

impl Rejected {
    /// A rejection, for stores that keep circuits elsewhere. `retry_after` is rounded up to
    /// whole milliseconds.
    pub fn new_for(state: CircuitState, retry_after: Duration) -> Self {
        Self::new(state, crate::word::saturating_ms(retry_after))
    }

    pub(crate) const fn new(state: CircuitState, retry_after_ms: u64) -> Self {
        Self {
            state,
            retry_after_ms,
        }
    }

    /// The state that rejected: open, half-open or forced-open.
    pub const fn state(&self) -> CircuitState {
        self.state
    }

    /// When to try again: what is left of the open circuit's time; the whole reset timeout where
    /// that can't be known (all probe slots taken, forced open).
    pub const fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }

    /// The same in whole seconds, rounded up and at least 1: the value of HTTP's `Retry-After`.
    pub const fn retry_after_secs(&self) -> u64 {
        let secs = self.retry_after_ms.div_ceil(1_000);
        if secs == 0 { 1 } else { secs }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "circuit is {}, retry after {:?}",
            self.state,
            self.retry_after()
        )
    }
}

impl Error for Rejected {}

/// The store holds as many circuits as it can: see
/// [`InMemoryCircuitBreakerStore::MAX_CIRCUITS`](crate::InMemoryCircuitBreakerStore::MAX_CIRCUITS).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StoreFull;

impl fmt::Display for StoreFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store holds as many circuits as it can")
    }
}

impl Error for StoreFull {}

/// Why a store behind [`CircuitBreakerStore`](crate::CircuitBreakerStore) gave no answer.
#[derive(Debug)]
pub struct StoreError(Box<dyn Error + Send + Sync>);

impl StoreError {
    /// From whatever went wrong.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuit breaker store failed: {}", self.0)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// A setting is out of its range.
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

    /// The setting's name, as the builder's method has it.
    pub fn field(&self) -> &str {
        self.field
    }

    /// The value that was refused.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would have been taken.
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

/// Why a guarded call has no result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallError<E> {
    /// The circuit did not admit it: the call was not made.
    Rejected(Rejected),
    /// It took longer than the call timeout, and was dropped; counted as a failure.
    TimedOut(Duration),
    /// It was made and failed; counted as a failure.
    Inner(E),
}

impl CallError<std::convert::Infallible> {
    /// The same, of a call that could have failed too.
    pub(crate) fn with_error<E>(self) -> CallError<E> {
        match self {
            CallError::Rejected(rejected) => CallError::Rejected(rejected),
            CallError::TimedOut(after) => CallError::TimedOut(after),
            CallError::Inner(never) => match never {},
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        CallError::Rejected(rejected)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected(rejected) => rejected.fmt(f),
            CallError::TimedOut(after) => write!(f, "call timed out after {after:?}"),
            CallError::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Rejected(_) | CallError::TimedOut(_) => None,
            CallError::Inner(error) => error.source(),
        }
    }
}
