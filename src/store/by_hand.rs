//! Rules by hand: states forced on all keys that begin with a prefix, known or not.
//!
//! # Order
//! A rule is put in place in three steps. First the summary is told to need every check, so that it
//! admits none by itself. Then the rule is put in. Then each circuit that it covers is visited, so
//! that calls on its handles ask for the rule too. A rule is lifted in the reverse order. So a
//! check that begins after the command has returned goes by the rule, by key and by handle.

use crate::cell::Summary;
use crate::key::{ToKey, with_text};
use crate::rules::Forced;
use crate::sync::atomic::Ordering;
use crate::sync::{EpochCell, PlainAtomicU64};
use std::cell::Cell;
use std::sync::OnceLock;

/// The function that gives a key's text.
pub(super) type TextOf<K> = fn(&K) -> &str;

/// The rules of a store, replaced as a whole.
pub(crate) struct ByHand<K> {
    rules: EpochCell<Rules>,
    /// The number of times that the summary was told to need every check; 0 if there are no rules.
    holds: PlainAtomicU64,
    /// The function that gives a key's text, set by the first command by prefix.
    text: OnceLock<TextOf<K>>,
}

/// The states that are forced by prefix, the longest prefix first; `None` is an exception from
/// a shorter one.
#[derive(Default)]
struct Rules(Vec<(Box<str>, Option<Forced>)>);

impl Rules {
    fn of(&self, text: &str) -> Option<Forced> {
        let mut rules = self.0.iter();
        let (_, forced) = rules.find(|(prefix, _)| text.starts_with(&**prefix))?;
        *forced
    }

    /// Returns the rules with this one in place of all rules of the prefix and of longer ones.
    fn with(&self, prefix: &str, forced: Option<Forced>) -> Self {
        let others = self
            .0
            .iter()
            .filter(|(other, _)| !other.starts_with(prefix));
        let mut rules = Self(others.cloned().collect());
        // Where no shorter prefix forces a state, no exception is needed.
        if forced.is_some() || rules.of(prefix).is_some() {
            let at = rules
                .0
                .partition_point(|(other, _)| other.len() > prefix.len());
            rules.0.insert(at, (prefix.into(), forced));
        }
        rules
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K> ByHand<K> {
    pub(super) fn new() -> Self {
        Self {
            rules: EpochCell::empty(),
            holds: PlainAtomicU64::new(0),
            text: OnceLock::new(),
        }
    }

    /// Forces this state on all keys that begin with `prefix`, or lifts what was forced on them.
    /// The summary needs every check until the returned hold is dropped.
    pub(super) fn command<'a>(
        &'a self,
        summary: &'a Summary,
        prefix: &str,
        forced: Option<Forced>,
    ) -> Hold<'a> {
        let mut hold = Hold {
            holds: &self.holds,
            summary,
            times: 0,
        };
        hold.raise();
        let had = Cell::new(false);
        let next = |before: Option<&Rules>| {
            had.set(before.is_some_and(|rules| !rules.is_empty()));
            Some(match before {
                Some(rules) => rules.with(prefix, forced),
                None => Rules::default().with(prefix, forced),
            })
        };
        let has = self
            .rules
            .get_or_replace(|_| false, next, |rules| !rules.is_empty());
        // As long as there are rules, one need stays. So the hold takes over one that earlier rules
        // left, and leaves one to those in place now.
        hold.times += u64::from(had.get());
        hold.times -= u64::from(has.unwrap_or_default());
        hold
    }

    /// Returns the rules: each prefix with its state, the longest prefix first.
    pub(super) fn list(&self) -> Vec<(String, Option<Forced>)> {
        let list = |rules: &Rules| {
            let owned = rules.0.iter();
            owned
                .map(|(prefix, forced)| (String::from(&**prefix), *forced))
                .collect()
        };
        self.rules.read(|rules| rules.map(list).unwrap_or_default())
    }

    /// Sets the function that gives a key's text. Called before a command by prefix.
    pub(super) fn know_text(&self, text_of: TextOf<K>) {
        // If it is set already, it is set to the same function.
        let _ = self.text.set(text_of);
    }

    /// Returns the state that is forced on `key`.
    #[inline]
    pub(crate) fn of<Q>(&self, key: &Q) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        // Relaxed: raised before the summary and the rules, and a check that must find a rule
        // begins after the command that put it in place has returned.
        if self.holds.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.find(key)
    }

    /// Finds the state that is forced on `key`, like [`of`](Self::of), but always asks the rules.
    /// A thread that pins a circuit asks here, after the pin. A command changes the rules first and
    /// asks for the pin afterwards, so one of the two sees the other.
    #[cold]
    pub(super) fn find<Q>(&self, key: &Q) -> Option<Forced>
    where
        Q: ToKey<K> + ?Sized,
    {
        let find = |text: &str| self.rules.read(|rules| rules?.of(text));
        match self.text.get() {
            Some(text_of) => with_text(*text_of, key, find),
            // No command by prefix yet: the only possible rule is for all keys.
            None => find(""),
        }
    }
}

/// A hold that makes the summary need every check, `times` over, until it is dropped.
pub(super) struct Hold<'a> {
    holds: &'a PlainAtomicU64,
    summary: &'a Summary,
    times: u64,
}

impl Hold<'_> {
    fn raise(&mut self) {
        // Relaxed: as in `ByHand::of`.
        self.holds.fetch_add(1, Ordering::Relaxed);
        self.summary.need_checks();
        self.times += 1;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        for _ in 0..self.times {
            self.summary.release_checks();
            // Relaxed: a check that still finds it raised only looks at the rules once more.
            self.holds.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(breakerbox_loom)))]
mod tests {
    use super::*;
    use Forced::{Disabled, Open};

    fn after(commands: &[(&str, Option<Forced>)]) -> Rules {
        let begin = Rules::default();
        let command = |rules: Rules, (prefix, forced): &(&str, _)| rules.with(prefix, *forced);
        commands.iter().fold(begin, command)
    }

    #[test]
    fn the_longest_prefix_counts_whatever_came_first() {
        let commands = [
            ("/a/", Some(Open)),
            ("/a/b/", Some(Disabled)),
            ("/c", Some(Open)),
        ];
        let rules = after(&commands);
        for (text, forced) in [
            ("/a/x", Some(Open)),
            ("/a/b", Some(Open)),
            ("/a/b/", Some(Disabled)),
            ("/a/b/c", Some(Disabled)),
            ("/c", Some(Open)),
            ("/b/", None),
            ("", None),
        ] {
            assert_eq!(rules.of(text), forced, "{text}");
        }
    }

    #[test]
    fn a_shorter_prefix_replaces_longer_ones() {
        let rules = after(&[
            ("/a/b/", Some(Disabled)),
            ("/a/c", None),
            ("/a/", Some(Open)),
        ]);
        assert_eq!(rules.of("/a/b/c"), Some(Open));
        assert_eq!(rules.0.len(), 1);
        assert!(rules.with("", None).is_empty());
    }

    #[test]
    fn an_exception_stays_only_where_something_is_forced() {
        let rules = after(&[("/a/", Some(Open)), ("/a/b", None)]);
        assert_eq!((rules.of("/a/b"), rules.of("/a/c")), (None, Some(Open)));
        let within = rules.with("/a/b/c", Some(Disabled));
        assert_eq!(
            (within.of("/a/b/"), within.of("/a/b/c")),
            (None, Some(Disabled))
        );
        assert_eq!(
            within.with("/a/b/c", None).0.len(),
            2,
            "no exception within an exception"
        );
        assert!(rules.with("/a/", None).is_empty());
        assert!(after(&[("/a/b", None)]).is_empty());
    }
}
