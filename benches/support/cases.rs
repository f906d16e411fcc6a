//! Which works each subject can do, and how.

use super::case::Case;
use super::maps::WordMap;
use super::own::{Breaker, Few, Guarded, Handles, Own, Time, Tripping, Unknown, outcome};
use super::peers::{Ask, ByKey, Held, Peer};
use super::store::{Hasher, Std, Store, through};
use super::work::Work;
use super::world::{Gate, World};
use breakerbox::CoarseClock;
use std::sync::atomic::Ordering::Relaxed;

/// The most keys that objects of hundreds of bytes are made for.
const OBJECTS: usize = 100_000;

pub(super) fn load(world: &World, work: Work) -> Option<Case<'_>> {
    if work.fills() {
        return None;
    }
    let lists = world.lists().map(|i| &world.lines()[i].0);
    Some(Case::new(lists, |word| word.load(Relaxed)))
}

pub(super) fn fetch_add(world: &World, work: Work) -> Option<Case<'_>> {
    if !work.fills() {
        return None;
    }
    let lists = world.lists().map(|i| &world.lines()[i].0);
    Some(Case::new(lists, |word| word.fetch_add(1, Relaxed)))
}

fn whole<S: Store>(world: &World, work: Work) -> Case<'_> {
    let store: &S = world.get();
    match work {
        Work::Check => Case::keyed(world, store, |key| store.check(key)),
        Work::CheckSuccess | Work::Windowed => {
            Case::keyed(world, store, |key| store.call::<false>(key))
        }
        Work::CheckFailure | Work::Storm => {
            Case::keyed(world, store, |key| store.call::<true>(key))
        }
        Work::RecordFailure => Case::keyed(world, store, |key| store.record_failure(key)),
        Work::Snapshot => Case::keyed(world, store, |key| store.snapshot(key)),
    }
}

/// `P` has circuits with a threshold, `W` with a window.
pub(super) fn store<P: Store, W: Store>(world: &World, work: Work) -> Option<Case<'_>> {
    Some(match work {
        Work::Windowed => whole::<W>(world, work),
        _ => whole::<P>(world, work),
    })
}

pub(super) fn own<S: Store + Tripping>(world: &World, work: Work) -> Option<Case<'_>> {
    Some(storm(world.get::<S>(), whole::<S>(world, work), work))
}

fn storm<'w>(subject: &'w impl Tripping, case: Case<'w>, work: Work) -> Case<'w> {
    match work {
        Work::Storm => case.tripping(subject.trips()),
        _ => case,
    }
}

pub(super) fn handle<C: Time>(world: &World, work: Work) -> Option<Case<'_>> {
    let handles: &Handles<C> = world.get();
    let (circuits, limits) = (&*handles.circuits, handles.limits());
    let case = match work {
        Work::Check => Case::held(world, handles, circuits, |circuit| {
            circuit.acquire(limits).is_ok()
        }),
        Work::CheckSuccess | Work::Windowed => Case::held(world, handles, circuits, |circuit| {
            through(circuit.acquire(limits), |permit| {
                circuit.report(permit, outcome::<false>(), limits)
            })
        }),
        Work::CheckFailure | Work::Storm => Case::held(world, handles, circuits, |circuit| {
            through(circuit.acquire(limits), |permit| {
                circuit.report(permit, outcome::<true>(), limits)
            })
        }),
        Work::RecordFailure => {
            Case::held(world, handles, circuits, |circuit| circuit.record_failure())
        }
        Work::Snapshot => Case::held(world, handles, circuits, |circuit| circuit.peek()),
    };
    Some(storm(handles, case, work))
}

/// Where it reads the time: for failures, and in a storm for rejections.
pub(super) fn coarse_store(world: &World, work: Work) -> Option<Case<'_>> {
    if !work.fills() {
        return None;
    }
    own::<Own<Std, CoarseClock>>(world, work)
}

/// See `coarse_store`.
pub(super) fn coarse_handle(world: &World, work: Work) -> Option<Case<'_>> {
    if !work.fills() {
        return None;
    }
    handle::<CoarseClock>(world, work)
}

pub(super) fn guarded(world: &World, work: Work) -> Option<Case<'_>> {
    if world.keys.names.len() > OBJECTS {
        return None;
    }
    let guarded = || world.get::<Guarded>();
    let case = match work {
        Work::Check => Case::held(world, guarded(), &guarded().circuits, |circuit| {
            circuit.acquire().is_ok()
        }),
        Work::CheckSuccess | Work::Windowed => {
            Case::held(world, guarded(), &guarded().circuits, |circuit| {
                through(circuit.acquire(), |permit| {
                    permit.report(outcome::<false>())
                })
            })
        }
        Work::CheckFailure | Work::Storm => {
            Case::held(world, guarded(), &guarded().circuits, |circuit| {
                through(circuit.acquire(), |permit| permit.report(outcome::<true>()))
            })
        }
        // The same as the handle's.
        Work::RecordFailure | Work::Snapshot => return None,
    };
    Some(storm(guarded(), case, work))
}

pub(super) fn breaker<S: Hasher>(world: &World, work: Work) -> Option<Case<'_>> {
    let breaker = || world.get::<Breaker<S>>();
    let case = match work {
        Work::Check => {
            let breaker = breaker();
            Case::keyed(world, breaker, |key| breaker.check(key))
        }
        Work::CheckSuccess | Work::Windowed => {
            let breaker = breaker();
            Case::keyed(world, breaker, |key| breaker.call::<false>(key))
        }
        Work::CheckFailure | Work::Storm => {
            let breaker = breaker();
            Case::keyed(world, breaker, |key| breaker.call::<true>(key))
        }
        // The same as the store's.
        Work::RecordFailure | Work::Snapshot => return None,
    };
    Some(storm(breaker(), case, work))
}

pub(super) fn unknown(world: &World, work: Work) -> Option<Case<'_>> {
    if work != Work::Check {
        return None;
    }
    let unknown: &Unknown = world.get();
    Some(Case::keyed(world, unknown, |key| unknown.0.check(key)))
}

/// In a list as long as the others': that is read too.
pub(super) fn few(world: &World, work: Work) -> Option<Case<'_>> {
    if work != Work::Check || world.keys.names.len() <= Few::KEYS {
        return None;
    }
    let few: &Few = world.get();
    let names = world.lists().map(|i| &*world.keys.names[i % Few::KEYS]);
    Some(Case::new(names, |key| few.0.check(key)))
}

pub(super) fn map<M: WordMap>(world: &World, work: Work) -> Option<Case<'_>> {
    if !matches!(work, Work::Check | Work::Snapshot) {
        return None;
    }
    let map: &M = world.get();
    Some(Case::keyed(world, map, |key| map.get(key)))
}

fn calls<P: Peer>(world: &World, work: Work) -> bool {
    world.keys.names.len() <= OBJECTS
        && match work {
            Work::CheckSuccess | Work::CheckFailure | Work::Storm => true,
            Work::Windowed => P::HAS_WINDOW,
            Work::Check | Work::RecordFailure | Work::Snapshot => false,
        }
}

pub(super) fn peer<P: Peer>(world: &World, work: Work) -> Option<Case<'_>> {
    if !calls::<P>(world, work) {
        return None;
    }
    let peers: &ByKey<P> = world.get();
    Some(match work.fills() {
        true => Case::keyed(world, peers, |key| peers.call::<true>(key)),
        false => Case::keyed(world, peers, |key| peers.call::<false>(key)),
    })
}

pub(super) fn peer_that_can_be_asked<P: Ask>(world: &World, work: Work) -> Option<Case<'_>> {
    if work != Work::Check || world.keys.names.len() > OBJECTS {
        return peer::<P>(world, work);
    }
    let peers: &ByKey<P> = world.get();
    Some(Case::keyed(world, peers, |key| peers.check(key)))
}

/// None of them is ever open, so there is no storm.
pub(super) fn held_peer<P: Peer>(world: &World, work: Work) -> Option<Case<'_>> {
    if !calls::<P>(world, work) || work == Work::Storm || world.gate() == Gate::Hundredth {
        return None;
    }
    let peers: &Held<P> = world.get();
    Some(match work.fills() {
        true => Case::held(world, peers, &peers.objects, |object| object.call::<true>()),
        false => Case::held(world, peers, &peers.objects, |object| {
            object.call::<false>()
        }),
    })
}

pub(super) fn held_peer_that_can_be_asked<P: Ask>(world: &World, work: Work) -> Option<Case<'_>> {
    let small = world.keys.names.len() <= OBJECTS;
    if work != Work::Check || !small || world.gate() == Gate::Hundredth {
        return held_peer::<P>(world, work);
    }
    let peers: &Held<P> = world.get();
    Some(Case::held(world, peers, &peers.objects, |object| {
        object.admits()
    }))
}
