//! What an asynchronous breaker, its clones and its permits share.

use super::policies::PolicyOf;
use crate::contract::{BoxFuture, CircuitBreakerStore};
use crate::error::Rejected;
use crate::rules::{Forced, Policy};
use crate::runtime::{AsyncRuntime, CallTimeout, Finisher};
use crate::snapshot::CircuitState;
use crate::stats::Counter;
use crate::sync::atomic::Ordering;
use crate::sync::{EpochCell, PlainAtomicU64};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Remote<K: ?Sized> {
    pub(super) store: Arc<dyn CircuitBreakerStore<K>>,
    pub(super) policies: EpochCell<Arc<PolicyOf<K>>>,
    /// Rejections that a shadow policy kept from taking place.
    pub(super) shadowed: Counter,
    pub(super) store_timeout: Duration,
    pub(super) call_timeout: Option<CallTimeout>,
    pub(super) runtime: Arc<dyn AsyncRuntime>,
    pub(super) store_failures: PlainAtomicU64,
}

impl<K: ?Sized> Remote<K> {
    pub(super) fn policy(&self, key: &K) -> Policy {
        let of = self.policies.read(|of| of.map(Arc::clone));
        // No epoch is pinned while the user's code runs.
        of.map_or_else(Policy::default, |of| (of.find)(key))
    }

    /// What the store is asked, and what becomes of an answer that no call waits for. After a lease
    /// a slot is handed out again by itself; a seat never is, so its answer is waited for.
    pub(super) fn errand<T: Send + 'static>(
        &self,
        policy: &Policy,
        request: impl Future<Output = T> + Send + 'static,
        on_late: impl FnOnce(T) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Finisher<T> {
        let deadline = (!policy.counts_in_flight()).then(|| policy.probe_lease());
        Finisher::new(Arc::clone(&self.runtime), deadline, request, on_late)
    }

    /// Answers a check whose policy forces its state, without asking the store.
    pub(super) fn by_force(&self, forced: Forced, policy: &Policy) -> Result<(), Rejected> {
        match forced {
            Forced::Disabled => Ok(()),
            Forced::Open if policy.shadow() => {
                self.shadowed.add_one();
                Ok(())
            }
            Forced::Open => Err(Rejected::new(CircuitState::ForcedOpen, policy.open.base)),
        }
    }

    pub(super) fn store_failed(&self) {
        // Relaxed: a statistic.
        self.store_failures.fetch_add(1, Ordering::Relaxed);
    }
}
