//! A circuit as one 64-bit word with a coarse time, and the last failure in a word of its own.
//!
//! Counts of a million leave 22 bits for the time: 48 days of seconds since the circuit was made.

use super::{Rules, Snapshot, State};
use breakerbox::{Clock, SystemClock};
use portable_atomic::AtomicU64;
use portable_atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// A circuit of state 2, failures 20, successes 20 and since 22 bits.
#[repr(align(64))]
pub(super) struct Coarse {
    word: AtomicU64,
    /// The Unix time in milliseconds.
    last_failure: AtomicU64,
    rules: Rules,
    clock: SystemClock,
    /// The Unix time in milliseconds.
    made: u64,
}

const COUNT: u64 = (1 << 20) - 1;

/// The parts of the word.
#[derive(Clone, Copy)]
struct Word {
    state: State,
    failures: u64,
    successes: u64,
    since_s: u64,
}

fn unpack(word: u64) -> Word {
    Word {
        state: State::from_bits(word),
        failures: word >> 2 & COUNT,
        successes: word >> 22 & COUNT,
        since_s: word >> 42,
    }
}

fn pack(word: Word) -> u64 {
    word.state as u64 | word.failures << 2 | word.successes << 22 | word.since_s << 42
}

impl Coarse {
    pub(super) fn new(rules: Rules) -> Self {
        let clock = SystemClock::new();
        Self {
            word: AtomicU64::new(0),
            last_failure: AtomicU64::new(0),
            rules,
            made: clock.now_ms(),
            clock,
        }
    }

    pub(super) fn reset(&self) {
        self.word.store(0, Relaxed);
    }

    fn seconds(&self, now: u64) -> u64 {
        now.saturating_sub(self.made) / 1_000
    }

    #[inline]
    pub(super) fn check(&self) -> bool {
        State::from_bits(self.word.load(Relaxed)) == State::Closed || self.recover()
    }

    /// Makes the first check after the open time a probe. The time is up to a second early or late.
    #[cold]
    fn recover(&self) -> bool {
        let now = self.seconds(self.clock.now_ms());
        let due = |old: &Word| {
            old.state == State::Open && now >= old.since_s + self.rules.reset_timeout_ms / 1_000
        };
        let half_open = |old| Word {
            state: State::HalfOpen,
            since_s: now,
            ..old
        };
        self.update(|old| due(&old).then(|| half_open(old))).is_ok()
    }

    /// Replaces the word by the result of `f`, or fails with the word where there is none.
    #[inline]
    fn update(&self, f: impl Fn(Word) -> Option<Word>) -> Result<Word, Word> {
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
            State::Closed => Some(Word { failures: 0, ..old }),
            State::Open => None,
            State::HalfOpen => Some(Word {
                state: State::Closed,
                failures: 0,
                since_s: self.seconds(self.clock.now_ms()),
                ..old
            }),
        })
        .is_ok()
    }

    pub(super) fn record_success(&self) -> Snapshot {
        let count = |old: Word| Word {
            successes: (old.successes + 1).min(COUNT),
            ..old
        };
        let word = self.update(|old| Some(count(old)));
        self.shown(word.unwrap_or_else(|old| old))
    }

    pub(super) fn failure(&self) -> bool {
        let now = self.clock.now_ms();
        // Before the count, which publishes it.
        if self.last_failure.load(Relaxed) < now {
            self.last_failure.fetch_max(now, Relaxed);
        }
        let count = |old: Word| {
            let failures = (old.failures + 1).min(COUNT);
            let trips = match old.state {
                State::Closed => failures >= self.rules.failure_threshold,
                State::Open => false,
                State::HalfOpen => true,
            };
            Word {
                state: if trips { State::Open } else { old.state },
                failures,
                since_s: if trips {
                    self.seconds(now)
                } else {
                    old.since_s
                },
                ..old
            }
        };
        self.update(|old| Some(count(old))).is_ok()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.shown(unpack(self.word.load(Acquire)))
    }

    #[inline]
    fn shown(&self, word: Word) -> Snapshot {
        Snapshot {
            state: word.state,
            failures: word.failures,
            successes: word.successes,
            last_failure: self.last_failure.load(Relaxed),
            since: self.made + word.since_s * 1_000,
        }
    }
}
