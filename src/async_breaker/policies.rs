//! The policies of a breaker over any store.

use crate::key::ToKey;
use crate::rules::{Policy, PolicySet};
use std::any::Any;
use std::hash::Hash;
use std::sync::Arc;

/// The policy of each key, without the bounds of a set.
pub(super) struct PolicyOf<K: ?Sized> {
    pub(super) find: Box<dyn Fn(&K) -> Policy + Send + Sync>,
    /// A set of policies by `K::Owned`, or one policy.
    declared: Arc<dyn Any + Send + Sync>,
}

impl<K: ?Sized> PolicyOf<K> {
    pub(super) fn one(policy: Policy) -> Arc<Self> {
        Arc::new(Self {
            find: Box::new(move |_| policy),
            declared: Arc::new(policy),
        })
    }

    pub(super) fn of_set(set: PolicySet<K::Owned>) -> Arc<Self>
    where
        K: ToOwned + Hash + Eq + ToKey<K::Owned>,
        K::Owned: Hash + Eq + Send + Sync + 'static,
    {
        let set = Arc::new(set);
        Arc::new(Self {
            declared: Arc::<PolicySet<K::Owned>>::clone(&set),
            find: Box::new(move |key| set.policy(key)),
        })
    }

    pub(super) fn set(&self) -> PolicySet<K::Owned>
    where
        K: ToOwned,
        K::Owned: Clone + 'static,
    {
        match self.declared.downcast_ref::<Policy>() {
            Some(policy) => (*policy).into(),
            None => {
                let set = self.declared.downcast_ref::<PolicySet<K::Owned>>();
                set.cloned().unwrap_or_default()
            }
        }
    }
}
