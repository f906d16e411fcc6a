//! The answer of a step that came too late.

/// Another thread has changed the word that the caller looked at, so what the caller decided may no
/// longer hold: it looks again and decides anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moved;
