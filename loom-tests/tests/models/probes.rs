//! Half-open circuits: probes, leases, refunds, and which outcome decides.

use breakerbox::{CircuitState, Outcome, PermitToken, Policy, Reported};
use breakerbox_loom_tests::{
    Handle, KEY, Store, TickingClock, handle, model, policy, store_with_clock,
};
use loom::thread;
use std::time::Duration;

/// Returns an open circuit whose time is over.
fn due() -> (Store, Handle, TickingClock) {
    let clock = TickingClock::new(1_000);
    let store = store_with_clock(clock.clone());
    let circuit = handle(&store);
    circuit.transition(CircuitState::Open);
    clock.advance(200_000);
    (store, circuit, clock)
}

/// Returns a half-open circuit with `probes` probes out.
fn probing(policy: &Policy, probes: usize) -> (Store, Handle, TickingClock, Vec<PermitToken>) {
    let (store, circuit, clock) = due();
    let permits: Vec<_> = (0..probes)
        .map(|_| circuit.acquire(policy).unwrap())
        .collect();
    assert!(permits.iter().all(PermitToken::is_probe));
    (store, circuit, clock, permits)
}

#[test]
fn at_most_one_probe() {
    model("at_most_one_probe", 2, || {
        let (store, circuit, _) = due();
        let policy = policy(1, 1, 1);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.acquire(&policy).is_ok())
        };
        let here = circuit.acquire(&policy).is_ok();
        let there = other.join().unwrap();
        assert!(here != there, "admitted: {here}, {there}");
        assert_eq!(store.get_state(&KEY).state, CircuitState::HalfOpen);
    });
}

#[test]
fn two_of_three_probes() {
    model("two_of_three_probes", 2, || {
        let (_, circuit, _) = due();
        let policy = policy(1, 2, 1);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || [(); 2].map(|()| circuit.acquire(&policy).is_ok()))
        };
        let here = circuit.acquire(&policy).is_ok();
        let there = other.join().unwrap();
        let admitted = [here, there[0], there[1]];
        assert_eq!(admitted.iter().filter(|is_ok| **is_ok).count(), 2);
    });
}

/// A probe that is given back is granted again, and only once.
#[test]
fn a_refunded_probe_is_granted_once() {
    model("a_refunded_probe_is_granted_once", 2, || {
        let policy = policy(1, 1, 1);
        let (_, circuit, _, permits) = probing(&policy, 1);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.acquire(&policy).is_ok())
        };
        assert_eq!(circuit.release(permits[0], &policy), Reported::Recorded);
        let here = circuit.acquire(&policy).is_ok();
        let there = other.join().unwrap();
        assert!(here != there, "admitted: {here}, {there}");
    });
}

/// Two checks come after a lease: one lets another probe out. When the lost probe comes back, it
/// makes no room for a third.
#[test]
fn an_expired_lease_lets_one_probe_out() {
    model("an_expired_lease_lets_one_probe_out", 3, || {
        let policy = policy(1, 1, 1);
        let (_, circuit, clock, permits) = probing(&policy, 1);
        clock.advance(200_000);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.acquire(&policy).is_ok())
        };
        let here = circuit.acquire(&policy).is_ok();
        let there = other.join().unwrap();
        assert!(here != there, "admitted: {here}, {there}");
        assert_eq!(
            circuit.report(permits[0], Outcome::Ignored, &policy),
            Reported::Recorded
        );
        assert!(circuit.acquire(&policy).is_err());
    });
}

/// The lost probe comes back while its lease ends: one more probe is granted, either because that
/// one came back or because the lease ended.
#[test]
fn a_refund_does_not_cross_a_lease() {
    model("a_refund_does_not_cross_a_lease", 3, || {
        let policy = policy(1, 1, 1);
        let (_, circuit, clock, permits) = probing(&policy, 1);
        clock.advance(200_000);
        let lost = permits[0];
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.release(lost, &policy))
        };
        let probe = circuit.acquire(&policy).unwrap();
        assert_eq!(other.join().unwrap(), Reported::Recorded);
        assert_eq!(probe.generation(), lost.generation());
        assert!(circuit.acquire(&policy).is_err(), "one is out");
        assert_eq!(circuit.release(probe, &policy), Reported::Recorded);
        assert!(circuit.acquire(&policy).is_ok(), "none is out");
    });
}

/// A probe's verdict counts, however late, as long as its half-open stands: two successes from two
/// leases close.
#[test]
fn a_late_verdict_counts() {
    model("a_late_verdict_counts", 3, || {
        let policy = policy(1, 1, 2);
        let (_, circuit, clock, permits) = probing(&policy, 1);
        clock.advance(200_000);
        let late = permits[0];
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.report(late, Outcome::Success, &policy))
        };
        let probe = circuit.acquire(&policy).unwrap();
        let reported = circuit.report(probe, Outcome::Success, &policy);
        let reports = [reported, other.join().unwrap()];
        assert_eq!(reports, [Reported::Recorded; 2]);
        assert_eq!(circuit.peek().unwrap().state, CircuitState::Closed);
    });
}

#[test]
fn probe_outcomes_decide_once() {
    model("probe_outcomes_decide_once", 2, || {
        let policy = policy(1, 2, 1);
        let (store, circuit, _, permits) = probing(&policy, 2);
        let (good, bad) = (permits[0], permits[1]);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.report(good, Outcome::Success, &policy))
        };
        let failed = circuit.report(bad, Outcome::Failure, &policy);
        let succeeded = other.join().unwrap();
        let expected = match (succeeded, failed) {
            (Reported::Recorded, Reported::Stale) => CircuitState::Closed,
            (Reported::Stale, Reported::Recorded) => CircuitState::Open,
            both => panic!("both decided, or neither: {both:?}"),
        };
        assert_eq!(circuit.get_state().state, expected);
        let up = u64::from(expected == CircuitState::Open);
        assert_eq!(breakerbox::__loom::summary_counts(&store), (up, 0));
    });
}

/// Two successes are required: two that race close the circuit, and neither is lost.
#[test]
fn two_successes_close() {
    model("two_successes_close", 3, || {
        let policy = policy(1, 2, 2);
        let (store, circuit, _, permits) = probing(&policy, 2);
        let (first, second) = (permits[0], permits[1]);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.report(first, Outcome::Success, &policy))
        };
        assert_eq!(
            circuit.report(second, Outcome::Success, &policy),
            Reported::Recorded
        );
        assert_eq!(other.join().unwrap(), Reported::Recorded);
        assert_eq!(circuit.get_state().state, CircuitState::Closed);
        assert_eq!(breakerbox::__loom::summary_counts(&store), (0, 0));
    });
}

/// Reports of the previous half-open never count in the one that follows it.
#[test]
fn probes_do_not_cross_generations() {
    model("probes_do_not_cross_generations", 3, || {
        let policy = policy(1, 2, 2);
        let (_, circuit, clock, permits) = probing(&policy, 2);
        let (late, bad) = (permits[0], permits[1]);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.report(late, Outcome::Success, &policy))
        };
        assert_eq!(
            circuit.report(bad, Outcome::Failure, &policy),
            Reported::Recorded
        );
        clock.advance(200_000);
        let fresh = circuit.acquire(&policy).unwrap();
        assert_eq!(
            circuit.report(fresh, Outcome::Success, &policy),
            Reported::Recorded
        );
        let _ = other.join().unwrap();
        // This half-open has one success of the two that are required.
        assert_eq!(circuit.get_state().state, CircuitState::HalfOpen);
        // Both probes are free again: the late refund added none.
        assert!(circuit.acquire(&policy).is_ok());
        assert!(circuit.acquire(&policy).is_ok());
        assert!(circuit.acquire(&policy).is_err());
    });
}

/// A thread that leaves an open circuit first brings its words up, which must not make it look due.
#[test]
fn an_open_circuit_is_never_due_early() {
    model("an_open_circuit_is_never_due_early", 3, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let circuit = handle(&store);
        circuit.transition(CircuitState::Open);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.transition(CircuitState::Closed))
        };
        if let Ok(permit) = circuit.acquire(&policy(1, 1, 1)) {
            assert!(
                !permit.is_probe(),
                "admitted a probe before the time was over"
            );
        }
        other.join().unwrap();
        assert_eq!(circuit.get_state().state, CircuitState::Closed);
    });
}

/// The first check fixes the duration of an opening for all threads.
#[test]
fn an_open_duration_is_fixed_once() {
    model("an_open_duration_is_fixed_once", 3, || {
        let clock = TickingClock::new(1_000);
        let store = store_with_clock(clock.clone());
        let circuit = handle(&store);
        circuit.transition(CircuitState::Open);
        let limits_of = |secs| {
            Policy::builder()
                .reset_timeout(Duration::from_secs(secs))
                .build()
                .unwrap()
        };
        let (short, long) = (limits_of(10), limits_of(1_000));
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.acquire(&short).unwrap_err().retry_after())
        };
        let here = circuit.acquire(&long).unwrap_err().retry_after();
        let there = other.join().unwrap();
        let shared = Duration::from_millis(100);
        assert!(here.abs_diff(there) < shared, "{here:?} and {there:?}");
    });
}

/// The call that turns an open circuit half-open is its first probe.
#[test]
fn the_call_that_begins_a_half_open_is_its_probe() {
    model("the_call_that_begins_a_half_open_is_its_probe", 3, || {
        let (_, circuit, _) = due();
        let policy = policy(1, 1, 1);
        let other = {
            let circuit = circuit.clone();
            thread::spawn(move || circuit.acquire(&policy).is_ok())
        };
        let begun = circuit.get_state().state == CircuitState::HalfOpen;
        let here = begun && circuit.acquire(&policy).is_ok();
        let there = other.join().unwrap();
        assert!(!begun || (there && !here), "{here}, {there}");
    });
}
