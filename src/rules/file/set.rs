//! A set of policies in a file: its tables, and what they inherit.

use super::groups::GroupTable;
use super::keys::{Key, text_of};
use super::names::{Table, unknown};
use super::values::PolicyTable;
use crate::rules::builder::Settings;
use crate::rules::policy::Policy;
use crate::rules::set::PolicySet;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Display};
use std::hash::Hash;
use std::marker::PhantomData;

/// The name of the table from which others inherit, unless they name another.
const DEFAULT: &str = "default";
/// The name that a table inherits from to begin with the library's defaults.
const NONE: &str = "none";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, bound = "K: Deserialize<'de> + 'static")]
struct Tables<K> {
    #[serde(default)]
    default: PolicyTable,
    #[serde(default)]
    bases: BTreeMap<String, PolicyTable>,
    #[serde(default)]
    keys: Pairs<K>,
    #[serde(default)]
    prefixes: BTreeMap<String, PolicyTable>,
    #[serde(default)]
    classes: BTreeMap<String, PolicyTable>,
    #[serde(default = "BTreeMap::new")]
    groups: BTreeMap<Box<str>, GroupTable<K>>,
}

/// The policies of single keys, as they stand in the file.
struct Pairs<K>(Vec<(Key<K>, PolicyTable)>);

impl<K> Default for Pairs<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Pairs<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<K>(PhantomData<K>);

impl<'de, K: Deserialize<'de>> Visitor<'de> for PairsVisitor<K> {
    type Value = Pairs<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of keys, each with a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<K>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
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
        let bases = Bases {
            default: &default,
            named: &self.bases,
        };
        for (name, PolicyTable(base)) in &self.bases {
            if [DEFAULT, NONE].contains(&name.as_str()) {
                return Err(format!("bases.{name}: `{name}` is the name of no base"));
            }
            bases.whole(NONE, base, &format_args!("bases.{name}"))?;
        }
        let mut set = PolicySet::new(bases.policy(NONE, &default, &DEFAULT)?);
        for (Key { key, text }, PolicyTable(table)) in &self.keys.0 {
            let policy = bases.policy(DEFAULT, table, &format_args!("keys.{text:?}"))?;
            set = set.key(key.clone(), policy);
        }
        for (prefix, PolicyTable(table)) in &self.prefixes {
            let place = format!("prefixes.{prefix:?}");
            if prefix.is_empty() {
                return Err(format!("{place}: the prefix of all keys is `{DEFAULT}`"));
            }
            let none = || format!("{place}: keys of this type have no text for a prefix");
            let text = text_of().ok_or_else(none)?;
            set = set.by_prefix(
                prefix.as_str().into(),
                text,
                bases.policy(DEFAULT, table, &place)?,
            );
        }
        for (name, PolicyTable(table)) in &self.classes {
            let policy = bases.policy(DEFAULT, table, &format_args!("classes.{name:?}"))?;
            set = set.class(name, policy);
        }
        let mut placed = HashSet::new();
        for (name, GroupTable { group, members }) in self.groups {
            for member in members {
                if !placed.insert(member.clone()) {
                    let place = format_args!("groups.{name:?}");
                    return Err(format!("{place}: {member:?} is in a group already"));
                }
            }
            set = set.group(name, group);
        }
        Ok(set)
    }
}

/// The tables from which others inherit.
struct Bases<'a> {
    default: &'a Settings,
    named: &'a BTreeMap<String, PolicyTable>,
}

impl Bases<'_> {
    /// Returns the policy of a table, which inherits from the table `from` unless it names another.
    fn policy(&self, from: &str, table: &Settings, place: &dyn Display) -> Result<Policy, String> {
        let whole = self.whole(from, table, place)?;
        whole.build().map_err(|error| format!("{place}: {error}"))
    }

    /// Returns the settings of a table with those that it inherits.
    fn whole(&self, from: &str, table: &Settings, place: &dyn Display) -> Result<Settings, String> {
        let mut whole = table.clone();
        let mut next = table.inherits.as_deref().unwrap_or(from);
        // Each base once, and the default: more steps go round in a circle.
        for _ in 0..=self.named.len() + 1 {
            let base = match (next, self.named.get(next)) {
                (NONE, _) => return Ok(whole),
                (DEFAULT, _) => self.default,
                (_, Some(PolicyTable(base))) => base,
                (_, None) => {
                    let names = self.named.keys().map(String::as_str);
                    let names = names.chain([DEFAULT, NONE]);
                    return Err(format!("{place}: {}", unknown("base", next, names)));
                }
            };
            whole.inherit(&base.without_rivals_of(&whole));
            next = base.inherits.as_deref().unwrap_or(NONE);
        }
        Err(format!("{place}: it inherits from itself, by `{next}`"))
    }
}

impl Settings {
    /// Returns these settings without those that contradict `nearer` ones: a table that judges
    /// probes in one way doesn't inherit the other.
    fn without_rivals_of(&self, nearer: &Settings) -> Settings {
        let mut kept = self.clone();
        if nearer.probe_failure_rate.is_some() {
            (kept.success_threshold, kept.probe_failures_allowed) = (None, None);
        }
        if nearer
            .success_threshold
            .or(nearer.probe_failures_allowed)
            .is_some()
        {
            kept.probe_failure_rate = None;
        }
        kept
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
