//! What the benches share: subjects, their works, keys, and threads that start together.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it, and nobody else: names tell"
)]

pub mod hot;
pub mod locked;
pub mod rounds;
pub mod threads;
pub mod work;
pub mod world;
