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

/// Circuits as data, for [`import`](InMemoryCircuitBreakerStore::import). The default is an export of
/// no circuits, for where nothing has been saved yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Export<K> {
    version: Version,
    /// When it was made, in Unix ms.
    time: u64,
    circuits: Vec<Exported<K>>,
}

/// The version of the form: written first, and checked before the fields that another version may
/// not have.
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
    /// How long an open circuit still rejects; not given where no check has fixed that yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_for_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    openings: u32,
    /// In which it has a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an import did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// Circuits that are as they were exported now.
    pub imported: usize,
    /// Circuits that the store knew better, or had no room for.
    pub skipped: usize,
}

/// An export is refused: nothing of it was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportError {
    /// Counted from 0; `None`: the export as a whole.
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
    /// Returns when it was made; 1970, if it is the default.
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

    /// Iterates over the circuits in it, as they were.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &CircuitBreakerSnapshot)> {
        self.circuits.iter().map(|one| (&one.key, &one.circuit))
    }

    /// Returns how many circuits are in it.
    pub fn len(&self) -> usize {
        self.circuits.len()
    }

    /// Returns whether there is none in it.
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

    /// What is left of it after so much time. A half-open circuit has lost its probes: its time is
    /// over, and the next call begins anew.
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
    /// All circuits that aren't clean: those that are not closed, have failures to forget, or are
    /// backing off. What is in windows is not in it. Each is of one moment, all together are not.
    /// One that is just opening may be in it without for how long, or its place in a group.
    ///
    /// ```
    /// use breakerbox::{CircuitBreaker, Export};
    ///
    /// let before = CircuitBreaker::builder().failure_threshold(1).build()?;
    /// let _ = before.acquire("search")?.failure();
    /// let text = serde_json::to_string(&before.store().export())?;
    ///
    /// let after = CircuitBreaker::new();
    /// let export: Export<String> = serde_json::from_str(&text)?;
    /// assert_eq!(after.store().import(export)?.imported, 1);
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

    /// Makes circuits what they were when they were exported; an open one waits out what remains of
    /// its time, a half-open one is due. If no check has fixed the open time of a circuit that was
    /// opened by hand, the first check after the import fixes it by its rule, counted from the
    /// import. A circuit that had a place in a [group](crate::Group) has it again, whatever the cap
    /// says, if there is such a group here: declare the policies first. Circuits that are not clean
    /// here stay as they are. The last state change of imported circuits is now, and they are
    /// announced as imported.
    ///
    /// # Errors
    /// If anything in it can't be: then nothing is imported.
    pub fn import(&self, export: Export<K>) -> Result<Imported, ImportError>
    where
        K: ToKey<K>,
    {
        self.import_by(export, Cell::restore)
    }

    /// One step of an import alone.
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
                // Occupied here, or there is no room for it.
                Ok(Restored::Occupied) | Err(_) => done.skipped += 1,
            }
            inner.listeners.announce(changes, || exported.key);
        }
        Ok(done)
    }
}
