//! A breaker over any store: it waits only so long for an answer, and admits without one.

mod builder;

pub use builder::AsyncCircuitBreakerBuilder;

use crate::classify::{Classify, ErrIsFailure};
use crate::contract::{BoxFuture, CircuitBreakerStore, StoreResult};
use crate::error::{CallError, Rejected};
use crate::key::ToKey;
use crate::rules::{Forced, Policy, PolicySet};
use crate::runtime::{AsyncRuntime, Finisher, within};
use crate::snapshot::CircuitState;
use crate::stats::{Counted, Counters};
use crate::store::Totals;
use crate::sync::atomic::Ordering;
use crate::sync::{EpochCell, PlainAtomicU64};
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn, ready};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Circuit breakers over a store that may be far away: [`CircuitBreakerStore`].
///
/// A store that fails, or doesn't answer within the
/// [store timeout](AsyncCircuitBreakerBuilder::store_timeout), is treated as a closed circuit:
/// the call is admitted, its outcome isn't reported, and
/// [`store_failures`](Self::store_failures) counts it. Cloning is cheap.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use breakerbox::{AsyncCircuitBreaker, InMemoryCircuitBreakerStore};
/// use std::sync::Arc;
///
/// let store = Arc::new(InMemoryCircuitBreakerStore::<String>::new()); // or one in Redis
/// let breaker = AsyncCircuitBreaker::<str>::builder(store).failure_threshold(3).build()?;
/// let permit = breaker.acquire("search").await?;
/// permit.failure().await;
/// # Ok(()) }
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// ```
pub struct AsyncCircuitBreaker<K: ?Sized> {
    inner: Arc<Remote<K>>,
}

/// The policy of a key, whatever it takes to know.
type PolicyOf<K> = Arc<dyn Fn(&K) -> Policy + Send + Sync>;

fn policy_of<K>(set: PolicySet<K::Owned>) -> PolicyOf<K>
where
    K: ToOwned + Hash + Eq + ToKey<K::Owned> + ?Sized,
    K::Owned: Hash + Eq + Send + Sync + 'static,
{
    Arc::new(move |key| set.policy(key))
}

struct Remote<K: ?Sized> {
    store: Arc<dyn CircuitBreakerStore<K>>,
    policies: EpochCell<PolicyOf<K>>,
    counters: Counters,
    store_timeout: Duration,
    call_timeout: Option<Duration>,
    runtime: Arc<dyn AsyncRuntime>,
    store_failures: PlainAtomicU64,
}

impl<K> AsyncCircuitBreaker<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// A breaker over `store`.
    pub fn builder(store: Arc<dyn CircuitBreakerStore<K>>) -> AsyncCircuitBreakerBuilder<K> {
        AsyncCircuitBreakerBuilder::new(store)
    }

    /// Asks to make a call. The permit owns what it needs.
    ///
    /// A permit that the store grants too late, or after this future was dropped, is given back
    /// in the background. A store that takes longer than the probe lease isn't waited for, unless
    /// the rules count hung calls.
    ///
    /// # Errors
    /// If the store rejects it, or the policy [forces](Policy::forced) it open; never because the
    /// store fails.
    pub async fn acquire(&self, key: &K) -> Result<AsyncPermit<K>, Rejected> {
        let inner = &self.inner;
        let policy = inner.policy(key);
        let key = Arc::new(key.to_owned());
        if let Some(forced) = policy.forced {
            return inner.by_force(forced, &policy).map(|()| AsyncPermit {
                inner: Arc::clone(inner),
                key,
                token: None,
                since: None,
            });
        }
        let request = {
            let (inner, key) = (Arc::clone(inner), Arc::clone(&key));
            async move { inner.store.acquire((*key).borrow(), &policy).await }
        };
        let give_back = {
            let (inner, key) = (Arc::clone(inner), Arc::clone(&key));
            move |late: StoreResult<Result<PermitToken, Rejected>>| -> BoxFuture<'static, ()> {
                Box::pin(async move {
                    if let Ok(Ok(late)) = late {
                        let answer = inner.store.release((*key).borrow(), late, &policy).await;
                        // Where it fails too, the slot waits for its lease.
                        drop(answer);
                    }
                })
            }
        };
        let errand = inner.errand(&policy, request, give_back);
        let token = match within(&*inner.runtime, inner.store_timeout, pin!(errand)).await {
            Some(Ok(Ok(token))) => Some(token),
            Some(Ok(Err(rejected))) => {
                inner.reject(rejected, &policy)?;
                None
            }
            Some(Err(_)) | None => {
                inner.store_failed();
                None
            }
        };
        let since = policy.times().then(Instant::now);
        Ok(AsyncPermit {
            inner: Arc::clone(inner),
            key,
            token,
            since,
        })
    }

    /// Makes the call `future` if the circuit of `key` admits it. `Ok` is a success; `Err`, a
    /// panic and a call that outlives the
    /// [call timeout](AsyncCircuitBreakerBuilder::call_timeout) are failures. If this future is
    /// dropped, the call counts as a dropped permit does.
    ///
    /// # Errors
    /// If the call is rejected, times out, or fails.
    pub async fn call_async<T, E>(
        &self,
        key: &K,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CallError<E>> {
        match self.call_async_with(key, &ErrIsFailure, future).await {
            Ok(result) => result.map_err(CallError::Inner),
            Err(unmade) => Err(unmade.with_error()),
        }
    }

    /// As [`call_async`](Self::call_async), for a future that returns anything: `classifier` says
    /// how it went.
    ///
    /// # Errors
    /// If the call is rejected, or times out.
    pub async fn call_async_with<R>(
        &self,
        key: &K,
        classifier: &impl Classify<R>,
        future: impl Future<Output = R>,
    ) -> Result<R, CallError<Infallible>> {
        let mut running = Running {
            permit: Some(self.acquire(key).await?),
            user_code: false,
        };
        let inner = &self.inner;
        let result = {
            let mut future = pin!(future);
            let call = poll_fn(|context| {
                running.user_code = true;
                let polled = future.as_mut().poll(context);
                running.user_code = false;
                polled
            });
            match inner.call_timeout {
                None => Some(call.await),
                Some(after) => within(&*inner.runtime, after, pin!(call)).await,
            }
        };
        running.user_code = true;
        let report = match &result {
            Some(result) => classifier.classify(result),
            None => {
                inner.counters.add_one(Counted::TimedOut);
                Outcome::Failure.into()
            }
        };
        if let Some(permit) = running.permit.take() {
            permit.report(report).await;
        }
        result.ok_or_else(|| CallError::TimedOut(inner.call_timeout.unwrap_or_default()))
    }

    /// The store beneath.
    pub fn store(&self) -> &Arc<dyn CircuitBreakerStore<K>> {
        &self.inner.store
    }

    /// The policy of `key`.
    pub fn policy(&self, key: &K) -> Policy {
        self.inner.policy(key)
    }

    /// Replaces all policies, while calls go on: nobody waits. Each check and each report goes by
    /// one policy throughout, and one that begins after this has returned goes by `set`; what the
    /// store makes of circuits whose rules change is the store's affair. Groups are known to stores
    /// in memory alone.
    pub fn set_policies(&self, set: PolicySet<K::Owned>)
    where
        K: Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq,
    {
        let next = policy_of(set);
        self.inner.policies.update(|_| Some(Arc::clone(&next)));
    }

    /// Rejections that a [shadow](Policy::shadow) policy kept from taking place.
    pub fn shadowed(&self) -> u64 {
        self.inner.counters.total(Counted::Shadowed)
    }

    /// Returns what was counted of all calls since the breaker was made, by it and its clones. Of a
    /// permit that is dropped it counts what the store had granted. What circuits do
    /// ([`opened`](Totals::opened) and the fields after it) is known to their store alone, and 0
    /// here.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.inner.counters)
    }

    /// How often the store failed or didn't answer in time.
    pub fn store_failures(&self) -> u64 {
        // Relaxed: a statistic.
        self.inner.store_failures.load(Ordering::Relaxed)
    }
}

impl<K: ?Sized> Remote<K> {
    fn policy(&self, key: &K) -> Policy {
        let of = self.policies.read(|of| of.map(Arc::clone));
        // No epoch is pinned while the user's code runs.
        of.map_or_else(Policy::default, |of| of(key))
    }

    /// What the store is asked, and what becomes of an answer that no call waits for. After a lease
    /// a slot is handed out again by itself; a seat never is, so its answer is waited for.
    fn errand<T: Send + 'static>(
        &self,
        policy: &Policy,
        request: impl Future<Output = T> + Send + 'static,
        on_late: impl FnOnce(T) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Finisher<T> {
        let deadline = (!policy.counts_in_flight()).then(|| policy.probe_lease());
        Finisher::new(Arc::clone(&self.runtime), deadline, request, on_late)
    }

    /// Answers a check whose policy forces its state, without asking the store.
    fn by_force(&self, forced: Forced, policy: &Policy) -> Result<(), Rejected> {
        match forced {
            Forced::Disabled => Ok(()),
            Forced::Open => {
                let base_ms = policy.open.base_ms;
                self.reject(Rejected::new(CircuitState::ForcedOpen, base_ms), policy)
            }
        }
    }

    /// Counts a rejection, which doesn't take place in shadow.
    fn reject(&self, rejected: Rejected, policy: &Policy) -> Result<(), Rejected> {
        if policy.shadow() {
            self.counters.add_one(Counted::Shadowed);
            return Ok(());
        }
        self.counters.add_one(Counted::Rejected);
        Err(rejected)
    }

    fn store_failed(&self) {
        // Relaxed: a statistic.
        self.store_failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// The right to make one call, admitted by [`AsyncCircuitBreaker::acquire`].
///
/// Dropped without a report it reports as configured by [`DroppedPermit`](crate::DroppedPermit): at
/// once if the store answers at once, else in the background. Without a runtime for that, a probe's
/// slot is handed out again when its lease is over, and a call that rules about hung calls count
/// seems to hang.
#[must_use = "a dropped permit reports by itself, as configured"]
pub struct AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    inner: Arc<Remote<K>>,
    key: Arc<K::Owned>,
    /// `None`: the call was admitted without the store, or the permit is settled.
    token: Option<PermitToken>,
    since: Option<Instant>,
}

impl<K> AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    /// The call went well. See [`report`](Self::report).
    pub fn success(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Success)
    }

    /// The call failed, and the upstream is at fault. See [`report`](Self::report).
    pub fn failure(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Failure)
    }

    /// The call says nothing about the upstream; a probe slot is given back. See
    /// [`report`](Self::report).
    pub fn ignore(self) -> impl Future<Output = Option<Reported>> + Send + use<K> {
        self.report(Outcome::Ignored)
    }

    /// Reports how the call ended. `None`: the store wasn't asked, or didn't answer the check or
    /// the report. How long the call took is measured where the rules need it, unless the report
    /// says it.
    ///
    /// Goes on in the background if the store is slow, or if the future is dropped.
    pub fn report<R: Into<Report>>(
        mut self,
        report: R,
    ) -> impl Future<Output = Option<Reported>> + Send + use<K, R> {
        let policy = self.policy();
        let errand = self.send(report.into(), &policy);
        let inner = Arc::clone(&self.inner);
        async move {
            match within(&*inner.runtime, inner.store_timeout, pin!(errand?)).await {
                Some(Ok(reported)) => Some(reported),
                Some(Err(_)) | None => {
                    inner.store_failed();
                    None
                }
            }
        }
    }

    /// Whether this call probes a half-open circuit.
    pub fn is_probe(&self) -> bool {
        self.token.is_some_and(|token| token.is_probe())
    }

    /// Returns whether the call was admitted without the store: because it didn't answer, because
    /// it rejected the call under a shadow policy, or because the policy [forced](Policy::forced)
    /// the answer.
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
                .map_or(0, |since| crate::word::saturating_ms(since.elapsed()))
        };
        // A slot or a seat comes back whatever the classifier does: if it panics, by the default
        // rules, which know of both.
        let policy = catch_unwind(AssertUnwindSafe(|| self.policy()));
        let rules = policy.as_ref().copied().unwrap_or_default();
        let outcome = rules.dropped_permit().outcome(age);
        // A call that holds nothing and means nothing needs no message.
        let is_plain = self.token.is_none_or(PermitToken::is_plain);
        if outcome != Outcome::Ignored || !is_plain {
            // Dropped unfinished, it goes on in the background.
            drop(self.send(outcome.into(), &rules));
        }
        if let Err(panic) = policy {
            resume_unwind(panic);
        }
    }

    /// The report; `None` if there is nothing to report to.
    fn send(&mut self, report: Report, policy: &Policy) -> Option<Finisher<StoreResult<Reported>>> {
        if report.outcome() == Outcome::Failure {
            self.inner.counters.add_one(Counted::Failed);
        }
        let token = self.token.take()?;
        let policy = *policy;
        let report = match self.since {
            // The slot comes back and nothing counts, whatever the store makes of a forced state.
            _ if policy.forced.is_some() => Outcome::Ignored.into(),
            Some(since) if policy.times() => report.or_took(since.elapsed()),
            _ => report,
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
        let errand = self.inner.errand(&policy, report, |_| Box::pin(ready(())));
        Some(errand)
    }
}

impl<K> Drop for AsyncPermit<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn drop(&mut self) {
        if self.token.is_none() {
            return;
        }
        if !std::thread::panicking() {
            return self.abandon();
        }
        // A second panic, in the user's classifier, would abort.
        let _ = catch_unwind(AssertUnwindSafe(|| self.abandon()));
    }
}

/// A permit whose call is being made.
struct Running<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    permit: Option<AsyncPermit<K>>,
    /// The caller's code is running: if this is dropped now, that code panics.
    user_code: bool,
}

impl<K> Drop for Running<K>
where
    K: ToOwned + Sync + ?Sized + 'static,
    K::Owned: Send + Sync + 'static,
{
    fn drop(&mut self) {
        if let (true, Some(permit)) = (self.user_code, self.permit.take()) {
            drop(permit.failure());
        }
    }
}

impl<K: ?Sized> Clone for AsyncCircuitBreaker<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K: ?Sized> fmt::Debug for AsyncCircuitBreaker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCircuitBreaker")
            .field("store_timeout", &self.inner.store_timeout)
            .finish_non_exhaustive()
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
