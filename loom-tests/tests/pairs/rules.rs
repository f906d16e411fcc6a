//! The rules by which worlds go.

use std::time::Duration;

use breakerbox::{
    DroppedPermit, EjectionCap, Group, Limits, LimitsBuilder, Policy, PolicySet, SlidingWindow,
};

use crate::world::{GROUP, HUNG_MS, KEY, LEASE_MS, MATE, OPEN_MS};

/// The rules by which a world goes.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    pub(crate) limits: fn(LimitsBuilder) -> LimitsBuilder,
    pub(crate) drops: Option<DroppedPermit>,
    /// Of [`KEY`] and [`MATE`] one may be open.
    pub(crate) grouped: bool,
    pub(crate) max_circuits: Option<usize>,
}

pub(crate) const PLAIN: Rules = Rules {
    name: "plain",
    limits: |limits| limits,
    drops: None,
    grouped: false,
    max_circuits: None,
};
pub(crate) const PROBES: Rules = Rules {
    name: "probes",
    limits: |limits| limits.half_open_max(2).success_threshold(2),
    ..PLAIN
};
pub(crate) const BACKOFF: Rules = Rules {
    name: "back-off",
    limits: |limits| limits.backoff_factor(2.0),
    ..PLAIN
};
pub(crate) const WINDOW: Rules = Rules {
    name: "window",
    limits: |limits| {
        let window = SlidingWindow::Calls(4);
        limits.sliding_window(window).failures_in_window(2)
    },
    ..PLAIN
};
pub(crate) const TIME: Rules = Rules {
    name: "time",
    limits: |limits| {
        let window = SlidingWindow::Time(Duration::from_secs(10));
        limits.sliding_window(window).failures_in_window(2)
    },
    ..PLAIN
};
pub(crate) const SEATS: Rules = Rules {
    name: "seats",
    limits: |limits| {
        let hung = Duration::from_millis(HUNG_MS);
        limits.hung_calls(2).hung_call_duration(hung)
    },
    ..PLAIN
};
pub(crate) const BOTH: Rules = Rules {
    name: "both",
    limits: |limits| (SEATS.limits)((WINDOW.limits)(limits)),
    ..PLAIN
};
pub(crate) const TIMED: Rules = Rules {
    name: "timed",
    drops: Some(DroppedPermit::FailureIfOlder(Duration::from_millis(1))),
    ..PLAIN
};
pub(crate) const GROUPED: Rules = Rules {
    name: "grouped",
    grouped: true,
    ..PLAIN
};
pub(crate) const FULL: Rules = Rules {
    name: "full",
    max_circuits: Some(2),
    ..PLAIN
};

impl Rules {
    pub(crate) fn limits(&self) -> Limits {
        let limits = Limits::builder()
            .failure_threshold(2)
            .reset_timeout(Duration::from_millis(OPEN_MS))
            .probe_lease(Duration::from_millis(LEASE_MS));
        (self.limits)(limits).build().expect("they are valid")
    }

    /// The same as policies.
    pub(crate) fn policies(&self) -> PolicySet<String> {
        let policy = Policy::from(self.limits())
            .dropped_permit(self.drops.unwrap_or_default())
            .expect("they are valid");
        let set = PolicySet::new(policy);
        if !self.grouped {
            return set;
        }
        let members = [KEY, MATE].map(String::from);
        let group = Group::of(members, EjectionCap::AllButOne).expect("one of two may be open");
        set.group(GROUP, group)
    }
}
