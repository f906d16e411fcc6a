//! The user's documentation, as modules without items: its text is in `docs/`, and its examples are
//! tests.

#[doc = include_str!("../docs/guide.md")]
pub mod _guide {}

#[doc = include_str!("../docs/internals.md")]
pub mod _internals {}

#[doc = include_str!("../docs/limitations.md")]
pub mod _limitations {}
