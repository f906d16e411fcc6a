//! The in-memory store behind the asynchronous contract: every answer is ready at once.

use super::InMemoryCircuitBreakerStore;
use crate::clock::Clock;
use crate::contract::{BoxFuture, CircuitBreakerStore, StoreResult};
use crate::error::Rejected;
use crate::key::ToKey;
use crate::rules::Policy;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{PermitToken, Report, Reported};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

impl<K, Q, S, C> CircuitBreakerStore<Q> for InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq + Clone + Borrow<Q> + Send + Sync,
    Q: Hash + Eq + ToKey<K> + Sync + ?Sized,
    S: BuildHasher + Send + Sync,
    C: Clock,
{
    fn get_state<'a>(&'a self, key: &'a Q) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        Box::pin(async move { Ok(self.get_state(key)) })
    }

    fn record_success<'a>(
        &'a self,
        key: &'a Q,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        Box::pin(async move { Ok(self.record_success(key)) })
    }

    fn record_failure<'a>(
        &'a self,
        key: &'a Q,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        Box::pin(async move { Ok(self.record_failure(key)) })
    }

    fn transition<'a>(
        &'a self,
        key: &'a Q,
        to: CircuitState,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        Box::pin(async move { Ok(self.transition(key, to)) })
    }

    fn reset<'a>(&'a self, key: &'a Q) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.reset(key);
            Ok(())
        })
    }

    fn clear(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move {
            self.clear();
            Ok(())
        })
    }

    fn destroy(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move {
            self.destroy();
            Ok(())
        })
    }

    fn acquire<'a>(
        &'a self,
        key: &'a Q,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Result<PermitToken, Rejected>>> {
        Box::pin(async move { Ok(self.acquire(key, policy)) })
    }

    fn report<'a>(
        &'a self,
        key: &'a Q,
        permit: PermitToken,
        report: Report,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Reported>> {
        Box::pin(async move { Ok(self.report(key, permit, report, policy)) })
    }
}
