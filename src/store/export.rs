//! Warm restart: all circuits that aren't clean, out of one store and into another.

use super::in_memory::InMemoryCircuitBreakerStore;
#[cfg(any(breakerbox_loom, breakerbox_steps))]
use crate::cell::Part;
use crate::cell::{Cell, Changes, Gone, Kept, Restored, Shared};
use crate::clock::{Clock, WallTime, wall_time};
use crate::key::ToKey;
use crate::snapshot::{CircuitBreakerSnapshot, CircuitState};
use crate::word::{FAILURES_MAX, Millis, TIME_MAX, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, Hash};

const VERSION: u32 = 1;
const OPENINGS_MAX: u32 = 63;
const SUCCESSES_MAX: u64 = TIME_MAX;

/// Circuits as data, for [`import`](InMemoryCircuitBreakerStore::import) (feature `serde`). The
/// default is an export of no circuits, for use where nothing has been saved yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Export<K> {
    version: Version,
    /// The time of the export, in Unix ms.
    time: u64,
    circuits: Vec<Exported<K>>,
}

/// The version of the form. It is written first, so that it is checked before fields that another
/// version may lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Version;

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == VERSION {
            Ok(Self)
        } else {
            Err(format!("version is {version}; it must be {VERSION}"))
        }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        VERSION
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exported<K> {
    key: K,
    circuit: CircuitBreakerSnapshot,
    /// The time for which an open circuit still rejects; absent where no check has fixed it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_for_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    openings: u32,
    /// The name of the group in which it has a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The effect of an import (feature `serde`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// Circuits that are now as they were exported.
    pub imported: usize,
    /// Circuits that weren't clean in this store, or for which it had no room.
    pub skipped: usize,
}

/// The reason why an export was refused (feature `serde`). Nothing of it was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportError {
    /// The circuit's place in the export, from 0; `None` for the export as a whole.
    circuit: Option<usize>,
    reason: String,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.circuit {
            Some(circuit) => write!(f, "circuits[{circuit}]: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Error for ImportError {}

impl<K> Export<K> {
    /// Returns the time of the export; 1970 for the default.
    ///
    /// ```
    /// use breakerbox::{CircuitState, Export, InMemoryCircuitBreakerStore};
    ///
    /// let store: InMemoryCircuitBreakerStore = InMemoryCircuitBreakerStore::new();
    /// store.transition("search", CircuitState::ForcedOpen);
    /// let export = store.export();
    /// assert!(export.taken_at() > Export::<String>::default().taken_at());
    /// for (key, circuit) in export.iter() {
    ///     assert_eq!((&**key, circuit.state), ("search", CircuitState::ForcedOpen));
    /// }
    /// ```
    pub fn taken_at(&self) -> WallTime {
        wall_time(self.time)
    }

    /// Iterates over the exported circuits.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &CircuitBreakerSnapshot)> {
        self.circuits.iter().map(|one| (&one.key, &one.circuit))
    }

    /// Returns the number of exported circuits.
    pub fn len(&self) -> usize {
        self.circuits.len()
    }

    /// Returns whether no circuit was exported.
    pub fn is_empty(&self) -> bool {
        self.circuits.is_empty()
    }
}

impl<K> Default for Export<K> {
    fn default() -> Self {
        Self {
            version: Version,
            time: 0,
            circuits: Vec::new(),
        }
    }
}

impl<K: Hash + Eq> Export<K> {
    fn check(&self, max_circuits: usize) -> Result<(), ImportError> {
        let whole = |reason| ImportError {
            circuit: None,
            reason,
        };
        at_most("time", self.time, TIME_MAX).map_err(whole)?;
        let circuits = self.circuits.len() as u64;
        at_most("circuits: their number", circuits, max_circuits as u64).map_err(whole)?;
        let mut keys = HashSet::with_capacity(self.circuits.len());
        for (place, exported) in self.circuits.iter().enumerate() {
            let checked = exported.check().and_then(|()| {
                if keys.insert(&exported.key) {
                    Ok(())
                } else {
                    Err("key is there twice".to_owned())
                }
            });
            checked.map_err(|reason| ImportError {
                circuit: Some(place),
                reason,
            })?;
        }
        Ok(())
    }
}

impl<K> Exported<K> {
    fn check(&self) -> Result<(), String> {
        let circuit = &self.circuit;
        at_most("failureCount", circuit.failure_count, FAILURES_MAX.into())?;
        at_most("successCount", circuit.success_count, SUCCESSES_MAX)?;
        at_most("lastFailureTime", circuit.last_failure_time, TIME_MAX)?;
        at_most("lastStateChange", circuit.last_state_change, TIME_MAX)?;
        at_most("openings", self.openings.into(), OPENINGS_MAX.into())?;
        let admits = matches!(circuit.state, CircuitState::Closed | CircuitState::Disabled);
        if admits && self.group.is_some() {
            return Err("group is given; it must be one of an open circuit".to_owned());
        }
        let open = circuit.state == CircuitState::Open;
        at_most(
            "openForMs",
            self.open_for_ms.unwrap_or(0),
            if open { TIME_MAX } else { 0 },
        )
    }

    /// Returns what is left of the circuit after `elapsed_ms`. A half-open one has lost its probes:
    /// it is open and due, so that the next call probes.
    fn after(&self, elapsed_ms: u64) -> Kept {
        let mut snapshot = self.circuit;
        let open_for_ms = match snapshot.state {
            CircuitState::HalfOpen => Some(0),
            _ => self.open_for_ms.map(|ms| ms.saturating_sub(elapsed_ms)),
        };
        if snapshot.state == CircuitState::HalfOpen {
            snapshot.state = CircuitState::Open;
        }
        Kept {
            snapshot,
            open_for: open_for_ms.map(Millis::new),
            openings: self.openings,
            group: self.group.clone(),
        }
    }
}

fn at_most(field: &str, value: u64, most: u64) -> Result<(), String> {
    if value <= most {
        return Ok(());
    }
    Err(format!("{field} is {value}; it must be 0 to {most}"))
}

impl<K, S, C> InMemoryCircuitBreakerStore<K, S, C>
where
    K: Hash + Eq + Clone,
    S: BuildHasher,
    C: Clock,
{
    /// Exports all circuits that aren't clean: those that are not closed, have failures to forget,
    /// or are backing off (feature `serde`). Windows aren't exported. Each circuit is shown at one
    /// moment, but not all at the same one. A circuit that is just opening may be exported without
    /// its open time, or without its place in a group. O(circuits).
    ///
    /// As JSON, a forced-open circuit is `"state":"open","forced":true`, and a disabled one
    /// `"state":"closed","forced":true`.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Export};
    ///
    /// let before = CircuitBreaker::builder().failure_threshold(1).build()?;
    /// let _ = before.acquire("search")?.failure();
    /// let text = serde_json::to_string(&before.export())?;
    ///
    /// let after = CircuitBreaker::new();
    /// let export: Export<String> = serde_json::from_str(&text)?;
    /// assert_eq!(after.import(export)?.imported, 1);
    /// assert!(after.acquire("search").is_err()); // for what remains of its time
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export(&self) -> Export<K> {
        let inner = &*self.inner;
        let time = inner.shared.now();
        let mut circuits = Vec::new();
        inner.map.for_each(|found, cell| {
            if let Some(kept) = cell.keep(&inner.shared) {
                circuits.push(Exported {
                    key: found.key().clone(),
                    circuit: kept.snapshot,
                    open_for_ms: kept.open_for.map(Millis::get),
                    openings: kept.openings,
                    group: kept.group,
                });
            }
        });
        Export {
            version: Version,
            time: time.unix_ms(),
            circuits,
        }
    }

    /// Restores circuits as they were exported (feature `serde`). An open one waits out what
    /// remains of its time; a half-open one is due. If no check has fixed the open time of a
    /// circuit that was opened by hand, the first check after the import fixes it by its policy,
    /// counted from the import. A circuit that had a place in a [group](crate::Group) has it again,
    /// whatever the cap says, if there is such a group here: declare the policies first. The last
    /// state change of imported circuits is now, and they are announced as imported. O(circuits).
    ///
    /// A circuit that is not clean here stays as it is; it is skipped, as is one for which there is
    /// no room. The others are imported.
    ///
    /// # Errors
    /// Returns an [`ImportError`] if the export holds a value out of its range, a key twice, or
    /// more circuits than this store may hold. Then nothing is imported.
    pub fn import(&self, export: Export<K>) -> Result<Imported, ImportError>
    where
        K: ToKey<K>,
    {
        self.import_by(export, Cell::restore)
    }

    /// Takes one step of an import alone.
    #[cfg(any(breakerbox_loom, breakerbox_steps))]
    pub(crate) fn import_part(&self, export: Export<K>, part: Part) -> Result<Imported, ImportError>
    where
        K: ToKey<K>,
    {
        self.import_by(export, |cell, shared, kept, changes| {
            cell.restore_part(shared, kept, part, changes)
        })
    }

    fn import_by(
        &self,
        export: Export<K>,
        restore: impl Fn(&Cell, &Shared<C>, &Kept, &mut Changes) -> Result<Restored, Gone>,
    ) -> Result<Imported, ImportError>
    where
        K: ToKey<K>,
    {
        let inner = &*self.inner;
        export.check(inner.bound.max())?;
        let elapsed_ms = inner
            .shared
            .now()
            .since(Timestamp::from_unix_ms(export.time))
            .get();
        let mut done = Imported {
            imported: 0,
            skipped: 0,
        };
        for exported in export.circuits {
            let kept = exported.after(elapsed_ms);
            let mut changes = inner.listeners.changes();
            let restored = inner.create(inner.map.hashed(&exported.key), |cell| {
                restore(cell, &inner.shared, &kept, &mut changes)
            });
            match restored {
                Ok(Restored::Done) => done.imported += 1,
                // Not clean here, or there is no room for it.
                Ok(Restored::Occupied) | Err(_) => done.skipped += 1,
            }
            inner.listeners.announce(changes, || exported.key);
        }
        Ok(done)
    }
}
