//! The JSON form of a snapshot: exactly the form that other gateways write.
#![cfg(feature = "serde")]

use breakerbox::{CircuitBreakerSnapshot, CircuitState, InMemoryCircuitBreakerStore, ManualClock};

use CircuitState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};

/// Returns a circuit in `state` since 7,000 that has counted 2 failures, the last at 8,000, and 3
/// successes, if it counts.
fn snapshot(state: CircuitState) -> CircuitBreakerSnapshot {
    let clock = ManualClock::new(7_000);
    let store = InMemoryCircuitBreakerStore::builder()
        .clock(clock.clone())
        .build();
    store.transition("a", state);
    clock.set(8_000);
    store.record_failure("a");
    store.record_failure("a");
    for _ in 0..3 {
        store.record_success("a");
    }
    store.get_state("a")
}

const FORMS: [(CircuitState, &str); 5] = [
    (
        Closed,
        r#"{"state":"closed","failureCount":2,"successCount":3,"lastFailureTime":8000,"lastStateChange":7000}"#,
    ),
    (
        Open,
        r#"{"state":"open","failureCount":2,"successCount":3,"lastFailureTime":8000,"lastStateChange":7000}"#,
    ),
    (
        HalfOpen,
        r#"{"state":"half-open","failureCount":2,"successCount":3,"lastFailureTime":8000,"lastStateChange":7000}"#,
    ),
    (
        ForcedOpen,
        r#"{"state":"open","forced":true,"failureCount":2,"successCount":3,"lastFailureTime":8000,"lastStateChange":7000}"#,
    ),
    (
        Disabled,
        r#"{"state":"closed","forced":true,"failureCount":0,"successCount":0,"lastFailureTime":0,"lastStateChange":7000}"#,
    ),
];

#[test]
fn each_state_is_written_and_read_back() {
    for (state, json) in FORMS {
        let snapshot = snapshot(state);
        assert_eq!(serde_json::to_string(&snapshot).unwrap(), json);
        let read: CircuitBreakerSnapshot = serde_json::from_str(json).unwrap();
        assert_eq!(read, snapshot);
    }
}

#[test]
fn the_largest_numbers_survive() {
    let json = r#"{"state":"open","failureCount":18446744073709551615,"successCount":18446744073709551615,"lastFailureTime":18446744073709551615,"lastStateChange":18446744073709551615}"#;
    let read: CircuitBreakerSnapshot = serde_json::from_str(json).unwrap();
    assert_eq!(read.failure_count, u64::MAX);
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

#[test]
fn fields_come_in_any_order_and_unknown_ones_are_ignored() {
    let json = r#"{"lastStateChange":4,"ttl":{"ms":[1,2]},"successCount":2,"lastFailureTime":3,
        "failureCount":1,"forced":false,"state":"half-open"}"#;
    let read: CircuitBreakerSnapshot = serde_json::from_str(json).unwrap();
    assert_eq!(
        (read.state, read.failure_count, read.success_count),
        (HalfOpen, 1, 2)
    );
    assert_eq!((read.last_failure_time, read.last_state_change), (3, 4));
}

#[test]
fn an_invalid_snapshot_is_an_error() {
    let good = FORMS[1].1;
    for (bad, says) in [
        (good.replace("open", "ajar"), "unknown variant `ajar`"),
        (good.replace("open", "forced-open"), "unknown variant"),
        (good.replace("open", "Open"), "unknown variant"),
        (good.replace(r#""open""#, "1"), ""),
        (good.replace(":2", ":-1"), "invalid value"),
        (good.replace(":2", ":2.5"), "invalid type"),
        (good.replace(":2", r#":"2""#), "invalid type"),
        (good.replace(":2", ":null"), "invalid type"),
        (good.replace(":2", ":18446744073709551616"), "invalid"),
        (
            good.replace(r#""failureCount":2,"#, ""),
            "missing field `failureCount`",
        ),
        (
            good.replace("failureCount", "failure_count"),
            "missing field `failureCount`",
        ),
        (
            good.replace("}", r#","state":"open"}"#),
            "duplicate field `state`",
        ),
        (
            good.replace("open", r#"half-open","forced":true,"x":""#),
            "half-open",
        ),
        (good[..20].to_owned(), "EOF"),
        ("[]".to_owned(), ""),
        ("null".to_owned(), ""),
        (String::new(), "EOF"),
    ] {
        let error = serde_json::from_str::<CircuitBreakerSnapshot>(&bad).unwrap_err();
        assert!(error.to_string().contains(says), "{bad}: {error}");
    }
}

#[test]
fn a_state_alone_is_its_name() {
    for state in CircuitState::ALL {
        let json = format!("\"{state}\"");
        assert_eq!(serde_json::to_string(&state).unwrap(), json);
        assert_eq!(serde_json::from_str::<CircuitState>(&json).unwrap(), state);
    }
    assert!(serde_json::from_str::<CircuitState>("\"ajar\"").is_err());
}

/// Everything survives a form that isn't JSON text, where strings can't be borrowed.
#[test]
fn values_are_read_too() {
    for state in CircuitState::ALL {
        let snapshot = snapshot(state);
        let value = serde_json::to_value(snapshot).unwrap();
        let read: CircuitBreakerSnapshot = serde_json::from_value(value).unwrap();
        assert_eq!(read, snapshot);
        let value = serde_json::to_value(state).unwrap();
        assert_eq!(
            serde_json::from_value::<CircuitState>(value).unwrap(),
            state
        );
    }
}
