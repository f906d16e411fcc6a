//! Selection: looks without effect, and the first circuit that admits a call.

use std::time::Duration;

use breakerbox::{
    AfterHalfOpen, CircuitBreaker, CircuitHandle, CircuitState, ClockedBreaker, Forced,
    HandlePermit, KeyPermit, ManualClock, Policy, PolicyBuilder, PolicySet, Rejected, Reported,
    Steering,
};

use crate::scenario::START;

type Breaker = ClockedBreaker<ManualClock>;

const KEY: &str = "upstream";
const RESET: Duration = Duration::from_secs(10);

/// One failure opens; 10 s later one probe decides.
fn strict() -> PolicyBuilder {
    Policy::builder().failure_threshold(1).reset_timeout(RESET)
}

fn breaker(policies: impl Into<PolicySet<String>>) -> (Breaker, ManualClock) {
    let clock = ManualClock::new(START);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (builder.policy(policies.into()).build().unwrap(), clock)
}

fn open(breaker: &Breaker, key: &str) {
    let permit = breaker.acquire(key).unwrap();
    assert_eq!(permit.failure(), Reported::Recorded);
}

/// Looks by key and by handle, checks that both agree with a check right after, and returns the
/// answer.
fn looks(breaker: &Breaker, key: &str) -> Option<Rejected> {
    let before = (breaker.store().rejections(), breaker.peek(key));
    let by_key = breaker.admits(key).err();
    let handle = breaker.circuit(key).unwrap();
    let by_handle = handle.admits().err();
    let after = (breaker.store().rejections(), breaker.peek(key));
    assert_eq!(before.0, after.0, "a look counts no rejection");
    assert_eq!(
        before.1.map(|b| b.state),
        before.1.and(after.1).map(|a| a.state)
    );
    assert_eq!(by_key, by_handle);
    by_key
}

#[test]
fn a_look_predicts_a_check() {
    let (breaker, clock) = breaker(strict().build().unwrap());
    assert_eq!(looks(&breaker, KEY), None);

    open(&breaker, KEY);
    clock.advance(RESET / 2);
    let rejected = looks(&breaker, KEY).unwrap();
    assert_eq!(rejected, breaker.acquire(KEY).unwrap_err());
    assert_eq!(rejected.state(), CircuitState::Open);
    assert_eq!(rejected.retry_after(), RESET / 2);

    clock.advance(RESET / 2);
    assert_eq!(looks(&breaker, KEY), None, "a probe is due");
    assert_eq!(breaker.peek(KEY).unwrap().state, CircuitState::Open);

    let probe = breaker.acquire(KEY).unwrap();
    assert!(probe.is_probe());
    let rejected = looks(&breaker, KEY).unwrap();
    assert_eq!(rejected, breaker.acquire(KEY).unwrap_err());
    assert_eq!(rejected.state(), CircuitState::HalfOpen);

    assert_eq!(probe.ignore(), Reported::Recorded);
    for _ in 0..3 {
        assert_eq!(looks(&breaker, KEY), None, "a look takes no probe");
    }
    assert!(breaker.acquire(KEY).unwrap().is_probe());
}

#[test]
fn a_lost_probe_admits_after_its_lease() {
    let (breaker, clock) = breaker(strict().build().unwrap());
    open(&breaker, KEY);
    clock.advance(RESET);
    std::mem::forget(breaker.acquire(KEY).unwrap());
    assert!(looks(&breaker, KEY).is_some());
    clock.advance(breaker.policy(KEY).probe_lease());
    assert_eq!(looks(&breaker, KEY), None);
}

#[test]
fn a_half_open_past_its_time_shows_as_its_next_state() {
    for (after, state) in [
        (AfterHalfOpen::Open, Some(CircuitState::Open)),
        (AfterHalfOpen::Closed, None),
    ] {
        let policy = strict().half_open_timeout(RESET).after_half_open(after);
        let (breaker, clock) = breaker(policy.build().unwrap());
        open(&breaker, KEY);
        clock.advance(RESET);
        let _probe = breaker.acquire(KEY).unwrap();
        clock.advance(RESET);
        assert_eq!(looks(&breaker, KEY).map(|rejected| rejected.state()), state);
        assert_eq!(breaker.peek(KEY).unwrap().state, CircuitState::HalfOpen);
        let checked = breaker.acquire(KEY).err();
        assert_eq!(checked.map(|rejected| rejected.state()), state);
    }
}

/// Under a back-off, by the open time that follows, not by the first one.
#[test]
fn a_half_open_past_its_time_rejects_for_its_next_open_time() {
    let policy = strict()
        .backoff_factor(2.0)
        .reset_timeout_max(RESET * 8)
        .half_open_timeout(RESET);
    let (breaker, clock) = breaker(policy.build().unwrap());
    open(&breaker, KEY);
    let mut open_for = RESET;
    for next in [RESET * 2, RESET * 4, RESET * 8, RESET * 8] {
        clock.advance(open_for);
        std::mem::forget(breaker.acquire(KEY).unwrap());
        clock.advance(RESET);
        let rejected = looks(&breaker, KEY).unwrap();
        assert_eq!(rejected.retry_after(), next);
        assert_eq!(rejected, breaker.acquire(KEY).unwrap_err());
        open_for = next;
    }
    // So another circuit that admits sooner is named as the next one to ask.
    clock.advance(open_for);
    std::mem::forget(breaker.acquire(KEY).unwrap());
    clock.advance(RESET);
    open(&breaker, "sooner");
    let circuits = [KEY, "sooner"].map(|key| breaker.circuit(key).unwrap());
    let none = CircuitHandle::acquire_any(&circuits).unwrap_err();
    assert_eq!(none.retry_after_secs(), RESET.as_secs());
}

#[test]
fn a_look_respects_forced_states_and_shadows() {
    let forced = |state| strict().forced(state).build().unwrap();
    let set = PolicySet::new(strict().build().unwrap())
        .prefix("/old/", forced(Forced::Open))
        .prefix("/free/", forced(Forced::Disabled))
        .prefix("/new/", strict().shadow(true).build().unwrap());
    let (breaker, _) = breaker(set);
    let state = |key| looks(&breaker, key).map(|rejected| rejected.state());

    assert_eq!(state("/old/a"), Some(CircuitState::ForcedOpen));
    assert_eq!(state("/free/a"), None);
    open(&breaker, "/new/a");
    assert_eq!(breaker.peek("/new/a").unwrap().state, CircuitState::Open);
    assert_eq!(state("/new/a"), None);
    assert_eq!(breaker.shadowed(), 0);

    assert_eq!(state("/by-hand/a"), None);
    let _ = breaker.steer_prefix("/by-hand/", Steering::ForceOpen);
    assert_eq!(state("/by-hand/a"), Some(CircuitState::ForcedOpen));
    let _ = breaker.steer_prefix("/by-hand/", Steering::Disable);
    open(&breaker, "/by-hand/a");
    assert_eq!(state("/by-hand/a"), None);

    assert!(breaker.force_open("one").is_some());
    assert_eq!(state("one"), Some(CircuitState::ForcedOpen));
    assert!(breaker.enable("one").is_some());
    assert_eq!(state("one"), None);
}

#[test]
fn the_first_circuit_that_admits_is_chosen() {
    let (breaker, clock) = breaker(strict().build().unwrap());
    let circuits = ["a", "b", "c"].map(|key| breaker.circuit(key).unwrap());
    let chosen = || {
        CircuitHandle::acquire_any(&circuits).map(|(circuit, permit)| {
            assert_eq!(permit.ignore(), Reported::Recorded);
            circuit.key().clone()
        })
    };

    assert_eq!(chosen().unwrap(), "a");
    open(&breaker, "a");
    clock.advance(Duration::from_secs(1));
    open(&breaker, "b");
    assert_eq!(chosen().unwrap(), "c");
    assert_eq!(
        breaker.store().rejections(),
        0,
        "a circuit passed over counts no rejection"
    );

    clock.advance(Duration::from_secs(1));
    open(&breaker, "c");
    let none = chosen().unwrap_err();
    assert_eq!(
        none.soonest().unwrap().retry_after(),
        RESET - Duration::from_secs(2)
    );
    assert_eq!(none.retry_after_secs(), 8);
    assert_eq!(breaker.store().rejections(), 1, "one call was rejected");

    clock.advance(Duration::from_secs(8));
    assert_eq!(chosen().unwrap(), "a", "its probe is due");
}

#[test]
fn an_empty_choice_admits_nothing() {
    let none = CircuitHandle::<String>::acquire_any([]).unwrap_err();
    assert_eq!((none.soonest(), none.retry_after_secs()), (None, 1));
}

/// A user's struct that keeps permits, whose types it can name.
struct Kept<'a> {
    by_key: KeyPermit<'a, str, String, std::hash::RandomState, ManualClock>,
    by_handle: HandlePermit<'a, String, std::hash::RandomState, ManualClock>,
}

#[test]
fn permits_can_be_kept() {
    let (breaker, _) = breaker(Policy::default());
    let handle = breaker.circuit(KEY).unwrap();
    let kept = Kept {
        by_key: breaker.acquire(KEY).unwrap(),
        by_handle: handle.acquire().unwrap(),
    };
    assert_eq!(kept.by_key.failure(), Reported::Recorded);
    assert_eq!(kept.by_handle.failure(), Reported::Recorded);
    assert_eq!(breaker.peek(KEY).unwrap().failure_count, 2);
}
