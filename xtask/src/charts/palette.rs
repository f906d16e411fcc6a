//! Who is who: the families of subjects, and each subject's look, the same in every picture.

use std::collections::{BTreeMap, BTreeSet};

use super::theme::HUES;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// This crate, by whichever door.
    Ours,
    /// What no breaker can be faster than.
    Floor,
    /// What people use instead.
    Other,
}

pub(super) fn family(subject: &str) -> Family {
    let begins = |with: &[&str]| with.iter().any(|with| subject.starts_with(with));
    if begins(&["store", "handle", "breaker"]) {
        Family::Ours
    } else if begins(&["atomic", "papaya, bare", "no operation"]) {
        Family::Floor
    } else {
        Family::Other
    }
}

/// These take their looks first, so that more subjects don't change them.
const FIRST: [&str; 17] = [
    "store",
    "handle",
    "breaker",
    "breaker's handle",
    "atomic fetch_add",
    "atomic load",
    "mutex",
    "dashmap",
    "sharded",
    "rwlock",
    "recloser",
    "failsafe",
    "tower-resilience",
    "circuitbreaker-rs",
    "scc",
    "parking_lot",
    "papaya",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) family: Family,
    /// The class of its colour.
    pub(super) colour: String,
    /// The class of its dashes.
    pub(super) dash: String,
    /// Which of the marks stands at its points.
    pub(super) mark: usize,
    /// Where it stands among all.
    rank: usize,
}

impl Look {
    pub(super) fn line(&self) -> String {
        format!("{} line {}", self.colour, self.dash)
    }

    pub(super) fn text(&self) -> String {
        let strong = if self.family == Family::Ours {
            " strong"
        } else {
            ""
        };
        format!("{}{strong}", self.colour)
    }
}

/// The look of every subject that was measured.
#[derive(Debug)]
pub(super) struct Palette(BTreeMap<String, Look>);

impl Palette {
    pub(super) fn new<'a>(subjects: impl IntoIterator<Item = &'a str>) -> Self {
        let first = |subject: &str| {
            // `store, unknown key` is not `store`, but `mutex store` may come as any `mutex`.
            let is_known = |first: &&str| match family(subject) {
                Family::Other => subject.starts_with(*first),
                _ => *subject == **first,
            };
            FIRST.iter().position(is_known)
        };
        let mut subjects: Vec<_> = BTreeSet::from_iter(subjects).into_iter().collect();
        subjects.sort_by_key(|subject| (first(subject).unwrap_or(FIRST.len()), *subject));
        let mut of = [0, 0, 0];
        let look = |(rank, subject): (usize, &str)| {
            let family = family(subject);
            let number = &mut of[family as usize];
            let (colour, dash) = match family {
                Family::Ours => ("ours".to_owned(), *number % 4),
                Family::Floor => ("other".to_owned(), (*number + 2) % 4),
                Family::Other => (format!("hue{}", *number % HUES), *number / HUES % 4),
            };
            let look = Look {
                family,
                colour,
                dash: format!("dash{dash}"),
                mark: *number,
                rank,
            };
            *number += 1;
            (subject.to_owned(), look)
        };
        Self(subjects.into_iter().enumerate().map(look).collect())
    }

    pub(super) fn look(&self, subject: &str) -> &Look {
        &self.0[subject]
    }

    pub(super) fn rank(&self, subject: &str) -> usize {
        self.look(subject).rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_told_from_peers_of_like_names() {
        for ours in [
            "store",
            "store, unknown key",
            "breaker's handle",
            "breakerbox",
        ] {
            assert_eq!(family(ours), Family::Ours);
        }
        for other in [
            "mutex store",
            "circuitbreaker-rs",
            "papaya + mutex",
            "dashmap",
        ] {
            assert_eq!(family(other), Family::Other);
        }
        assert_eq!(family("papaya, bare u64"), Family::Floor);
    }

    #[test]
    fn looks_differ_and_do_not_depend_on_who_else_is_there() {
        let all = [
            "mutex store",
            "zeta",
            "store",
            "handle",
            "alpha",
            "failsafe",
        ];
        let palette = Palette::new(all);
        let looks: BTreeSet<_> = all.map(|subject| palette.look(subject).line()).into();
        assert_eq!(looks.len(), all.len());
        let few = Palette::new(["mutex store", "store, unknown key", "store", "handle"]);
        for subject in ["mutex store", "store", "handle"] {
            assert_eq!(few.look(subject).line(), palette.look(subject).line());
        }
    }
}
