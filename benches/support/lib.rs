//! What the benches share: subjects, their works, keys, threads that start together, and how
//! results are asked for and given.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it, and nobody else: names tell"
)]

pub mod circuit;
pub mod locked;
pub mod maps;
pub mod names;
pub mod options;
pub mod own;
pub mod peers;
pub mod results;
pub mod rules;
pub mod sharded;
pub mod store;
pub mod table;
pub mod threads;
pub mod work;
pub mod world;
