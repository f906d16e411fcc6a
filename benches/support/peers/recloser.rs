//! recloser: a ring of outcomes behind a spin lock, and a state behind an epoch.

use super::super::rules::Rules;
use super::Peer;

pub struct Recloser(recloser::Recloser);

/// A rate that no calls have, since its only rule is a rate.
const OUT_OF_REACH: f32 = 2.0;

impl Recloser {
    fn with(rules: Rules, calls: usize, rate: f32) -> Self {
        let custom = recloser::Recloser::custom()
            .closed_len(calls)
            .error_rate(rate)
            .open_wait(rules.reset_timeout);
        Self(custom.build())
    }
}

impl Peer for Recloser {
    fn new(rules: Rules) -> Self {
        match rules.window {
            Some(_) => Self::with(rules, Rules::CALLS as usize, Rules::PERCENT as f32 / 100.0),
            // A full ring of failures: N in a row.
            None if rules.can_trip() => Self::with(rules, rules.failure_threshold as usize, 1.0),
            None => Self::with(rules, 100, OUT_OF_REACH),
        }
    }

    fn open(rules: Rules) -> Self {
        let circuit = Self::with(rules, 1, 1.0);
        while circuit.call::<true>() {}
        circuit
    }

    #[inline]
    fn call<const FAILS: bool>(&self) -> bool {
        let called = self.0.call(|| if FAILS { Err(()) } else { Ok(()) });
        !matches!(called, Err(recloser::Error::Rejected))
    }
}
