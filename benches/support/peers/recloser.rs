//! recloser: a ring of outcomes behind a spin lock, and a state behind an epoch.

use super::super::rules::Rules;
use super::Peer;

pub struct Recloser(recloser::Recloser);

/// Its only rule is a rate, and no rate is above 1.
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
    const HAS_WINDOW: bool = true;

    fn new(rules: Rules) -> Self {
        match rules.window {
            Some(calls) => Self::with(rules, calls as usize, Rules::PERCENT as f32 / 100.0),
            // A full ring of failures: so many in a row.
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
