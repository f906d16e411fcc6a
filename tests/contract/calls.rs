//! Guarded calls whose errors are classified, and the errors of calls.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use breakerbox::{CallError, CircuitBreaker, CircuitState, Outcome, Rejected, Report};

type BoxError = Box<dyn Error + Send + Sync>;

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

/// The types in the closures below are inferred: none names `Fault`.
#[test]
fn a_closure_classifies_errors() {
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

/// Returns call errors of each kind.
fn kinds() -> [CallError<std::io::Error>; 3] {
    let breaker = CircuitBreaker::new();
    assert!(breaker.force_open(KEY).is_some());
    let rejected = breaker.call(KEY, || Err::<(), _>(fault())).unwrap_err();
    let timed_out = CallError::TimedOut(Duration::from_secs(5));
    [rejected, timed_out, CallError::Inner(fault())]
}

fn fault() -> std::io::Error {
    std::io::ErrorKind::BrokenPipe.into()
}

#[test]
fn a_call_error_has_a_text_of_its_own_and_a_cause() {
    let texts = kinds().map(|error| (error.to_string(), error.source().map(ToString::to_string)));
    let expected = [
        (
            "call rejected",
            Some("circuit is forced-open, retry after 30s"),
        ),
        ("call timed out after 5s", None),
        ("call failed", Some("broken pipe")),
    ];
    assert_eq!(
        texts,
        expected.map(|(own, cause)| (own.to_owned(), cause.map(str::to_owned)))
    );
}

#[test]
fn a_call_error_tells_its_kind() {
    let thirty = Duration::from_secs(30);
    let told = kinds().map(|error| (error.rejected().map(|r| r.state()), error.retry_after()));
    let rejected = (Some(CircuitState::ForcedOpen), Some(thirty));
    assert_eq!(told, [rejected, (None, None), (None, None)]);

    let mapped = kinds().map(|error| error.map_inner(|error| error.kind()));
    let [rejected, timed_out, inner] = mapped;
    assert_eq!(rejected.retry_after(), Some(thirty));
    assert_eq!(timed_out, CallError::TimedOut(Duration::from_secs(5)));
    assert_eq!(inner.into_inner(), Some(std::io::ErrorKind::BrokenPipe));
}

/// Chains of `anyhow` and of boxed errors, whatever the call's own error is.
#[test]
fn a_rejection_is_found_in_every_chain() {
    fn direct(error: CallError<std::io::Error>) -> anyhow::Result<()> {
        Err(error)?
    }
    fn over_anyhow(error: CallError<std::io::Error>) -> anyhow::Result<()> {
        let error = error.map_inner(anyhow::Error::from);
        Err(error.into_boxed()).context("no answer")
    }
    fn over_a_box(error: CallError<std::io::Error>) -> Result<(), BoxError> {
        let error = error.map_inner(BoxError::from);
        Err(error.into_boxed())?
    }
    for (place, is_rejected) in [true, false, false].into_iter().enumerate() {
        let error = || kinds().into_iter().nth(place).unwrap();
        let chains: [BoxError; 3] = [
            direct(error()).unwrap_err().into_boxed_dyn_error(),
            over_anyhow(error()).unwrap_err().into_boxed_dyn_error(),
            over_a_box(error()).unwrap_err(),
        ];
        for chain in chains {
            assert_eq!(
                Rejected::find_in(&*chain).is_some(),
                is_rejected,
                "{chain:?}"
            );
        }
    }
}

#[test]
fn the_call_s_error_is_found_behind_a_boxed_one() {
    let [_, _, failed] = kinds();
    let boxed = failed.map_inner(BoxError::from).into_boxed();
    assert_eq!(boxed.to_string(), "call failed");
    let own = boxed
        .source()
        .and_then(|own| own.downcast_ref::<std::io::Error>());
    assert_eq!(
        own.map(std::io::Error::kind),
        Some(std::io::ErrorKind::BrokenPipe)
    );
    let unboxed = boxed.into_unboxed().into_inner();
    assert!(unboxed.is_some_and(|own| own.is::<std::io::Error>()));
}
