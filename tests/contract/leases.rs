//! Leases: probes that never report don't keep a circuit half-open.

use crate::permits::{DUE, probing, rules};
use crate::scenario::{Scenario, Step, check_all, circuit, rejected, scenario};
use crate::support::model::{Outcome, State, twelve_bits};
use crate::support::system::{Answer, Call};

use Answer::{Probe, Recorded};
use Call::*;
use Outcome::{Failure, Success};
use State::*;
use Step::{At, Do, DoTimes};

#[test]
fn a_lease_expires() {
    let lease = rules(|r| (r.half_open_max, r.probe_lease) = (2, 10_000));
    let two_of_two = rules(|r| {
        (r.half_open_max, r.success_threshold, r.probe_lease) = (2, 2, 10_000);
    });
    let over = DUE + 10_000;
    let full = |scenario: Scenario| scenario.under(lease).given(probing(2));
    check_all([
        full(scenario("one ms before the lease is over"))
            .given([At(over - 1)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        full(scenario("when it is over, another is admitted"))
            .given([At(over)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, DUE)),
        full(scenario("as many as at first"))
            .given([At(over), DoTimes(2, Acquire)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        full(scenario("the outcome of an earlier probe still counts"))
            .given([At(over), Do(Acquire)])
            .when(Report(0, Success))
            .answers(Recorded)
            .then(circuit(Closed, over)),
        full(scenario("so does its failure"))
            .given([At(over), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(circuit(Open, over).failures(1).failed_at(over)),
        full(scenario("and one of each are two successes"))
            .under(two_of_two)
            .given([At(over), Do(Acquire), Do(Report(0, Success))])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(circuit(Closed, over)),
        full(scenario("but their slots were handed out again"))
            .given([
                At(over),
                DoTimes(2, Acquire),
                Do(Release(0)),
                Do(Release(1)),
            ])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        full(scenario("a late probe decides although no call came"))
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
            "what was recorded before the lease was over stays",
        ))
        .given([DoTimes(3, RecordSuccess), At(over)])
        .when(Acquire)
        .answers(Probe)
        .then(circuit(HalfOpen, DUE).successes(3)),
    ]);
}

/// After fifteen leases no report frees a slot, since probes of different leases can't be told
/// apart.
#[test]
fn the_last_lease_frees_probes_by_time_alone() {
    // A number of twelve bits, so that each lease ends to the millisecond.
    const LEASE: u64 = 8_192;
    let lease = rules(|r| r.probe_lease = LEASE);
    let leases = |n: u64| {
        let lost = (1..=n).flat_map(|lease| [At(DUE + lease * LEASE), Do(Acquire)]);
        lost.collect::<Vec<_>>()
    };
    check_all([
        scenario("in the fourteenth a slot comes back")
            .under(lease)
            .given(probing(1))
            .given(leases(14))
            .given([Do(Release(14))])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, DUE)),
        scenario("in the fifteenth none does")
            .under(lease)
            .given(probing(1))
            .given(leases(15))
            .given([Do(Release(15))])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, DUE)),
        scenario("until the lease is over")
            .under(lease)
            .given(probing(1))
            .given(leases(15))
            .given([Do(Release(15)), At(DUE + 16 * LEASE)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, DUE)),
        scenario("and an outcome counts as before")
            .under(lease)
            .given(probing(1))
            .given(leases(40))
            .when(Report(3, Success))
            .answers(Recorded)
            .then(circuit(Closed, DUE + 40 * LEASE)),
    ]);
}

/// The lease runs from the last probe that was admitted, or slow ones would never close a circuit.
#[test]
fn a_lease_runs_from_the_last_probe() {
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
            .then(circuit(HalfOpen, DUE)),
        scenario("three successes of 8 s each close a circuit whose lease is 10 s")
            .under(three_slow)
            .given(probing(1))
            .given([At(DUE + 8_000), Do(Report(0, Success)), Do(Acquire)])
            .given([At(DUE + 16_000), Do(Report(1, Success)), Do(Acquire)])
            .given([At(DUE + 24_000), Do(Acquire)])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(circuit(Closed, DUE + 24_000)),
        scenario("a probe whose slot a call waits for may still fail in time")
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

/// However old a half-open state is, a lease lasts as long as it is set to, or by up to a 2,048th
/// of that age longer.
#[test]
fn a_lease_in_an_old_half_open_is_no_shorter() {
    let lease = rules(|r| r.probe_lease = 10_000);
    let hour = 3_600_000;
    for age in [hour / 2, hour, 24 * hour, 1_000 * hour, 100_000 * hour] {
        let taken = DUE + twelve_bits(age);
        assert!(taken - DUE - age <= age / 2_048);
        let waiting = [Do(Release(0)), At(DUE + age), Do(Acquire)];
        check_all([
            scenario("one ms before the lease is over")
                .under(lease)
                .given(probing(1))
                .given(waiting)
                .given([At(taken + 9_999)])
                .when(Acquire)
                .answers(rejected(HalfOpen, 30_000))
                .then(circuit(HalfOpen, DUE)),
            scenario("when it is over")
                .under(lease)
                .given(probing(1))
                .given(waiting)
                .given([At(taken + 10_000)])
                .when(Acquire)
                .answers(Probe)
                .then(circuit(HalfOpen, DUE)),
        ]);
    }
}
