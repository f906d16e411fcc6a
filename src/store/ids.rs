//! The ids of keys that are text, by which their circuits are known.

use crate::key::ToKey;
use crate::sync::Hashed;
use crate::word::KeyId;
#[cfg(not(any(breakerbox_loom, breakerbox_steps)))]
use std::hash::BuildHasher;

/// Makes ids of keys: by a hash of their text with a random seed of the store's own. So keys have
/// different ids whatever hasher the user brings, and whichever fields a `Hash` of the user's
/// leaves out.
pub(super) struct Ids<K> {
    #[cfg_attr(any(breakerbox_loom, breakerbox_steps), expect(dead_code))]
    seed: foldhash::quality::RandomState,
    #[cfg_attr(any(breakerbox_loom, breakerbox_steps), expect(dead_code))]
    text_of: Option<fn(&K) -> &str>,
}

impl<K> Ids<K> {
    /// Makes the ids of a store, whose owned keys have a text by `text_of`, if they have one.
    pub(super) fn new(text_of: Option<fn(&K) -> &str>) -> Self {
        Self {
            seed: foldhash::quality::RandomState::default(),
            text_of,
        }
    }

    /// Returns the id of a key. Returns `None` if the key isn't text.
    #[cfg(not(any(breakerbox_loom, breakerbox_steps)))]
    #[inline]
    pub(super) fn of<Q>(&self, key: Hashed<'_, Q>) -> Option<KeyId>
    where
        Q: ToKey<K> + ?Sized,
    {
        let owned = || Some(self.text_of?(key.key().as_key()?));
        let text = key.key().as_only_text().or_else(owned)?;
        Some(KeyId::new(key.hash(), self.seed.hash_one(text)))
    }

    /// Returns the id of a key, here by its hash alone: tests have keys of other types, and must do
    /// the same in each run.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(super) fn of<Q>(&self, key: Hashed<'_, Q>) -> Option<KeyId>
    where
        Q: ToKey<K> + ?Sized,
    {
        Some(KeyId::new(key.hash(), key.hash()))
    }
}
