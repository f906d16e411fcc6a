//! The circuits of the hand-written stores.
//!
//! Written as well as one would without long thought about locks: the clock is read only where
//! needed, and before the lock is taken.

use super::rules::Rules;
use std::marker::PhantomData;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Closed,
    Open,
    /// One probe is in flight.
    HalfOpen,
}

/// The same five fields as breakerbox's.
#[derive(Clone, Copy, Default)]
pub struct Snapshot {
    pub state: State,
    pub failure_count: u64,
    pub success_count: u64,
    pub last_failure_time: u64,
    pub last_state_change: u64,
}

/// A circuit and its rule: consecutive failures, or a window of calls.
pub trait Circuit: Default + Send + Sync + 'static {
    fn snapshot_mut(&mut self) -> &mut Snapshot;

    /// The time that a success needs, read before the lock is taken.
    fn now_of_success() -> u64 {
        0
    }

    fn now_of_failure() -> u64 {
        now_ms()
    }

    fn success(&mut self, now: u64);

    fn failure(&mut self, rules: Rules, now: u64);

    /// Makes it closed, with nothing counted.
    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Snapshot {
    pub fn enter(&mut self, state: State, now: u64) {
        self.state = state;
        self.last_state_change = now;
    }

    pub fn check(&mut self, rules: Rules) -> bool {
        match self.state {
            State::Closed => true,
            State::HalfOpen => false,
            State::Open => {
                let now = now_ms();
                let timeout = rules.reset_timeout.as_millis() as u64;
                let over = now >= self.last_state_change + timeout;
                if over {
                    self.success_count = 0;
                    self.enter(State::HalfOpen, now);
                }
                over
            }
        }
    }

    pub fn count_failure(&mut self, now: u64) {
        self.failure_count += 1;
        self.last_failure_time = now;
    }

    fn fail(&mut self, trips_if_closed: bool, now: u64) {
        let trips = match self.state {
            State::Closed => trips_if_closed,
            State::HalfOpen => true,
            State::Open => false,
        };
        if trips {
            self.enter(State::Open, now);
        }
    }
}

impl Circuit for Snapshot {
    fn snapshot_mut(&mut self) -> &mut Snapshot {
        self
    }

    fn success(&mut self, _: u64) {
        self.success_count += 1;
        if self.state == State::HalfOpen {
            self.success_count = 0;
            self.enter(State::Closed, now_ms());
        }
        self.failure_count = 0;
    }

    fn failure(&mut self, rules: Rules, now: u64) {
        self.count_failure(now);
        self.fail(self.failure_count >= rules.failure_threshold.into(), now);
    }
}

/// A circuit with the outcomes of the last 100 calls.
#[derive(Clone, Copy, Default)]
pub struct Windowed {
    snapshot: Snapshot,
    /// One bit for each call, set if it failed.
    failed: u128,
    next: u32,
    calls: u32,
}

impl Windowed {
    fn count(&mut self, failed: bool) {
        let bit = 1 << self.next;
        if failed {
            self.failed |= bit;
        } else {
            self.failed &= !bit;
        }
        self.next = if self.next + 1 == Rules::CALLS {
            0
        } else {
            self.next + 1
        };
        self.calls = (self.calls + 1).min(Rules::CALLS);
    }
}

impl Circuit for Windowed {
    fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    fn success(&mut self, now: u64) {
        self.count(false);
        self.snapshot.success(now);
    }

    fn failure(&mut self, _: Rules, now: u64) {
        self.count(true);
        self.snapshot.count_failure(now);
        let over = is_over(self.failed.count_ones(), self.calls);
        self.snapshot.fail(over, now);
    }
}

fn is_over(failures: u32, calls: u32) -> bool {
    failures * 100 >= calls * Rules::PERCENT && calls >= Rules::MINIMUM_CALLS
}

/// A circuit with the calls of the last ten seconds, in ten buckets. `T` is its clock.
pub struct Buckets<T> {
    snapshot: Snapshot,
    buckets: [Bucket; BUCKETS as usize],
    clock: PhantomData<T>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    tick: u64,
    calls: u32,
    failures: u32,
}

const BUCKETS: u64 = 10;

impl<T> Default for Buckets<T> {
    fn default() -> Self {
        Self {
            snapshot: Snapshot::default(),
            buckets: Default::default(),
            clock: PhantomData,
        }
    }
}

impl<T> Buckets<T> {
    fn count(&mut self, now: u64, failed: bool) -> u64 {
        let tick = now / (Rules::TIME.as_millis() as u64 / BUCKETS);
        let bucket = &mut self.buckets[(tick % BUCKETS) as usize];
        if bucket.tick != tick {
            *bucket = Bucket {
                tick,
                ..Bucket::default()
            };
        }
        bucket.calls += 1;
        bucket.failures += u32::from(failed);
        tick
    }
}

impl<T: Clock> Circuit for Buckets<T> {
    fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    fn now_of_success() -> u64 {
        T::now_ms()
    }

    fn now_of_failure() -> u64 {
        T::now_ms()
    }

    fn success(&mut self, now: u64) {
        self.count(now, false);
        self.snapshot.success(now);
    }

    fn failure(&mut self, _: Rules, now: u64) {
        let tick = self.count(now, true);
        self.snapshot.count_failure(now);
        let recent = self.buckets.iter().filter(|it| it.tick + BUCKETS > tick);
        let (failures, calls) = recent.fold((0, 0), |(failures, calls), bucket| {
            (failures + bucket.failures, calls + bucket.calls)
        });
        self.snapshot.fail(is_over(failures, calls), now);
    }
}

pub trait Clock: Send + Sync + 'static {
    fn now_ms() -> u64;
}

/// The system's clock.
pub struct Precise;

/// The kernel's clock of the last tick, which is cheaper to read.
pub struct Coarse;

impl Clock for Precise {
    #[inline]
    fn now_ms() -> u64 {
        now_ms()
    }
}

impl Clock for Coarse {
    #[cfg(target_os = "linux")]
    #[inline]
    fn now_ms() -> u64 {
        use nix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
        now.map_or(0, |now| {
            now.tv_sec() as u64 * 1_000 + now.tv_nsec() as u64 / 1_000_000
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn now_ms() -> u64 {
        now_ms()
    }
}

pub fn now_ms() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    unix.map_or(0, |unix| {
        unix.as_secs() * 1_000 + u64::from(unix.subsec_millis())
    })
}
