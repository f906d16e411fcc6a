//! Which policy a key has.

use super::Policy;
use crate::key::ToKey;
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
/// use breakerbox::{CircuitBreaker, Limits, Policy, PolicySet};
///
/// let strict = Policy::from(Limits::builder().failure_threshold(2).build()?);
/// let lenient = Policy::from(Limits::builder().failure_threshold(50).build()?);
/// let policies = PolicySet::new(Policy::default())
///     .key("/pay".to_string(), strict)
///     .prefix("/static/", lenient)
///     .class("batch", lenient)
///     .classify(|key: &String| key.ends_with("/export").then_some("batch"));
///
/// let breaker = CircuitBreaker::<String>::builder().policies(policies).build()?;
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
/// With the feature `serde` a set is read from tables `default`, `keys`, `prefixes` and `classes`,
/// each optional; a classifier is code and is set after.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        deny_unknown_fields,
        bound(
            serialize = "K: serde::Serialize + Hash + Eq",
            deserialize = "K: serde::Deserialize<'de> + Hash + Eq + AsRef<str>"
        ),
        from = "Tables<K>"
    )
)]
pub struct PolicySet<K> {
    default: Policy,
    keys: HashMap<K, Policy>,
    /// The longest first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_map"))]
    prefixes: Vec<(Box<str>, Policy)>,
    classes: HashMap<String, Policy>,
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
        if let Some(policy) = self.keys.get(key) {
            return *policy;
        }
        self.by_text(key)
            .or_else(|| self.by_class(key))
            .unwrap_or(self.default)
    }

    fn by_text<Q>(&self, key: &Q) -> Option<Policy>
    where
        Q: ToKey<K> + ?Sized,
    {
        let text_of = self.text?;
        let find = |text: &str| {
            let mut prefixes = self.prefixes.iter();
            prefixes.find(|(prefix, _)| text.starts_with(&**prefix))
        };
        let found = match (key.as_text(), key.as_key()) {
            (Some(text), _) => find(text),
            (None, Some(key)) => find(text_of(key)),
            (None, None) => find(text_of(&key.to_key())),
        };
        found.map(|(_, policy)| *policy)
    }

    fn by_class<Q>(&self, key: &Q) -> Option<Policy>
    where
        Q: ToKey<K> + ?Sized,
    {
        let classifier = self.classifier.as_ref()?;
        let name = match key.as_key() {
            Some(key) => classifier(key),
            None => classifier(&key.to_key()),
        };
        self.classes.get(name?).copied()
    }

    /// Every policy that a key may have.
    pub(super) fn all(&self) -> impl Iterator<Item = &Policy> {
        let prefixes = self.prefixes.iter().map(|(_, policy)| policy);
        std::iter::once(&self.default)
            .chain(self.keys.values())
            .chain(prefixes)
            .chain(self.classes.values())
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
            .finish_non_exhaustive()
    }
}

/// How a set is read.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, bound = "K: serde::Deserialize<'de> + Hash + Eq")]
struct Tables<K> {
    #[serde(default)]
    default: Policy,
    #[serde(default = "HashMap::new")]
    keys: HashMap<K, Policy>,
    #[serde(default)]
    prefixes: HashMap<Box<str>, Policy>,
    #[serde(default)]
    classes: HashMap<String, Policy>,
}

#[cfg(feature = "serde")]
impl<K: Hash + Eq + AsRef<str>> From<Tables<K>> for PolicySet<K> {
    fn from(tables: Tables<K>) -> Self {
        let mut set = Self {
            keys: tables.keys,
            classes: tables.classes,
            ..Self::new(tables.default)
        };
        for (prefix, policy) in tables.prefixes {
            set = set.prefix(prefix, policy);
        }
        set
    }
}

#[cfg(feature = "serde")]
fn as_map<S: serde::Serializer>(
    prefixes: &[(Box<str>, Policy)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(prefixes.iter().map(|(prefix, policy)| (prefix, policy)))
}
