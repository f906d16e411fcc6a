//! Leases: probes that never report don't keep a circuit half-open for ever.

use crate::permits::{DUE, probing, rules};
use crate::scenario::{Scenario, Step, check_all, circuit, rejected, scenario};
use crate::support::model::{MAX_PROBE_AGE, Outcome, State};
use crate::support::system::{Answer, Call};

use Answer::{Probe, Recorded, Stale};
use Call::*;
use Outcome::{Failure, Success};
use State::*;
use Step::{At, Do, DoTimes};

#[test]
fn a_lease_expires() {
    let lease = rules(|r| (r.half_open_max, r.probe_lease) = (2, 10_000));
    let over = DUE + 10_000;
    let full = |scenario: Scenario| scenario.under(lease).given(probing(2));
    check_all([
        full(scenario("one ms before the lease is over"))
            .given([At(over - 1)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        full(scenario("when it is over, the circuit is half-open anew"))
            .given([At(over)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, over)),
        full(scenario("with as many slots"))
            .given([At(over), DoTimes(2, Acquire)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, over)),
        full(scenario("the probes of before are stale"))
            .given([At(over), Do(Acquire)])
            .when(Report(0, Success))
            .answers(Stale)
            .then(circuit(HalfOpen, over)),
        full(scenario("their refunds too"))
            .given([
                At(over),
                DoTimes(2, Acquire),
                Do(Release(0)),
                Do(Release(1)),
            ])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, over)),
        full(scenario("a late probe decides as long as nobody asked"))
            .given([At(over + 99_000)])
            .when(Report(0, Success))
            .answers(Recorded)
            .then(circuit(Closed, over + 99_000)),
        scenario("a lease is nothing to a circuit with a free slot")
            .under(lease)
            .given(probing(1))
            .given([At(over)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, DUE)),
        full(scenario(
            "successes recorded before the lease was over are zeroed with it",
        ))
        .given([DoTimes(3, RecordSuccess), At(over)])
        .when(Acquire)
        .answers(Probe)
        .then(circuit(HalfOpen, over)),
    ]);
}

/// The lease runs from the last probe that was admitted, or slow ones would never close a circuit.
#[test]
fn a_lease_is_of_the_last_probe() {
    let two = rules(|r| (r.half_open_max, r.probe_lease) = (2, 10_000));
    let three_slow = rules(|r| (r.success_threshold, r.probe_lease) = (3, 10_000));
    let later = DUE + 4_000;
    check_all([
        scenario("one ms before the lease of the second is over")
            .under(two)
            .given(probing(1))
            .given([At(later), Do(Acquire), At(later + 9_999)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        scenario("when it is over")
            .under(two)
            .given(probing(1))
            .given([At(later), Do(Acquire), At(later + 10_000)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, later + 10_000)),
        scenario("three successes of 8 s each close a circuit whose lease is 10 s")
            .under(three_slow)
            .given(probing(1))
            .given([At(DUE + 8_000), Do(Report(0, Success)), Do(Acquire)])
            .given([At(DUE + 16_000), Do(Report(1, Success)), Do(Acquire)])
            .given([At(DUE + 24_000), Do(Acquire)])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(circuit(Closed, DUE + 24_000)),
        scenario("a probe whose slot somebody waits for may still fail in time")
            .under(three_slow)
            .given(probing(1))
            .given([At(DUE + 9_999), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(
                circuit(Open, DUE + 9_999)
                    .failures(1)
                    .failed_at(DUE + 9_999),
            ),
        scenario("a clock that steps back shortens no lease")
            .under(two)
            .given(probing(1))
            .given([
                At(later),
                Do(Acquire),
                At(0),
                Do(Acquire),
                At(later + 9_999),
            ])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
    ]);
}

/// The age of a half-open is known up to 69 minutes: probes later than that have a shorter lease.
#[test]
fn a_lease_in_an_old_half_open_runs_from_69_minutes() {
    let lease = rules(|r| r.probe_lease = 10_000);
    let old = DUE + MAX_PROBE_AGE;
    let waiting = |until| [Do(Release(0)), At(until), Do(Acquire)];
    check_all([
        scenario("a probe at 69 minutes has its whole lease")
            .under(lease)
            .given(probing(1))
            .given(waiting(old))
            .given([At(old + 9_999)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        scenario("a probe 4 s later has 6 s")
            .under(lease)
            .given(probing(1))
            .given(waiting(old + 4_000))
            .given([At(old + 10_000)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, old + 10_000)),
    ]);
}
