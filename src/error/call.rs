//! The error of a guarded call, which composes with other errors.

use super::rejected::Rejected;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The error of a guarded call.
///
/// Its text doesn't repeat its cause, which is its [`source`](Error::source): the [`Rejected`], or
/// the call's own error. So it converts by `?` into `Box<dyn Error>`, `anyhow::Error` and enums
/// with a `From`, and [`Rejected::find_in`] finds the rejection in each. If the call's own error
/// is no [`Error`], as `Box<dyn Error>` and `anyhow::Error` aren't,
/// [`into_boxed`](Self::into_boxed) makes it one.
///
/// ```
/// use breakerbox::{CallError, CircuitBreaker, Rejected};
/// use std::error::Error;
///
/// fn fetch(breaker: &CircuitBreaker) -> Result<String, Box<dyn Error + Send + Sync>> {
///     let read = || std::fs::read_to_string("/no/such/file");
///     Ok(breaker.call("disk", read)?)
/// }
///
/// /// Guards a function that returns a boxed error.
/// fn fetch_twice(breaker: &CircuitBreaker) -> Result<String, Box<dyn Error + Send + Sync>> {
///     let fetched = breaker.call("fetch", || fetch(breaker));
///     Ok(fetched.map_err(CallError::into_boxed)?)
/// }
///
/// let breaker = CircuitBreaker::builder().failure_threshold(1).build()?;
/// let failed = fetch_twice(&breaker).unwrap_err();
/// assert_eq!(failed.to_string(), "call failed");
/// assert!(Rejected::find_in(&*failed).is_none());
/// let rejected = fetch_twice(&breaker).unwrap_err();
/// assert_eq!(Rejected::find_in(&*rejected).map(|open| open.retry_after_secs()), Some(30));
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The circuit did not admit the call: it was not made.
    Rejected(Rejected),
    /// The call took longer than this call timeout and was dropped; counted as a failure.
    TimedOut(Duration),
    /// The call was made and failed.
    Inner(E),
}

impl<E> CallError<E> {
    /// Returns the rejection, if the call was rejected.
    pub const fn rejected(&self) -> Option<Rejected> {
        match self {
            CallError::Rejected(rejected) => Some(*rejected),
            CallError::TimedOut(_) | CallError::Inner(_) => None,
        }
    }

    /// Returns the time until the next try, if the call was rejected.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Rejected(rejected) => Some(rejected.retry_after()),
            CallError::TimedOut(_) | CallError::Inner(_) => None,
        }
    }

    /// Returns the call's own error, if it was made and failed.
    pub fn into_inner(self) -> Option<E> {
        match self {
            CallError::Inner(error) => Some(error),
            CallError::Rejected(_) | CallError::TimedOut(_) => None,
        }
    }

    /// Converts the call's own error by `f`.
    pub fn map_inner<F>(self, f: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            CallError::Rejected(rejected) => CallError::Rejected(rejected),
            CallError::TimedOut(after) => CallError::TimedOut(after),
            CallError::Inner(error) => CallError::Inner(f(error)),
        }
    }

    /// Boxes the call's own error, which needn't be an [`Error`] itself:
    /// `Box<dyn Error + Send + Sync>`, `anyhow::Error` and `String` will do. The result is an
    /// error, and converts by `?` into boxed and `anyhow` ones.
    pub fn into_boxed(self) -> BoxedCallError
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        BoxedCallError(self.map_inner(E::into))
    }

    fn fmt_by(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rejected(_) => f.write_str("call rejected"),
            CallError::TimedOut(after) => write!(f, "call timed out after {after:?}"),
            CallError::Inner(_) => f.write_str("call failed"),
        }
    }

    fn source_by<'a>(
        &'a self,
        inner: impl FnOnce(&'a E) -> &'a (dyn Error + 'static),
    ) -> Option<&'a (dyn Error + 'static)> {
        match self {
            CallError::Rejected(rejected) => Some(rejected),
            CallError::TimedOut(_) => None,
            CallError::Inner(error) => Some(inner(error)),
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        CallError::Rejected(rejected)
    }
}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_by(f)
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source_by(|error| error)
    }
}

/// A [`CallError`] whose call had an error of any type, made by [`CallError::into_boxed`].
#[derive(Debug)]
pub struct BoxedCallError(CallError<Box<dyn Error + Send + Sync>>);

impl BoxedCallError {
    /// Returns the error that it was made of.
    pub fn into_unboxed(self) -> CallError<Box<dyn Error + Send + Sync>> {
        self.0
    }
}

impl fmt::Display for BoxedCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_by(f)
    }
}

impl Error for BoxedCallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source_by(|error| &**error)
    }
}

/// Joins a call's own result and the reason why it has none into one result.
pub(crate) fn flat<T, E>(
    result: Result<Result<T, E>, CallError<Infallible>>,
) -> Result<T, CallError<E>> {
    match result {
        Ok(result) => result.map_err(CallError::Inner),
        Err(unmade) => Err(unmade.map_inner(|never| match never {})),
    }
}
