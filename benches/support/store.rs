//! The traits that all contenders with circuits have in common.

use super::circuit::{Circuit, Snapshot, State, now_ms};
use super::own::Trips;
use super::rules::Rules;
use std::any::Any;
use std::hash::BuildHasher;
use std::hint::black_box;

/// The standard library's hasher, which clients can't attack. Every contender uses it.
pub type Std = std::hash::RandomState;

pub trait Hasher: BuildHasher + Default + Clone + Send + Sync + 'static {}

impl<S: BuildHasher + Default + Clone + Send + Sync + 'static> Hasher for S {}

/// Circuits by key, or a stand-in for them.
pub trait Circuits: Any + Send + Sync {
    /// Makes a closed circuit with nothing counted for each of `keys`.
    fn new(rules: Rules, keys: &[String]) -> Self
    where
        Self: Sized;

    /// Opens the circuit of `key`, created if it was unknown.
    fn open(&self, key: &str);

    /// Closes the circuit, with nothing counted.
    fn close(&self, key: &str);

    /// Returns the count of trips, if the rules can be reached and the contender counts them.
    fn trips(&self) -> Option<&Trips> {
        None
    }
}

/// A store that does all works by key.
pub trait Store: Circuits {
    type Seen;

    fn check(&self, key: &str) -> bool;

    /// Checks, reports the call's outcome if it was admitted, and returns whether it was.
    fn call<const FAILS: bool>(&self, key: &str) -> bool;

    /// Makes such a call with an outcome that isn't known before.
    #[inline]
    fn call_that(&self, key: &str, fails: bool) -> bool {
        match fails {
            true => self.call::<true>(key),
            false => self.call::<false>(key),
        }
    }

    fn record_failure(&self, key: &str) -> Self::Seen;

    fn snapshot(&self, key: &str) -> Option<Self::Seen>;
}

/// Makes the guarded call between check and report: any thread may have written to memory
/// meanwhile.
///
/// The permit itself is not forced into memory. It would be loaded as a whole right after its
/// fields were written one by one, which stalls the processor for longer than everything else
/// takes. A real call leaves enough time for that.
#[inline(always)]
pub fn through<P, E, R>(permit: Result<P, E>, report: impl FnOnce(P) -> R) -> bool {
    let Ok(permit) = permit else { return false };
    black_box(());
    black_box(report(permit));
    true
}

/// A store of hand-written circuits: its look-up and its locks.
pub trait ByHand: Any + Send + Sync + Sized {
    type Circuit: Circuit;

    fn of(rules: Rules, keys: &[String]) -> Self;

    fn rules(&self) -> Rules;

    /// Runs `op` on the circuit of `key` if it is known.
    fn known<R>(&self, key: &str, op: impl FnOnce(&mut Self::Circuit) -> R) -> Option<R>;

    /// Runs `op` on the circuit of `key`, created if it was unknown.
    fn with<R>(&self, key: &str, op: impl FnOnce(&mut Self::Circuit) -> R) -> R;

    /// Returns whether a call may go through.
    fn admits(&self, key: &str) -> bool {
        let rules = self.rules();
        self.known(key, |circuit| circuit.snapshot_mut().check(rules))
            .unwrap_or(true)
    }
}

impl<T: ByHand> Circuits for T {
    fn new(rules: Rules, keys: &[String]) -> Self {
        T::of(rules, keys)
    }

    fn open(&self, key: &str) {
        self.with(key, |circuit| {
            circuit.snapshot_mut().enter(State::Open, now_ms())
        });
    }

    fn close(&self, key: &str) {
        self.with(key, Circuit::clear);
    }
}

impl<T: ByHand> Store for T {
    type Seen = Snapshot;

    #[inline]
    fn check(&self, key: &str) -> bool {
        self.admits(key)
    }

    #[inline]
    fn call<const FAILS: bool>(&self, key: &str) -> bool {
        let permit = self.admits(key).then_some(()).ok_or(());
        through(permit, |()| {
            if FAILS {
                let now = T::Circuit::now_of_failure();
                self.with(key, |circuit| circuit.failure(self.rules(), now));
            } else {
                let now = T::Circuit::now_of_success();
                self.with(key, |circuit| circuit.success(now));
            }
        })
    }

    #[inline]
    fn record_failure(&self, key: &str) -> Snapshot {
        let now = now_ms();
        self.with(key, |circuit| {
            circuit.snapshot_mut().count_failure(now);
            *circuit.snapshot_mut()
        })
    }

    #[inline]
    fn snapshot(&self, key: &str) -> Option<Snapshot> {
        self.known(key, |circuit| *circuit.snapshot_mut())
    }
}
