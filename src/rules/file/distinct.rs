//! Tables and lists in a file whose entries must differ. Two texts may be one key: `7` and `07`.

use super::keys::Key;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

/// A table of values by key, in the order of the file.
pub(super) struct Entries<K, V>(pub(super) Vec<(Key<K>, V)>);

/// A list of keys.
pub(super) struct List<K>(pub(super) Vec<Key<K>>);

/// The keys read so far, with their texts.
pub(super) struct Seen<K> {
    keys: HashMap<K, String>,
    /// The words that say in an error where a key was before.
    place: &'static str,
}

impl<K: Hash + Eq + Clone> Seen<K> {
    pub(super) fn new(place: &'static str) -> Self {
        let keys = HashMap::new();
        Self { keys, place }
    }

    /// Adds a key, or refuses one that was there before.
    pub(super) fn add(&mut self, Key { key, text }: &Key<K>) -> Result<(), String> {
        let Some(before) = self.keys.insert(key.clone(), text.clone()) else {
            return Ok(());
        };
        let mut error = format!("{text:?} is {} already", self.place);
        if before != *text {
            error += &format!(", as {before:?}");
        }
        Err(error)
    }
}

/// Reads a key that hasn't been read before, so that the error shows its place.
impl<'de, K: Deserialize<'de> + Hash + Eq + Clone> DeserializeSeed<'de> for &mut Seen<K> {
    type Value = Key<K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<K>, D::Error> {
        let key = Key::deserialize(deserializer)?;
        self.add(&key).map_err(D::Error::custom)?;
        Ok(key)
    }
}

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K, V> Deserialize<'de> for Entries<K, V>
where
    K: Deserialize<'de> + Hash + Eq + Clone,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Distinct::<Self>(PhantomData))
    }
}

impl<'de, K: Deserialize<'de> + Hash + Eq + Clone> Deserialize<'de> for List<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Distinct::<Self>(PhantomData))
    }
}

/// A visitor of `T`, a table or a list.
struct Distinct<T>(PhantomData<T>);

impl<'de, K, V> Visitor<'de> for Distinct<Entries<K, V>>
where
    K: Deserialize<'de> + Hash + Eq + Clone,
    V: Deserialize<'de>,
{
    type Value = Entries<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut seen, mut entries) = (Seen::new("in this table"), Vec::new());
        while let Some(key) = map.next_key_seed(&mut seen)? {
            entries.push((key, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

impl<'de, K: Deserialize<'de> + Hash + Eq + Clone> Visitor<'de> for Distinct<List<K>> {
    type Value = List<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut seen, mut keys) = (Seen::new("in this list"), Vec::new());
        while let Some(key) = list.next_element_seed(&mut seen)? {
            keys.push(key);
        }
        Ok(List(keys))
    }
}
