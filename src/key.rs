//! Keys: looked up in a borrowed form, owned only when a circuit is created.

use std::sync::Arc;

/// The owned key for a borrowed look-up form.
///
/// Implemented for whatever is `Clone`, to itself, and for `str` and slices to their owned, shared
/// and boxed forms. Implement it for a borrowed form of your own; it must be equal to, and hash
/// like, the key that it yields.
///
/// ```
/// use breakerbox::InMemoryCircuitBreakerStore;
/// use std::sync::Arc;
///
/// let routes = InMemoryCircuitBreakerStore::<Arc<str>>::keyed();
/// routes.record_failure("/search"); // a `&str`: no allocation, but to create the circuit
///
/// let tenants = InMemoryCircuitBreakerStore::<u64>::keyed();
/// tenants.record_failure(&7);
/// ```
pub trait ToKey<K> {
    /// The owned key.
    fn to_key(&self) -> K;

    /// The key itself, where that is what is looked up.
    fn as_key(&self) -> Option<&K> {
        None
    }

    /// The key's text, where it is looked up by that. What knows neither is cloned where policies
    /// go by text.
    fn as_text(&self) -> Option<&str> {
        None
    }
}

/// Calls `find` with the text of `key`: that of its borrowed form where it has one, else `text_of`
/// its owned form.
pub(crate) fn with_text<K, Q, R>(
    text_of: fn(&K) -> &str,
    key: &Q,
    find: impl FnOnce(&str) -> Option<R>,
) -> Option<R>
where
    Q: ToKey<K> + ?Sized,
{
    match (key.as_text(), key.as_key()) {
        (Some(text), _) => find(text),
        (None, Some(key)) => find(text_of(key)),
        (None, None) => find(text_of(&key.to_key())),
    }
}

impl<K: Clone> ToKey<K> for K {
    fn to_key(&self) -> K {
        self.clone()
    }

    fn as_key(&self) -> Option<&K> {
        Some(self)
    }
}

impl ToKey<String> for str {
    fn to_key(&self) -> String {
        self.into()
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

impl ToKey<Arc<str>> for str {
    fn to_key(&self) -> Arc<str> {
        self.into()
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

impl ToKey<Box<str>> for str {
    fn to_key(&self) -> Box<str> {
        self.into()
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: Clone> ToKey<Vec<T>> for [T] {
    fn to_key(&self) -> Vec<T> {
        self.into()
    }
}

impl<T: Clone> ToKey<Arc<[T]>> for [T] {
    fn to_key(&self) -> Arc<[T]> {
        self.into()
    }
}

impl<T: Clone> ToKey<Box<[T]>> for [T] {
    fn to_key(&self) -> Box<[T]> {
        self.into()
    }
}
