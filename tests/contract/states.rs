//! Every operation in every state.

use crate::scenario::{START, Scenario, Step, check_all, circuit, rejected, scenario};
use crate::support::model::{Outcome, Snapshot, State};
use crate::support::system::{Answer, Call};

use Answer::{Admitted, Is, Nothing, Probe, Recorded, Stale, Unknown};
use Call::*;
use State::*;
use Step::{At, Do, DoTimes};

/// The time at which the failures and successes of [`used`] are recorded.
const USED: u64 = 2_000;
/// The time of the operation.
const NOW: u64 = 3_000;

/// Returns the steps that bring the circuit into `state` at the start, with 2 failures and 3
/// successes recorded since, if the state counts.
fn used(state: Option<State>) -> Vec<Step> {
    let Some(state) = state else {
        return vec![At(NOW)];
    };
    vec![
        Do(Transition(state)),
        At(USED),
        DoTimes(2, RecordFailure),
        DoTimes(3, RecordSuccess),
        At(NOW),
    ]
}

/// Returns the circuit that [`used`] makes.
const fn was(state: State) -> Snapshot {
    match state {
        Disabled => circuit(Disabled, START),
        _ => circuit(state, START)
            .failures(2)
            .successes(3)
            .failed_at(USED),
    }
}

/// Returns the circuit moved to `state` now, with these counts.
const fn moved(from: State, to: State, failures: u64, successes: u64) -> Snapshot {
    let last_failure_time = was(from).last_failure_time;
    circuit(to, NOW)
        .failures(failures)
        .successes(successes)
        .failed_at(last_failure_time)
}

fn run(rows: impl IntoIterator<Item = (Option<State>, Call, Answer, Option<Snapshot>)>) {
    check_all(rows.into_iter().map(|(state, call, answer, then)| {
        let name = format!(
            "{call:?} of {}",
            state.map_or("unknown".into(), |s| format!("{s:?}"))
        );
        row(name, used(state), call, answer, then)
    }));
}

fn row(
    name: String,
    given: Vec<Step>,
    call: Call,
    answer: Answer,
    then: Option<Snapshot>,
) -> Scenario {
    let row = scenario(name).given(given).when(call).answers(answer);
    match then {
        Some(circuit) => row.then(circuit),
        None => row,
    }
}

const STATES: [State; 5] = [Closed, Open, HalfOpen, ForcedOpen, Disabled];

#[test]
fn get_state_creates_and_peek_does_not() {
    let fresh = circuit(Closed, NOW);
    run([
        (None, GetState, Is(fresh), Some(fresh)),
        (None, Peek, Unknown, None),
    ]);
    for state in STATES {
        let same = was(state);
        run([
            (Some(state), GetState, Is(same), Some(same)),
            (Some(state), Peek, Is(same), Some(same)),
        ]);
    }
}

#[test]
fn records_count_in_every_state_but_disabled() {
    let failed = |circuit: Snapshot| circuit.failures(circuit.failure_count + 1).failed_at(NOW);
    let succeeded = |circuit: Snapshot| circuit.successes(circuit.success_count + 1);

    let fresh = circuit(Closed, NOW);
    run(both(None, RecordFailure, failed(fresh)));
    run(both(None, RecordSuccess, succeeded(fresh)));
    for state in [Closed, Open, HalfOpen, ForcedOpen] {
        run(both(Some(state), RecordFailure, failed(was(state))));
        run(both(Some(state), RecordSuccess, succeeded(was(state))));
    }
    run(both(Some(Disabled), RecordFailure, was(Disabled)));
    run(both(Some(Disabled), RecordSuccess, was(Disabled)));
}

/// Makes a row whose call returns the circuit as it is afterwards.
fn both(
    state: Option<State>,
    call: Call,
    circuit: Snapshot,
) -> [(Option<State>, Call, Answer, Option<Snapshot>); 1] {
    [(state, call, Is(circuit), Some(circuit))]
}

#[test]
fn transitions_keep_and_zero_counts() {
    for from in [Closed, Open, HalfOpen, ForcedOpen] {
        for (to, failures, successes) in [
            (Closed, 0, 0),
            (Open, 2, 3),
            (HalfOpen, 2, 0),
            (ForcedOpen, 2, 3),
            (Disabled, 0, 0),
        ] {
            run(both(
                Some(from),
                Transition(to),
                moved(from, to, failures, successes),
            ));
        }
    }
    for to in STATES {
        run(both(Some(Disabled), Transition(to), circuit(to, NOW)));
        run(both(None, Transition(to), circuit(to, NOW)));
    }
}

#[test]
fn removed_circuits_are_unknown() {
    for state in [None].into_iter().chain(STATES.map(Some)) {
        run([Reset, Clear, Destroy].map(|call| (state, call, Nothing, None)));
    }
}

#[test]
fn checks_admit_or_reject() {
    run([
        (None, Acquire, Admitted, None),
        (Some(Closed), Acquire, Admitted, Some(was(Closed))),
        (Some(Open), Acquire, rejected(Open, 28_000), Some(was(Open))),
        (Some(HalfOpen), Acquire, Probe, Some(was(HalfOpen))),
        (
            Some(ForcedOpen),
            Acquire,
            rejected(ForcedOpen, 30_000),
            Some(was(ForcedOpen)),
        ),
        (Some(Disabled), Acquire, Admitted, Some(was(Disabled))),
    ]);
}

const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Ignored];

#[test]
fn reports_of_the_current_state_count() {
    let one_failure = circuit(Closed, NOW).failures(1).failed_at(NOW);
    let reopened = moved(HalfOpen, Open, 3, 3).failed_at(NOW);
    for (state, outcome, then) in [
        (None, Outcome::Success, None),
        (None, Outcome::Failure, Some(one_failure)),
        (None, Outcome::Ignored, None),
        (
            Some(Closed),
            Outcome::Success,
            Some(was(Closed).failures(0)),
        ),
        (
            Some(Closed),
            Outcome::Failure,
            Some(was(Closed).failures(3).failed_at(NOW)),
        ),
        (Some(Closed), Outcome::Ignored, Some(was(Closed))),
        (
            Some(HalfOpen),
            Outcome::Success,
            Some(moved(HalfOpen, Closed, 0, 0)),
        ),
        (Some(HalfOpen), Outcome::Failure, Some(reopened)),
        (Some(HalfOpen), Outcome::Ignored, Some(was(HalfOpen))),
        (Some(Disabled), Outcome::Success, Some(was(Disabled))),
        (Some(Disabled), Outcome::Failure, Some(was(Disabled))),
        (Some(Disabled), Outcome::Ignored, Some(was(Disabled))),
    ] {
        let mut given = used(state);
        given.push(Do(Acquire));
        let name = format!("a report of {outcome:?} to {state:?}");
        check_all([row(name, given, Report(0, outcome), Recorded, then)]);
    }
    // A release reports no outcome.
    for state in [None, Some(Closed), Some(HalfOpen), Some(Disabled)] {
        let mut given = used(state);
        given.push(Do(Acquire));
        let name = format!("a release to {state:?}");
        check_all([row(name, given, Release(0), Recorded, state.map(was))]);
    }
}

#[test]
fn stale_reports_change_nothing() {
    for state in STATES {
        let mut given = vec![Do(Acquire)];
        given.extend(used(Some(state)));
        for outcome in OUTCOMES {
            let name = format!("a late report of {outcome:?} to {state:?}");
            let call = Report(0, outcome);
            check_all([row(name, given.clone(), call, Stale, Some(was(state)))]);
        }
        let name = format!("a late release to {state:?}");
        check_all([row(name, given, Release(0), Stale, Some(was(state)))]);
    }
    for removal in [Reset, Clear, Destroy] {
        for outcome in OUTCOMES {
            let given = vec![Do(GetState), Do(Acquire), Do(removal)];
            let name = format!("a report of {outcome:?} after {removal:?}");
            check_all([row(name, given, Report(0, outcome), Stale, None)]);
        }
    }
}
