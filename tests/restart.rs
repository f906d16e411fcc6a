//! Warm restart: the contents of an export, their import, and refused imports.
#![cfg(feature = "serde")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use breakerbox::{
    Cause, CircuitBreaker, CircuitBreakerBuilder, CircuitState, Export, ManualClock, Policy,
    PolicyBuilder, PolicySet, SlidingWindow, Steering,
};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

type Breaker = CircuitBreaker<String, std::hash::RandomState, ManualClock>;
type Builder = CircuitBreakerBuilder<String, std::hash::RandomState, ManualClock>;

const START: u64 = 1_000_000;

fn breaker(now: u64, with: impl FnOnce(Builder) -> Builder) -> (Breaker, ManualClock) {
    breaker_under(now, |policy| policy, with)
}

fn breaker_under(
    now: u64,
    settings: impl FnOnce(PolicyBuilder) -> PolicyBuilder,
    with: impl FnOnce(Builder) -> Builder,
) -> (Breaker, ManualClock) {
    let policy = settings(Policy::builder().failure_threshold(2));
    let policy = policy.build().unwrap();
    let clock = ManualClock::new(now);
    let builder = CircuitBreaker::builder().clock(clock.clone());
    (with(builder.policy(policy)).build().unwrap(), clock)
}

fn fail(breaker: &Breaker, key: &str, times: u32) {
    for _ in 0..times {
        let _ = breaker.acquire(key).unwrap().failure();
    }
}

/// Returns an export of one circuit of each kind, 10 s after the last changes.
fn exported() -> (Export<String>, String) {
    let (breaker, clock) = breaker(START, |b| b);
    fail(&breaker, "half-open", 2);
    clock.advance_ms(30_000);
    let probe = breaker.acquire("half-open").unwrap();
    breaker.get_state("clean");
    breaker.store().record_success("failing");
    fail(&breaker, "failing", 1);
    fail(&breaker, "open", 2);
    let _ = breaker.force_open("forced");
    let _ = breaker.disable("disabled");
    clock.advance_ms(10_000);
    let export = breaker.export();
    drop(probe);
    let text = serde_json::to_string(&export).unwrap();
    (export, text)
}

fn state(breaker: &Breaker, key: &str) -> Option<CircuitState> {
    breaker.peek(key).map(|circuit| circuit.state)
}

#[test]
fn an_export_has_all_circuits_that_are_not_clean() {
    let (export, text) = exported();
    assert_eq!(export.len(), 5);
    let read: Export<String> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, export);

    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    // 5 s later, on another machine.
    let (breaker, clock) = breaker(START + 45_000, |b| {
        b.on_state_change(move |change| ear.lock().unwrap().push((change.to, change.cause)))
    });
    let handle = breaker.circuit("open").unwrap();
    let done = breaker.import(read).unwrap();
    assert_eq!((done.imported, done.skipped), (5, 0));
    assert!(
        heard
            .lock()
            .unwrap()
            .iter()
            .all(|(_, cause)| *cause == Cause::Imported)
    );

    assert_eq!(state(&breaker, "clean"), None);
    assert_eq!(state(&breaker, "forced"), Some(ForcedOpen));
    assert_eq!(state(&breaker, "disabled"), Some(Disabled));
    let failing = breaker.peek("failing").unwrap();
    assert_eq!(
        (failing.state, failing.failure_count, failing.success_count),
        (Closed, 1, 1)
    );
    assert_eq!(failing.last_failure_time, START + 30_000);
    fail(&breaker, "failing", 1);
    assert_eq!(
        state(&breaker, "failing"),
        Some(Open),
        "it continues to count"
    );

    // 15 s of 30 are over.
    let rejected = handle.acquire().map(drop).unwrap_err();
    assert_eq!(rejected.retry_after(), Duration::from_secs(15));
    clock.advance_ms(14_999);
    assert!(handle.acquire().is_err());
    clock.advance_ms(1);
    let _ = handle.acquire().unwrap().success();
    assert_eq!(state(&breaker, "open"), Some(Closed));

    let _ = breaker.acquire("half-open").unwrap().success();
    assert_eq!(state(&breaker, "half-open"), Some(Closed));
}

#[test]
fn an_import_ends_due_times_and_keeps_known_circuits() {
    let (export, _) = exported();
    let (late, _) = breaker(START + 3_600_000, |b| b);
    fail(&late, "failing", 2);
    let done = late.import(export).unwrap();
    assert_eq!((done.imported, done.skipped), (4, 1));
    assert_eq!(state(&late, "failing"), Some(Open));
    let _ = late.steer_all(Steering::Enable);
    let probe = late.acquire("open");
    // Open for at least the millisecond in which it was imported.
    assert!(probe.is_err() || state(&late, "open") == Some(HalfOpen));
}

#[test]
fn back_off_continues_after_an_import() {
    let settings = |p: PolicyBuilder| p.failure_threshold(1).backoff_factor(2.0);
    let (before, clock) = breaker_under(START, settings, |b| b);
    fail(&before, "k", 1);
    clock.advance_ms(30_000);
    fail(&before, "k", 1);
    let export = before.export();
    let (after, clock) = breaker_under(clock_now(&before), settings, |b| b);
    after.import(export).unwrap();
    clock.advance_ms(60_000);
    fail(&after, "k", 1);
    let rejected = after.acquire("k").map(drop).unwrap_err();
    assert_eq!(rejected.retry_after(), Duration::from_secs(120));
}

fn clock_now(breaker: &Breaker) -> u64 {
    breakerbox::Clock::now_ms(breaker.store().clock())
}

#[test]
fn an_invalid_export_is_refused_with_its_place_and_changes_nothing() {
    let (_, text) = exported();
    let forced = text.find("\"forced\"").unwrap();
    assert!(forced > 0);
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    for (bad, says) in [
        (
            replaced("\"time\":1040000", "\"time\":18446744073709551615"),
            "time is 18446744073709551615",
        ),
        (
            replaced("\"failureCount\":1", "\"failureCount\":1048576"),
            "failureCount is 1048576; it must be 0 to 1048575",
        ),
        (
            replaced("\"openForMs\":20000", "\"openForMs\":18446744073709551615"),
            "openForMs is 18446744073709551615",
        ),
        (
            replaced("\"key\":\"failing\"", "\"key\":\"open\""),
            "key is there twice",
        ),
    ] {
        let (breaker, _) = breaker(START, |b| b);
        let export: Export<String> = serde_json::from_str(&bad).unwrap();
        let error = breaker.import(export).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        let of_a_circuit = !says.starts_with("time");
        assert_eq!(error.starts_with("circuits["), of_a_circuit, "{error}");
        assert!(breaker.is_empty(), "{says}");
    }
    for bad in [
        replaced("\"state\":\"open\"", "\"state\":\"ajar\""),
        replaced("\"version\"", "\"varsion\""),
        replaced("\"failureCount\":1", "\"failureCount\":-1"),
        text[..text.len() / 2].to_string(),
        "[]".to_string(),
        String::new(),
    ] {
        assert!(
            serde_json::from_str::<Export<String>>(&bad).is_err(),
            "{bad}"
        );
    }
    // Another version, whatever its fields are.
    let text_of_another = "{\"version\":99,\"taken\":\"today\"}";
    let error = serde_json::from_str::<Export<String>>(text_of_another).unwrap_err();
    let says = "version is 99; it must be 1";
    assert!(error.to_string().starts_with(says), "{error}");
    // More circuits than the store holds.
    let (small, _) = breaker(START, |b| b.max_circuits(4));
    let export: Export<String> = serde_json::from_str(&text).unwrap();
    let error = small.import(export).unwrap_err();
    assert_eq!(
        error.to_string(),
        "circuits: their number is 5; it must be 0 to 4"
    );
}

/// A first start has no export, and needs no special case.
#[test]
fn the_default_export_imports_nothing() {
    let (breaker, _) = breaker(START, |b| b);
    let none = Export::default();
    assert!(none.is_empty() && none.iter().next().is_none());
    let text = serde_json::to_string(&none).unwrap();
    assert_eq!(text, r#"{"version":1,"time":0,"circuits":[]}"#);
    let done = breaker.import(none).unwrap();
    assert_eq!((done.imported, done.skipped), (0, 0));
}

#[test]
fn an_export_can_be_inspected() {
    let (export, _) = exported();
    let at = std::time::UNIX_EPOCH + Duration::from_millis(START + 40_000);
    assert_eq!(export.taken_at(), at);
    let mut keys: Vec<_> = export.iter().map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    assert_eq!(keys.len(), export.len());
    let open = export.iter().find(|(key, _)| *key == "open").unwrap();
    assert_eq!(open.1.state, Open);
}

/// A circuit that was open in a group counts there again where the group is declared, even beyond
/// the cap.
#[test]
fn a_place_in_a_group_is_imported() {
    use breakerbox::{EjectionCap, Group};
    let hosts = ["a", "b", "c", "d"].map(String::from);
    let set = |cap| {
        let policy = breakerbox::Policy::builder().failure_threshold(2).build();
        let group = Group::of(hosts.clone(), cap).unwrap();
        PolicySet::new(policy.unwrap()).group("hosts", group)
    };
    let grouped = |cap| {
        let builder = CircuitBreaker::builder().clock(ManualClock::new(START));
        builder.policy(set(cap)).build().unwrap()
    };
    let before = grouped(EjectionCap::AllButOne);
    for key in &hosts[..3] {
        fail(&before, key, 2);
    }
    let _ = before.force_open("c");
    let export = before.export();

    let after = grouped(EjectionCap::Percent(50));
    assert_eq!(after.import(export.clone()).unwrap().imported, 3);
    assert_eq!(after.store().open_in_group("hosts"), Some(3));
    fail(&after, "d", 2);
    assert_eq!(state(&after, "d"), Some(Closed));
    assert_eq!(after.store().held_back(), 1);
    after.clear();
    assert_eq!(after.store().open_in_group("hosts"), Some(0));

    let (elsewhere, _) = breaker(START, |b| b);
    assert_eq!(elsewhere.import(export).unwrap().imported, 3);
    assert_eq!(elsewhere.store().open_in_group("hosts"), None);
}

fn of_timeout(now: u64, seconds: u64) -> (Breaker, ManualClock) {
    let timeout = Duration::from_secs(seconds);
    breaker_under(now, |p| p.reset_timeout(timeout), |b| b)
}

/// The first check decides, by its rule, how long a circuit opened by hand stays open. No export,
/// look or import decides it.
#[test]
fn an_export_does_not_fix_the_open_time() {
    for seconds in [5, 600] {
        let rule = Duration::from_secs(seconds);
        let (before, _) = of_timeout(START, seconds);
        before.store().transition("a", Open);
        let export = before.export();
        let text = serde_json::to_string(&export).unwrap();
        assert!(!text.contains("openForMs"), "{text}");
        assert_eq!(before.acquire("a").unwrap_err().retry_after(), rule);

        let (after, _) = of_timeout(START + 1_000, seconds);
        let read: Export<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(after.import(read).unwrap().imported, 1);
        assert_eq!(after.acquire("a").unwrap_err().retry_after(), rule);
    }
}

/// Nor does `retry_after`, a look without side effects.
#[test]
fn a_look_does_not_fix_the_open_time() {
    let (breaker, _) = of_timeout(START, 600);
    breaker.store().transition("a", Open);
    let look = breaker.retry_after("a");
    assert_eq!(look, Some(Duration::from_secs(600)));
    let five = Policy::builder().reset_timeout(Duration::from_secs(5));
    breaker.set_policies(PolicySet::new(five.build().unwrap()));
    assert_eq!(breaker.retry_after("a"), Some(Duration::from_secs(5)));
    let rejected = breaker.acquire("a").unwrap_err();
    assert_eq!(rejected.retry_after(), Duration::from_secs(5));
}

/// The time that is left is exact; a circuit that is due is due at once.
#[test]
fn the_time_left_survives_an_import() {
    for (elapsed, left) in [(0, 5_000), (4_999, 1), (5_000, 0), (9_000, 0)] {
        let (before, clock) = of_timeout(START, 5);
        fail(&before, "a", 2);
        clock.advance_ms(elapsed);
        let export = before.export();
        let (after, _) = of_timeout(START + elapsed, 600);
        assert_eq!(after.import(export).unwrap().imported, 1);
        match after.acquire("a") {
            Ok(probe) => assert!(left == 0 && probe.is_probe(), "{elapsed}"),
            Err(rejected) => {
                assert_eq!(rejected.retry_after(), Duration::from_millis(left));
                assert!(left != 0, "{elapsed}");
            }
        }
    }
}

/// A circuit that backs off is not clean: it stays, though it is closed and without failures.
#[test]
fn a_closed_circuit_that_backs_off_is_not_overwritten() {
    let backs_off = |p: PolicyBuilder| p.backoff_factor(2.0).reset_timeout(Duration::from_secs(1));
    let (before, _) = breaker_under(START, backs_off, |b| b);
    fail(&before, "a", 2);
    let export = before.export();

    let (after, clock) = breaker_under(START, backs_off, |b| b);
    fail(&after, "a", 2);
    clock.advance_ms(1_000);
    let _ = after.acquire("a").unwrap().success();
    assert_eq!(state(&after, "a"), Some(Closed));
    let imported = after.import(export).unwrap();
    assert_eq!((imported.imported, imported.skipped), (0, 1));
    fail(&after, "a", 2);
    let left = after.acquire("a").unwrap_err().retry_after();
    assert_eq!(left, Duration::from_secs(2), "the second of its row");
}

/// A circuit that is imported closed is watched at once if its rules need that: a handle's calls
/// are in the window.
#[test]
fn an_imported_circuit_is_watched() {
    let (before, _) = breaker(START, |b| b);
    fail(&before, "a", 1);
    let export = before.export();
    let (after, _) = breaker_under(
        START,
        |p| {
            p.sliding_window(SlidingWindow::Calls(2))
                .minimum_calls(2)
                .failure_rate_threshold(50)
        },
        |b| b,
    );
    let circuit = after.circuit("a").unwrap();
    assert_eq!(after.import(export).unwrap().imported, 1);
    let _ = circuit.acquire().unwrap().success();
    let _ = circuit.acquire().unwrap().failure();
    assert_eq!(state(&after, "a"), Some(Open), "one of two failed");
}
