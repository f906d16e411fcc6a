//! The decisions: the effect of a check or a report on a control word under a given policy.

use super::cause::Cause;
use super::policy::Policy;
use super::trip::Judgement;
use super::values::FailureCounting;
use crate::word::{Control, Generation, Outcome, PermitToken, Probes, Report, State, Tally};

/// The next step of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Admission {
    /// Closed or disabled: let the call through.
    Admit,
    /// Vacant or retired: an unknown circuit, which admits in the name of the store.
    Unknown,
    /// Open: reject until its time is over.
    AwaitReset,
    /// Half-open: ask for a probe.
    TakeProbe,
    /// Forced-open: reject.
    Reject,
}

/// Decides the next step of a check of a circuit with this control word.
#[inline]
pub(crate) const fn on_acquire(control: Control) -> Admission {
    match control.state() {
        State::Closed | State::Watched | State::Disabled => Admission::Admit,
        State::Vacant | State::Retired => Admission::Unknown,
        State::Open => Admission::AwaitReset,
        State::HalfOpen => Admission::TakeProbe,
        State::ForcedOpen => Admission::Reject,
    }
}

/// The next step of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Verdict {
    /// Nothing changes here: recorded.
    Nothing,
    /// Begin the life of an unknown circuit, with its first call that counts, then decide again.
    Revive,
    /// Store this word: a failure counted or failures forgotten. Same generation.
    Replace(Control),
    /// Open the circuit, from this word with the failure counted.
    Open(Control, Cause),
    /// The call was a probe: [`on_probe`] decides.
    Probe,
}

/// The next step of a probe's report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum ProbeVerdict {
    /// Store the probes: an outcome counted, or a probe given back. Same generation.
    Undecided,
    /// Open the circuit, from this word with the failure counted.
    Open(Control, Cause),
    /// Close the half-open circuit.
    Close(Cause),
}

/// Returns whether the circuit has changed state since `permit` was given.
///
/// `generation` is the circuit's own, or for a fresh cell the one that it would begin its life
/// with.
#[inline]
pub(crate) fn is_stale(generation: Generation, permit: PermitToken) -> bool {
    // A probe belongs to one generation; with another, it is of another circuit.
    generation.is_after(permit.issued()) || permit.is_probe() && generation != permit.issued()
}

/// Decides the effect of `outcome`, of a call admitted by `permit`, on `control`, unless the
/// report is stale.
///
/// `tally` has the counts of the window, the outcome among them already; zeroes without a window.
#[inline]
pub(crate) fn on_report(
    control: Control,
    permit: PermitToken,
    outcome: Outcome,
    policy: &Policy,
    tally: Tally,
) -> Verdict {
    match (control.state(), outcome) {
        (State::Vacant | State::Retired, Outcome::Failure) => Verdict::Revive,
        (State::Vacant | State::Retired, Outcome::Success) if policy.windows() => Verdict::Revive,
        (State::Closed | State::Watched, Outcome::Failure) => {
            let counted = control.with_failure();
            match policy.trip.opens(counted.failures(), tally) {
                Some(cause) => Verdict::Open(counted, cause),
                None => Verdict::Replace(counted),
            }
        }
        (State::Closed | State::Watched, Outcome::Success) => on_success(control, policy, tally),
        // Only a probe holds a permit of a half-open generation; anything else was made up.
        (State::HalfOpen, _) if !permit.is_probe() => Verdict::Nothing,
        (State::HalfOpen, _) => Verdict::Probe,
        (State::Open | State::ForcedOpen | State::Disabled, _)
        | (State::Closed | State::Watched | State::Vacant | State::Retired, _) => Verdict::Nothing,
    }
}

fn on_success(control: Control, policy: &Policy, tally: Tally) -> Verdict {
    let next = match policy.trip.counting {
        FailureCounting::ConsecutiveFailures => control.without_failures(),
        FailureCounting::TotalFailures => control,
    };
    // The call that completes the minimum may be a success, and so may a slow one.
    match policy.trip.window_opens(tally) {
        Some(cause) => Verdict::Open(next, cause),
        None if next == control => Verdict::Nothing,
        None => Verdict::Replace(next),
    }
}

/// Decides the effect of a probe's `outcome`, which `probes` includes.
///
/// The outcome that decides isn't stored: the transition is its effect, in one step, so that of two
/// that race exactly one takes place.
pub(crate) fn on_probe(
    control: Control,
    probes: Probes,
    outcome: Outcome,
    policy: &Policy,
) -> ProbeVerdict {
    let (succeeded, failed) = (probes.succeeded, probes.failed);
    let judgement = match outcome {
        // It only gives its probe back.
        Outcome::Ignored => Judgement::Undecided,
        _ => policy.half_open.verdict.judge(succeeded, failed),
    };
    let probes_reported = probes.reported();
    match judgement {
        Judgement::Undecided => ProbeVerdict::Undecided,
        Judgement::Recovered => ProbeVerdict::Close(Cause::ProbesSucceeded {
            succeeded,
            probes: probes_reported,
        }),
        Judgement::Failed => {
            let cause = Cause::ProbesFailed {
                failed,
                probes: probes_reported,
            };
            let counted = match outcome {
                Outcome::Failure => control.with_failure(),
                _ => control,
            };
            ProbeVerdict::Open(counted, cause)
        }
    }
}

/// Returns the outcome as which a call counts. A slow success of a probe counts as a failure where
/// slow calls open, since it shows no recovery.
#[inline]
pub(crate) fn outcome_of(report: Report, state: State, policy: &Policy) -> Outcome {
    match report.outcome() {
        Outcome::Success if state == State::HalfOpen && is_slow(report, policy) => Outcome::Failure,
        outcome => outcome,
    }
}

/// Returns whether the call was slow, where that matters.
#[inline]
pub(crate) fn is_slow(report: Report, policy: &Policy) -> bool {
    match (policy.trip.slow, report.took_time()) {
        (Some(slow), Some(took)) => took >= slow,
        _ => false,
    }
}

/// Returns whether the call was a success and, where that matters, not slow.
#[inline]
pub(crate) fn is_fine(report: Report, policy: &Policy) -> bool {
    report.outcome() == Outcome::Success && !is_slow(report, policy)
}

#[cfg(test)]
mod tests {
    use super::super::policy::ProbeRule;
    use super::super::values::SlidingWindow;
    use super::*;
    use crate::word::FAILURES_MAX;
    use std::time::Duration;

    const GENERATION: Generation = Generation::from_bits(100);
    const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Ignored];

    fn word(state: State, failures: u32) -> Control {
        let mut control = Control::revived(GENERATION).moved(state, GENERATION);
        if matches!(state, State::Vacant | State::Retired) {
            return control;
        }
        control = Control::from_bits(control.bits() + u64::from(failures));
        assert_eq!((control.state(), control.failures()), (state, failures));
        control
    }

    fn policy(failures: u32, successes: u32, allowed: u32, counting: FailureCounting) -> Policy {
        let mut policy = Policy::default();
        policy.trip.failure_threshold = failures;
        policy.trip.counting = counting;
        policy.half_open.verdict = ProbeRule::Count { successes, allowed };
        policy
    }

    /// The decision on a report, and the probes that it leaves.
    #[derive(PartialEq, Debug)]
    enum Decided {
        Call(Verdict),
        Probe(ProbeVerdict, Probes),
    }

    fn report(
        control: Control,
        permit: PermitToken,
        outcome: Outcome,
        policy: &Policy,
        probes: Probes,
    ) -> Decided {
        match on_report(control, permit, outcome, policy, Tally::default()) {
            Verdict::Probe => {
                let probes = probes.report(outcome, permit.lease());
                Decided::Probe(on_probe(control, probes, outcome, policy), probes)
            }
            verdict => Decided::Call(verdict),
        }
    }

    #[test]
    fn a_probe_that_is_ignored_decides_nothing() {
        // As after a replacement of the policy: the probes reported so far would be enough by now.
        let probes = Probes::of(1, 3, 3);
        let policy = policy(5, 1, 0, FailureCounting::ConsecutiveFailures);
        let control = word(State::HalfOpen, 5);
        let verdict = on_probe(control, probes, Outcome::Ignored, &policy);
        assert_eq!(verdict, ProbeVerdict::Undecided);
        for decides in [Outcome::Success, Outcome::Failure] {
            let verdict = on_probe(control, probes, decides, &policy);
            assert_ne!(verdict, ProbeVerdict::Undecided);
        }
    }

    #[test]
    fn a_check_of_every_state() {
        for failures in [0, 1, FAILURES_MAX] {
            for state in State::ALL {
                let expected = match state {
                    State::Closed | State::Watched | State::Disabled => Admission::Admit,
                    State::Open => Admission::AwaitReset,
                    State::HalfOpen => Admission::TakeProbe,
                    State::ForcedOpen => Admission::Reject,
                    State::Vacant | State::Retired => Admission::Unknown,
                };
                assert_eq!(on_acquire(word(state, failures)), expected);
            }
        }
    }

    /// Every state, outcome, rule, kind of permit and boundary of the counts, against the contract
    /// written a second time.
    #[test]
    fn a_report_in_every_state() {
        let mut cases = 0;
        for state in State::ALL {
            for outcome in OUTCOMES {
                for counting in [
                    FailureCounting::ConsecutiveFailures,
                    FailureCounting::TotalFailures,
                ] {
                    for threshold in [1, 2, 5, 1_000_000] {
                        for failures in [
                            0,
                            1,
                            3,
                            4,
                            5,
                            6,
                            999_998,
                            999_999,
                            FAILURES_MAX - 1,
                            FAILURES_MAX,
                        ] {
                            let control = word(state, failures);
                            let policy = policy(threshold, 1, 0, counting);
                            check(control, outcome, &policy, Probes::of(1, 0, 0));
                            cases += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(cases, 8 * 3 * 2 * 4 * 10);
    }

    fn check(control: Control, outcome: Outcome, policy: &Policy, probes: Probes) {
        let issued = match control.state() {
            State::HalfOpen => PermitToken::probe(control.generation(), 0),
            _ => PermitToken::plain(control.generation()),
        };
        let verdict = report(control, issued, outcome, policy, probes);

        let ProbeRule::Count { successes, allowed } = policy.half_open.verdict else {
            unreachable!("this policy counts probes");
        };
        let state = control.state();
        let failures = (control.failures() + 1).min(FAILURES_MAX);
        let counted = Control::from_bits(control.bits() + u64::from(failures - control.failures()));
        let (succeeded, failed) = (probes.succeeded, probes.failed);
        let reported = succeeded + failed + 1;
        let expected = match (state, outcome) {
            (State::Closed | State::Watched, Outcome::Failure)
                if failures >= policy.trip.failure_threshold =>
            {
                let cause = match policy.trip.counting {
                    FailureCounting::ConsecutiveFailures => Cause::ConsecutiveFailures { failures },
                    FailureCounting::TotalFailures => Cause::TotalFailures { failures },
                };
                Decided::Call(Verdict::Open(counted, cause))
            }
            (State::Closed | State::Watched, Outcome::Failure) => {
                Decided::Call(Verdict::Replace(counted))
            }
            (State::Closed | State::Watched, Outcome::Success)
                if policy.trip.counting == FailureCounting::ConsecutiveFailures
                    && control.failures() > 0 =>
            {
                Decided::Call(Verdict::Replace(word(state, 0)))
            }
            (State::HalfOpen, Outcome::Failure) if failed + 1 > allowed => {
                let cause = Cause::ProbesFailed {
                    failed: failed + 1,
                    probes: reported,
                };
                let left = Probes::of(0, succeeded, failed + 1);
                Decided::Probe(ProbeVerdict::Open(counted, cause), left)
            }
            (State::HalfOpen, Outcome::Success) if succeeded + 1 >= successes => {
                let cause = Cause::ProbesSucceeded {
                    succeeded: succeeded + 1,
                    probes: reported,
                };
                let left = Probes::of(0, succeeded + 1, failed);
                Decided::Probe(ProbeVerdict::Close(cause), left)
            }
            (State::HalfOpen, Outcome::Failure) => Decided::Probe(
                ProbeVerdict::Undecided,
                Probes::of(0, succeeded, failed + 1),
            ),
            (State::HalfOpen, Outcome::Success) => Decided::Probe(
                ProbeVerdict::Undecided,
                Probes::of(0, succeeded + 1, failed),
            ),
            (State::HalfOpen, Outcome::Ignored) => {
                Decided::Probe(ProbeVerdict::Undecided, Probes::of(0, succeeded, failed))
            }
            (State::Vacant | State::Retired, Outcome::Failure) => Decided::Call(Verdict::Revive),
            _ => Decided::Call(Verdict::Nothing),
        };
        assert_eq!(
            verdict, expected,
            "{control:?} {outcome:?} {policy:?} {probes:?}"
        );
    }

    #[test]
    fn probes_in_every_count() {
        let most = Probes::MAX - 1;
        for outcome in OUTCOMES {
            for successes in [1, 2, 100] {
                for allowed in [0, 1, 100] {
                    for succeeded in [0, 1, 98, 99, most] {
                        for failed in [0, 1, 99, 100, most] {
                            let policy =
                                policy(5, successes, allowed, FailureCounting::TotalFailures);
                            let probes = Probes::of(1, succeeded, failed);
                            // They are undecided only below both limits.
                            if succeeded < successes && failed <= allowed {
                                check(word(State::HalfOpen, 5), outcome, &policy, probes);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_late_permit_is_stale() {
        let now = Generation::from_bits(100);
        let plain = |generation| PermitToken::plain(Generation::from_bits(generation));
        let probe = |generation| PermitToken::probe(Generation::from_bits(generation), 0);
        assert!(is_stale(now, plain(99)) && is_stale(now, probe(99)));
        assert!(!is_stale(now, plain(100)) && !is_stale(now, probe(100)));
        // A later number is a permit of the store, given when the circuit looked like this; but a
        // probe of a later generation is another circuit's.
        assert!(!is_stale(now, plain(101)) && is_stale(now, probe(101)));
    }

    #[test]
    fn a_window_opens_on_a_success_too() {
        let policy = Policy::builder()
            .failure_threshold(5)
            .sliding_window(SlidingWindow::Calls(20))
            .failure_rate_threshold(50)
            .build()
            .unwrap();
        let window = Tally {
            calls: 20,
            failures: 10,
            slow: 0,
        };
        let cause = Cause::FailureRate {
            failures: 10,
            calls: 20,
        };
        let permit = PermitToken::plain(GENERATION);
        let verdict = |failures, outcome, window| {
            let control = word(State::Watched, failures);
            on_report(control, permit, outcome, &policy, window)
        };
        let open = |failures| Verdict::Open(word(State::Watched, failures), cause);
        assert_eq!(verdict(3, Outcome::Success, window), open(0));
        assert_eq!(verdict(3, Outcome::Failure, window), open(4));
        assert_eq!(verdict(3, Outcome::Ignored, window), Verdict::Nothing);
        let fewer = Tally {
            failures: 9,
            ..window
        };
        let forgotten = Verdict::Replace(word(State::Watched, 0));
        assert_eq!(verdict(3, Outcome::Success, fewer), forgotten);
        assert_eq!(verdict(0, Outcome::Success, fewer), Verdict::Nothing);
        for state in [State::Vacant, State::Retired] {
            let verdict = on_report(word(state, 0), permit, Outcome::Success, &policy, window);
            assert_eq!(verdict, Verdict::Revive);
        }
    }

    #[test]
    fn a_slow_probe_has_failed() {
        let policy = Policy::builder()
            .sliding_window(SlidingWindow::Calls(10))
            .slow_call_rate_threshold(50)
            .slow_call_duration(Duration::from_millis(100))
            .build()
            .unwrap();
        let took = |outcome: Outcome, ms| Report::from(outcome).took(Duration::from_millis(ms));
        for (outcome, ms, state, counts_as) in [
            (Outcome::Success, 99, State::HalfOpen, Outcome::Success),
            (Outcome::Success, 100, State::HalfOpen, Outcome::Failure),
            (Outcome::Success, 100, State::Watched, Outcome::Success),
            (Outcome::Ignored, 100, State::HalfOpen, Outcome::Ignored),
        ] {
            assert_eq!(outcome_of(took(outcome, ms), state, &policy), counts_as);
            let slow = took(outcome, ms);
            assert_eq!(is_slow(slow, &policy), ms >= 100);
            assert!(!is_slow(slow, &Policy::default()));
        }
    }

    #[test]
    fn a_made_up_permit_does_not_decide_a_half_open_circuit() {
        for outcome in OUTCOMES {
            let control = word(State::HalfOpen, 5);
            let permit = PermitToken::plain(GENERATION);
            let probes = Probes::of(1, 0, 0);
            let verdict = report(control, permit, outcome, &Policy::default(), probes);
            assert_eq!(verdict, Decided::Call(Verdict::Nothing));
        }
    }
}
