//! The decisions: what a check and a report mean for a control word under given limits.

use super::{Control, Generation, Limits, Outcome, PermitToken, Probes, State, TripRule};

/// What a check of a circuit has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Admission {
    /// Closed or disabled: let the call through.
    Admit,
    /// Vacant or retired: an unknown circuit, which admits in the name of the store.
    Unknown,
    /// Open: reject until its time is over.
    AwaitReset,
    /// Half-open: ask for a probe slot.
    TakeProbe,
    /// Forced-open: reject.
    Reject,
}

/// What a check of a circuit with this control word has to do.
#[inline]
pub(crate) const fn on_acquire(control: Control) -> Admission {
    match control.state() {
        State::Closed | State::Disabled => Admission::Admit,
        State::Vacant | State::Retired => Admission::Unknown,
        State::Open => Admission::AwaitReset,
        State::HalfOpen => Admission::TakeProbe,
        State::ForcedOpen => Admission::Reject,
    }
}

/// What a report has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Verdict {
    /// The circuit has changed state since the permit: change nothing, say so.
    Stale,
    /// It changes nothing here: recorded.
    Nothing,
    /// The first failure of an unknown circuit: begin its life, then decide again.
    Revive,
    /// Store this word: a failure counted or failures forgotten. Same generation.
    Replace(Control),
    /// Open the circuit, from this word with the failure counted.
    Open(Control),
    /// Close the half-open circuit.
    Close,
    /// Store these probes: a slot given back. Same generation.
    GiveBack(Probes),
    /// The lease of the probes is over: make the renewal that somebody has begun, then decide
    /// again (and find the report stale).
    Renew,
}

/// What `outcome` of a call admitted by `permit` does to `control`.
///
/// `generation` is the word's own, or for an unborn cell the one that it would be born with.
/// `probes` is asked for only if the circuit is half-open.
#[inline]
pub(crate) fn on_report<E>(
    control: Control,
    generation: Generation,
    permit: PermitToken,
    outcome: Outcome,
    limits: &Limits,
    probes: impl FnOnce() -> Result<Probes, E>,
) -> Result<Verdict, E> {
    if generation.is_after(permit.issued()) {
        return Ok(Verdict::Stale);
    }
    // A probe belongs to one generation; with another, it is of another circuit.
    if permit.is_probe() && generation != permit.issued() {
        return Ok(Verdict::Stale);
    }
    Ok(match (control.state(), outcome) {
        (State::Vacant | State::Retired, Outcome::Failure) => Verdict::Revive,
        (State::Closed, Outcome::Failure) => {
            let counted = control.with_failure();
            if counted.failures() >= limits.failure_threshold {
                Verdict::Open(counted)
            } else {
                Verdict::Replace(counted)
            }
        }
        (State::Closed, Outcome::Success)
            if control.failures() > 0 && limits.trip_rule == TripRule::ConsecutiveFailures =>
        {
            Verdict::Replace(control.without_failures())
        }
        // Only a probe holds a permit of a half-open generation; anything else was made up.
        (State::HalfOpen, _) if !permit.is_probe() => Verdict::Nothing,
        (State::HalfOpen, Outcome::Failure) => Verdict::Open(control.with_failure()),
        (State::HalfOpen, outcome) => {
            let probes = probes()?;
            if probes.is_expired() {
                return Ok(Verdict::Renew);
            }
            let back = probes.give_back(outcome);
            // The success that completes the number isn't stored: closing is its effect, in one
            // step, so that of it and a racing failure exactly one takes place.
            if outcome == Outcome::Success && back.succeeded >= limits.success_threshold {
                Verdict::Close
            } else {
                Verdict::GiveBack(back)
            }
        }
        (State::Open | State::ForcedOpen | State::Disabled, _)
        | (State::Closed | State::Vacant | State::Retired, _) => Verdict::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::super::FAILURES_MAX;
    use super::*;
    use std::convert::Infallible;

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

    fn limits(failure_threshold: u32, success_threshold: u32, trip_rule: TripRule) -> Limits {
        Limits {
            failure_threshold,
            success_threshold,
            trip_rule,
            ..Limits::default()
        }
    }

    fn report(
        control: Control,
        permit: PermitToken,
        outcome: Outcome,
        limits: &Limits,
        probes: Probes,
    ) -> Verdict {
        on_report(
            control,
            control.generation(),
            permit,
            outcome,
            limits,
            || Ok::<_, Infallible>(probes),
        )
        .unwrap()
    }

    #[test]
    fn a_check_of_every_state() {
        for failures in [0, 1, FAILURES_MAX] {
            for state in State::ALL {
                let expected = match state {
                    State::Closed | State::Disabled => Admission::Admit,
                    State::Open => Admission::AwaitReset,
                    State::HalfOpen => Admission::TakeProbe,
                    State::ForcedOpen => Admission::Reject,
                    State::Vacant | State::Retired => Admission::Unknown,
                };
                assert_eq!(on_acquire(word(state, failures)), expected);
            }
        }
    }

    /// Every state, outcome, rule, kind of permit and boundary of the counts, against the
    /// contract written a second time.
    #[test]
    fn a_report_in_every_state() {
        let mut cases = 0;
        for state in State::ALL {
            for outcome in OUTCOMES {
                for rule in [TripRule::ConsecutiveFailures, TripRule::TotalFailures] {
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
                            for required in [1, 2, Probes::MAX] {
                                for succeeded in [0, 1, Probes::MAX - 2, Probes::MAX - 1] {
                                    let probes = Probes::of(1, succeeded);
                                    let control = word(state, failures);
                                    let limits = limits(threshold, required, rule);
                                    check(control, outcome, &limits, probes);
                                    cases += 1;
                                }
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(cases, 7 * 3 * 2 * 4 * 10 * 3 * 4);
    }

    fn check(control: Control, outcome: Outcome, limits: &Limits, probes: Probes) {
        let probe = control.state() == State::HalfOpen;
        let issued = PermitToken::new(control.generation(), probe);
        let verdict = report(control, issued, outcome, limits, probes);

        let counted = (control.failures() + 1).min(FAILURES_MAX);
        let expected = match (control.state(), outcome) {
            (State::Closed, Outcome::Failure) if counted >= limits.failure_threshold => {
                Verdict::Open(word(State::Closed, counted))
            }
            (State::Closed, Outcome::Failure) => Verdict::Replace(word(State::Closed, counted)),
            (State::Closed, Outcome::Success)
                if limits.trip_rule == TripRule::ConsecutiveFailures && control.failures() > 0 =>
            {
                Verdict::Replace(word(State::Closed, 0))
            }
            (State::HalfOpen, Outcome::Failure) => Verdict::Open(word(State::HalfOpen, counted)),
            (State::HalfOpen, Outcome::Success)
                if probes.succeeded + 1 >= limits.success_threshold =>
            {
                Verdict::Close
            }
            (State::HalfOpen, Outcome::Success) => {
                Verdict::GiveBack(Probes::of(0, probes.succeeded + 1))
            }
            (State::HalfOpen, Outcome::Ignored) => {
                Verdict::GiveBack(Probes::of(0, probes.succeeded))
            }
            (State::Vacant | State::Retired, Outcome::Failure) => Verdict::Revive,
            _ => Verdict::Nothing,
        };
        assert_eq!(
            verdict, expected,
            "{control:?} {outcome:?} {limits:?} {probes:?}"
        );

        // One generation earlier, the same report is stale, whatever it says.
        let earlier = Generation::from_bits(control.generation().bits() - 1);
        let late = PermitToken::new(earlier, probe);
        assert_eq!(
            report(control, late, outcome, limits, probes),
            Verdict::Stale
        );
        if control.state() == State::HalfOpen && outcome != Outcome::Failure {
            let verdict = report(control, issued, outcome, limits, probes.expired());
            assert_eq!(verdict, Verdict::Renew);
        }
        // A probe of a later generation is another circuit's.
        let other = PermitToken::new(control.generation().successor(), true);
        assert_eq!(
            report(control, other, outcome, limits, probes),
            Verdict::Stale
        );
        // A later number is a permit of the store, given when the circuit looked like this.
        if !probe {
            let store = PermitToken::new(control.generation().successor(), false);
            assert_eq!(report(control, store, outcome, limits, probes), expected);
        }
    }

    #[test]
    fn a_made_up_permit_does_not_decide_a_half_open_circuit() {
        for outcome in OUTCOMES {
            let control = word(State::HalfOpen, 5);
            let permit = PermitToken::new(GENERATION, false);
            let probes = Probes::of(1, 0);
            let verdict = report(control, permit, outcome, &Limits::default(), probes);
            assert_eq!(verdict, Verdict::Nothing);
        }
    }
}
