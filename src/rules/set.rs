//! Which policy a key has.

use super::group::Groups;
use super::{Group, Policy};
use crate::key::{ToKey, with_text};
use crate::rules::Cap;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

type Classifier<K> = dyn Fn(&K) -> Option<&'static str> + Send + Sync;

/// Policies by key: by the key itself, else by its longest prefix, else by a class that a function
/// names, else the default.
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
/// let breaker = CircuitBreaker::<String>::builder().policy(policies).build()?;
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
/// With the feature `serde` a set is read from tables `default`, `keys`, `prefixes`, `classes` and
/// `groups`, each optional; a classifier is code and is set after. A group lists its `members`, or
/// has a `size` and perhaps a `prefix`, and either `max_open_percent` or `all_but_one`:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use breakerbox::PolicySet;
///
/// let policies: PolicySet<String> = toml::from_str(
///     r#"
///     default = { failure_threshold = 3 }
///     prefixes."/static/" = { shadow = true }
///     groups.search = { members = ["10.0.0.1", "10.0.0.2"], all_but_one = true }
///     groups.edge = { prefix = "edge-", size = 40, max_open_percent = 10 }
///     "#,
/// )?;
/// assert!(policies.policy("/static/logo.png").shadow());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        deny_unknown_fields,
        bound(
            serialize = "K: serde::Serialize + Hash + Eq",
            deserialize = "K: serde::Deserialize<'de> + Hash + Eq + Clone + AsRef<str>"
        ),
        try_from = "super::tables::Tables<K>"
    )
)]
pub struct PolicySet<K> {
    default: Policy,
    keys: HashMap<K, Policy>,
    /// The longest first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::tables::prefixes"))]
    prefixes: Vec<(Box<str>, Policy)>,
    classes: HashMap<String, Policy>,
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::tables::groups"))]
    groups: Groups<K>,
    #[cfg_attr(feature = "serde", serde(skip))]
    classifier: Option<Arc<Classifier<K>>>,
    /// Set with the first prefix: what a key's text is.
    #[cfg_attr(feature = "serde", serde(skip))]
    text: Option<fn(&K) -> &str>,
}

impl<K> PolicySet<K> {
    /// The same policy for every key.
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

    /// The policy of one key.
    pub fn key(mut self, key: K, policy: Policy) -> Self
    where
        K: Hash + Eq,
    {
        self.keys.insert(key, policy);
        self
    }

    /// The policy of all keys that begin with `prefix`; the longest prefix counts. A decision that
    /// needs its policy compares with each prefix.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>, policy: Policy) -> Self
    where
        K: AsRef<str>,
    {
        let prefix = prefix.into();
        self.prefixes.retain(|(other, _)| *other != prefix);
        let at = self
            .prefixes
            .partition_point(|(other, _)| other.len() >= prefix.len());
        self.prefixes.insert(at, (prefix, policy));
        self.text = Some(K::as_ref);
        self
    }

    /// The policy of the keys that the [classifier](Self::classify) gives this name.
    pub fn class(mut self, name: impl Into<String>, policy: Policy) -> Self {
        self.classes.insert(name.into(), policy);
        self
    }

    /// Of these circuits only so many may be open at once; in place of an earlier group of this
    /// name. A key that is in several belongs to the one that lists it, else to that of its longest
    /// prefix, else to that of its class; of several that list it, to the last.
    ///
    /// A circuit that has a place in a group keeps that one until it closes, whatever is declared
    /// meanwhile. A store knows the names that it was ever given: from the 65,536th on, groups have
    /// no cap.
    pub fn group(mut self, name: impl Into<Box<str>>, group: Group<K>) -> Self
    where
        K: Hash + Eq + Clone,
    {
        self.groups.insert(name.into(), group);
        self
    }

    /// Names the class of a key that has no policy of its own or of a prefix; `None`, or a name
    /// that there is no policy for: the default. Must always say the same of a key. Called for a
    /// decision that needs its policy; a key that was looked up in a borrowed form is cloned for
    /// it.
    pub fn classify(
        mut self,
        classifier: impl Fn(&K) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        self.classifier = Some(Arc::new(classifier));
        self
    }

    /// The policy of `key`.
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

    /// The cap on the group of `key`, if it is in one; `numbers` are the store's, in their order.
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

    /// The names of its groups.
    pub(crate) fn groups(&self) -> Vec<&str> {
        self.groups.names()
    }

    pub(crate) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether it may call the classifier, which is the user's.
    pub(crate) fn asks_classifier(&self) -> bool {
        self.classifier.is_some()
    }

    /// Every policy that a key may have.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy> {
        let prefixes = self.prefixes.iter().map(|(_, policy)| policy);
        std::iter::once(&self.default)
            .chain(self.keys.values())
            .chain(prefixes)
            .chain(self.classes.values())
    }
}

impl<K> From<Policy> for PolicySet<K> {
    /// Returns a set with this policy for every key.
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

impl<K> Default for PolicySet<K> {
    /// The default policy for every key.
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
            .field("groups", &self.groups())
            .finish_non_exhaustive()
    }
}
