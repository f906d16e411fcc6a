//! Groups in a file.

use super::distinct::List;
use super::keys::{Key, text_of};
use super::names::Table;
use crate::error::ConfigError;
use crate::rules::group::{EjectionCap, Group, Members};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use std::hash::Hash;

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(serialize = "M: Serialize", deserialize = "M: Deserialize<'de>")
)]
struct Form<M> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    members: Option<M>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_open_percent: Option<u32>,
    #[serde(default)]
    all_but_one: bool,
}

fn none<T>() -> Option<T> {
    None
}

/// A group that was read, and what no other group may have: its members, or its prefix.
pub(super) struct GroupTable<K> {
    pub(super) group: Group<K>,
    pub(super) members: Vec<Key<K>>,
    pub(super) prefix: Option<Box<str>>,
}

impl<'de, K> Deserialize<'de> for GroupTable<K>
where
    K: Deserialize<'de> + Hash + Eq + Clone + 'static,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table(form) = Table::<Form<List<K>>>::deserialize(deserializer)?;
        let cap = form.cap().map_err(de::Error::custom)?;
        let members = form.members.map(|List(members)| members);
        let keys =
            |members: &Vec<Key<K>>| members.iter().map(|member| member.key.clone()).collect();
        let keys = members.as_ref().map(keys);
        let prefix = form.prefix;
        let group = group(keys, prefix.clone(), form.size, cap).map_err(de::Error::custom)?;
        let members = members.unwrap_or_default();
        Ok(Self {
            group,
            members,
            prefix,
        })
    }
}

impl<M> Form<M> {
    fn cap(&self) -> Result<EjectionCap, &'static str> {
        match (self.max_open_percent, self.all_but_one) {
            (Some(percent), false) => Ok(EjectionCap::Percent(percent)),
            (None, true) => Ok(EjectionCap::AllButOne),
            (Some(_), true) => Err("a group has `max_open_percent` or `all_but_one`, not both"),
            (None, false) => Err("a group needs `max_open_percent` or `all_but_one = true`"),
        }
    }
}

fn group<K: Hash + Eq + Clone + 'static>(
    members: Option<Vec<K>>,
    prefix: Option<Box<str>>,
    size: Option<u32>,
    cap: EjectionCap,
) -> Result<Group<K>, String> {
    let text = |error: ConfigError| error.to_string();
    match (members, prefix, size) {
        (Some(members), None, None) => Group::of(members, cap).map_err(text),
        (None, Some(prefix), Some(size)) => {
            let text_of = text_of::<K>().ok_or("keys of this type have no text for a `prefix`")?;
            Group::by_prefix(prefix, text_of, size, cap).map_err(text)
        }
        (None, None, Some(size)) => Group::class(size, cap).map_err(text),
        (Some(_), _, _) => Err("a group has `members`, or a `size`, not both".to_owned()),
        (None, _, None) => Err("a group needs `members`, or a `size`".to_owned()),
    }
}

impl<K: Serialize> Serialize for Group<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (members, prefix, size) = match &self.members {
            Members::These(keys) => (Some(keys), None, None),
            Members::Prefix { prefix, .. } => (None, Some(prefix.clone()), Some(self.size)),
            Members::Class => (None, None, Some(self.size)),
        };
        let (max_open_percent, all_but_one) = match self.cap {
            EjectionCap::Percent(percent) => (Some(percent), false),
            EjectionCap::AllButOne => (None, true),
        };
        let form = Form {
            members,
            prefix,
            size,
            max_open_percent,
            all_but_one,
        };
        form.serialize(serializer)
    }
}
