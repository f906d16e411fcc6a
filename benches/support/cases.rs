//! The loop of each contender at each work that it can do.

use super::case::Case;
use super::fixture::Fixture;
use super::maps::WordMap;
use super::own::{Breaker, Handles, outcome};
use super::peers::{ByKey, Failsafe, Held, Peer};
use super::store::{Store, through};
use super::work::{Work, draw};
use breakerbox::{Policy, StoreHandle};
use std::sync::atomic::Ordering::Relaxed;

/// A relaxed load, or an addition for works that count.
pub(super) fn floor(fixture: &Fixture, work: Work) -> Case<'_> {
    let lists = fixture.keys.map(|i| &fixture.lines()[i].0);
    match work.fills() {
        true => Case::new(lists, |word| word.fetch_add(1, Relaxed)),
        false => Case::new(lists, |word| word.load(Relaxed)),
    }
}

/// The loops of a store. `P` has circuits with a threshold, `W` with a window of calls, `T` with one
/// of time.
pub(super) fn store<P: Store, W: Store, T: Store>(fixture: &Fixture, work: Work) -> Case<'_> {
    match work {
        Work::Windowed(_) => by_key::<W>(fixture, work),
        Work::Timed(_) => by_key::<T>(fixture, work),
        _ => by_key::<P>(fixture, work),
    }
}

fn by_key<S: Store>(fixture: &Fixture, work: Work) -> Case<'_> {
    let store: &S = fixture.get();
    match work {
        Work::Check => Case::keyed(fixture, store, |key| store.check(key)),
        Work::CheckSuccess => Case::keyed(fixture, store, |key| store.call::<false>(key)),
        Work::Windowed(_) | Work::Timed(_) => match work.one_of() {
            None => Case::keyed(fixture, store, |key| store.call::<false>(key)),
            Some(n) => Case::keyed(fixture, store, move |key| store.call_that(key, draw(n))),
        },
        Work::CheckFailure | Work::Storm => {
            Case::keyed(fixture, store, |key| store.call::<true>(key))
        }
        Work::RecordFailure => Case::keyed(fixture, store, |key| store.record_failure(key)),
        Work::Snapshot => Case::keyed(fixture, store, |key| store.snapshot(key)),
    }
}

pub(super) fn handle(fixture: &Fixture, work: Work) -> Case<'_> {
    let handles: &Handles = fixture.get();
    let circuits = &*handles.circuits;
    let policy = &handles.own.policy;
    match work {
        Work::Check => Case::held(fixture, handles, circuits, |circuit| {
            circuit.acquire(policy).is_ok()
        }),
        Work::CheckSuccess => Case::held(fixture, handles, circuits, |circuit| {
            call::<false>(circuit, policy)
        }),
        Work::Windowed(_) | Work::Timed(_) => match work.one_of() {
            None => Case::held(fixture, handles, circuits, |circuit| {
                call::<false>(circuit, policy)
            }),
            Some(n) => Case::held(fixture, handles, circuits, move |circuit| match draw(n) {
                true => call::<true>(circuit, policy),
                false => call::<false>(circuit, policy),
            }),
        },
        Work::CheckFailure | Work::Storm => Case::held(fixture, handles, circuits, |circuit| {
            call::<true>(circuit, policy)
        }),
        Work::RecordFailure => Case::held(fixture, handles, circuits, |circuit| {
            circuit.record_failure()
        }),
        Work::Snapshot => Case::held(fixture, handles, circuits, |circuit| circuit.peek()),
    }
}

#[inline(always)]
fn call<const FAILS: bool>(circuit: &StoreHandle, policy: &Policy) -> bool {
    through(circuit.acquire(policy), |permit| {
        circuit.report(permit, outcome::<FAILS>(), policy)
    })
}

pub(super) fn breaker(fixture: &Fixture, work: Work) -> Case<'_> {
    let breaker: &Breaker = fixture.get();
    if let Some(n) = work.one_of() {
        return Case::keyed(fixture, breaker, move |key| breaker.call_that(key, draw(n)));
    }
    match work {
        Work::Check => Case::keyed(fixture, breaker, |key| breaker.check(key)),
        _ if work.fills() => Case::keyed(fixture, breaker, |key| breaker.call::<true>(key)),
        _ => Case::keyed(fixture, breaker, |key| breaker.call::<false>(key)),
    }
}

/// The loop of a look-up.
pub(super) fn map<M: WordMap>(fixture: &Fixture, _: Work) -> Case<'_> {
    let map: &M = fixture.get();
    Case::keyed(fixture, map, |key| map.get(key))
}

pub(super) fn peer<P: Peer>(fixture: &Fixture, work: Work) -> Case<'_> {
    let peers: &ByKey<P> = fixture.get();
    if let Some(n) = work.one_of() {
        return Case::keyed(fixture, peers, move |key| peers.call_that(key, draw(n)));
    }
    match work.fills() {
        true => Case::keyed(fixture, peers, |key| peers.call::<true>(key)),
        false => Case::keyed(fixture, peers, |key| peers.call::<false>(key)),
    }
}

pub(super) fn failsafe(fixture: &Fixture, work: Work) -> Case<'_> {
    if work != Work::Check {
        return peer::<Failsafe>(fixture, work);
    }
    let peers: &ByKey<Failsafe> = fixture.get();
    Case::keyed(fixture, peers, |key| peers.with(key, Failsafe::admits))
}

pub(super) fn object<P: Peer>(fixture: &Fixture, work: Work) -> Case<'_> {
    let peers: &Held<P> = fixture.get();
    if let Some(n) = work.one_of() {
        return Case::held(fixture, peers, &peers.objects, move |peer| {
            peer.call_that(draw(n))
        });
    }
    match work.fills() {
        true => Case::held(fixture, peers, &peers.objects, |peer| peer.call::<true>()),
        false => Case::held(fixture, peers, &peers.objects, |peer| peer.call::<false>()),
    }
}

pub(super) fn failsafe_object(fixture: &Fixture, work: Work) -> Case<'_> {
    if work != Work::Check {
        return object::<Failsafe>(fixture, work);
    }
    let peers: &Held<Failsafe> = fixture.get();
    Case::held(fixture, peers, &peers.objects, Failsafe::admits)
}
