//! The contract of stores: the asynchronous operations of a store, wherever it keeps its circuits.

use crate::error::{Rejected, StoreError};
use crate::rules::Policy;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{Outcome, PermitToken, Report, Reported};
use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that `dyn CircuitBreakerStore` is possible.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer of a store, unless it fails.
pub type StoreResult<T> = Result<T, StoreError>;

/// A store of circuits, one per key, that may be remote and may fail.
///
/// The in-memory store implements it for every borrowed form of its key; stores that machines share
/// implement it too. Each operation has this sequential effect on the circuit of `key`:
///
/// | operation | effect |
/// |---|---|
/// | `get_state` | creates it if unknown: closed, nothing counted |
/// | `record_success`, `record_failure` | creates it, counts, in every state but disabled |
/// | `transition` | creates it, moves it, zeroes the counts that the new state doesn't keep |
/// | `reset` | removes it |
/// | `clear`, `destroy` | remove all; the store stays usable |
/// | `acquire` | admits or rejects; turns an open circuit whose time is over half-open |
/// | `report` | counts an outcome and makes the transition that follows, unless it is stale |
/// | `release` | reports [`Outcome::Ignored`] |
///
/// `acquire`, `report` and `release` are single steps *at the store*. An implementation that reads
/// first and transitions afterwards lets racing callers open a circuit twice, and probe without
/// limit. Do each in one atomic step where the circuit lives (a transaction, a server-side script).
///
/// A store makes its answers with [`CircuitBreakerSnapshot::new`], [`PermitToken::from_parts`] and
/// [`Rejected::new_for`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use breakerbox::{CircuitBreakerStore, InMemoryCircuitBreakerStore, Policy, Outcome};
/// use std::sync::Arc;
///
/// let store: Arc<dyn CircuitBreakerStore<str>> =
///     Arc::new(InMemoryCircuitBreakerStore::new());
/// let policy = Policy::default();
/// let permit = store.acquire("search", &policy).await??;
/// let _ = store.report("search", permit, Outcome::Success.into(), &policy).await?;
/// # Ok(()) }
/// ```
pub trait CircuitBreakerStore<K: ?Sized>: Send + Sync {
    /// Returns the circuit. Creates it if it was unknown.
    fn get_state<'a>(&'a self, key: &'a K) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>>;

    /// Counts a success.
    fn record_success<'a>(
        &'a self,
        key: &'a K,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>>;

    /// Counts a failure. It never opens the circuit.
    fn record_failure<'a>(
        &'a self,
        key: &'a K,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>>;

    /// Moves the circuit to `to`.
    fn transition<'a>(
        &'a self,
        key: &'a K,
        to: CircuitState,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>>;

    /// Forgets the circuit.
    fn reset<'a>(&'a self, key: &'a K) -> BoxFuture<'a, StoreResult<()>>;

    /// Forgets all circuits.
    fn clear(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Forgets all circuits and releases the other resources of the store, which stays usable.
    fn destroy(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Decides whether a call may go through now. The outer error says that the store failed, the
    /// inner one that the call is rejected.
    fn acquire<'a>(
        &'a self,
        key: &'a K,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Result<PermitToken, Rejected>>>;

    /// Takes the outcome of an admitted call into account.
    fn report<'a>(
        &'a self,
        key: &'a K,
        permit: PermitToken,
        report: Report,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Reported>>;

    /// Gives a permit back without an outcome.
    fn release<'a>(
        &'a self,
        key: &'a K,
        permit: PermitToken,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Reported>> {
        self.report(key, permit, Outcome::Ignored.into(), policy)
    }
}
