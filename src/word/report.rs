//! The outcome of a call, and the report that carries it.

use super::field::layout;
use super::time::Millis;
use std::time::Duration;

/// The outcome of a guarded call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The upstream is well.
    Success,
    /// The upstream is at fault. Counts towards opening the circuit.
    Failure,
    /// The call says nothing about the upstream: the caller gave up, or a client made an error.
    /// Counts nowhere; a probe is given back, so that another may go.
    Ignored,
}

layout!(64 => OUTCOME: 2, TOOK: 31, RETRY_AFTER: 31);

/// The outcome of a guarded call, and what else is known of it. An [`Outcome`] converts into one.
///
/// ```
/// use breakerbox::{InMemoryCircuitBreakerStore, Policy, Outcome, Report};
/// use std::time::Duration;
///
/// let store = InMemoryCircuitBreakerStore::new();
/// let policy = Policy::builder().failure_threshold(1).build()?;
/// let permit = store.acquire("search", &policy)?;
/// let overloaded = Report::from(Outcome::Failure)
///     .took(Duration::from_millis(12))
///     .retry_after(Duration::from_secs(90)); // as the upstream's answer says
/// let _ = store.report("search", permit, overloaded, &policy);
/// let rejected = store.acquire("search", &policy).unwrap_err();
/// assert_eq!(rejected.retry_after_secs(), 90); // instead of the policy's 30
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "a report counts once it is given to a permit or a store"]
pub struct Report(u64);

impl Report {
    /// The longest duration, in ms. A duration is stored as one more than itself; 0 stands for
    /// none.
    const TOOK_MAX: u64 = TOOK.max() - 1;

    const fn of(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::Success => 0,
            Outcome::Failure => 1,
            Outcome::Ignored => 2,
        })
    }

    /// Sets how long the call took: whole milliseconds, rounded up, at most 24 days. Zero is a time
    /// too, and keeps the breaker from measuring. A call whose time is unknown doesn't count as
    /// slow.
    pub fn took(self, duration: Duration) -> Self {
        self.with_took(Millis::from(duration))
    }

    /// Sets how long the upstream asks to be left alone: whole milliseconds, rounded up, at most 24
    /// days. If this report opens the circuit, it stays open for at least that long, up to
    /// [`Policy::retry_after_max`](crate::Policy::retry_after_max). The requests of earlier
    /// failures don't count:
    ///
    /// ```
    /// # use breakerbox::{CircuitBreaker, Outcome, Report};
    /// # use std::time::Duration;
    /// # let breaker = CircuitBreaker::builder().failure_threshold(2).build()?;
    /// let busy = Report::from(Outcome::Failure).retry_after(Duration::from_secs(90));
    /// let _ = breaker.acquire("search")?.report(busy); // the first of two: its 90 s are forgotten
    /// let _ = breaker.acquire("search")?.failure(); // opens, for the policy's 30 s
    /// # assert_eq!(breaker.acquire("search").unwrap_err().retry_after_secs(), 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry_after(self, duration: Duration) -> Self {
        let ms = Millis::from(duration).get().min(RETRY_AFTER.max());
        Self(RETRY_AFTER.set(self.0, ms))
    }

    /// Sets how long the call took, as [`took`](Self::took) does, unless it is set already.
    pub(crate) fn or_took(self, duration: Duration) -> Self {
        match self.took_time() {
            Some(_) => self,
            None => self.took(duration),
        }
    }

    const fn with_took(self, time: Millis) -> Self {
        let ms = time.get();
        let ms = if ms > Self::TOOK_MAX {
            Self::TOOK_MAX
        } else {
            ms
        };
        Self(TOOK.set(self.0, ms + 1))
    }

    /// Returns how the call went.
    #[inline]
    pub const fn outcome(self) -> Outcome {
        match OUTCOME.get(self.0) {
            0 => Outcome::Success,
            1 => Outcome::Failure,
            _ => Outcome::Ignored,
        }
    }

    /// Returns whether it says that the call succeeded, and nothing else. Such a call is slow by no
    /// policy.
    #[inline]
    pub(crate) const fn is_success_alone(self) -> bool {
        self.0 == Self::of(Outcome::Success).0
    }

    /// Returns how long the call took; `None` if the report doesn't say.
    pub(crate) fn took_time(self) -> Option<Millis> {
        TOOK.get(self.0).checked_sub(1).map(Millis::new)
    }

    /// Returns how long the upstream asks to be left alone; zero if it doesn't ask.
    pub(crate) const fn retry_after_time(self) -> Millis {
        Millis::new(RETRY_AFTER.get(self.0))
    }
}

impl From<Outcome> for Report {
    #[inline]
    fn from(outcome: Outcome) -> Self {
        Self::of(outcome)
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report")
            .field("outcome", &self.outcome())
            .field("took", &self.took_time())
            .field("retry_after", &self.retry_after_time())
            .finish()
    }
}

/// The effect of a report. Both are normal, and most callers need neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a stale report changed nothing; `let _ =` says that it doesn't matter"]
#[non_exhaustive]
pub enum Reported {
    /// The report was taken into account.
    Recorded,
    /// The circuit has changed state since the permit was given: the report changed nothing.
    Stale,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_what_it_is_told() {
        let times = [0, 1, 30_000, RETRY_AFTER.max() - 1, RETRY_AFTER.max()];
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Ignored] {
            assert_eq!(Report::from(outcome).outcome(), outcome);
            assert_eq!(Report::from(outcome).took_time(), None);
            for took in times.map(|time| time.min(Report::TOOK_MAX)) {
                for retry in times {
                    let report = Report::from(outcome)
                        .took(Duration::from_millis(9))
                        .retry_after(Duration::from_millis(9))
                        .retry_after(Duration::from_millis(retry))
                        .took(Duration::from_millis(took));
                    let read = (
                        report.outcome(),
                        report.took_time(),
                        report.retry_after_time(),
                    );
                    assert_eq!(read, (outcome, Some(Millis::new(took)), Millis::new(retry)));
                }
            }
        }
        let longest = Report::from(Outcome::Failure)
            .took(Duration::MAX)
            .retry_after(Duration::MAX);
        assert_eq!(longest.outcome(), Outcome::Failure);
        assert_eq!(longest.took_time(), Some(Millis::new(Report::TOOK_MAX)));
        assert_eq!(longest.retry_after_time(), Millis::new(RETRY_AFTER.max()));
    }

    #[test]
    fn a_time_that_was_said_is_not_measured() {
        let report = Report::from(Outcome::Success);
        let measured = Duration::from_millis(7);
        assert_eq!(report.or_took(measured).took_time(), Some(Millis::new(7)));
        for said in [0, 3] {
            let report = report.took(Duration::from_millis(said));
            assert_eq!(
                report.or_took(measured).took_time(),
                Some(Millis::new(said))
            );
        }
    }
}
