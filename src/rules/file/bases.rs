//! Inheritance between the tables of a file.

use super::names::unknown;
use crate::rules::builder::Settings;
use crate::rules::policy::Policy;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;

/// The name of the table from which others inherit, unless they name another.
pub(super) const DEFAULT: &str = "default";
/// The name that a table inherits from to begin with the library's defaults.
pub(super) const NONE: &str = "none";

/// The tables from which others inherit.
pub(super) struct Bases<'a> {
    default: &'a Settings,
    named: HashMap<&'a str, &'a Settings>,
    /// The names of the bases, in the order of the file.
    names: Vec<&'a str>,
    /// Bases and the default with all that they inherit, each put together once.
    whole: HashMap<&'a str, Settings>,
}

impl<'a> Bases<'a> {
    pub(super) fn new(default: &'a Settings) -> Self {
        Self {
            default,
            named: HashMap::new(),
            names: Vec::new(),
            whole: HashMap::from([(NONE, Settings::default())]),
        }
    }

    pub(super) fn add(&mut self, name: &'a str, base: &'a Settings) {
        self.named.insert(name, base);
        self.names.push(name);
    }

    /// Checks that each base inherits from tables that exist, and not from itself.
    pub(super) fn check(&mut self) -> Result<(), String> {
        for name in self.names.clone() {
            self.resolve(name, &name)?;
        }
        Ok(())
    }

    /// Returns the policy of the default table.
    pub(super) fn default_policy(&mut self) -> Result<Policy, String> {
        let whole = self.resolve(DEFAULT, &DEFAULT)?;
        whole.build().map_err(|error| format!("{DEFAULT}: {error}"))
    }

    /// Returns the policy of a table, which inherits from the default unless it names another.
    pub(super) fn policy(
        &mut self,
        table: &Settings,
        place: &dyn Display,
    ) -> Result<Policy, String> {
        let base = table.inherits.as_deref().unwrap_or(DEFAULT);
        let whole = table.over(self.resolve(base, place)?);
        whole.build().map_err(|error| format!("{place}: {error}"))
    }

    /// Returns the settings of the base `name` with those that it inherits. `place` is that of the
    /// table that names it.
    fn resolve(&mut self, name: &str, place: &dyn Display) -> Result<&Settings, String> {
        // The bases from `name` on that are not put together yet, the nearest first.
        let mut path: Vec<(&'a str, &'a Settings)> = Vec::new();
        let mut on_path = HashSet::new();
        let mut next = name;
        while !self.whole.contains_key(next) {
            let place = || match path.last() {
                None => place.to_string(),
                Some(&(DEFAULT, _)) => DEFAULT.to_owned(),
                Some((name, _)) => format!("bases.{name}"),
            };
            let Some((own_name, base)) = self.find(next) else {
                let names = self.names.iter().copied().chain([DEFAULT, NONE]);
                return Err(format!("{}: {}", place(), unknown("base", next, names)));
            };
            if !on_path.insert(own_name) {
                return Err(format!("{}: it inherits from itself, by `{next}`", place()));
            }
            path.push((own_name, base));
            next = base.inherits.as_deref().unwrap_or(NONE);
        }
        for (name, base) in path.into_iter().rev() {
            let inherited = base.inherits.as_deref().unwrap_or(NONE);
            let whole = base.over(&self.whole[inherited]);
            self.whole.insert(name, whole);
        }
        Ok(&self.whole[name])
    }

    /// Returns a base with its name.
    fn find(&self, name: &str) -> Option<(&'a str, &'a Settings)> {
        if name == DEFAULT {
            return Some((DEFAULT, self.default));
        }
        let found = self.named.get_key_value(name);
        found.map(|(name, base)| (*name, *base))
    }
}

impl Settings {
    /// Returns these settings, and where they have none, those of `base`.
    fn over(&self, base: &Settings) -> Settings {
        let mut whole = self.clone();
        whole.inherit(&base.without_rivals_of(self));
        whole
    }

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
