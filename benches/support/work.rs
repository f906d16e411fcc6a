//! The works: what each subject does for one request, in a loop of the same shape for all.

use super::store::{Circuits, Store};
use super::world::{FAILURE_THRESHOLD, SEGMENT, World, close};
use breakerbox::{Circuit, CircuitState, GuardedCircuit, Outcome};
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;

pub const LOAD: &str = "atomic load";
pub const FETCH_ADD: &str = "atomic fetch_add";
pub const PAPAYA: &str = "papaya, bare u64";
pub const HANDLE: &str = "handle";
pub const STORE: &str = "store";
pub const STORE_UNKNOWN: &str = "store, unknown key";
pub const BREAKER: &str = "breaker";
pub const BREAKER_HANDLE: &str = "breaker's handle";
pub const MUTEX: &str = "mutex store";
pub const RWLOCK: &str = "rwlock store";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Check,
    CheckSuccess,
    CheckFailure,
    RecordFailure,
    Snapshot,
}

impl Work {
    pub const ALL: [Work; 5] = [
        Work::Check,
        Work::CheckSuccess,
        Work::CheckFailure,
        Work::RecordFailure,
        Work::Snapshot,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Work::Check => "check",
            Work::CheckSuccess => "check + success",
            Work::CheckFailure => "check + failure",
            Work::RecordFailure => "record_failure",
            Work::Snapshot => "snapshot",
        }
    }

    /// Whether the gate can make a difference to it.
    pub fn checks(self) -> bool {
        matches!(self, Work::Check | Work::CheckSuccess | Work::CheckFailure)
    }

    /// The most operations that each of `threads` threads may do between two resets: the failures
    /// that they count must not trip a circuit nor fill its count.
    pub fn most(self, case: &Case<'_>, threads: usize) -> usize {
        match self {
            Work::CheckFailure | Work::RecordFailure => {
                // Beside them one pass warms up, and the last segment may go beyond.
                FAILURE_THRESHOLD as usize * case.keys / threads - (case.segments + 1) * SEGMENT
            }
            Work::Check | Work::CheckSuccess | Work::Snapshot => usize::MAX,
        }
    }
}

/// One subject at one work.
pub struct Case<'w> {
    pub subject: &'static str,
    pub keys: usize,
    /// Segments in a thread's list.
    pub segments: usize,
    run: Box<dyn Fn(usize, usize) + Sync + 'w>,
    reset: Box<dyn Fn() + Sync + 'w>,
}

impl<'w> Case<'w> {
    /// A case whose loop hands what `pick` yields for a key to `op`.
    ///
    /// Target and result go through `black_box`, the floor's too: it keeps the compiler from
    /// taking loads out of the loop, and costs each subject the same store and reload.
    pub fn new<T: Copy + Sync + 'w, R>(
        world: &'w World,
        subject: &'static str,
        pick: impl Fn(usize) -> T,
        op: impl Fn(T) -> R + Sync + 'w,
    ) -> Self {
        let lists = world.lists(pick);
        Self {
            subject,
            keys: world.keys.len(),
            segments: lists[0].len() / SEGMENT,
            run: Box::new(move |thread, segment| {
                let targets = &lists[thread][segment * SEGMENT..][..SEGMENT];
                let (unrolled, _) = targets.as_chunks::<8>();
                for chunk in unrolled {
                    for &target in chunk {
                        black_box(op(black_box(target)));
                    }
                }
            }),
            reset: Box::new(|| {}),
        }
    }

    fn keyed<R>(
        world: &'w World,
        subject: &'static str,
        op: impl Fn(&'w str) -> R + Sync + 'w,
    ) -> Self {
        Self::new(world, subject, |i| &*world.keys[i], op)
    }

    fn handled<R>(world: &'w World, op: impl Fn(&'w Circuit) -> R + Sync + 'w) -> Self {
        Self::new(world, HANDLE, |i| &world.handles[i], op)
    }

    fn guarded<R>(world: &'w World, op: impl Fn(&'w GuardedCircuit) -> R + Sync + 'w) -> Self {
        Self::new(world, BREAKER_HANDLE, |i| &world.guarded[i], op)
    }

    fn load(world: &'w World) -> Self {
        let pick = |i: usize| &world.lines[i].0;
        Self::new(world, LOAD, pick, |word| word.load(Relaxed))
    }

    fn fetch_add(world: &'w World) -> Self {
        let pick = |i: usize| &world.lines[i].0;
        Self::new(world, FETCH_ADD, pick, |word| word.fetch_add(1, Relaxed))
    }

    fn reset_by(self, reset: impl Fn() + Sync + 'w) -> Self {
        Self {
            reset: Box::new(reset),
            ..self
        }
    }

    /// One segment of `thread`'s list.
    pub fn run(&self, thread: usize, segment: usize) {
        (self.run)(thread, segment);
    }

    /// Zeroes what the work has counted.
    pub fn reset(&self) {
        (self.reset)();
    }
}

/// Every subject that can do `work`. Subjects of other crates join here.
pub fn cases(world: &World, work: Work) -> Vec<Case<'_>> {
    let World {
        store,
        breaker,
        mutex,
        rwlock,
        papaya,
        limits,
        empty,
        ..
    } = world;
    match work {
        Work::Check => vec![
            Case::load(world),
            Case::handled(world, |circuit| circuit.acquire(limits).is_ok()),
            Case::guarded(world, |circuit| circuit.acquire().is_ok()),
            Case::keyed(world, STORE, |key| store.acquire(key, limits).is_ok()),
            Case::keyed(world, STORE_UNKNOWN, |key| {
                empty.acquire(key, limits).is_ok()
            }),
            Case::keyed(world, BREAKER, |key| breaker.acquire(key).is_ok()),
            Case::keyed(world, PAPAYA, |key| papaya.pin().get(key).copied()),
            Case::keyed(world, MUTEX, |key| mutex.check(key)),
            Case::keyed(world, RWLOCK, |key| rwlock.check(key)),
        ],
        Work::CheckSuccess => checked::<false>(world),
        Work::CheckFailure => checked::<true>(world),
        Work::RecordFailure => vec![
            Case::fetch_add(world),
            Case::handled(world, Circuit::record_failure)
                .reset_by(|| close_all(world.handles.iter())),
            Case::keyed(world, STORE, |key| store.record_failure(key))
                .reset_by(|| close(store, &world.keys)),
            Case::keyed(world, MUTEX, |key| mutex.record_failure(key))
                .reset_by(|| world.keys.iter().for_each(|key| mutex.close(key))),
            Case::keyed(world, RWLOCK, |key| rwlock.record_failure(key))
                .reset_by(|| world.keys.iter().for_each(|key| rwlock.close(key))),
        ],
        Work::Snapshot => vec![
            Case::load(world),
            Case::handled(world, Circuit::peek),
            Case::keyed(world, STORE, |key| store.peek(key)),
            Case::keyed(world, MUTEX, |key| mutex.snapshot(key)),
            Case::keyed(world, RWLOCK, |key| rwlock.snapshot(key)),
        ],
    }
}

/// The guarded call between check and report: anybody may have written to memory meanwhile.
///
/// The permit itself is not forced into memory. It would be moved out again as a whole right after
/// its fields were written one by one, which stalls the processor for longer than all the rest
/// takes, and which no call leaves little enough time for.
#[inline(always)]
fn through<P, E, R>(permit: Result<P, E>, report: impl FnOnce(P) -> R) -> Option<R> {
    let permit = permit.ok()?;
    black_box(());
    Some(report(permit))
}

/// A check, and a report of how the admitted call went.
fn checked<const FAILS: bool>(world: &World) -> Vec<Case<'_>> {
    let World {
        store,
        breaker,
        mutex,
        rwlock,
        limits,
        ..
    } = world;
    vec![
        if FAILS {
            Case::fetch_add(world)
        } else {
            Case::load(world)
        },
        Case::handled(world, move |circuit| {
            through(circuit.acquire(limits), |permit| {
                circuit.report(permit, outcome::<FAILS>(), limits)
            })
        })
        .reset_by(|| close_all(world.handles.iter())),
        Case::guarded(world, move |circuit| {
            through(circuit.acquire(), |permit| {
                permit.report(outcome::<FAILS>())
            })
        })
        .reset_by(|| close_all(world.guarded.iter().map(|guarded| &**guarded))),
        Case::keyed(world, STORE, move |key| {
            through(store.acquire(key, limits), |permit| {
                store.report(key, permit, outcome::<FAILS>(), limits)
            })
        })
        .reset_by(|| close(store, &world.keys)),
        Case::keyed(world, BREAKER, move |key| {
            through(breaker.acquire(key), |permit| {
                permit.report(outcome::<FAILS>())
            })
        })
        .reset_by(|| close(breaker.store(), &world.keys)),
        Case::keyed(world, MUTEX, |key| mutex.call::<FAILS>(key))
            .reset_by(|| world.keys.iter().for_each(|key| mutex.close(key))),
        Case::keyed(world, RWLOCK, |key| rwlock.call::<FAILS>(key))
            .reset_by(|| world.keys.iter().for_each(|key| rwlock.close(key))),
    ]
}

/// A constant in the closures, as it is where people call `success()` or `failure()`.
const fn outcome<const FAILS: bool>() -> Outcome {
    match FAILS {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}

fn close_all<'c>(circuits: impl Iterator<Item = &'c Circuit>) {
    for circuit in circuits {
        circuit.transition(CircuitState::Closed);
    }
}
