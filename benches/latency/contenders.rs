//! The contenders: what one request does, a check and a report.

use breakerbox_benches::contenders::{
    CIRCUITBREAKER_RS, FAILSAFE, HANDLE, MUTEX, RECLOSER, SHARDED, STORE, TOWER,
};
use breakerbox_benches::fixture::ELSEWHERE;
use breakerbox_benches::locked::{MutexStore, ShardedStore};
use breakerbox_benches::own::{Handles, Own, outcome};
use breakerbox_benches::peers::{
    ByKey, CircuitBreakerRs, Failsafe, Peer, Recloser, TowerResilience,
};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Store};

/// A call to a key, which may fail.
type Call<'k> = Box<dyn Fn(usize, bool) + Sync + 'k>;

/// One contender.
pub(crate) struct Contender<'k> {
    pub(crate) name: &'static str,
    pub(crate) call: Call<'k>,
}

pub(crate) fn all(keys: &[String]) -> Vec<Contender<'_>> {
    let contender = |name, call| Contender { name, call };
    vec![
        contender("no operation", Box::new(|_, _| {})),
        contender(HANDLE, handles(keys)),
        contender(STORE, store::<Own>(keys)),
        contender(MUTEX, store::<MutexStore>(keys)),
        contender(SHARDED, store::<ShardedStore>(keys)),
        contender(FAILSAFE, peer::<Failsafe>(keys)),
        contender(RECLOSER, peer::<Recloser>(keys)),
        contender(TOWER, peer::<TowerResilience>(keys)),
        contender(CIRCUITBREAKER_RS, peer::<CircuitBreakerRs>(keys)),
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
        let (circuit, policy) = (&handles.circuits[key], &handles.own.policy);
        if let Ok(permit) = circuit.acquire(policy) {
            let _ = match fails {
                true => circuit.report(permit, outcome::<true>(), policy),
                false => circuit.report(permit, outcome::<false>(), policy),
            };
        }
    })
}
