//! The requests, and threads that time each of them.

use breakerbox_benches::keys::Keys;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

pub(crate) const KEYS: usize = 10_000;

/// One circuit in N fails at times.
const FAILING: usize = 100;

/// Of those one call in N.
const FAILS: usize = 5;

/// The open circuits.
const OPEN: [usize; 2] = [1_234, 4_321];

/// The memory that a thread writes to between two requests.
const COLD_BYTES: usize = 256 * 1024;
const LINE: usize = 64;

/// A key, and whether its call fails.
type Request = (&'static str, bool);

pub(crate) struct Mix {
    pub(crate) names: &'static [String],
    /// For each thread.
    requests: Vec<Vec<Request>>,
}

/// The times of one round's requests, in ns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    /// Without the slowest 2 %.
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Mix {
    pub(crate) fn new(threads: usize, requests: usize) -> Self {
        let names = Keys::of(KEYS, 1).names;
        let mut random = fastrand::Rng::with_seed(1);
        // The ranks have nothing to do with the order in which the keys were made.
        let mut ranked: Vec<usize> = (0..KEYS).collect();
        random.shuffle(&mut ranked);
        let sums: Vec<f64> = (1..=KEYS)
            .scan(0.0, |sum, rank| {
                *sum += 1.0 / rank as f64;
                Some(*sum)
            })
            .collect();
        let mut request = || {
            let point = random.f64() * sums[KEYS - 1];
            let rank = sums.partition_point(|sum| *sum < point);
            let key = ranked[rank];
            let fails = key.is_multiple_of(FAILING) && random.usize(..FAILS) == 0;
            (&*names[key], fails)
        };
        let requests = (0..threads).map(|_| (0..requests).map(|_| request()).collect());
        Self {
            names,
            requests: requests.collect(),
        }
    }

    /// Returns the keys whose circuits are open.
    pub(crate) fn open(&self) -> impl Iterator<Item = &'static str> {
        OPEN.map(|key| &*self.names[key]).into_iter()
    }

    /// Times each request of a round.
    pub(crate) fn time(
        &self,
        request: &(dyn Fn(&'static str, bool) -> bool + Sync),
        threads: usize,
        is_cold: bool,
    ) -> Times {
        let start = Barrier::new(threads);
        let mut times: Vec<u32> = thread::scope(|scope| {
            let threads: Vec<_> = self.requests[..threads]
                .iter()
                .map(|requests| {
                    scope.spawn(|| {
                        start.wait();
                        time(requests, request, is_cold)
                    })
                })
                .collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap());
            joined.flatten().collect()
        });
        times.sort_unstable();
        let fast = &times[..times.len() * 98 / 100];
        let sum: f64 = fast.iter().copied().map(f64::from).sum();
        let at = |percent: usize| f64::from(times[times.len() * percent / 100]);
        Times {
            mean: sum / fast.len() as f64,
            p50: at(50),
            p99: at(99),
        }
    }
}

fn time(
    requests: &[Request],
    request: &(dyn Fn(&'static str, bool) -> bool + Sync),
    is_cold: bool,
) -> Vec<u32> {
    let mut times = Vec::with_capacity(requests.len());
    let mut other = vec![0_u8; COLD_BYTES];
    for &(key, fails) in requests {
        if is_cold {
            other.iter_mut().step_by(LINE).for_each(|byte| *byte += 1);
            black_box(&mut other);
        }
        let begun = Instant::now();
        black_box(request(black_box(key), black_box(fails)));
        let taken = begun.elapsed().as_nanos();
        times.push(u32::try_from(taken).unwrap_or(u32::MAX));
    }
    times
}
