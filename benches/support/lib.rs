//! Shared by the benches: contenders, their works, keys, threads that start together, arguments, and
//! results.
#![expect(
    missing_docs,
    missing_debug_implementations,
    reason = "for the benches beside it alone: names tell"
)]

pub mod case;
mod cases;
pub mod circuit;
pub mod contenders;
pub mod fixture;
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
pub mod store;
pub mod switches;
pub mod table;
pub mod threads;
pub mod work;
