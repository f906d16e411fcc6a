//! Groups: the number of open circuits in each, and the places that keep it within the cap.
//!
//! A rule that opens a closed circuit first takes a place in its group's count, and after the
//! opening writes the group into the circuit's history word. Until then the opening call owns the
//! place; from then on the word does. The operation that brings the word to a generation in which
//! the circuit no longer rejects gives the place back. So the count may be too high and never
//! too low, and at most as many racing openings succeed as there are places.
//!
//! Between the two steps the circuit may move on:
//! - if it moved to another state that rejects, by hand or for a probe, the place belongs in that
//!   generation's word;
//! - if it has closed, even if it has opened again since, the place is given back.
//!
//! The word tells the two apart. It names the circuit's *spell*, the unbroken run of generations in
//! which it may reject, by the first of them. The spell is the opening's own if its first
//! generation is the one that the opening began.

use crate::rules::Cap;
use crate::stats::Counter;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{EpochCell, PlainArc};
use std::collections::HashMap;

/// The groups of a store, by name and by number.
pub(crate) struct Groups {
    known: EpochCell<Known>,
    /// The number of openings that were held back.
    pub(super) held_back: Counter,
}

#[derive(Clone, Default)]
struct Known {
    numbers: HashMap<PlainArc<str>, u16>,
    /// The group with number N is at N - 1.
    groups: Vec<Group>,
}

#[derive(Clone)]
struct Group {
    #[cfg(feature = "serde")]
    name: PlainArc<str>,
    /// The number of circuits that have a place or are about to open with one.
    open: PlainArc<AtomicU64>,
}

impl Known {
    fn with(&self, names: &[&str]) -> Self {
        let mut known = self.clone();
        for name in names {
            let Ok(number) = u16::try_from(known.groups.len() + 1) else {
                break;
            };
            if !known.numbers.contains_key(*name) {
                let name = PlainArc::<str>::from(*name);
                known.numbers.insert(PlainArc::clone(&name), number);
                known.groups.push(Group {
                    #[cfg(feature = "serde")]
                    name,
                    open: PlainArc::new(AtomicU64::new(0)),
                });
            }
        }
        known
    }

    fn is_full(&self) -> bool {
        self.groups.len() == usize::from(u16::MAX)
    }

    fn number(&self, name: &str) -> u16 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    fn get(&self, number: u16) -> Option<&Group> {
        self.groups.get(usize::from(number).checked_sub(1)?)
    }
}

impl Groups {
    pub(super) fn new() -> Self {
        Self {
            known: EpochCell::empty(),
            held_back: Counter::new(),
        }
    }

    /// Returns the numbers of the groups of these names. A group keeps its number for good; those
    /// beyond the 65,535th have 0.
    pub(crate) fn numbers(&self, names: &[&str]) -> Vec<u16> {
        if names.is_empty() {
            return Vec::new();
        }
        let knows = |known: &Known| {
            known.is_full() || names.iter().all(|name| known.numbers.contains_key(*name))
        };
        let learn = |known: Option<&Known>| Some(known.cloned().unwrap_or_default().with(names));
        let numbers = |known: &Known| names.iter().map(|name| known.number(name)).collect();
        let numbers = self.known.get_or_replace(knows, learn, numbers);
        numbers.unwrap_or_default()
    }

    fn of<R>(&self, group: u16, f: impl FnOnce(&Group) -> R) -> Option<R> {
        self.known.read(|known| known?.get(group).map(f))
    }

    /// Counts the circuits of the group that have a place. Returns `None` if there is no such
    /// group.
    pub(crate) fn open(&self, name: &str) -> Option<u64> {
        self.known.read(|known| {
            let known = known?;
            let group = known.get(known.number(name))?;
            // Relaxed: a statistic, exact at rest.
            Some(group.open.load(Ordering::Relaxed))
        })
    }

    #[cfg(feature = "serde")]
    pub(super) fn name(&self, group: u16) -> Option<String> {
        self.of(group, |group| group.name.to_string())
    }

    /// Counts the openings that were held back.
    pub(crate) fn held_back(&self) -> u64 {
        self.held_back.total()
    }

    /// Takes a place. The error is the number of places taken, if none is left. Returns `None` if
    /// there is no such group.
    pub(super) fn take(&self, cap: Cap) -> Option<Result<Place<'_>, u64>> {
        self.of(cap.group, |group| {
            // Relaxed: the compare-and-swap decides.
            let mut seen = group.open.load(Ordering::Relaxed);
            while seen < u64::from(cap.most) {
                // Acquire: pairs with the Release in `leave`, so that the circuit which had the
                // place has closed before this one opens. Relaxed on failure: as above.
                match group.open.compare_exchange(
                    seen,
                    seen + 1,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return Ok(()),
                    Err(now) => seen = now,
                }
            }
            Err(seen)
        })
        .map(|taken| {
            taken.map(|()| Place {
                groups: self,
                group: cap.group,
            })
        })
    }

    /// Takes a place in the group of this name, whatever the cap says. Returns `None` if there is
    /// no such group.
    #[cfg(feature = "serde")]
    pub(super) fn take_anyway(&self, name: &str) -> Option<Place<'_>> {
        let group = self
            .known
            .read(|known| known.map(|known| known.number(name)))?;
        self.of(group, |group| {
            // Relaxed: the place is a new one, so no earlier holder's closing has to be seen.
            group.open.fetch_add(1, Ordering::Relaxed);
        })?;
        Some(Place {
            groups: self,
            group,
        })
    }

    /// Gives a place back.
    pub(super) fn leave(&self, group: u16) {
        self.of(group, |group| {
            // Release: pairs with the Acquire in `take`.
            group.open.fetch_sub(1, Ordering::Release);
        });
    }
}

/// A place in a group's count; given back when dropped, unless a circuit keeps it.
pub(super) struct Place<'a> {
    groups: &'a Groups,
    pub(super) group: u16,
}

impl Place<'_> {
    /// Leaves the place with a circuit: it is in a history word now.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.groups.leave(self.group);
    }
}
