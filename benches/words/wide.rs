//! A circuit as one 128-bit word: everything that a snapshot shows, in one load.

use super::{Rules, Snapshot, State};
use breakerbox::{Clock, SystemClock};
use portable_atomic::AtomicU128;
use portable_atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// A circuit of state 2, failures 20, since 42, last failure 42 and successes 22 bits.
#[repr(align(64))]
pub(super) struct Wide {
    word: AtomicU128,
    rules: Rules,
    clock: SystemClock,
}

const FAILURES: u64 = (1 << 20) - 1;
const SUCCESSES: u64 = (1 << 22) - 1;
const TIME: u64 = (1 << 42) - 1;

fn unpack(word: u128) -> Snapshot {
    let (low, high) = (word as u64, (word >> 64) as u64);
    Snapshot {
        state: State::from_bits(low),
        failures: low >> 2 & FAILURES,
        since: low >> 22,
        last_failure: high & TIME,
        successes: high >> 42,
    }
}

fn pack(snapshot: Snapshot) -> u128 {
    let low = snapshot.state as u64 | snapshot.failures << 2 | (snapshot.since & TIME) << 22;
    let high = (snapshot.last_failure & TIME) | snapshot.successes << 42;
    u128::from(low) | u128::from(high) << 64
}

impl Wide {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            word: AtomicU128::new(0),
            rules,
            clock: SystemClock::new(),
        }
    }

    pub(super) fn reset(&self) {
        self.word.store(0, Relaxed);
    }

    #[inline]
    pub(super) fn check(&self) -> bool {
        let closed = State::from_bits(self.word.load(Relaxed) as u64) == State::Closed;
        closed || self.recover()
    }

    /// Makes the first check after the open time a probe.
    #[cold]
    fn recover(&self) -> bool {
        let now = self.clock.now_ms();
        let due = |old: &Snapshot| {
            old.state == State::Open && now >= old.since + self.rules.reset_timeout_ms
        };
        let half_open = |old| Snapshot {
            state: State::HalfOpen,
            since: now,
            ..old
        };
        self.update(|old| due(&old).then(|| half_open(old))).is_ok()
    }

    /// Replaces the circuit by the result of `f`, or fails with the circuit where there is none.
    #[inline]
    fn update(&self, f: impl Fn(Snapshot) -> Option<Snapshot>) -> Result<Snapshot, Snapshot> {
        let mut seen = self.word.load(Acquire);
        loop {
            let next = f(unpack(seen)).ok_or_else(|| unpack(seen))?;
            match self
                .word
                .compare_exchange_weak(seen, pack(next), AcqRel, Acquire)
            {
                Ok(_) => return Ok(next),
                Err(now) => seen = now,
            }
        }
    }

    #[inline]
    pub(super) fn success(&self) -> bool {
        self.update(|old| match old.state {
            State::Closed if old.failures == 0 => None,
            State::Closed => Some(Snapshot { failures: 0, ..old }),
            State::Open => None,
            State::HalfOpen => Some(Snapshot {
                state: State::Closed,
                failures: 0,
                since: self.clock.now_ms(),
                ..old
            }),
        })
        .is_ok()
    }

    pub(super) fn record_success(&self) -> Snapshot {
        let count = |old: Snapshot| Snapshot {
            successes: (old.successes + 1).min(SUCCESSES),
            ..old
        };
        self.update(|old| Some(count(old)))
            .unwrap_or_else(|old| old)
    }

    pub(super) fn failure(&self) -> bool {
        let now = self.clock.now_ms();
        let count = |old: Snapshot| {
            let failures = (old.failures + 1).min(FAILURES);
            let trips = match old.state {
                State::Closed => failures >= self.rules.failure_threshold,
                State::Open => false,
                State::HalfOpen => true,
            };
            Snapshot {
                state: if trips { State::Open } else { old.state },
                failures,
                last_failure: now.max(old.last_failure),
                since: if trips { now } else { old.since },
                ..old
            }
        };
        self.update(|old| Some(count(old))).is_ok()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        unpack(self.word.load(Acquire))
    }
}
