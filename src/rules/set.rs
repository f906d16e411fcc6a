//! Policies by key.

use super::group::{Group, Groups};
use super::policy::{Cap, Policy};
use crate::key::{ToKey, with_text};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

type Classifier<K> = dyn Fn(&K) -> Option<&'static str> + Send + Sync;

/// Policies by key: by the key itself, else by its longest prefix, else by the class that a
/// function gives it, else the default. A look-up is O(prefixes).
///
/// ```
/// use breakerbox::{CircuitBreaker, Policy, PolicySet};
///
/// let strict = Policy::builder().failure_threshold(2).build()?;
/// let lenient = Policy::builder().failure_threshold(50).build()?;
/// let policies = PolicySet::new(Policy::default())
///     .key("/pay".to_string(), strict)
///     .prefix("/static/", lenient)
///     .class("batch", lenient)
///     .classify(|key: &String| key.ends_with("/export").then_some("batch"));
///
/// let breaker = CircuitBreaker::builder().policy(policies).build()?;
/// assert_eq!(breaker.policy("/pay"), strict);
/// assert_eq!(breaker.policy("/static/logo.png"), lenient);
/// assert_eq!(breaker.policy("/orders/export"), lenient);
/// assert_eq!(breaker.policy("/orders"), Policy::default());
///
/// breaker.set_policies(PolicySet::new(strict)); // while calls go on
/// assert_eq!(breaker.policy("/orders"), strict);
/// # Ok::<(), breakerbox::ConfigError>(())
/// ```
///
/// # In a file
/// With the feature `serde` a set is read from the tables `default`, `bases`, `keys`, `prefixes`,
/// `classes` and `groups`, each optional. The table of a policy has the settings of
/// [`PolicyBuilder`](crate::PolicyBuilder) by their names. It inherits the settings that it lacks
/// from `default`, or from the base that it names: `inherits = "NAME"`, for a table `[bases.NAME]`.
/// A base, and a table with `inherits = "none"`, begins with the library's defaults. Rules are
/// inherited too: under a `default` with `failure_threshold = 3`, a table that adds a failure rate
/// opens on 3 failures as well. If it is meant to open by the rate alone, it needs a base. A
/// duration is text with a unit ([`parse_duration`](crate::parse_duration)). A classifier is code,
/// and is set afterwards; without one, `classes` and groups by class have no keys. A group lists
/// its `members`, or has a `size` and perhaps a `prefix`; and it has either `max_open_percent` or
/// `all_but_one`.
///
/// A key, prefix, base, class or group that appears twice in its table is refused, even if it is
/// written in two ways, as the numbers `7` and `07`; so is a key or a prefix of two groups. A base
/// need not be used.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use breakerbox::{PolicySet, SlidingWindow};
/// use std::time::Duration;
///
/// let policies: PolicySet<String> = toml::from_str(
///     r#"
///     [default]
///     failure_threshold = 3
///     reset_timeout = "5s"
///
///     [bases.by-rate]
///     sliding_window = "1m"
///     failure_rate_threshold = 50
///
///     [prefixes]
///     "/static/" = { shadow = true }
///     "/search" = { inherits = "by-rate", reset_timeout = "250ms" }
///
///     [groups]
///     search = { members = ["10.0.0.1", "10.0.0.2"], all_but_one = true }
///     edge = { prefix = "edge-", size = 40, max_open_percent = 10 }
///     "#,
/// )?;
/// let shadow = policies.policy("/static/logo.png");
/// assert_eq!((shadow.shadow(), shadow.failure_threshold()), (true, Some(3)));
/// let search = policies.policy("/search");
/// assert_eq!(search.failure_threshold(), None);
/// assert_eq!(search.sliding_window(), Some(SlidingWindow::Time(Duration::from_secs(60))));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys may be of any type that serde reads from text or from a number; prefixes need keys of the
/// type `String`, `Box<str>`, `Arc<str>` or `&'static str`.
#[derive(Clone)]
#[must_use]
pub struct PolicySet<K> {
    default: Policy,
    keys: HashMap<K, Policy>,
    /// The policies of prefixes, the longest first.
    prefixes: Vec<(Box<str>, Policy)>,
    classes: HashMap<String, Policy>,
    groups: Groups<K>,
    classifier: Option<Arc<Classifier<K>>>,
    /// The function that gives a key's text, set with the first prefix.
    text: Option<fn(&K) -> &str>,
}

impl<K> PolicySet<K> {
    /// Makes a set with the same policy for every key.
    pub fn new(default: Policy) -> Self {
        Self {
            default,
            keys: HashMap::new(),
            prefixes: Vec::new(),
            classes: HashMap::new(),
            groups: Groups::new(),
            classifier: None,
            text: None,
        }
    }

    /// Sets the policy of one key. Replaces an earlier one.
    pub fn key(mut self, key: K, policy: Policy) -> Self
    where
        K: Hash + Eq,
    {
        self.keys.insert(key, policy);
        self
    }

    /// Sets the policy of all keys that begin with `prefix`; the longest prefix counts. A decision
    /// that needs its policy compares the key with each prefix.
    pub fn prefix(self, prefix: impl Into<Box<str>>, policy: Policy) -> Self
    where
        K: AsRef<str>,
    {
        self.by_prefix(prefix.into(), K::as_ref, policy)
    }

    pub(super) fn by_prefix(
        mut self,
        prefix: Box<str>,
        text: fn(&K) -> &str,
        policy: Policy,
    ) -> Self {
        self.prefixes.retain(|(other, _)| *other != prefix);
        let at = self
            .prefixes
            .partition_point(|(other, _)| other.len() >= prefix.len());
        self.prefixes.insert(at, (prefix, policy));
        self.text = Some(text);
        self
    }

    /// Sets the policy of the keys that the [classifier](Self::classify) gives this name. Without a
    /// classifier no key has it.
    pub fn class(mut self, name: impl Into<String>, policy: Policy) -> Self {
        self.classes.insert(name.into(), policy);
        self
    }

    /// Sets the cap on the circuits of a group that may be open at once. Replaces an earlier group
    /// of this name. A key belongs to the group that lists it, else to that of its longest prefix,
    /// else to that of its class.
    ///
    /// If an earlier group lists a key too, the key leaves that group, which then counts one
    /// circuit fewer. If its cap then leaves no circuit that may open, no rule opens one. If two
    /// groups have the same prefix, its keys belong to the later one.
    ///
    /// A circuit that has a place in a group keeps it until it closes, whatever is declared
    /// meanwhile. A store remembers the names of all groups that it was ever given. From the
    /// 65,536th on, groups have no cap.
    pub fn group(mut self, name: impl Into<Box<str>>, group: Group<K>) -> Self
    where
        K: Hash + Eq + Clone,
    {
        self.groups.insert(name.into(), group);
        self
    }

    /// Sets the function that names the class of a key for which neither key nor prefix has a
    /// policy. `None`, or a name without a policy, means the default. The function must give each
    /// key the same name every time. It is called for each decision that needs its policy; a key
    /// that was looked up in a borrowed form is cloned for it.
    pub fn classify(
        mut self,
        classifier: impl Fn(&K) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.classifier = Some(Arc::new(classifier));
        self
    }

    /// Sets the policy of keys that have no other.
    pub fn with_default(mut self, policy: Policy) -> Self {
        self.default = policy;
        self
    }

    /// Removes the policy of one key.
    pub fn remove_key<Q>(mut self, key: &Q) -> Self
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ?Sized,
    {
        self.keys.remove(key);
        self
    }

    /// Removes the policy of a prefix.
    pub fn remove_prefix(mut self, prefix: &str) -> Self {
        self.prefixes.retain(|(other, _)| **other != *prefix);
        self
    }

    /// Removes the policy of a class.
    pub fn remove_class(mut self, name: &str) -> Self {
        self.classes.remove(name);
        self
    }

    /// Removes a group: its circuits no longer have a cap.
    pub fn remove_group(mut self, name: &str) -> Self
    where
        K: Hash + Eq + Clone,
    {
        self.groups.remove(name);
        self
    }

    /// Returns the policy of keys that have no other.
    pub fn default_policy(&self) -> Policy {
        self.default
    }

    /// Iterates over the policies of single keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = (&K, &Policy)> + Clone {
        self.keys.iter()
    }

    /// Iterates over the policies of prefixes, the longest first.
    pub fn prefixes(&self) -> impl Iterator<Item = (&str, &Policy)> + Clone {
        self.prefixes
            .iter()
            .map(|(prefix, policy)| (&**prefix, policy))
    }

    /// Iterates over the policies of classes, in no order.
    pub fn classes(&self) -> impl Iterator<Item = (&str, &Policy)> + Clone {
        self.classes
            .iter()
            .map(|(name, policy)| (name.as_str(), policy))
    }

    /// Iterates over the groups, in the order in which they were declared.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Group<K>)> + Clone {
        self.groups.all()
    }

    /// Returns the policy of `key`. O(prefixes).
    pub fn policy<Q>(&self, key: &Q) -> Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        *self.find(key)
    }

    #[inline]
    pub(crate) fn find<Q>(&self, key: &Q) -> &Policy
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        if self.is_one_for_all() {
            return &self.default;
        }
        if let Some(policy) = self.keys.get(key) {
            return policy;
        }
        self.by_text(key)
            .or_else(|| self.by_class(key))
            .unwrap_or(&self.default)
    }

    fn is_one_for_all(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty() && self.classes.is_empty()
    }

    fn by_text<Q>(&self, key: &Q) -> Option<&Policy>
    where
        Q: ToKey<K> + ?Sized,
    {
        let mut prefixes = self.prefixes.iter();
        let find = |text: &str| prefixes.find(|(prefix, _)| text.starts_with(&**prefix));
        let (_, policy) = with_text(self.text?, key, find)?;
        Some(policy)
    }

    fn by_class<Q>(&self, key: &Q) -> Option<&Policy>
    where
        Q: ToKey<K> + ?Sized,
    {
        self.classes.get(self.class_of(key)?)
    }

    fn class_of<Q>(&self, key: &Q) -> Option<&'static str>
    where
        Q: ToKey<K> + ?Sized,
    {
        let classifier = self.classifier.as_ref()?;
        match key.as_key() {
            Some(key) => classifier(key),
            None => classifier(&key.to_key()),
        }
    }

    /// Returns the cap on the group of `key`, if it is in one. `numbers` are those that the store
    /// gave the groups, in their order.
    pub(crate) fn cap<Q>(&self, key: &Q, numbers: &[u16]) -> Cap
    where
        K: Borrow<Q> + Hash + Eq,
        Q: Hash + Eq + ToKey<K> + ?Sized,
    {
        let groups = &self.groups;
        let by_text = || with_text(groups.text()?, key, |text| groups.of_text(text));
        let by_class = || groups.of_class(self.class_of(key)?);
        let place = groups
            .of_key(key)
            .or_else(by_text)
            .or_else(|| groups.asks_classes().then(by_class)?);
        place.map_or(Cap::default(), |place| Cap {
            group: numbers[place],
            most: groups.most(place),
        })
    }

    /// Returns the names of its groups, in the order of their places.
    pub(crate) fn group_names(&self) -> Vec<&str> {
        self.groups.all().map(|(name, _)| name).collect()
    }

    pub(crate) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Returns whether a look-up may call the classifier, which is the user's.
    pub(crate) fn asks_classifier(&self) -> bool {
        self.classifier.is_some()
    }

    /// Iterates over every policy that a key may have.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy> {
        let prefixes = self.prefixes.iter().map(|(_, policy)| policy);
        std::iter::once(&self.default)
            .chain(self.keys.values())
            .chain(prefixes)
            .chain(self.classes.values())
    }
}

impl<K> From<Policy> for PolicySet<K> {
    /// Makes a set with this policy for every key.
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

impl<K> Default for PolicySet<K> {
    /// Makes a set with the default policy for every key.
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl<K: fmt::Debug> fmt::Debug for PolicySet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("default", &self.default)
            .field("keys", &self.keys)
            .field("prefixes", &self.prefixes)
            .field("classes", &self.classes)
            .field("groups", &self.group_names())
            .finish_non_exhaustive()
    }
}
