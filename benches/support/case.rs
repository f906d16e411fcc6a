//! One contender at one work: a loop of the same shape for all.

use super::fixture::Fixture;
use super::keys::SEGMENT;
use super::own::Trips;
use super::store::Circuits;
use std::hint::black_box;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Case<'f> {
    /// The number of segments in a thread's list.
    pub segments: usize,
    run: Box<dyn Fn(usize, usize) + Sync + 'f>,
    reset: Box<dyn Fn() + Sync + 'f>,
    /// The trips of its circuit, if it can trip.
    trips: Option<&'f Trips>,
    /// The segment that the next turn begins with.
    next: AtomicUsize,
    /// The operations of each thread since the last reset.
    filled: AtomicUsize,
}

impl<'f> Case<'f> {
    /// Makes a case whose loop hands each item of a thread's list to `op`.
    ///
    /// Target and result go through `black_box`, the floor's too: it keeps the compiler from
    /// taking loads out of the loop, and costs each contender the same store and reload.
    pub fn new<T, L, R>(lists: L, op: impl Fn(T) -> R + Sync + 'f) -> Self
    where
        T: Copy + Sync + 'f,
        L: Deref<Target = [Vec<T>]> + Sync + 'f,
    {
        Self {
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
            trips: None,
            next: AtomicUsize::new(0),
            filled: AtomicUsize::new(0),
        }
    }

    /// Makes a case that finds the circuits of `fixture` by key.
    pub fn keyed<R>(
        fixture: &'f Fixture,
        circuits: &'f dyn Circuits,
        op: impl Fn(&'static str) -> R + Sync + 'f,
    ) -> Self {
        Self::new(&*fixture.keys.lists, op).over(fixture, circuits)
    }

    /// Makes a case that has an object for each key of `fixture`.
    pub fn held<T: Sync, R>(
        fixture: &'f Fixture,
        circuits: &'f dyn Circuits,
        objects: &'f [T],
        op: impl Fn(&'f T) -> R + Sync + 'f,
    ) -> Self {
        Self::new(fixture.keys.map(|i| &objects[i]), op).over(fixture, circuits)
    }

    pub fn reset_by(self, reset: impl Fn() + Sync + 'f) -> Self {
        Self {
            reset: Box::new(reset),
            ..self
        }
    }

    fn over(self, fixture: &'f Fixture, circuits: &'f dyn Circuits) -> Self {
        Self {
            trips: circuits.trips(),
            ..self.reset_by(|| fixture.reset(circuits))
        }
    }

    /// Runs one segment of `thread`'s list.
    pub fn run(&self, thread: usize, segment: usize) {
        (self.run)(thread, segment);
    }

    /// Resets before a turn of `ops` in each thread, if they would exceed `most`.
    pub fn make_room(&self, ops: usize, most: usize) {
        if self.filled.fetch_add(ops, Ordering::Relaxed) + ops > most {
            self.reset();
            self.filled.store(ops, Ordering::Relaxed);
        }
    }

    /// Zeroes the counts of the work.
    pub fn reset(&self) {
        (self.reset)();
        if let Some(trips) = self.trips {
            trips.take();
        }
    }

    /// Asserts after a storm that exactly one of the racing threads has opened the circuit.
    ///
    /// # Panics
    /// If none or several have.
    pub fn assert_one_trip(&self) {
        if let Some(trips) = self.trips {
            assert_eq!(trips.take(), 1, "trips in one round of a storm");
        }
    }

    /// Returns the place where the next turn of `segments` begins: with many keys, each turn uses
    /// others.
    pub fn advance(&self, segments: usize) -> usize {
        self.next.fetch_add(segments, Ordering::Relaxed) % self.segments
    }
}
