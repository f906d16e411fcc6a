//! Forced states: the checks and reports of a circuit under one.

use super::inner::Inner;
use super::keyed::Refused;
use crate::cell::Cell;
use crate::clock::Clock;
use crate::error::Rejected;
use crate::key::ToKey;
use crate::rules::{Forced, Policy};
use crate::snapshot::CircuitState;
use crate::word::PermitToken;
use std::hash::{BuildHasher, Hash};

impl<K: Hash + Eq, S: BuildHasher, C: Clock> Inner<K, S, C> {
    /// Returns the state that is forced on `key`, by hand or else by its policy.
    #[inline]
    pub(crate) fn forced<Q>(&self, key: &Q, policy: &Policy) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        self.by_hand.of(key).or(policy.forced)
    }

    /// Answers a check under a forced state. A permit that it grants holds nothing.
    #[cold]
    pub(super) fn by_force(&self, forced: Forced, policy: &Policy) -> Result<PermitToken, Refused> {
        let generation = self.shared.summary.load().generation();
        match forced {
            Forced::Disabled => Ok(PermitToken::plain(generation)),
            Forced::Open => {
                let rejected = Rejected::new(CircuitState::ForcedOpen, policy.open.base);
                Err(Refused::new(rejected, generation))
            }
        }
    }

    /// Returns how a check of `key` by `policy` would be rejected now: by a forced state, else as
    /// `circuit` says.
    pub(super) fn rejection<Q>(
        &self,
        key: &Q,
        policy: &Policy,
        circuit: impl FnOnce() -> Option<Rejected>,
    ) -> Option<Rejected>
    where
        Q: ToKey<K> + ?Sized,
    {
        match self.forced(key, policy) {
            None => circuit(),
            Some(forced) => self.by_force(forced, policy).err().map(Refused::rejected),
        }
    }

    /// Makes calls on handles of the circuit follow the rules by hand that are in place now.
    pub(super) fn follow_rules(&self, key: &K, cell: &Cell)
    where
        K: Clone,
    {
        // Calls by key ask for the rules before they come to the circuit. A handle that is being
        // made pins the circuit first, and then looks at the rules itself. A handle that is gone
        // may have left its circuit held.
        if cell.is_pinned() || cell.is_held() {
            let covers = || self.by_hand.of(key).is_some();
            cell.follow_rules(&self.shared, covers);
        }
    }
}
