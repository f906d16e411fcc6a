//! The transitions that one operation made.

use crate::rules::Cause;
use crate::word::{Control, Generation, State};

/// A transition that has taken place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) generation: Generation,
    /// Unix ms.
    pub(crate) at: u64,
    /// How long a circuit that opened rejects, where that is fixed.
    pub(crate) open_for_ms: Option<u64>,
    pub(crate) cause: Cause,
    /// Decided by rules that only look on.
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
    /// `wanted`: somebody listens. If not, nothing is kept and nothing allocated.
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
                at: 0,
                open_for_ms: None,
                cause,
                shadow: self.shadow,
            });
        }
    }

    /// Whether somebody listens.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The time of the change that was pushed last.
    pub(super) fn stamp(&mut self, at: impl FnOnce() -> u64) {
        if let Some(change) = self.list.last_mut() {
            change.at = at();
        }
    }

    /// Notes for how long the circuit rejects that was pushed last.
    pub(super) fn open_for(&mut self, ms: Option<u64>) {
        if let Some(change) = self.list.last_mut() {
            change.open_for_ms = ms;
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
