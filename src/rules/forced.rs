//! Forced states: a rule decides every call, whatever state the circuit is in.

use super::Limits;

/// A state that a rule forces on circuits: by [`Policy::forced`](crate::Policy::forced), or by hand
/// on [a prefix](crate::InMemoryCircuitBreakerStore::steer_prefix).
///
/// It holds for keys that are unknown too, and creates no circuit for them. The circuit's own state
/// stands beneath it, unchanged by the calls, and decides again once the rule is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Forced {
    /// Every call is rejected, as by a circuit that is forced open; what an earlier call reports
    /// counts nothing.
    Open,
    /// Every call is admitted, and none is counted.
    Disabled,
}

impl Limits {
    /// Returns these limits with this state forced, or none.
    pub(crate) fn with_forced(mut self, forced: Option<Forced>) -> Self {
        self.forced = forced;
        self.checks_closely = forced.is_some() || self.counts_in_flight();
        self
    }

    /// Returns whether a check needs more than the circuit's state.
    #[inline]
    pub(crate) fn checks_closely(&self) -> bool {
        self.checks_closely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_check_looks_closely_where_seats_or_a_forced_state_want_it() {
        let plain = Limits::default();
        let hung = Limits::builder()
            .hung_calls(1)
            .hung_call_duration(Duration::from_secs(1));
        let hung = hung.build().unwrap();
        assert!(!plain.checks_closely() && hung.checks_closely());
        for forced in [Forced::Open, Forced::Disabled] {
            for (limits, in_flight) in [(plain, false), (hung, true)] {
                let forced = limits.with_forced(Some(forced));
                assert!(forced.checks_closely() && forced.watches());
                assert!(!plain.with_forced(None).counts_calls());
                assert_eq!(forced.with_forced(None), limits);
                assert_eq!(forced.with_forced(None).checks_closely(), in_flight);
            }
        }
    }
}
