//! What the benches share: subjects, their works, keys, and threads that start together.

pub(crate) mod locked;
pub(crate) mod threads;
pub(crate) mod work;
pub(crate) mod world;
