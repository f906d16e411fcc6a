//! How a policy set is written: tables by key, prefix, class, and of groups.

use super::group::{Groups, Members};
use super::{EjectionCap, Group, Policy, PolicySet};
use crate::error::ConfigError;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    bound = "K: Deserialize<'de> + Hash + Eq + AsRef<str>"
)]
pub(super) struct Tables<K> {
    #[serde(default)]
    default: Policy,
    #[serde(default = "HashMap::new")]
    keys: HashMap<K, Policy>,
    #[serde(default)]
    prefixes: HashMap<Box<str>, Policy>,
    #[serde(default)]
    classes: HashMap<String, Policy>,
    #[serde(default = "BTreeMap::new")]
    groups: BTreeMap<Box<str>, Form<K>>,
}

impl<K: Hash + Eq + Clone + AsRef<str>> TryFrom<Tables<K>> for PolicySet<K> {
    type Error = ConfigError;

    fn try_from(tables: Tables<K>) -> Result<Self, ConfigError> {
        let mut set = PolicySet::new(tables.default);
        for (key, policy) in tables.keys {
            set = set.key(key, policy);
        }
        for (prefix, policy) in tables.prefixes {
            set = set.prefix(prefix, policy);
        }
        for (name, policy) in tables.classes {
            set = set.class(name, policy);
        }
        let mut placed = HashSet::new();
        for (name, form) in tables.groups {
            if let Some(twice) = form
                .members
                .iter()
                .flatten()
                .find(|key| !placed.insert((*key).clone()))
            {
                let value = format!("{:?}, there twice", twice.as_ref());
                return Err(ConfigError::new(
                    "members",
                    value,
                    "each key in one group, once",
                ));
            }
            set = set.group(name, form.group()?);
        }
        Ok(set)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "K: Serialize", deserialize = "K: Deserialize<'de>")
)]
struct Form<K> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    members: Option<Vec<K>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_open_percent: Option<u32>,
    #[serde(default)]
    all_but_one: bool,
}

impl<K: AsRef<str>> Form<K> {
    fn group(self) -> Result<Group<K>, ConfigError> {
        let cap = match (self.max_open_percent, self.all_but_one) {
            (Some(percent), false) => EjectionCap::Percent(percent),
            (None, true) => EjectionCap::AllButOne,
            (percent, _) => {
                let value = if percent.is_some() {
                    "given twice"
                } else {
                    "not given"
                };
                let expected = "either max_open_percent or all_but_one";
                return Err(ConfigError::new("ejection_cap", value, expected));
            }
        };
        match (self.members, self.prefix, self.size) {
            (Some(members), None, None) => Group::of(members, cap),
            (None, Some(prefix), Some(size)) => Group::prefix(prefix, size, cap),
            (None, None, Some(size)) => Group::class(size, cap),
            (Some(_), _, _) => {
                let expected = "given without size and prefix";
                Err(ConfigError::new("members", "given with them", expected))
            }
            (None, _, None) => {
                let expected = "given, where members are not";
                Err(ConfigError::new("size", "not given", expected))
            }
        }
    }
}

pub(super) fn prefixes<S: Serializer>(
    prefixes: &[(Box<str>, Policy)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(prefixes.iter().map(|(prefix, policy)| (prefix, policy)))
}

pub(super) fn groups<K: Serialize, S: Serializer>(
    groups: &Groups<K>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(groups.all().map(|(name, group)| {
        let (members, prefix, size) = match &group.members {
            Members::These(keys) => (Some(keys.iter().collect()), None, None),
            Members::Prefix { prefix, .. } => (None, Some(prefix.clone()), Some(group.size)),
            Members::Class => (None, None, Some(group.size)),
        };
        let (max_open_percent, all_but_one) = match group.cap {
            EjectionCap::Percent(percent) => (Some(percent), false),
            EjectionCap::AllButOne => (None, true),
        };
        let form = Form::<&K> {
            members,
            prefix,
            size,
            max_open_percent,
            all_but_one,
        };
        (name, form)
    }))
}
