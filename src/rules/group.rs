//! Groups of circuits with a cap on those that are open at once.

use super::check::within;
use crate::error::ConfigError;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// The most circuits of a group that may be open at once: Envoy's `max_ejection_percent`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EjectionCap {
    /// A share in percent, rounded down: 1 to 100, and at least one circuit.
    Percent(u32),
    /// All but one, of at least two.
    AllButOne,
}

/// Circuits of which only some may be open at once. So a rule that is too strict, or a fault on
/// this side of the wire, never takes all upstreams away.
///
/// A circuit takes a place in its group when a rule opens it, and keeps it while it is half-open.
/// It gives the place back when it closes, or is reset, disabled or evicted. If no place is left,
/// an opening is *held back*: the circuit stays closed and goes on counting, each further failure
/// asks again, and [`held_back`](crate::InMemoryCircuitBreakerStore::held_back) counts it. Racing
/// openings never exceed the cap. A circuit that is opened by hand, or forced open, takes no place
/// and is never held back.
///
/// ```
/// use breakerbox::{CircuitBreaker, EjectionCap, Group, Policy, PolicySet};
///
/// let strict = Policy::builder().failure_threshold(1).build()?;
/// let upstreams = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(String::from);
/// let group = Group::of(upstreams.clone(), EjectionCap::AllButOne)?;
/// let breaker = CircuitBreaker::builder()
///     .policy(PolicySet::new(strict).group("search", group))
///     .build()?;
///
/// for upstream in &upstreams {
///     let _ = breaker.acquire(upstream).map(|permit| permit.failure());
/// }
/// assert_eq!(breaker.store().open_in_group("search"), Some(2));
/// assert_eq!(breaker.totals().held_back, 1);
/// assert!(breaker.acquire("10.0.0.3").is_ok());
///
/// let none = Group::of(upstreams, EjectionCap::Percent(30)).unwrap_err();
/// assert_eq!(none.to_string(), "ejection_cap is 30 % of 3; it must be one circuit or more");
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Group<K> {
    pub(super) members: Members<K>,
    pub(super) size: u32,
    pub(super) cap: EjectionCap,
}

/// The members of a group.
#[derive(Clone, Debug)]
pub(super) enum Members<K> {
    These(Vec<K>),
    Prefix {
        prefix: Box<str>,
        /// The function that gives a key's text.
        text: fn(&K) -> &str,
    },
    Class,
}

impl<K> Group<K> {
    /// Makes a group of the circuits of these keys. A key that is listed twice counts once.
    ///
    /// # Errors
    /// Returns a [`ConfigError`] if the cap leaves no circuit that may open, a percentage isn't 1
    /// to 100, or there are no members or more than 2^23.
    pub fn of(members: impl IntoIterator<Item = K>, cap: EjectionCap) -> Result<Self, ConfigError>
    where
        K: Hash + Eq + Clone,
    {
        let mut listed = HashSet::new();
        let is_new = |key: &K| listed.insert(key.clone());
        let members: Vec<K> = members.into_iter().filter(is_new).collect();
        let size = u32::try_from(members.len()).unwrap_or(u32::MAX);
        Self::new(Members::These(members), "members", size, cap)
    }

    /// Makes a group of the circuits of all keys that begin with `prefix`, of which there are
    /// `size`: 1 to 2^23. A key of several such groups belongs to that of its longest prefix, so
    /// `size` doesn't count those that [another group has](crate::PolicySet::group).
    ///
    /// # Errors
    /// Returns the errors of [`of`](Self::of).
    pub fn prefix(
        prefix: impl Into<Box<str>>,
        size: u32,
        cap: EjectionCap,
    ) -> Result<Self, ConfigError>
    where
        K: AsRef<str>,
    {
        Self::by_prefix(prefix.into(), K::as_ref, size, cap)
    }

    pub(super) fn by_prefix(
        prefix: Box<str>,
        text: fn(&K) -> &str,
        size: u32,
        cap: EjectionCap,
    ) -> Result<Self, ConfigError> {
        Self::new(Members::Prefix { prefix, text }, "size", size, cap)
    }

    /// Makes a group of the circuits of all keys to which the
    /// [classifier](crate::PolicySet::classify) gives the group's name, of which there are
    /// `size`: 1 to 2^23, not counting those that
    /// [another group has](crate::PolicySet::group). Without a classifier the group has none.
    ///
    /// # Errors
    /// Returns the errors of [`of`](Self::of).
    pub fn class(size: u32, cap: EjectionCap) -> Result<Self, ConfigError> {
        Self::new(Members::Class, "size", size, cap)
    }

    fn new(
        members: Members<K>,
        field: &'static str,
        size: u32,
        cap: EjectionCap,
    ) -> Result<Self, ConfigError> {
        within(field, size, 1..=1 << 23)?;
        if let EjectionCap::Percent(percent) = cap {
            within("max_open_percent", percent, 1..=100)?;
        }
        let group = Self { members, size, cap };
        if group.most() == 0 {
            let value = match cap {
                EjectionCap::Percent(percent) => format!("{percent} % of {size}"),
                EjectionCap::AllButOne => format!("all but one of {size}"),
            };
            return Err(ConfigError::new(
                "ejection_cap",
                value,
                "one circuit or more",
            ));
        }
        Ok(group)
    }

    /// Returns the number of its circuits: of those that it lists, or as it was declared.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Returns the cap, as it was declared.
    pub fn cap(&self) -> EjectionCap {
        self.cap
    }

    /// Returns the most circuits of the group that may be open at once.
    pub fn most(&self) -> u32 {
        match self.cap {
            // A share of at most 2^23 fits.
            EjectionCap::Percent(percent) => {
                (u64::from(self.size) * u64::from(percent) / 100) as u32
            }
            EjectionCap::AllButOne => self.size.saturating_sub(1),
        }
    }
}

/// The groups of a policy set, by the keys that belong to them.
#[derive(Clone)]
pub(super) struct Groups<K> {
    all: Vec<(Box<str>, Group<K>)>,
    by_key: HashMap<K, usize>,
    /// The longest first.
    by_prefix: Vec<(Box<str>, usize)>,
    by_class: HashMap<Box<str>, usize>,
    /// The function that gives a key's text, set with the first prefix.
    text: Option<fn(&K) -> &str>,
}

impl<K> Groups<K> {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            by_key: HashMap::new(),
            by_prefix: Vec::new(),
            by_class: HashMap::new(),
            text: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the most circuits of the group at `place` that may be open.
    pub(super) fn most(&self, place: usize) -> u32 {
        self.all[place].1.most()
    }

    /// Returns the function that gives a key's text, if a prefix needs it.
    pub(super) fn text(&self) -> Option<fn(&K) -> &str> {
        self.text
    }

    pub(super) fn asks_classes(&self) -> bool {
        !self.by_class.is_empty()
    }

    pub(super) fn of_key<Q>(&self, key: &Q) -> Option<usize>
    where
        K: std::borrow::Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ?Sized,
    {
        self.by_key.get(key).copied()
    }

    pub(super) fn of_text(&self, text: &str) -> Option<usize> {
        let mut prefixes = self.by_prefix.iter();
        let found = prefixes.find(|(prefix, _)| text.starts_with(&**prefix));
        found.map(|(_, place)| *place)
    }

    pub(super) fn of_class(&self, name: &str) -> Option<usize> {
        self.by_class.get(name).copied()
    }

    /// Removes the group `name`.
    pub(super) fn remove(&mut self, name: &str)
    where
        K: Hash + Eq + Clone,
    {
        self.all.retain(|(other, _)| **other != *name);
        self.place_all();
    }

    /// Puts the group `name` in place of an earlier one of that name.
    pub(super) fn insert(&mut self, name: Box<str>, group: Group<K>)
    where
        K: Hash + Eq + Clone,
    {
        let before = self.all.len();
        self.all.retain(|(other, _)| *other != name);
        let is_new = self.all.len() == before;
        self.all.push((name, group));
        if is_new {
            return self.place(before);
        }
        self.place_all();
    }

    /// Indexes all groups by their members anew, since their places have changed.
    fn place_all(&mut self)
    where
        K: Hash + Eq + Clone,
    {
        self.by_key.clear();
        self.by_prefix.clear();
        self.by_class.clear();
        (0..self.all.len()).for_each(|place| self.place(place));
    }

    /// Indexes the group at `place` by its members, which leave earlier groups.
    fn place(&mut self, place: usize)
    where
        K: Hash + Eq + Clone,
    {
        let (name, group) = &self.all[place];
        match &group.members {
            Members::These(keys) => {
                let placed = keys
                    .iter()
                    .filter_map(|key| self.by_key.insert(key.clone(), place));
                let left: HashSet<usize> = placed.collect();
                left.into_iter().for_each(|other| self.shrink(other));
            }
            Members::Prefix { prefix, text } => {
                self.text = Some(*text);
                self.by_prefix.retain(|(other, _)| other != prefix);
                let is_no_shorter = |(other, _): &(Box<str>, usize)| other.len() >= prefix.len();
                let at = self.by_prefix.partition_point(is_no_shorter);
                self.by_prefix.insert(at, (prefix.clone(), place));
            }
            Members::Class => drop(self.by_class.insert(name.clone(), place)),
        }
    }

    /// Takes out of the group at `place` the keys that a later group lists.
    fn shrink(&mut self, place: usize)
    where
        K: Hash + Eq,
    {
        let (_, group) = &mut self.all[place];
        if let Members::These(keys) = &mut group.members {
            keys.retain(|key| self.by_key.get(key) == Some(&place));
            // No more than before.
            group.size = keys.len() as u32;
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Group<K>)> + Clone {
        self.all.iter().map(|(name, group)| (&**name, group))
    }
}
