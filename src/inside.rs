//! The inside of a store, for the models and the tests of single steps: its counts and words, and
//! the steps of operations one by one.

use crate::cell::Cell;
use crate::{
    CircuitBreaker, Clock, InMemoryCircuitBreakerStore, OwnedPermit, PermitToken, Policy,
    PolicySet, Steered, Steering,
};
#[cfg(feature = "serde")]
use crate::{Export, Imported, ToKey};
use std::hash::{BuildHasher, Hash};

#[cfg(feature = "serde")]
pub use crate::cell::Part;
pub use crate::cell::{Calls, Words};

type Store<K, S, C> = InMemoryCircuitBreakerStore<K, S, C>;

/// Counts the circuits that may reject and the unclean ones, as the store does; exact at rest.
pub fn summary_counts<K, S, C>(store: &Store<K, S, C>) -> (u64, u64) {
    store.summary_counts()
}

/// Counts the policy sets and rules that need every check, and the sets that need every report.
pub fn needs<K, S, C>(store: &Store<K, S, C>) -> (u64, u64) {
    store.inside().shared.summary.needing()
}

/// Counts the policy sets that need every check, and those that need every dropped permit.
pub fn needing<K, S, C>(breaker: &CircuitBreaker<K, S, C>) -> (u64, u64) {
    breaker.needing()
}

/// Returns whether both keys share a stripe of the store.
#[cfg(breakerbox_loom)]
pub fn share_a_stripe<K, S, C>(store: &Store<K, S, C>, keys: [&K; 2]) -> bool
where
    K: Hash + Eq,
    S: BuildHasher,
{
    store.share_a_stripe(keys)
}

/// Counts the entries of the map: circuits, and cells that are leaving.
pub fn entries<K, S, C>(store: &Store<K, S, C>) -> usize
where
    K: Hash + Eq,
    S: BuildHasher,
{
    store.entries()
}

/// Returns the words of each cell in the map, also of cells that are leaving.
pub fn words<K, S, C>(store: &Store<K, S, C>) -> Vec<(K, Words)>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    let mut all = Vec::new();
    store.inside().map.for_each(|found, cell| {
        all.push((found.key().clone(), cell.words(&store.inside().shared)));
    });
    all
}

/// Returns the token of the permit, as the store sees it.
pub fn token<K, S, C>(permit: &OwnedPermit<K, S, C>) -> PermitToken
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    permit.token()
}

/// Takes the step of a sweep alone that takes the circuit's mark of use away. Returns whether there
/// was one.
#[cfg(breakerbox_loom)]
pub fn take_mark<K, S, C>(store: &Store<K, S, C>, key: &K) -> bool
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    let inside = store.inside();
    let take = |cell: &Cell| cell.take_mark_alone(&inside.shared);
    let taken = inside.map.get(inside.map.hashed(key), |cell| take(cell));
    taken.unwrap_or(false)
}

/// Takes the first step of a report alone: frees its slot.
pub fn leave_alone<K, S, C>(store: &Store<K, S, C>, key: &K, permit: PermitToken)
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    let key = store.inside().map.hashed(key);
    store.inside().map.get(key, |cell| cell.leave_alone(permit));
}

/// Takes the next step of a report under rules over a window alone: counts the call in the window.
/// Returns `false` if the report is stale or there is no circuit.
pub fn count_alone<K, S, C>(
    store: &Store<K, S, C>,
    key: &K,
    permit: PermitToken,
    failed: bool,
    policy: &Policy,
) -> bool
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    let shared = &store.inside().shared;
    let count = |cell: &Cell| cell.count_alone(shared, permit, failed, policy);
    let counted = store
        .inside()
        .map
        .get(store.inside().map.hashed(key), |cell| count(cell));
    counted.unwrap_or(false)
}

/// Takes the first step of replacing policies: puts them in place, while no circuit is
/// watched by them yet.
pub fn put_policies<K, S, C>(breaker: &CircuitBreaker<K, S, C>, set: PolicySet<K>)
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    S: BuildHasher,
    C: Clock,
{
    breaker.put_policies(set);
}

/// Takes the second step: makes every circuit watched or unwatched, as its policy needs.
pub fn sync_watch<K, S, C>(breaker: &CircuitBreaker<K, S, C>)
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    breaker.sync_watches();
}

/// Takes the first step of a command on all keys that begin with `prefix`: puts the rule in
/// place, or lifts it.
pub fn put_rule<K, S, C>(store: &Store<K, S, C>, prefix: &str, steering: Steering)
where
    K: Hash + Eq + Clone + AsRef<str>,
    S: BuildHasher,
    C: Clock,
{
    store.put_rule(prefix, steering);
}

/// Takes the second step: moves the circuits that the rule covers, if they are `chosen`.
pub fn steer_ruled<K, S, C>(
    store: &Store<K, S, C>,
    steering: Steering,
    chosen: impl Fn(&K) -> bool,
) -> Vec<Steered<K>>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    store.steer_ruled(steering, chosen)
}

/// Takes the first step of closing by hand: forgets the series of openings that the circuit's next
/// one would belong to.
#[cfg(feature = "serde")]
pub fn forget_row<K, S, C>(store: &Store<K, S, C>, key: &K)
where
    K: Hash + Eq,
    S: BuildHasher,
    C: Clock,
{
    let shared = &store.inside().shared;
    let key = store.inside().map.hashed(key);
    store.inside().map.get(key, |cell| cell.forget_row(shared));
}

/// Takes one step of an import.
#[cfg(feature = "serde")]
pub fn import_part<K, S, C>(store: &Store<K, S, C>, export: Export<K>, part: Part) -> Imported
where
    K: Hash + Eq + Clone + ToKey<K>,
    S: BuildHasher,
    C: Clock,
{
    store.import_part(export, part).expect("it is valid")
}

/// Takes the first step of an opening by a rule: takes a place in the group of this name.
#[cfg(feature = "serde")]
pub fn take_place<K, S, C>(store: &Store<K, S, C>, name: &str) {
    crate::cell::take_place(&store.inside().shared.groups, name);
}

/// Gives the place back, as if the circuit had changed meanwhile.
#[cfg(feature = "serde")]
pub fn leave_place<K, S, C>(store: &Store<K, S, C>, name: &str) {
    crate::cell::leave_place(&store.inside().shared.groups, name);
}
