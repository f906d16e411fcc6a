//! The transitions that one operation made.

use crate::rules::Cause;
use crate::word::{Control, Generation, Millis, State, Timestamp};

/// A transition that has taken place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) generation: Generation,
    pub(crate) at: Timestamp,
    /// How long a circuit that opened rejects, where that is fixed.
    pub(crate) open_for: Option<Millis>,
    pub(crate) cause: Cause,
    /// Whether rules decided it that only look on.
    pub(crate) shadow: bool,
}

/// The transitions that one operation made, to be announced when it is done.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    wanted: bool,
    pub(super) shadow: bool,
    list: Vec<Change>,
}

impl Changes {
    /// Makes an empty list. Where no change is `wanted`, since no listener is there, it keeps and
    /// allocates nothing.
    pub(crate) const fn new(wanted: bool) -> Self {
        Self {
            wanted,
            shadow: false,
            list: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, from: State, next: Control, cause: Cause) {
        if self.wanted {
            let (to, generation) = (next.state(), next.generation());
            self.list.push(Change {
                from,
                to,
                generation,
                at: Timestamp::default(),
                open_for: None,
                cause,
                shadow: self.shadow,
            });
        }
    }

    /// Returns whether changes are kept for a listener.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Sets the time of the change that was pushed last.
    pub(super) fn stamp(&mut self, at: impl FnOnce() -> Timestamp) {
        if let Some(change) = self.list.last_mut() {
            change.at = at();
        }
    }

    /// Notes for how long the circuit rejects that was pushed last.
    pub(super) fn open_for(&mut self, time: Option<Millis>) {
        if let Some(change) = self.list.last_mut() {
            change.open_for = time;
        }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_list(self) -> Vec<Change> {
        self.list
    }
}
