//! What the benches share: subjects, their works, keys, and threads that start together.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it, and nobody else: names tell"
)]

pub mod case;
mod cases;
pub mod circuit;
pub mod keys;
pub mod locked;
pub mod maps;
pub mod own;
pub mod peers;
pub mod rules;
pub mod sharded;
pub mod store;
pub mod subjects;
pub mod threads;
pub mod work;
pub mod world;
