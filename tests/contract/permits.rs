//! Checks and reports: thresholds, probes, and reports that come too late.

use crate::scenario::{START, Step, check_all, circuit, rejected, scenario};
use crate::support::model::{FailureCounting, Outcome, Rules, State};
use crate::support::system::{Answer, Call};

use Answer::{Admitted, Nothing, Probe, Recorded, Stale};
use Call::*;
use Outcome::{Failure, Ignored, Success};
use State::*;
use Step::{At, Do, DoTimes, Other, Under};

/// The time at which an open circuit is due.
pub(crate) const DUE: u64 = START + 30_000;

pub(crate) fn rules(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = Rules::default();
    change(&mut rules);
    rules
}

/// Half-open since [`DUE`], with permits 0 to `probes - 1` in flight.
pub(crate) fn probing(probes: usize) -> Vec<Step> {
    let mut steps = vec![Do(Transition(Open)), Do(GetState), At(DUE)];
    steps.extend(vec![Do(Acquire); probes]);
    steps
}

fn failed_calls(from: usize, calls: usize) -> Vec<Step> {
    (from..from + calls)
        .flat_map(|n| [Do(Acquire), Do(Report(n, Failure))])
        .collect()
}

#[test]
fn closed_circuits_open_at_the_threshold() {
    let opened = circuit(Open, START).failed_at(START);
    let closed = circuit(Closed, START).failed_at(START);
    check_all([
        scenario("the fourth failure of five leaves it closed")
            .given(failed_calls(0, 3))
            .given([Do(Acquire)])
            .when(Report(3, Failure))
            .answers(Recorded)
            .then(closed.failures(4)),
        scenario("the fifth opens")
            .given(failed_calls(0, 4))
            .given([Do(Acquire)])
            .when(Report(4, Failure))
            .answers(Recorded)
            .then(opened.failures(5)),
        scenario("under a threshold of 1 the first failure of an unknown key opens")
            .under(rules(|r| r.failure_threshold = 1))
            .given([Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(opened.failures(1)),
        scenario("failures that were recorded by hand count towards it")
            .given([DoTimes(4, RecordFailure), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(opened.failures(5)),
        scenario("a count already past it opens with the next report")
            .given([DoTimes(9, RecordFailure), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(opened.failures(10)),
        scenario("but not with a success under the rule of totals")
            .under(rules(|r| r.trip = FailureCounting::Total))
            .given([DoTimes(9, RecordFailure), Do(Acquire)])
            .when(Report(0, Success))
            .answers(Recorded)
            .then(closed.failures(9)),
        scenario("recording by hand never opens")
            .given([DoTimes(99, RecordFailure)])
            .when(RecordFailure)
            .returns(closed.failures(100)),
        scenario("a success in between forgets the failures")
            .given(failed_calls(0, 4))
            .given([Do(Acquire), Do(Report(4, Success)), Do(Acquire)])
            .when(Report(5, Failure))
            .answers(Recorded)
            .then(closed.failures(1)),
        scenario("under the rule of totals it does not")
            .under(rules(|r| r.trip = FailureCounting::Total))
            .given(failed_calls(0, 4))
            .given([Do(Acquire), Do(Report(4, Success)), Do(Acquire)])
            .when(Report(5, Failure))
            .answers(Recorded)
            .then(opened.failures(5)),
        scenario("an ignored outcome in between changes nothing")
            .given(failed_calls(0, 4))
            .given([Do(Acquire), Do(Report(4, Ignored)), Do(Acquire)])
            .when(Report(5, Failure))
            .answers(Recorded)
            .then(opened.failures(5)),
        scenario("a success that was recorded by hand forgets no failures")
            .given(failed_calls(0, 4))
            .when(RecordSuccess)
            .returns(closed.failures(4).successes(1)),
        scenario("a lower threshold applies from the next report on")
            .given(failed_calls(0, 3))
            .given([Do(Acquire), Under(rules(|r| r.failure_threshold = 2))])
            .when(Report(3, Failure))
            .answers(Recorded)
            .then(opened.failures(4)),
    ]);
}

#[test]
fn half_open_circuits_admit_n_probes() {
    let half_open = circuit(HalfOpen, DUE);
    let two = rules(|r| r.half_open_max = 2);
    check_all([
        scenario("the check that finds the time over is a probe")
            .given(probing(0))
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
        scenario("one probe is in flight: no more")
            .given(probing(1))
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(half_open),
        scenario("the second of two")
            .under(two)
            .given(probing(1))
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
        scenario("a third of two")
            .under(two)
            .given(probing(2))
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(half_open),
        scenario("the transition to half-open took no slot")
            .given([Do(Transition(HalfOpen))])
            .when(Acquire)
            .answers(Probe)
            .then(circuit(HalfOpen, START)),
        scenario("half-open once more: the slots are free again")
            .given(probing(1))
            .given([Do(Transition(HalfOpen))])
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
        scenario("a look takes no slot")
            .given(probing(0))
            .given([
                Do(Transition(HalfOpen)),
                DoTimes(10, Peek),
                DoTimes(10, GetState),
            ])
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
    ]);
}

#[test]
fn probes_decide() {
    let half_open = circuit(HalfOpen, DUE);
    let closed = circuit(Closed, DUE);
    let reopened = circuit(Open, DUE).failures(1).failed_at(DUE);
    let three_needed = rules(|r| r.success_threshold = 3);
    let three_out = rules(|r| (r.half_open_max, r.success_threshold) = (3, 3));
    check_all([
        scenario("a probe's success closes")
            .given(probing(1))
            .when(Report(0, Success))
            .answers(Recorded)
            .then(closed),
        scenario("its failure opens, and counts")
            .given(probing(1))
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(reopened),
        scenario("and the circuit rejects for as long again")
            .given(probing(1))
            .given([At(DUE + 5), Do(Report(0, Failure))])
            .when(Acquire)
            .answers(rejected(Open, 30_000))
            .then(circuit(Open, DUE + 5).failures(1).failed_at(DUE + 5)),
        scenario("an ignored probe gives its slot back")
            .given(probing(1))
            .given([Do(Report(0, Ignored))])
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
        scenario("and so does a released one")
            .given(probing(1))
            .given([Do(Release(0))])
            .when(Acquire)
            .answers(Probe)
            .then(half_open),
        scenario("ignored probes never add up to a decision")
            .given(probing(0))
            .given((0..9).flat_map(|n| [Do(Acquire), Do(Report(n, Ignored))]))
            .when(Peek)
            .answers(Answer::Is(half_open))
            .then(half_open),
        scenario("two successes of three leave it half-open")
            .under(three_needed)
            .given(probing(1))
            .given([Do(Report(0, Success)), Do(Acquire)])
            .when(Report(1, Success))
            .answers(Recorded)
            .then(half_open),
        scenario("the third closes, by the same single slot")
            .under(three_needed)
            .given(probing(1))
            .given([
                Do(Report(0, Success)),
                Do(Acquire),
                Do(Report(1, Success)),
                Do(Acquire),
            ])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(closed),
        scenario("an ignored one in between doesn't count")
            .under(three_out)
            .given(probing(3))
            .given([Do(Report(0, Success)), Do(Report(1, Ignored))])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(half_open),
        scenario("one failure outweighs successes before it")
            .under(three_out)
            .given(probing(3))
            .given([Do(Report(0, Success)), Do(Report(1, Success))])
            .when(Report(2, Failure))
            .answers(Recorded)
            .then(reopened),
        scenario("successes of an earlier half-open don't count")
            .under(three_needed)
            .given(probing(1))
            .given([Do(Report(0, Success)), Do(Acquire), Do(Report(1, Success))])
            .given([Do(Transition(HalfOpen)), Do(Acquire)])
            .when(Report(2, Success))
            .answers(Recorded)
            .then(half_open),
        scenario("successes recorded by hand close nothing")
            .given(probing(0))
            .given([Do(Transition(HalfOpen)), DoTimes(4, RecordSuccess)])
            .when(RecordSuccess)
            .returns(half_open.successes(5)),
        scenario("and failures recorded by hand open nothing")
            .given(probing(0))
            .given([Do(Transition(HalfOpen)), DoTimes(8, RecordFailure)])
            .when(RecordFailure)
            .returns(half_open.failures(9).failed_at(DUE)),
        scenario("closing zeroes the counts, and keeps the time of the last failure")
            .given([DoTimes(7, RecordFailure), DoTimes(3, RecordSuccess)])
            .given(probing(1))
            .when(Report(0, Success))
            .answers(Recorded)
            .then(closed.failed_at(START)),
    ]);
}

#[test]
fn late_probes_are_stale() {
    let two = rules(|r| r.half_open_max = 2);
    let reopened = circuit(Open, DUE).failures(1).failed_at(DUE);
    let again = DUE + 30_000;
    check_all([
        scenario("a success after another probe's failure")
            .under(two)
            .given(probing(2))
            .given([Do(Report(0, Failure))])
            .when(Report(1, Success))
            .answers(Stale)
            .then(reopened),
        scenario("a failure after another probe's failure: it counts once")
            .under(two)
            .given(probing(2))
            .given([Do(Report(0, Failure))])
            .when(Report(1, Failure))
            .answers(Stale)
            .then(reopened),
        scenario("a failure after another probe's success")
            .under(two)
            .given(probing(2))
            .given([Do(Report(0, Success))])
            .when(Report(1, Failure))
            .answers(Stale)
            .then(circuit(Closed, DUE)),
        scenario("a late success doesn't close the next half-open")
            .under(two)
            .given(probing(2))
            .given([Do(Report(0, Failure)), At(again), Do(Acquire)])
            .when(Report(1, Success))
            .answers(Stale)
            .then(circuit(HalfOpen, again).failures(1).failed_at(DUE)),
        scenario("a late refund frees no slot of the next half-open")
            .under(two)
            .given(probing(2))
            .given([
                Do(Report(0, Failure)),
                At(again),
                DoTimes(2, Acquire),
                Do(Release(1)),
            ])
            .when(Acquire)
            .answers(rejected(HalfOpen, 30_000))
            .then(circuit(HalfOpen, again).failures(1).failed_at(DUE)),
    ]);
}

#[test]
fn reports_of_other_states_are_stale() {
    let opened = circuit(Open, START).failures(5).failed_at(START);
    check_all([
        scenario("a call admitted before the trip fails after it")
            .given([Do(Acquire)])
            .given(failed_calls(1, 5))
            .when(Report(0, Failure))
            .answers(Stale)
            .then(opened),
        scenario("a call admitted before the trip succeeds while it is half-open")
            .given([Do(Acquire)])
            .given(failed_calls(1, 5))
            .given([At(DUE), Do(Acquire)])
            .when(Report(0, Success))
            .answers(Stale)
            .then(circuit(HalfOpen, DUE).failures(5).failed_at(START)),
        scenario("a call admitted before the trip fails after the recovery")
            .given([Do(Acquire)])
            .given(failed_calls(1, 5))
            .given([At(DUE), Do(Acquire), Do(Report(6, Success))])
            .when(Report(0, Failure))
            .answers(Stale)
            .then(circuit(Closed, DUE).failed_at(START)),
        scenario("a transition to the same state makes reports stale")
            .given([Do(GetState), Do(Acquire), Do(Transition(Closed))])
            .when(Report(0, Failure))
            .answers(Stale)
            .then(circuit(Closed, START)),
        scenario("a circuit created by a transition has changed state")
            .given([Do(Acquire), Do(Transition(Closed))])
            .when(Report(0, Failure))
            .answers(Stale)
            .then(circuit(Closed, START)),
        scenario("a reset makes reports stale, also once the circuit exists again")
            .given([Do(GetState), Do(Acquire), Do(Reset), Do(RecordFailure)])
            .when(Report(0, Failure))
            .answers(Stale)
            .then(circuit(Closed, START).failures(1).failed_at(START)),
        scenario("also if the permit was given while it was unknown")
            .given([Do(Acquire), Do(RecordFailure), Do(Reset)])
            .when(Report(0, Failure))
            .answers(Stale),
        scenario("and a permit given after the reset counts")
            .given([Do(Transition(Open)), Do(Reset), Do(Acquire)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(circuit(Closed, START).failures(1).failed_at(START)),
    ]);
}

#[test]
fn calls_of_an_unknown_key_all_count() {
    let one = |at| circuit(Closed, at).failures(1).failed_at(at);
    check_all([
        scenario("the first failure creates the circuit")
            .given([Do(Acquire), At(2_000)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(one(2_000)),
        scenario("five calls admitted before there was a circuit open it together")
            .given([DoTimes(5, Acquire)])
            .given((0..4).map(|n| Do(Report(n, Failure))))
            .when(Report(4, Failure))
            .answers(Recorded)
            .then(circuit(Open, START).failures(5).failed_at(START)),
        scenario("the sixth is stale")
            .given([DoTimes(6, Acquire)])
            .given((0..5).map(|n| Do(Report(n, Failure))))
            .when(Report(5, Failure))
            .answers(Stale)
            .then(circuit(Open, START).failures(5).failed_at(START)),
        scenario("a circuit created by a look has not changed state")
            .given([Do(Acquire), Do(GetState)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(one(START)),
        scenario("nor does the reset of an unknown key change state")
            .given([Do(Acquire), Do(Reset), Do(Clear)])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(one(START)),
        scenario("other keys may trip meanwhile")
            .given([
                Do(Acquire),
                Other(Transition(Open)),
                Other(Transition(Closed)),
            ])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(one(START)),
        scenario("and reject, while this one is admitted")
            .given([Other(Transition(ForcedOpen))])
            .when(Acquire)
            .answers(Admitted),
        scenario("a known circuit ignores other keys")
            .given([
                Do(GetState),
                Do(Acquire),
                Other(Transition(Open)),
                Other(Reset),
            ])
            .when(Report(0, Failure))
            .answers(Recorded)
            .then(one(START)),
        scenario("the reset of another key leaves it alone")
            .given([Do(RecordFailure), Other(RecordFailure), Other(Reset)])
            .when(Peek)
            .answers(Answer::Is(one(START)))
            .then(one(START)),
        scenario("resets of nothing do nothing")
            .when(Reset)
            .answers(Nothing),
    ]);
}
