//! Classifiers: the outcome of a call, by its result.

use crate::word::{Outcome, Report};

/// A classifier of calls by their results: a closure, or a type of your own.
///
/// ```
/// use breakerbox::{CircuitBreaker, Classify, Outcome, Report};
/// use std::time::Duration;
///
/// struct Response {
///     status: u16,
///     retry_after: Option<Duration>,
/// }
///
/// struct ByStatus;
///
/// impl Classify<Response> for ByStatus {
///     fn classify(&self, response: &Response) -> Report {
///         let outcome = match response.status {
///             500 | 502..=504 => Outcome::Failure,
///             _ => Outcome::Success, // 4xx too: the upstream answered, and a probe has succeeded
///         };
///         let report = Report::from(outcome);
///         response.retry_after.map_or(report, |after| report.retry_after(after))
///     }
/// }
///
/// let breaker = CircuitBreaker::builder().failure_threshold(1).build()?;
/// let busy = || Response { status: 503, retry_after: Some(Duration::from_secs(90)) };
/// let response = breaker.call_with("search", &ByStatus, busy)?; // the response is the caller's
/// assert_eq!(response.status, 503);
/// assert_eq!(breaker.acquire("search").unwrap_err().retry_after_secs(), 90);
///
/// // By a closure:
/// let empty = |found: &Vec<u32>| if found.is_empty() { Outcome::Failure } else { Outcome::Success };
/// breaker.call_with("index", &empty, Vec::new)?;
/// assert!(breaker.acquire("index").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Classify<R: ?Sized> {
    /// Returns the report of the call that returned `result`. A panic in it counts as a failure of
    /// the call, and goes on to the caller.
    fn classify(&self, result: &R) -> Report;
}

impl<R: ?Sized, F, O> Classify<R> for F
where
    F: Fn(&R) -> O,
    O: Into<Report>,
{
    fn classify(&self, result: &R) -> Report {
        self(result).into()
    }
}

/// The classifier by which `Ok` is a success and `Err` a failure, as for
/// [`call`](crate::CircuitBreaker::call).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ErrIsFailure;

impl<T, E> Classify<Result<T, E>> for ErrIsFailure {
    fn classify(&self, result: &Result<T, E>) -> Report {
        let outcome = match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        };
        outcome.into()
    }
}

/// Makes a classifier of results from one of errors: `Ok` is a success.
pub(crate) fn by_error<T, E, R: Into<Report>>(
    err_is: impl FnOnce(&E) -> R,
) -> impl FnOnce(&Result<T, E>) -> Report {
    |result| match result {
        Ok(_) => Outcome::Success.into(),
        Err(error) => err_is(error).into(),
    }
}
