//! Rules: the settings of a circuit, and the decisions that follow from them. No atomics, no clock.

mod build;
mod builder;
mod cause;
mod check;
mod decision;
mod duration;
#[cfg(feature = "serde")]
mod file;
mod group;
mod policy;
mod set;
mod settings;
mod trip;
mod values;

pub use builder::PolicyBuilder;
#[cfg(fuzzing)]
pub(crate) use builder::Settings;
pub(crate) use builder::everyday;
pub use cause::Cause;
pub(crate) use check::{positive_ms, within};
pub(crate) use decision::{
    Admission, ProbeVerdict, Verdict, is_fine, is_slow, is_stale, on_acquire, on_probe, on_report,
    outcome_of,
};
pub use duration::parse_duration;
#[cfg(feature = "serde")]
pub(crate) use file::Table;
pub use group::{EjectionCap, Group};
pub use policy::Policy;
pub(crate) use policy::{Cap, HUNG_CALLS_MAX, Span, Trip};
pub use set::PolicySet;
pub use values::{AfterHalfOpen, DroppedPermit, FailureCounting, Forced, SlidingWindow};
