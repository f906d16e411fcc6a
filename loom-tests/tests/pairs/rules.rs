//! The rules of worlds.

use std::time::Duration;

use breakerbox::{
    DroppedPermit, EjectionCap, Group, Policy, PolicyBuilder, PolicySet, SlidingWindow,
};

use crate::world::{GROUP, HUNG_MS, KEY, LEASE_MS, MATE, OPEN_MS};

/// The rules of a world.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    pub(crate) policy: fn(PolicyBuilder) -> PolicyBuilder,
    pub(crate) drops: Option<DroppedPermit>,
    /// [`KEY`] and [`MATE`] form a group, of which one may be open.
    pub(crate) grouped: bool,
    pub(crate) max_circuits: Option<usize>,
}

pub(crate) const PLAIN: Rules = Rules {
    name: "plain",
    policy: |policy| policy,
    drops: None,
    grouped: false,
    max_circuits: None,
};
pub(crate) const PROBES: Rules = Rules {
    name: "probes",
    policy: |policy| policy.half_open_max(2).success_threshold(2),
    ..PLAIN
};
pub(crate) const BACKOFF: Rules = Rules {
    name: "back-off",
    policy: |policy| policy.backoff_factor(2.0),
    ..PLAIN
};
pub(crate) const WINDOW: Rules = Rules {
    name: "window",
    policy: |policy| {
        let window = SlidingWindow::Calls(4);
        policy.sliding_window(window).failures_in_window(2)
    },
    ..PLAIN
};
pub(crate) const TIME: Rules = Rules {
    name: "time",
    policy: |policy| {
        let window = SlidingWindow::Time(Duration::from_secs(10));
        policy.sliding_window(window).failures_in_window(2)
    },
    ..PLAIN
};
pub(crate) const IN_FLIGHT: Rules = Rules {
    name: "calls in flight",
    policy: |policy| {
        let hung = Duration::from_millis(HUNG_MS);
        policy.hung_calls(2).hung_call_duration(hung)
    },
    ..PLAIN
};
pub(crate) const BOTH: Rules = Rules {
    name: "both",
    policy: |policy| (IN_FLIGHT.policy)((WINDOW.policy)(policy)),
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
    pub(crate) fn policy(&self) -> Policy {
        let policy = Policy::builder()
            .failure_threshold(2)
            .reset_timeout(Duration::from_millis(OPEN_MS))
            .probe_lease(Duration::from_millis(LEASE_MS));
        (self.policy)(policy).build().expect("they are valid")
    }

    /// Returns the rules as a set of policies.
    pub(crate) fn policies(&self) -> PolicySet<String> {
        let policy = self.policy().to_builder();
        let policy = policy.dropped_permit(self.drops.unwrap_or_default());
        let set = PolicySet::new(policy.build().expect("they are valid"));
        if !self.grouped {
            return set;
        }
        let members = [KEY, MATE].map(String::from);
        let group = Group::of(members, EjectionCap::AllButOne).expect("one of two may be open");
        set.group(GROUP, group)
    }
}
