//! What the benches share: subjects, their works, keys, threads that start together, and how
//! results are asked for and given.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it, and nobody else: names tell"
)]

pub mod locked;
pub mod names;
pub mod options;
pub mod results;
pub mod table;
pub mod threads;
pub mod work;
pub mod world;
