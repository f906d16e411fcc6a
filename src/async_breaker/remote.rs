//! The state that an asynchronous breaker, its clones and its permits share.

use super::policies::PolicyOf;
use crate::contract::{BoxFuture, CircuitBreakerStore};
use crate::error::Rejected;
use crate::rules::{Forced, Policy};
use crate::runtime::{AsyncRuntime, CallTimeout, Finisher};
use crate::snapshot::CircuitState;
use crate::stats::{Counted, Counters};
use crate::sync::atomic::Ordering;
use crate::sync::{EpochCell, PlainAtomicU64};
use crate::word::PermitToken;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The state that an asynchronous breaker, its clones and its permits share.
pub(super) struct Remote<K: ?Sized> {
    pub(super) store: Arc<dyn CircuitBreakerStore<K>>,
    pub(super) policies: EpochCell<Arc<PolicyOf<K>>>,
    pub(super) counters: Counters,
    pub(super) store_timeout: Duration,
    pub(super) call_timeout: Option<CallTimeout>,
    pub(super) runtime: Arc<dyn AsyncRuntime>,
    pub(super) store_failures: PlainAtomicU64,
}

impl<K: ?Sized> Remote<K> {
    pub(super) fn policy(&self, key: &K) -> Policy {
        let of = self.policies.read(|of| of.map(Arc::clone));
        // No epoch is pinned while the user's code runs.
        match of {
            Some(of) => (of.find)(key),
            None => unreachable!("a breaker always has policies"),
        }
    }

    /// Makes a request to the store that is finished in the background if no call waits for it any
    /// more. A probe's answer has a deadline, since its lease frees it. A slot's has none: neither
    /// under a policy that counts calls in flight, nor where `permit` holds one, whatever the
    /// policy is by now.
    pub(super) fn finisher<T: Send + 'static>(
        &self,
        policy: &Policy,
        permit: Option<PermitToken>,
        request: impl Future<Output = T> + Send + 'static,
        on_late: impl FnOnce(T) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Finisher<T> {
        let holds_slot = permit.is_some_and(|permit| permit.slot().is_some());
        let is_counted = holds_slot || policy.counts_in_flight();
        let deadline = (!is_counted).then(|| policy.probe_lease());
        Finisher::new(Arc::clone(&self.runtime), deadline, request, on_late)
    }

    /// Answers a check whose policy forces its state, without asking the store.
    pub(super) fn by_force(&self, forced: Forced, policy: &Policy) -> Result<(), Rejected> {
        match forced {
            Forced::Disabled => Ok(()),
            Forced::Open => {
                let rejected = Rejected::new(CircuitState::ForcedOpen, policy.open.base);
                self.reject(rejected, policy)
            }
        }
    }

    /// Counts a rejection, and makes it unless in shadow.
    pub(super) fn reject(&self, rejected: Rejected, policy: &Policy) -> Result<(), Rejected> {
        if policy.shadow() {
            self.counters.add_one(Counted::Shadowed);
            return Ok(());
        }
        self.counters.add_one(Counted::Rejected);
        Err(rejected)
    }

    pub(super) fn store_failed(&self) {
        // Relaxed: a statistic.
        self.store_failures.fetch_add(1, Ordering::Relaxed);
    }
}
