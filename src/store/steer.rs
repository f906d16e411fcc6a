//! Commands by hand: circuits forced open, closed, disabled, enabled or reset, by key or many at
//! once; and the rules that hold for keys without a circuit.

use super::in_memory::InMemoryCircuitBreakerStore;
use crate::cell::{Cell, Changes, Gone, Shared, Unknown};
use crate::clock::Clock;
use crate::key::ToKey;
use crate::rules::Forced;
use crate::snapshot::CircuitState;
use crate::sync::Hashed;
use crate::word::State;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

/// A command by hand to circuits. By [prefix](InMemoryCircuitBreakerStore::steer_prefix) and to
/// [all](InMemoryCircuitBreakerStore::steer_all) it is also a rule, which holds for keys
/// without a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Steering {
    /// Rejects every call until a command says otherwise: forced-open.
    ForceOpen,
    /// Closes the circuit, whatever its state, and forgets its counts and its series of openings.
    /// From here on its policy decides again.
    ForceClose,
    /// Admits every call and counts none until a command says otherwise: disabled.
    Disable,
    /// Ends what [`ForceOpen`](Self::ForceOpen) or [`Disable`](Self::Disable) began: closed, and
    /// the policy decides again. A circuit that is neither stays as it is.
    Enable,
    /// Forgets the circuit.
    Reset,
}

/// The effect of a command on one circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Steered<K> {
    /// The key of the circuit.
    pub key: K,
    /// The state before the command.
    pub from: CircuitState,
    /// The state after it; the same if there was nothing to do.
    pub to: CircuitState,
    /// Whether the circuit was moved, be it to the same state, or reset.
    pub changed: bool,
}

impl Steering {
    /// Returns the state that the command forces on keys as a rule; `None` if it lifts such a rule.
    fn forced(self) -> Option<Forced> {
        match self {
            Steering::ForceOpen => Some(Forced::Open),
            Steering::Disable => Some(Forced::Disabled),
            Steering::ForceClose | Steering::Enable | Steering::Reset => None,
        }
    }

    /// Applies the command to one cell. Returns `None` if there is no circuit.
    fn steer<C: Clock>(
        self,
        cell: &Cell,
        shared: &Shared<C>,
        unknown: Unknown,
        changes: &mut Changes,
    ) -> Result<Option<Move>, Gone> {
        let to = match self {
            Steering::ForceOpen => CircuitState::ForcedOpen,
            Steering::Disable => CircuitState::Disabled,
            Steering::ForceClose | Steering::Enable => CircuitState::Closed,
            Steering::Reset => {
                let from = cell.vacate(shared, changes).and_then(State::public);
                let (to, changed) = (CircuitState::Closed, true);
                return Ok(from.map(|from| Move { from, to, changed }));
            }
        };
        let is_forced = |state| matches!(state, State::ForcedOpen | State::Disabled);
        let applies = |state| self != Steering::Enable || is_forced(state);
        let unknown = match self {
            Steering::Enable => Unknown::Leave,
            _ => unknown,
        };
        let from = cell.steer(shared, to, unknown, applies, changes)?;
        Ok(from.and_then(|from| {
            let changed = applies(from);
            let from = from.public()?;
            let to = if changed { to } else { from };
            Some(Move { from, to, changed })
        }))
    }
}

/// The effect of a command on one circuit, without its key.
#[derive(Clone, Copy)]
pub(super) struct Move {
    from: CircuitState,
    to: CircuitState,
    changed: bool,
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Gives a command to the circuit of `key`. To force it open or closed or to disable it creates
    /// it; while it is forced open or disabled it isn't evicted. Returns `None` if there is no
    /// circuit, or no room for one (see [`untracked`](Self::untracked)).
    ///
    /// A state that is forced on a [prefix](Self::steer_prefix) of the key, on
    /// [all](Self::steer_all) keys or by its policy comes first: the circuit's own state shows once
    /// that is lifted.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, CircuitState, Steering};
    ///
    /// let breaker = CircuitBreaker::new();
    /// let steered = breaker.force_open("search").unwrap();
    /// assert_eq!((steered.from, steered.to), (CircuitState::Closed, CircuitState::ForcedOpen));
    /// assert!(breaker.acquire("search").is_err());
    ///
    /// let enabled = breaker.steer_prefix("sea", Steering::Enable);
    /// assert_eq!(enabled[0].key, "search");
    /// assert!(breaker.acquire("search").is_ok());
    /// ```
    #[must_use = "`None` means that there is no circuit"]
    pub fn steer<Q>(&self, key: &Q, steering: Steering) -> Option<Steered<K>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let inner = &*self.inner;
        let mut changes = inner.listeners.changes();
        let hashed = inner.map.hashed(key);
        let moved = match steering {
            Steering::Reset => self.reset_in(hashed, &mut changes),
            Steering::Enable => inner
                .find(hashed, |cell| {
                    steering.steer(cell, &inner.shared, Unknown::Leave, &mut changes)
                })
                .flatten(),
            _ => inner
                .create(hashed, |cell| {
                    steering.steer(cell, &inner.shared, Unknown::Create, &mut changes)
                })
                .ok()
                .flatten(),
        };
        inner.listeners.announce(changes, || key.to_key());
        moved.map(|moved| Steered::new(key.to_key(), moved))
    }

    /// Gives a command to all keys: [`steer_prefix`](Self::steer_prefix) with the empty prefix, for
    /// keys of any type. O(circuits).
    #[must_use = "it says which circuits were changed"]
    pub fn steer_all(&self, steering: Steering) -> Vec<Steered<K>> {
        self.steer_by_rule("", steering, |_| true)
    }

    /// Gives a command to all keys that begin with `prefix`, known or not. Returns its effect on
    /// each circuit that exists.
    ///
    /// [`ForceOpen`](Steering::ForceOpen) and [`Disable`](Steering::Disable) are also a rule. It
    /// holds for keys that have no circuit yet, and for circuits that are evicted, closed or reset
    /// meanwhile. The rule creates no circuits; but one that a handle holds is forced itself.
    ///
    /// The rule lasts until another command, such as [`Enable`](Steering::Enable), is given for the
    /// same prefix or a shorter one, or until [`clear`](Self::clear). A command for a longer prefix
    /// makes an exception: the rule of the longest prefix counts. A command replaces all earlier
    /// ones for longer prefixes.
    ///
    /// Every check and report that begins after this has returned goes by the rule: it is put in
    /// place first, or lifted, and then the circuits get the command one by one. A rule comes
    /// before a policy and before [`steer`](Self::steer). Rules end with the store. (An export
    /// holds the known circuits that they moved, as forced or disabled ones.) A rule that has to
    /// outlast the store belongs in a [policy](crate::Policy::forced). While there are any, a check
    /// by key looks at all of them. O(circuits).
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Forced, Steering};
    ///
    /// let breaker = CircuitBreaker::new();
    /// let _ = breaker.steer_prefix("/batch/", Steering::ForceOpen); // none of them is known
    /// assert!(breaker.acquire("/batch/import").is_err());
    /// assert!(breaker.peek("/batch/import").is_none());
    ///
    /// let _ = breaker.steer_prefix("/batch/urgent/", Steering::Enable);
    /// assert!(breaker.acquire("/batch/urgent/7").is_ok());
    /// assert_eq!(breaker.forced("/batch/import"), Some(Forced::Open));
    ///
    /// let _ = breaker.steer_prefix("/batch/", Steering::Enable);
    /// assert!(breaker.acquire("/batch/import").is_ok());
    /// ```
    #[must_use = "it says which circuits were changed"]
    pub fn steer_prefix(&self, prefix: &str, steering: Steering) -> Vec<Steered<K>>
    where
        K: AsRef<str>,
    {
        self.inner.by_hand.know_text(K::as_ref);
        self.steer_by_rule(prefix, steering, |key| key.as_ref().starts_with(prefix))
    }

    /// Returns the states that commands for prefixes force now: each prefix with its state, the
    /// longest prefix first, which decides for a key. `None` stands for an exception from a shorter
    /// prefix; the empty prefix stands for all keys. O(prefixes).
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Forced, Steering};
    ///
    /// let breaker = CircuitBreaker::new();
    /// let _ = breaker.steer_prefix("/batch/", Steering::ForceOpen);
    /// let _ = breaker.steer_prefix("/batch/urgent/", Steering::Enable);
    /// let forced = [("/batch/urgent/".to_string(), None), ("/batch/".to_string(), Some(Forced::Open))];
    /// assert_eq!(breaker.forced_prefixes(), forced);
    ///
    /// let _ = breaker.steer_prefix("/", Steering::Enable);
    /// assert!(breaker.forced_prefixes().is_empty());
    /// ```
    #[must_use]
    pub fn forced_prefixes(&self) -> Vec<(String, Option<Forced>)> {
        self.inner.by_hand.list()
    }

    /// Gives a command to the circuits that are known now and whose keys are `chosen`. Unlike
    /// [`steer_prefix`](Self::steer_prefix) and [`steer_all`](Self::steer_all) it makes no rule for
    /// other keys. A circuit that is created meanwhile may or may not get it. O(circuits).
    #[must_use = "it says which circuits were changed"]
    pub fn steer_where(&self, steering: Steering, chosen: impl Fn(&K) -> bool) -> Vec<Steered<K>> {
        self.steer_each(steering, |key, _| chosen(key).then_some(Unknown::Leave))
    }

    fn steer_by_rule(
        &self,
        prefix: &str,
        steering: Steering,
        covers: impl Fn(&K) -> bool,
    ) -> Vec<Steered<K>> {
        let inner = &*self.inner;
        let forced = steering.forced();
        let _hold = inner.by_hand.command(&inner.shared.summary, prefix, forced);
        self.steer_ruled(steering, covers)
    }

    /// Takes the first step of a command alone: puts its rule in place, or lifts it.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn put_rule(&self, prefix: &str, steering: Steering)
    where
        K: AsRef<str>,
    {
        let inner = &*self.inner;
        inner.by_hand.know_text(K::as_ref);
        let forced = steering.forced();
        drop(inner.by_hand.command(&inner.shared.summary, prefix, forced));
    }

    /// Takes the second step: gives the command to the circuits that the rule `covers`.
    pub(crate) fn steer_ruled(
        &self,
        steering: Steering,
        covers: impl Fn(&K) -> bool,
    ) -> Vec<Steered<K>> {
        let inner = &*self.inner;
        let forced = steering.forced();
        self.steer_each(steering, |key, cell| {
            if !covers(key) {
                return None;
            }
            inner.follow_rules(key, cell);
            // Moved even if it reads as unknown: a thread that is just bringing it to life for a
            // handle must find another word and fail.
            Some(if forced.is_some() && cell.is_pinned() {
                Unknown::Create
            } else {
                Unknown::Leave
            })
        })
    }

    /// Gives a command to the circuits that `choose` doesn't leave out. `choose` says for each
    /// whether to create it if it is unknown.
    fn steer_each(
        &self,
        steering: Steering,
        choose: impl Fn(&K, &Cell) -> Option<Unknown>,
    ) -> Vec<Steered<K>> {
        let inner = &*self.inner;
        let mut all = Vec::new();
        inner.map.for_each(|found, cell| {
            let Some(unknown) = choose(found.key(), cell) else {
                return;
            };
            let mut changes = inner.listeners.changes();
            let steered = steering.steer(cell, &inner.shared, unknown, &mut changes);
            let gone = steered.is_err()
                || steering == Steering::Reset && cell.retire(&inner.shared).is_err();
            if gone {
                inner.map.remove_same(found, cell);
            }
            if let Ok(Some(moved)) = steered {
                all.push((changes, Steered::new(found.key().clone(), moved)));
            }
        });
        // Listeners may use the store, so they are called after the iteration of the map.
        all.into_iter()
            .map(|(changes, steered)| {
                inner.listeners.announce(changes, || steered.key.clone());
                steered
            })
            .collect()
    }
}

impl<K: Hash + Eq, S: BuildHasher, C: Clock> InMemoryCircuitBreakerStore<K, S, C> {
    /// Forgets the circuit of `key`. Returns its state before; `None` if it was unknown.
    pub(super) fn reset_in<Q>(&self, key: Hashed<'_, Q>, changes: &mut Changes) -> Option<Move>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let inner = &*self.inner;
        // Tried once. On a cell that another reset has sent out of the map there is nothing to do,
        // and a circuit that was created in its place since is not the one to forget.
        inner.map.get(key, |cell| {
            let steered = Steering::Reset.steer(cell, &inner.shared, Unknown::Leave, changes);
            // Fails if a handle keeps the cell, or another thread has revived it.
            let _ = inner.attempt(key, cell, |cell| cell.retire(&inner.shared));
            steered.ok().flatten()
        })?
    }
}

impl<K> Steered<K> {
    fn new(key: K, Move { from, to, changed }: Move) -> Self {
        Self {
            key,
            from,
            to,
            changed,
        }
    }
}
