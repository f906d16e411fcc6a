//! Shared parts of the integration tests: the reference model, and one way to drive it and the
//! crate.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "every test crate compiles all of it and uses a part"
)]

pub mod breaker_pair;
pub mod choices;
pub mod clock;
pub mod model;
pub mod ops;
pub mod pair;
pub mod system;
