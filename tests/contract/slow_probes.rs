//! A circuit whose probes succeed closes, however slow its calls are.

use std::collections::VecDeque;
use std::time::Duration;

use breakerbox::{CircuitBreaker, CircuitState, ManualClock, Policy, Reported};

use crate::support::model::twelve_bits;

const KEY: &str = "search";
const LEASE: u64 = 1_000;

fn policy(probes: u32, successes: u32) -> Policy {
    Policy::builder()
        .failure_threshold(1)
        .reset_timeout(Duration::from_millis(LEASE))
        .half_open_max(probes)
        .success_threshold(successes)
        .build()
        .unwrap()
}

/// The course of a simulated recovery.
struct Recovery {
    took: u64,
    most_out: usize,
    most_in_lease: usize,
}

/// Simulates a recovery from the beginning of the half-open state. A call comes each tenth of a
/// lease; if admitted, it takes `call_ms` and succeeds. `ask` makes a permit, and `end` reports it.
fn recover<P>(
    call_ms: u64,
    clock: &ManualClock,
    mut ask: impl FnMut() -> Option<P>,
    mut end: impl FnMut(P) -> Option<Reported>,
    is_closed: impl Fn() -> bool,
) -> Recovery {
    let (mut now, mut most_out, mut most_in_lease) = (0, 0, 0);
    let mut out: VecDeque<(u64, P)> = VecDeque::new();
    while !is_closed() {
        assert!(now < 3_000 * LEASE, "it doesn't close");
        if let Some(permit) = ask() {
            out.push_back((now, permit));
            most_out = most_out.max(out.len());
            let runs = |since: u64| now < since + LEASE;
            let in_lease = out.iter().filter(|(since, _)| runs(*since)).count();
            most_in_lease = most_in_lease.max(in_lease);
        }
        clock.advance_ms(LEASE / 10);
        now += LEASE / 10;
        while out.front().is_some_and(|(since, _)| since + call_ms <= now) && !is_closed() {
            let (_, permit) = out.pop_front().unwrap();
            assert_eq!(end(permit), Some(Reported::Recorded), "after {now} ms");
        }
    }
    Recovery {
        took: now,
        most_out,
        most_in_lease,
    }
}

/// Returns call times from a tenth of the lease to a hundred leases, and more.
fn cases() -> impl Iterator<Item = (u64, u32, u32)> {
    let times = [
        100, 500, 900, 1_000, 1_100, 1_500, 5_000, 16_000, 100_000, 200_000,
    ];
    times.into_iter().flat_map(|call_ms| {
        [1, 2, 5].into_iter().flat_map(move |probes| {
            [1, 2, 3, 10].map(move |successes| (call_ms, probes, successes))
        })
    })
}

fn check(recovery: &Recovery, (call_ms, probes, successes): (u64, u32, u32)) {
    let case = format!("{call_ms} ms, {probes} at a time, {successes} required");
    let (probes, successes) = (u64::from(probes), u64::from(successes));
    // The calls themselves, one after the other if there is one slot; a lease for each if the slots
    // aren't freed; and the cost of asking each tenth of a lease and of twelve bits.
    let rounds = successes.div_ceil(probes);
    let lease = twelve_bits(LEASE + 3_000 * LEASE / 2_048);
    let most = call_ms + rounds * (call_ms.min(lease) + lease) + successes * LEASE / 10;
    assert!(recovery.took <= most, "{case}: {} of {most}", recovery.took);
    // Exactly: no more than N probes whose lease runs, and as many leases as a call lasts.
    assert!(recovery.most_in_lease as u64 <= probes, "{case}");
    let leases = call_ms.div_ceil(LEASE) + 1;
    assert!(recovery.most_out as u64 <= probes * leases, "{case}");
}

#[test]
fn a_slow_service_recovers() {
    for case in cases() {
        let clock = ManualClock::new(1_000_000);
        let (call_ms, probes, successes) = case;
        let breaker = CircuitBreaker::builder()
            .clock(clock.clone())
            .policy(breakerbox::PolicySet::new(policy(probes, successes)))
            .build()
            .unwrap();
        let _ = breaker.acquire(KEY).unwrap().failure();
        clock.advance_ms(LEASE);
        let recovery = recover(
            call_ms,
            &clock,
            || breaker.acquire_owned(KEY).ok(),
            |permit| Some(permit.success()),
            || breaker.peek(KEY).unwrap().state == CircuitState::Closed,
        );
        check(&recovery, case);
    }
}

#[cfg(feature = "tokio")]
#[test]
fn a_slow_service_recovers_by_the_asynchronous_breaker() {
    use breakerbox::{AsyncCircuitBreaker, InMemoryCircuitBreakerStore};
    use std::sync::Arc;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for case in cases() {
        let clock = ManualClock::new(1_000_000);
        let (call_ms, probes, successes) = case;
        let store = InMemoryCircuitBreakerStore::builder()
            .clock(clock.clone())
            .build();
        let breaker = AsyncCircuitBreaker::<str>::builder(Arc::new(store.clone()))
            .failure_threshold(1)
            .reset_timeout(Duration::from_millis(LEASE))
            .half_open_max(probes)
            .success_threshold(successes)
            .build()
            .unwrap();
        let _ = runtime.block_on(async { breaker.acquire(KEY).await.unwrap().failure().await });
        clock.advance_ms(LEASE);
        let recovery = recover(
            call_ms,
            &clock,
            || runtime.block_on(breaker.acquire(KEY)).ok(),
            |permit| runtime.block_on(permit.success()),
            || store.peek(KEY).unwrap().state == CircuitState::Closed,
        );
        check(&recovery, case);
    }
}

/// A lost probe costs its lease once, however many successes are required.
#[test]
fn a_lost_probe_costs_one_lease() {
    let clock = ManualClock::new(1_000_000);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .policy(breakerbox::PolicySet::new(policy(1, 5)))
        .build()
        .unwrap();
    let _ = breaker.acquire(KEY).unwrap().failure();
    clock.advance_ms(LEASE);
    std::mem::forget(breaker.acquire(KEY).unwrap());
    clock.advance_ms(LEASE);
    for _ in 0..5 {
        assert_eq!(breaker.acquire(KEY).unwrap().success(), Reported::Recorded);
    }
    assert_eq!(breaker.peek(KEY).unwrap().state, CircuitState::Closed);
}
