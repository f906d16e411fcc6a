//! A set of policies in a file: its tables, and what they inherit.

use super::bases::{Bases, DEFAULT, NONE};
use super::distinct::{Entries, Seen};
use super::groups::GroupTable;
use super::keys::{Key, text_of};
use super::names::Table;
use super::values::PolicyTable;
use crate::rules::policy::Policy;
use crate::rules::set::PolicySet;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::collections::HashSet;
use std::hash::Hash;

#[derive(serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    bound = "K: Deserialize<'de> + Hash + Eq + Clone + 'static"
)]
struct Tables<K> {
    #[serde(default)]
    default: PolicyTable,
    #[serde(default)]
    bases: Entries<String, PolicyTable>,
    #[serde(default)]
    keys: Entries<K, PolicyTable>,
    #[serde(default)]
    prefixes: Entries<String, PolicyTable>,
    #[serde(default)]
    classes: Entries<String, PolicyTable>,
    #[serde(default)]
    groups: Entries<String, GroupTable<K>>,
}

impl<'de, K> Deserialize<'de> for PolicySet<K>
where
    K: Deserialize<'de> + Hash + Eq + Clone + 'static,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table(tables) = Table::<Tables<K>>::deserialize(deserializer)?;
        tables.set().map_err(de::Error::custom)
    }
}

impl<K: Hash + Eq + Clone + 'static> Tables<K> {
    fn set(self) -> Result<PolicySet<K>, String> {
        let PolicyTable(default) = self.default;
        let mut bases = Bases::new(&default);
        for (Key { text: name, .. }, PolicyTable(base)) in &self.bases.0 {
            if [DEFAULT, NONE].contains(&name.as_str()) {
                return Err(format!("bases.{name}: `{name}` is the name of no base"));
            }
            bases.add(name, base);
        }
        bases.check()?;
        let mut set = PolicySet::new(bases.default_policy()?);
        for (Key { key, text }, PolicyTable(table)) in self.keys.0 {
            let policy = bases.policy(&table, &format_args!("keys.{text:?}"))?;
            set = set.key(key, policy);
        }
        for (Key { text: prefix, .. }, PolicyTable(table)) in self.prefixes.0 {
            let place = format!("prefixes.{prefix:?}");
            if prefix.is_empty() {
                return Err(format!("{place}: the prefix of all keys is `{DEFAULT}`"));
            }
            let none = || format!("{place}: keys of this type have no text for a prefix");
            let text = text_of().ok_or_else(none)?;
            let policy = bases.policy(&table, &place)?;
            set = set.by_prefix(prefix.into(), text, policy);
        }
        for (Key { text: name, .. }, PolicyTable(table)) in self.classes.0 {
            let policy = bases.policy(&table, &format_args!("classes.{name:?}"))?;
            set = set.class(name, policy);
        }
        let (mut listed, mut prefixes) = (Seen::new("in a group"), HashSet::new());
        for (Key { text: name, .. }, table) in self.groups.0 {
            let refused = |error| format!("groups.{name:?}: {error}");
            for member in &table.members {
                listed.add(member).map_err(refused)?;
            }
            if let Some(prefix) = table.prefix
                && !prefixes.insert(prefix.clone())
            {
                return Err(refused(format!("another group has the prefix {prefix:?}")));
            }
            set = set.group(name, table.group);
        }
        Ok(set)
    }
}

/// A policy as a table that inherits nothing.
struct Whole<'a>(&'a Policy);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut settings = self.0.settings();
        settings.inherits = Some(NONE.to_owned());
        settings.serialize(serializer)
    }
}

/// Named tables, in their order.
struct Named<I>(I);

impl<I, N: Serialize, T: Serialize> Serialize for Named<I>
where
    I: Iterator<Item = (N, T)> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

impl<K: Serialize + Hash + Eq> Serialize for PolicySet<K> {
    /// Writes all but the classifier, which is code.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn whole<N>((name, policy): (N, &Policy)) -> (N, Whole<'_>) {
            (name, Whole(policy))
        }
        let mut set = serializer.serialize_struct("PolicySet", 5)?;
        set.serialize_field(DEFAULT, &self.default_policy())?;
        set.serialize_field("keys", &Named(self.keys().map(whole)))?;
        set.serialize_field("prefixes", &Named(self.prefixes().map(whole)))?;
        set.serialize_field("classes", &Named(self.classes().map(whole)))?;
        set.serialize_field("groups", &Named(self.groups()))?;
        set.end()
    }
}
