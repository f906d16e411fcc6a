//! Keys: looked up in a borrowed form, owned only when a circuit is created.

use std::sync::Arc;

/// A borrowed form of a key, and the way to the owned key.
///
/// Each `Clone` type implements it for itself, `str` and slices for their owned, shared and boxed
/// forms. Implement it for a borrowed form of your own, which must be equal to the key that it
/// yields and have the same hash.
///
/// ```
/// use breakerbox::InMemoryCircuitBreakerStore;
/// use std::sync::Arc;
///
/// let routes = InMemoryCircuitBreakerStore::<Arc<str>>::keyed();
/// routes.record_failure("/search"); // a `&str`; allocates only to create the circuit
///
/// let tenants = InMemoryCircuitBreakerStore::<u64>::keyed();
/// tenants.record_failure(&7);
/// ```
pub trait ToKey<K> {
    /// Returns the owned key.
    fn to_key(&self) -> K;

    /// Returns the key itself, if this is the owned form. A form that is neither owned nor
    /// [text](Self::as_text) is converted where policies go by text.
    fn as_key(&self) -> Option<&K> {
        None
    }

    /// Returns the key's text, if this is a text form.
    fn as_text(&self) -> Option<&str> {
        None
    }

    /// Returns the key's text if that alone makes the key what it is: not for forms of your own.
    #[doc(hidden)]
    fn as_only_text(&self) -> Option<&str> {
        None
    }
}

/// Applies `find` to the text of `key`: that of its borrowed form if it has one, else that of its
/// owned form by `text_of`.
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

    fn as_only_text(&self) -> Option<&str> {
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

    fn as_only_text(&self) -> Option<&str> {
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

    fn as_only_text(&self) -> Option<&str> {
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
