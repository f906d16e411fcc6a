//! Permits of a breaker over any store.

use super::remote::Remote;
use crate::clock::Instant;
use crate::contract::StoreResult;
use crate::on_panic::in_drop;
use crate::rules::Policy;
use crate::runtime::{Finisher, within};
use crate::stats::Counted;
use crate::word::{Millis, Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

/// The right to make one call, admitted by
/// [`AsyncCircuitBreaker::acquire`](super::AsyncCircuitBreaker::acquire).
///
/// If it is dropped without a report, the call counts as the policy's
/// [`DroppedPermit`](crate::DroppedPermit) says: at once if the store answers at once, else
/// in the background. Without a runtime for that, its probe goes out again when the lease is over,
/// and its call ends up as a hung one where the policy counts those.
#[must_use = "by default, a permit that is dropped without a report counts nothing"]
pub struct AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    pub(super) inner: Arc<Remote<K>>,
    pub(super) key: Arc<K::Owned>,
    /// `None` if the call was admitted without the store, or the permit has been reported.
    pub(super) token: Option<PermitToken>,
    /// The time of the admission, where the policy needs it.
    pub(super) since: Option<Instant>,
}

impl<K> AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// Reports that the call went well. See [`report`](Self::report).
    pub fn success(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Success)
    }

    /// Reports that the call failed, and that the upstream is at fault. See
    /// [`report`](Self::report).
    pub fn failure(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Failure)
    }

    /// Reports that the call says nothing about the upstream. A probe is given back. See
    /// [`report`](Self::report).
    pub fn ignore(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Ignored)
    }

    /// Reports how the call ended. Returns `None` if the store wasn't asked, or failed, or didn't
    /// answer in time. The time that the call took is measured where the policy needs it,
    /// unless the report gives it.
    ///
    /// The report goes on in the background if the store is slow, or if the future is dropped.
    pub fn report<R: Into<Report>>(
        mut self,
        report: R,
    ) -> impl Future<Output = Option<Reported>> + Send + use<K, R> {
        let policy = self.policy();
        let finisher = self.send(report.into(), &policy);
        let inner = Arc::clone(&self.inner);
        async move {
            match within(&*inner.runtime, inner.store_timeout, pin!(finisher?)).await {
                Some(Ok(reported)) => Some(reported),
                Some(Err(_)) | None => {
                    inner.store_failed();
                    None
                }
            }
        }
    }

    /// Returns whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_some_and(|token| token.is_probe())
    }

    /// Returns whether the call was admitted without the store: because it didn't answer,
    /// because it rejected the call under a shadow policy, or because the policy
    /// [forced](Policy::forced) the answer.
    pub fn is_untracked(&self) -> bool {
        self.token.is_none()
    }

    fn policy(&self) -> Policy {
        self.inner.policy((*self.key).borrow())
    }

    /// Reports a permit that is dropped without a report.
    fn abandon(&mut self) {
        self.inner.counters.add_one(Counted::Dropped);
        let age = || {
            self.since
                .map_or(Millis::ZERO, |since| since.elapsed().into())
        };
        // What the permit holds comes back even if the classifier panics: then by the default
        // policy, under which a drop is ignored. The token says what to give back.
        let policy = catch_unwind(AssertUnwindSafe(|| self.policy()));
        let rules = policy.as_ref().copied().unwrap_or_default();
        let outcome = rules.dropped_permit().outcome(age);
        // A permit that holds nothing and is ignored needs no message.
        let is_plain = self.token.is_none_or(PermitToken::is_plain);
        if outcome != Outcome::Ignored || !is_plain {
            // Dropped unfinished, the report goes on in the background.
            drop(self.send(outcome.into(), &rules));
        }
        if let Err(panic) = policy {
            resume_unwind(panic);
        }
    }

    /// Counts a failure, takes the token, and makes the request; `None` if there is nothing to
    /// report to.
    fn send(&mut self, report: Report, policy: &Policy) -> Option<Finisher<StoreResult<Reported>>> {
        if report.outcome() == Outcome::Failure {
            self.inner.counters.add_one(Counted::Failed);
        }
        let token = self.token.take()?;
        let policy = *policy;
        let report = match self.since {
            Some(since) if policy.times() => report.or_took(since.elapsed()),
            _ => report,
        };
        // The permit is given back and nothing counts, however the store treats a forced policy.
        let report = match policy.forced {
            Some(_) => Outcome::Ignored.into(),
            None => report,
        };
        let (inner, key) = (Arc::clone(&self.inner), Arc::clone(&self.key));
        let report = async move {
            let store = &inner.store;
            let reported = store.report((*key).borrow(), token, report, &policy).await;
            if let Ok(Reported::Stale) = reported {
                inner.counters.add_one(Counted::Stale);
            }
            reported
        };
        let finisher = self
            .inner
            .finisher(&policy, Some(token), report, |_| Box::pin(ready(())));
        Some(finisher)
    }
}

impl<K> Drop for AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn drop(&mut self) {
        if self.token.is_some() {
            in_drop(|| self.abandon());
        }
    }
}

impl<K> fmt::Debug for AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncPermit")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
