//! One subject at one work: a loop of the same shape for all.

use super::keys::SEGMENT;
use super::own::Trips;
use super::store::Circuits;
use super::world::World;
use std::hint::black_box;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Case<'w> {
    /// Segments in a thread's list.
    pub segments: usize,
    run: Box<dyn Fn(usize, usize) + Sync + 'w>,
    reset: Box<dyn Fn() + Sync + 'w>,
    trips: Option<&'w Trips>,
    /// The segment that the next turn begins with.
    next: AtomicUsize,
    /// What each thread has done since the last reset.
    filled: AtomicUsize,
}

impl<'w> Case<'w> {
    /// A case whose loop hands what is in a thread's list to `op`.
    ///
    /// Target and result go through `black_box`, the floor's too: it keeps the compiler from
    /// taking loads out of the loop, and costs each subject the same store and reload.
    pub fn new<T, L, R>(lists: L, op: impl Fn(T) -> R + Sync + 'w) -> Self
    where
        T: Copy + Sync + 'w,
        L: Deref<Target = [Vec<T>]> + Sync + 'w,
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

    /// One that finds the circuits of `world` by key.
    pub fn keyed<R>(
        world: &'w World,
        circuits: &'w dyn Circuits,
        op: impl Fn(&'static str) -> R + Sync + 'w,
    ) -> Self {
        Self::new(&*world.lists().names, op).over(world, circuits)
    }

    /// One that has an object for each key of `world`.
    pub fn held<T: Sync, R>(
        world: &'w World,
        circuits: &'w dyn Circuits,
        objects: &'w [T],
        op: impl Fn(&'w T) -> R + Sync + 'w,
    ) -> Self {
        Self::new(world.lists().map(|i| &objects[i]), op).over(world, circuits)
    }

    pub fn reset_by(self, reset: impl Fn() + Sync + 'w) -> Self {
        Self {
            reset: Box::new(reset),
            ..self
        }
    }

    fn over(self, world: &'w World, circuits: &'w dyn Circuits) -> Self {
        self.reset_by(|| world.reset(circuits))
    }

    /// With a look at how often its circuit has tripped.
    pub fn tripping(self, trips: &'w Trips) -> Self {
        Self {
            trips: Some(trips),
            ..self
        }
    }

    /// One segment of `thread`'s list.
    pub fn run(&self, thread: usize, segment: usize) {
        (self.run)(thread, segment);
    }

    /// Before a turn of `ops` in each thread: a reset, if `most` would not suffice for them too.
    pub fn make_room(&self, ops: usize, most: usize) {
        if self.filled.fetch_add(ops, Ordering::Relaxed) + ops > most {
            self.reset();
            self.filled.store(ops, Ordering::Relaxed);
        }
    }

    /// Zeroes what the work has counted.
    pub fn reset(&self) {
        (self.reset)();
        if let Some(trips) = self.trips {
            trips.take();
        }
    }

    /// After a storm: whoever raced for it, one thread has opened the circuit, once.
    ///
    /// # Panics
    /// If not.
    pub fn assert_one_trip(&self) {
        if let Some(trips) = self.trips {
            assert_eq!(trips.take(), 1, "trips in one round of a storm");
        }
    }

    /// Where the next turn of `segments` begins: with many keys each meets others.
    pub fn advance(&self, segments: usize) -> usize {
        self.next.fetch_add(segments, Ordering::Relaxed) % self.segments
    }
}
