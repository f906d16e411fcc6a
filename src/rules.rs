//! Rules: the settings of a circuit, and what they decide. No atomics, no clock.

mod build;
mod builder;
mod cause;
mod check;
mod decision;
mod forced;
#[cfg(feature = "serde")]
mod form;
mod group;
mod limits;
mod policy;
mod set;
#[cfg(feature = "serde")]
mod tables;
mod trip;

pub use builder::LimitsBuilder;
pub(crate) use builder::{forward, with_settings};
pub use cause::Cause;
pub(crate) use check::{positive_ms, within};
pub(crate) use decision::{
    Admission, Verdict, is_slow, is_stale, on_acquire, on_report, outcome_of,
};
pub use forced::Forced;
pub use group::{EjectionCap, Group};
pub use limits::{AfterHalfOpen, FailureCounting, Limits, SlidingWindow};
pub(crate) use limits::{
    Cap, FAILURE_THRESHOLD_MAX, HUNG_CALLS_MAX, HalfOpen, OFF, OpenFor, PROBES_MAX, ProbeRule,
    Span, Trip, WINDOW_CALLS_MAX,
};
pub(crate) use policy::Drops;
pub use policy::{DroppedPermit, Policy};
pub use set::PolicySet;
