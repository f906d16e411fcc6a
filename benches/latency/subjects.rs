//! The subjects: what one request does, a check and a report.

use breakerbox_benches::locked::{MutexStore, ParkingMutexStore, ParkingRwLockStore, RwLockStore};
use breakerbox_benches::own::{Handles, Own, outcome};
use breakerbox_benches::peers::{
    ByKey, CircuitBreakerRs, Failsafe, Peer, Recloser, TowerResilience,
};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::sharded::{CircuitLockStore, ShardedStore};
use breakerbox_benches::store::{Circuits, Std, Store};

pub(crate) const HANDLE: &str = "handle";
pub(crate) const STORE: &str = "store";

/// A circuit that is open, and that nobody asks for.
const ELSEWHERE: &str = "elsewhere.internal:443";

/// A call to a key, which may fail.
type Call<'k> = Box<dyn Fn(usize, bool) + Sync + 'k>;

/// One subject.
pub(crate) struct Subject<'k> {
    pub(crate) name: &'static str,
    pub(crate) call: Call<'k>,
}

pub(crate) fn all(keys: &[String]) -> Vec<Subject<'_>> {
    let subject = |name, call| Subject { name, call };
    vec![
        subject("no operation", Box::new(|_, _| {})),
        subject(HANDLE, handles(keys)),
        subject(STORE, store::<Own<Std>>(keys)),
        subject("mutex store", store::<MutexStore>(keys)),
        subject("parking_lot mutex store", store::<ParkingMutexStore>(keys)),
        subject("rwlock store", store::<RwLockStore>(keys)),
        subject(
            "parking_lot rwlock store",
            store::<ParkingRwLockStore>(keys),
        ),
        subject("sharded mutex store", store::<ShardedStore>(keys)),
        subject("circuit mutex store", store::<CircuitLockStore>(keys)),
        subject("recloser", peer::<Recloser>(keys)),
        subject("failsafe", peer::<Failsafe>(keys)),
        subject("tower-resilience", peer::<TowerResilience>(keys)),
        subject("circuitbreaker-rs", peer::<CircuitBreakerRs>(keys)),
    ]
}

fn new<C: Circuits>(keys: &[String]) -> C {
    let circuits = C::new(Rules::OUT_OF_REACH, keys);
    circuits.open(ELSEWHERE);
    circuits
}

fn store<S: Store>(keys: &[String]) -> Call<'_> {
    let store: S = new(keys);
    Box::new(move |key, fails| {
        match fails {
            true => store.call::<true>(&keys[key]),
            false => store.call::<false>(&keys[key]),
        };
    })
}

fn peer<P: Peer>(keys: &[String]) -> Call<'_> {
    let breakers: ByKey<P> = new(keys);
    Box::new(move |key, fails| {
        match fails {
            true => breakers.call::<true>(&keys[key]),
            false => breakers.call::<false>(&keys[key]),
        };
    })
}

fn handles(keys: &[String]) -> Call<'_> {
    let handles: Handles = new(keys);
    Box::new(move |key, fails| {
        let (circuit, limits) = (&handles.circuits[key], handles.limits());
        if let Ok(permit) = circuit.acquire(limits) {
            let _ = match fails {
                true => circuit.report(permit, outcome::<true>(), limits),
                false => circuit.report(permit, outcome::<false>(), limits),
            };
        }
    })
}
