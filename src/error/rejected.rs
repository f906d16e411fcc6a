//! Rejections: by one circuit, and by all of several that were asked.

use crate::snapshot::CircuitState;
use crate::word::Millis;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The rejection of a call: its circuit is open, forced open, or half-open with all its probes out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rejected {
    state: CircuitState,
    retry_after_ms: u64,
}

impl Rejected {
    /// Makes a rejection, for stores that keep circuits elsewhere. `retry_after` is rounded up to
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

    /// Returns the state that rejected: open, half-open or forced-open.
    pub const fn state(&self) -> CircuitState {
        self.state
    }

    /// Returns the time until the next try: what is left of the open circuit's time. If that can't
    /// be known (all probes out, forced open), the whole reset timeout. A time of more than 100 ms
    /// may be a tick of the kernel too long, see [`Clock`](crate::Clock::roughly_ms); a shorter one
    /// is exact.
    pub const fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }

    /// Finds the rejection in an error or in its sources, for one place that answers all rejected
    /// calls, as with status 503.
    ///
    /// ```
    /// use breakerbox::{CallError, CircuitBreaker, Rejected};
    /// use std::error::Error;
    /// use std::io;
    ///
    /// fn status(error: &(dyn Error + 'static)) -> u16 {
    ///     if Rejected::find_in(error).is_some() { 503 } else { 500 }
    /// }
    ///
    /// let breaker = CircuitBreaker::new();
    /// assert!(breaker.force_open("disk").is_some());
    /// let rejected = breaker.call("disk", || Err::<(), _>(io::Error::other("never made")));
    /// let error: CallError<io::Error> = rejected.unwrap_err();
    /// assert_eq!(status(&error), 503);
    /// assert_eq!(status(&io::Error::other(error)), 503);
    /// assert_eq!(status(&io::Error::other("full")), 500);
    /// ```
    pub fn find_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(rejected) = error.downcast_ref() {
                return Some(rejected);
            }
            next = error.source();
        }
        None
    }

    /// Returns a text that names the circuit, for logs: a rejection itself doesn't know its key.
    ///
    /// ```
    /// let breaker = breakerbox::CircuitBreaker::new();
    /// assert!(breaker.force_open("disk").is_some());
    /// let rejected = breaker.acquire("disk").unwrap_err();
    /// let text = rejected.with_key("disk").to_string();
    /// assert_eq!(text, "circuit of disk is forced-open, retry after 30s");
    /// ```
    pub fn with_key<D: fmt::Display>(self, key: D) -> impl fmt::Display {
        struct WithKey<D>(Rejected, D);

        impl<D: fmt::Display> fmt::Display for WithKey<D> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self(rejected, key) = self;
                write!(f, "circuit of {key} ")?;
                rejected.fmt_state(f)
            }
        }
        WithKey(self, key)
    }

    /// Writes the state of the circuit, after its name.
    fn fmt_state(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retry_after = self.retry_after();
        write!(f, "is {}, retry after {retry_after:?}", self.state)
    }

    /// Returns [`retry_after`](Self::retry_after) in whole seconds, rounded up and at least 1: the
    /// value of HTTP's `Retry-After`.
    pub const fn retry_after_secs(&self) -> u64 {
        let secs = self.retry_after_ms.div_ceil(1_000);
        if secs == 0 { 1 } else { secs }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("circuit ")?;
        self.fmt_state(f)
    }
}

impl Error for Rejected {}

/// The error of several circuits of which none admits a call: see
/// [`CircuitHandle::acquire_any`](crate::CircuitHandle::acquire_any).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NoneAdmits {
    soonest: Option<Rejected>,
}

impl NoneAdmits {
    pub(crate) const fn new(soonest: Option<Rejected>) -> Self {
        Self { soonest }
    }

    /// Returns the rejection with the least time left; `None` if there was no circuit to ask.
    pub const fn soonest(&self) -> Option<Rejected> {
        self.soonest
    }

    /// Returns the time until the next try: that of the [soonest](Self::soonest) rejection; zero if
    /// there was no circuit to ask.
    pub fn retry_after(&self) -> Duration {
        let soonest = self.soonest.map(|rejected| rejected.retry_after());
        soonest.unwrap_or_default()
    }

    /// Returns the time until the next try in whole seconds, rounded up and at least 1: the value
    /// of HTTP's `Retry-After`.
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
