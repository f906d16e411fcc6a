//! Deadlines to the millisecond, and clocks that misbehave.

use crate::scenario::{START, Step, check_all, circuit, rejected, scenario};
use crate::support::model::{MAX_FAILURES, MAX_TIME, Outcome, Rules, State};
use crate::support::system::{Answer, Call};

use Answer::{Probe, Recorded};
use Call::*;
use Outcome::Failure;
use State::*;
use Step::{At, Do, DoTimes, Under};

#[test]
fn open_until_its_time_is_over() {
    let open = circuit(Open, START);
    check_all([
        scenario("at once")
            .given([Do(Transition(Open))])
            .when(Acquire)
            .answers(rejected(Open, 30_000))
            .then(open),
        scenario("one ms before")
            .given([Do(Transition(Open)), At(START + 29_999)])
            .when(Acquire)
            .answers(rejected(Open, 1))
            .then(open),
        scenario("exactly then")
            .given([Do(Transition(Open)), At(START + 30_000)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, START + 30_000)),
        scenario("long after: the new state begins when it is asked for")
            .given([Do(Transition(Open)), At(START + 999_999)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, START + 999_999)),
        scenario("no call comes: it stays open")
            .given([Do(Transition(Open)), At(START + 999_999)])
            .when(GetState)
            .returns(open),
        scenario("open again: the time begins again")
            .given([
                Do(Transition(Open)),
                At(START + 29_999),
                Do(Transition(Open)),
            ])
            .when(Acquire)
            .answers(rejected(Open, 30_000))
            .then(circuit(Open, START + 29_999)),
        scenario("the first check fixes the open time")
            .given([
                Do(Transition(Open)),
                Do(Acquire),
                Under(shorter()),
                At(START + 10),
            ])
            .when(Acquire)
            .answers(rejected(Open, 29_990))
            .then(open),
        scenario("or by the report that opened it")
            .given([
                DoTimes(4, RecordFailure),
                Do(Acquire),
                Do(Report(0, Failure)),
            ])
            .given([Under(shorter()), At(START + 10)])
            .when(Acquire)
            .answers(rejected(Open, 29_990))
            .then(open.failures(5).failed_at(START)),
        scenario("for this opening only")
            .given([
                Do(Transition(Open)),
                Do(Acquire),
                Under(shorter()),
                Do(Transition(Open)),
            ])
            .when(Acquire)
            .answers(rejected(Open, 10))
            .then(open),
        scenario("forced open has no end")
            .given([Do(Transition(ForcedOpen)), At(u64::MAX)])
            .when(Acquire)
            .answers(rejected(ForcedOpen, 30_000))
            .then(circuit(ForcedOpen, START)),
    ]);
}

fn shorter() -> Rules {
    Rules {
        reset_timeout: 10,
        ..Rules::default()
    }
}

/// A store whose clock starts at 0 is no special case.
#[test]
fn time_begins_at_zero() {
    check_all([
        scenario("created at 0")
            .given([At(0)])
            .when(GetState)
            .returns(circuit(Closed, 0)),
        scenario("and still since 0 later")
            .given([At(0), Do(GetState), At(5)])
            .when(GetState)
            .returns(circuit(Closed, 0)),
        scenario("opened at 0, due at 30,000")
            .given([At(0), Do(Transition(Open)), At(30_000)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, 30_000)),
        scenario("opened at 0, not due one ms before")
            .given([At(0), Do(Transition(Open)), At(29_999)])
            .when(Acquire)
            .answers(rejected(Open, 1))
            .then(circuit(Open, 0)),
        scenario("half-open at 0, its lease over at 30,000")
            .given([At(0), Do(Transition(HalfOpen)), Do(Acquire), At(30_000)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, 0)),
    ]);
}

#[test]
fn a_clock_that_steps_back_moves_no_recorded_time_back() {
    check_all([
        scenario("the last failure keeps the later time")
            .given([Do(RecordFailure), At(10)])
            .when(RecordFailure)
            .returns(circuit(Closed, START).failures(2).failed_at(START)),
        scenario("also when a report comes")
            .given([Do(RecordFailure), Do(Acquire), At(10)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(circuit(Closed, START).failures(2).failed_at(START)),
        scenario("a state that begins then has that time")
            .given([Do(RecordFailure), At(10)])
            .when(Transition(Open))
            .returns(circuit(Open, 10).failures(1).failed_at(START)),
        scenario("an open circuit reports its whole time as left, and no more")
            .given([Do(Transition(Open)), At(10)])
            .when(Acquire)
            .answers(rejected(Open, 30_000))
            .then(circuit(Open, START)),
        scenario("but is due when it was")
            .given([
                Do(Transition(Open)),
                At(10),
                Do(Acquire),
                At(START + 29_999),
            ])
            .when(Acquire)
            .answers(rejected(Open, 1))
            .then(circuit(Open, START)),
        scenario("and its lease is over when it was")
            .given([Do(Transition(HalfOpen)), Do(Acquire), At(10)])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, START)),
    ]);
}

/// A store's time ends in 2109; a later clock stands still for it.
#[test]
fn time_ends() {
    check_all([
        scenario("an open circuit is due")
            .given([Do(Transition(Open)), At(u64::MAX)])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, MAX_TIME)),
        scenario("the last time that fits is kept as it is")
            .given([At(MAX_TIME)])
            .when(RecordFailure)
            .returns(circuit(Closed, MAX_TIME).failures(1).failed_at(MAX_TIME)),
        scenario("a later one is kept as the last that fits")
            .given([At(MAX_TIME + 1)])
            .when(RecordFailure)
            .returns(circuit(Closed, MAX_TIME).failures(1).failed_at(MAX_TIME)),
        scenario("a circuit that opens then is never due")
            .given([At(MAX_TIME), Do(Transition(Open)), At(u64::MAX)])
            .when(Acquire)
            .answers(rejected(Open, 30_000))
            .then(circuit(Open, MAX_TIME)),
        scenario("a reset helps")
            .given([At(u64::MAX), Do(Transition(Open)), At(START), Do(Reset)])
            .when(Acquire)
            .answers(Answer::Admitted),
    ]);
}

#[test]
fn failures_saturate() {
    let most = MAX_FAILURES as u32;
    let full = circuit(Closed, START)
        .failures(MAX_FAILURES)
        .failed_at(START);
    check_all([
        scenario("a full count stays full, and spills into no other field")
            .given([
                DoTimes(most, RecordFailure),
                DoTimes(2, RecordSuccess),
                At(2_000),
            ])
            .when(RecordFailure)
            .returns(full.failed_at(2_000).successes(2)),
        scenario("it opens at the highest threshold")
            .under(Rules {
                failure_threshold: 1_000_000,
                ..Rules::default()
            })
            .given([DoTimes(most, RecordFailure), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(circuit(Open, START).failures(MAX_FAILURES).failed_at(START)),
    ]);
}
