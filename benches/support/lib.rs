//! What the benches share: subjects, their works, keys, threads that start together, and how
//! results are asked for and given.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it, and nobody else: names tell"
)]

pub mod case;
mod cases;
pub mod circuit;
pub mod hot;
pub mod keys;
pub mod locked;
pub mod maps;
pub mod options;
pub mod own;
pub mod peers;
pub mod results;
pub mod rounds;
pub mod rules;
pub mod sharded;
pub mod store;
pub mod subjects;
pub mod switches;
pub mod table;
pub mod threads;
pub mod work;
pub mod world;
