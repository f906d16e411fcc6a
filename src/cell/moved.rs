//! The answer of a step that came too late.

/// The word that the caller looked at has changed, by another thread or by a step of its own. What
/// the caller decided may no longer hold, so it looks again and decides anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moved;
