//! The circuits of the routes: the only file that calls the breaker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use breakerbox::{
    CircuitBreaker, CircuitBreakerSnapshot, CircuitHandle, ConfigError,
    InMemoryCircuitBreakerStore, Outcome, OwnedPermit, Policy, PolicySet, Rejected, Report,
    StateChange,
};

use crate::config::CircuitSettings;
use crate::route::Route;

/// All keys are routes, so there is nothing to evict.
const MAX_CIRCUITS: usize = InMemoryCircuitBreakerStore::<Key>::MAX_CIRCUITS;

/// The key of a circuit: the prefix of its route. Permits carry it, so it is cheap to clone.
pub type Key = Arc<str>;

/// Called after each transition of a circuit, on the thread that made it.
pub type OnChange = Box<dyn Fn(&StateChange<Key>) + Send + Sync>;

/// One circuit per route. A route keeps its handle, so no request looks a key up.
pub(crate) struct Guard {
    breaker: CircuitBreaker<Key>,
    circuits: Vec<CircuitHandle<Key>>,
    failure_on: Vec<u16>,
}

/// A permit to call the upstream once. Dropped unreported, as when the client leaves, it counts as
/// neither success nor failure, and a probe is given back.
pub(crate) struct Admission(OwnedPermit<Key>);

impl Guard {
    pub(crate) fn new<'a>(
        settings: &CircuitSettings,
        policies: Option<PolicySet<Key>>,
        routes: impl Iterator<Item = &'a Route>,
        on_change: Option<OnChange>,
    ) -> Result<Self, ConfigError> {
        let mut policy = Policy::builder()
            .failure_threshold(settings.failure_threshold)
            .reset_timeout(settings.reset_timeout)
            .half_open_max(settings.half_open_max)
            .success_threshold(settings.success_threshold);
        if let Some(lease) = settings.probe_lease {
            policy = policy.probe_lease(lease);
        }
        let policies = match policies {
            Some(policies) => policies,
            None => PolicySet::new(policy.build()?),
        };
        let mut builder = CircuitBreaker::keyed_builder()
            .policy(policies)
            .max_circuits(MAX_CIRCUITS);
        if let Some(on_change) = on_change {
            builder = builder.on_state_change(on_change);
        }
        let breaker = builder.build()?;
        let circuits = routes
            .map(|route| {
                breaker
                    .circuit(route.prefix())
                    .expect("there are fewer routes than a store holds circuits")
            })
            .collect();
        Ok(Self {
            breaker,
            circuits,
            failure_on: settings.failure_on.clone(),
        })
    }

    /// Asks the route's circuit for a permit.
    pub(crate) fn admit(&self, route: usize) -> Result<Admission, Rejected> {
        self.circuits[route].acquire_owned().map(Admission)
    }

    /// Replaces the rules while requests are served.
    pub(crate) fn set_policies(&self, policies: PolicySet<Key>) {
        self.breaker.set_policies(policies);
    }

    /// Returns whether this status of an upstream is a failure.
    pub(crate) fn is_failure(&self, status: u16) -> bool {
        self.failure_on.contains(&status)
    }

    pub(crate) fn snapshot(&self, route: usize) -> CircuitBreakerSnapshot {
        self.circuits[route].get_state()
    }

    /// Returns the time until an open circuit lets a probe through.
    pub(crate) fn retry_after(&self, route: usize) -> Option<Duration> {
        self.breaker.retry_after(self.circuits[route].key())
    }
}

impl Admission {
    pub(crate) fn is_probe(&self) -> bool {
        self.0.is_probe()
    }

    /// Reports that the upstream answered well, after `took`.
    pub(crate) fn success(self, took: Duration) {
        self.report(Outcome::Success, took);
    }

    /// Reports that the upstream failed, after `took`.
    pub(crate) fn failure(self, took: Duration) {
        self.report(Outcome::Failure, took);
    }

    fn report(self, outcome: Outcome, took: Duration) {
        // The breaker discards stale reports.
        let _ = self.0.report(Report::from(outcome).took(took));
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").finish_non_exhaustive()
    }
}
