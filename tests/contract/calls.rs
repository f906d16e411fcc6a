//! Guarded calls whose errors say what they mean, and the errors of calls.

use std::time::Duration;

use breakerbox::{CallError, CircuitBreaker, Outcome, Report};

const KEY: &str = "upstream";

#[derive(Debug, PartialEq)]
enum Fault {
    Busy { secs: u64 },
    Absent,
}

fn busy() -> Result<(), Fault> {
    Err(Fault::Busy { secs: 90 })
}

fn absent() -> Result<(), Fault> {
    Err(Fault::Absent)
}

/// The closures below are inferred: nothing names `Fault`'s type in them.
#[test]
fn an_error_says_what_it_means() {
    let breaker = CircuitBreaker::builder()
        .failure_threshold(1)
        .build()
        .unwrap();
    let search = breaker.circuit(KEY).unwrap();

    let result = breaker.call_if(KEY, absent, |error| match error {
        Fault::Busy { .. } => Outcome::Failure,
        Fault::Absent => Outcome::Ignored,
    });
    assert_eq!(result, Err(CallError::Inner(Fault::Absent)));
    assert_eq!(
        search.call_if(absent, |_| Outcome::Success),
        Err(CallError::Inner(Fault::Absent))
    );
    assert_eq!(
        search.call_if(|| Ok::<_, Fault>(7), |_| Outcome::Failure),
        Ok(7)
    );
    assert_eq!(search.get_state().failure_count, 0);

    let result = breaker.call_if(KEY, busy, |error| match error {
        Fault::Busy { secs } => {
            Report::from(Outcome::Failure).retry_after(Duration::from_secs(*secs))
        }
        Fault::Absent => Outcome::Ignored.into(),
    });
    assert_eq!(result, Err(CallError::Inner(Fault::Busy { secs: 90 })));
    let rejected = search.call_if(absent, |_| Outcome::Success).unwrap_err();
    assert!(matches!(rejected, CallError::Rejected(open) if open.retry_after_secs() == 90));
}
