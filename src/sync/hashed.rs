//! Keys that carry their hash, so that the user's hasher is called once for each operation.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use crate::key::ToKey;

/// A key to be looked up, and its hash. Only the map makes one.
pub(crate) struct Hashed<'q, Q: ?Sized> {
    hash: u64,
    key: &'q Q,
}

/// A hash alone, whose owner keeps the key.
#[derive(Clone, Copy)]
pub(crate) struct OnlyHash(u64);

impl OnlyHash {
    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Joins the hash with the key that it was made of.
    #[inline]
    pub(crate) fn with<Q: ?Sized>(self, key: &Q) -> Hashed<'_, Q> {
        Hashed { hash: self.0, key }
    }
}

impl<Q: ?Sized> Clone for Hashed<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized> Copy for Hashed<'_, Q> {}

impl<'q, Q: ?Sized> Hashed<'q, Q> {
    #[inline]
    pub(super) fn by(hasher: &impl BuildHasher, key: &'q Q) -> Self
    where
        Q: Hash,
    {
        // In this order the key needs no extra registers while it is hashed.
        let mut hashed = Self { hash: 0, key };
        hashed.hash = hasher.hash_one(key);
        hashed
    }

    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    #[inline]
    pub(crate) fn only_hash(&self) -> OnlyHash {
        OnlyHash(self.hash)
    }

    #[inline]
    pub(crate) fn key(&self) -> &'q Q {
        self.key
    }

    pub(super) fn to_stored<K>(self) -> StoredKey<K>
    where
        Q: ToKey<K>,
    {
        StoredKey {
            hash: self.hash,
            key: self.key.to_key(),
        }
    }
}

/// A key in the map, which keeps the hash that it was looked up by.
pub(super) struct StoredKey<K> {
    hash: u64,
    key: K,
}

impl<K> StoredKey<K> {
    #[inline]
    pub(super) fn hashed(&self) -> Hashed<'_, K> {
        Hashed {
            hash: self.hash,
            key: &self.key,
        }
    }

    /// Returns whether this is `key`. The user's `Eq` runs only if the hashes are equal.
    #[inline]
    pub(super) fn is<Q>(&self, key: Hashed<'_, Q>) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.hash == key.hash && self.key.borrow() == key.key
    }
}
