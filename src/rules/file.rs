//! Files of policies, in TOML, JSON or any format of serde's.

mod bases;
mod distinct;
mod groups;
mod keys;
mod names;
mod set;
mod values;

pub(crate) use names::Table;
