//! The answers that aren't what the caller hoped for.

use crate::snapshot::CircuitState;
use crate::word::Millis;
use std::convert::Infallible;
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
        Self::new(state, Millis::from(retry_after))
    }

    pub(crate) const fn new(state: CircuitState, retry_after: Millis) -> Self {
        Self {
            state,
            retry_after_ms: retry_after.get(),
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

/// None of several circuits admits a call: see
/// [`CircuitHandle::acquire_any`](crate::CircuitHandle::acquire_any).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NoneAdmits {
    soonest: Option<Rejected>,
}

impl NoneAdmits {
    pub(crate) const fn new(soonest: Option<Rejected>) -> Self {
        Self { soonest }
    }

    /// Returns the rejection with the least time left; `None`: there was no circuit to ask.
    pub const fn soonest(&self) -> Option<Rejected> {
        self.soonest
    }

    /// Returns when to try again, in whole seconds, rounded up and at least 1: the value of HTTP's
    /// `Retry-After`.
    pub fn retry_after_secs(&self) -> u64 {
        self.soonest
            .map_or(1, |rejected| rejected.retry_after_secs())
    }
}

impl fmt::Display for NoneAdmits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.soonest {
            Some(_) => "no circuit admits the call",
            None => "there is no circuit to make the call through",
        })
    }
}

impl Error for NoneAdmits {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.soonest.as_ref().map(|rejected| rejected as _)
    }
}

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

/// Makes one result of a call's own and of why it has none.
pub(crate) fn flat<T, E>(
    result: Result<Result<T, E>, CallError<Infallible>>,
) -> Result<T, CallError<E>> {
    match result {
        Ok(result) => result.map_err(CallError::Inner),
        Err(CallError::Rejected(rejected)) => Err(CallError::Rejected(rejected)),
        Err(CallError::TimedOut(after)) => Err(CallError::TimedOut(after)),
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
