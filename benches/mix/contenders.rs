//! The contenders of the mix, each with all keys known and two circuits open.

use crate::clock::OfTurns;
use crate::requests::Mix;
use breakerbox::{CoarseClock, SystemClock};
use breakerbox_benches::circuit::{Buckets, Coarse, Precise, Windowed};
use breakerbox_benches::contenders::{
    BREAKER, BREAKER_CRATE, MUTEX, MUTEX_COARSE, RECLOSER, SHARDED, STORE, STORE_COARSE,
};
use breakerbox_benches::locked::{MutexStore, ShardedStore};
use breakerbox_benches::own::{Breaker, Own};
use breakerbox_benches::peers::{BreakerCrate, ByKey, Peer, Recloser};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Std, Store};

/// Makes one request: whether it is admitted.
type MakeRequest = Box<dyn Fn(&'static str, bool) -> bool + Sync>;

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
    pub(crate) request: MakeRequest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No operation.
    None,
    /// The last 100 calls.
    Calls,
    /// The last 10 s.
    Time,
}

pub(crate) const NOTHING: &str = "no operation";

/// Returns all contenders, *no operation* first.
pub(crate) fn all(mix: &Mix) -> Vec<Contender> {
    use Rule::{Calls, Time};
    let calls = Rules::WINDOWED;
    let time = Rules::TIMED;
    let all: [(&'static str, Rule, MakeRequest); 13] = [
        (NOTHING, Rule::None, Box::new(|_, fails| fails)),
        (STORE, Calls, store::<Own>(calls, mix)),
        (BREAKER, Calls, breaker(calls, mix)),
        (MUTEX, Calls, store::<MutexStore<Std, Windowed>>(calls, mix)),
        (
            SHARDED,
            Calls,
            store::<ShardedStore<Std, Windowed>>(calls, mix),
        ),
        (RECLOSER, Calls, peer::<Recloser>(calls, mix)),
        (BREAKER_CRATE, Calls, peer::<BreakerCrate>(calls, mix)),
        (STORE, Time, store::<Own<OfTurns<SystemClock>>>(time, mix)),
        (
            STORE_COARSE,
            Time,
            store::<Own<OfTurns<CoarseClock>>>(time, mix),
        ),
        (BREAKER, Time, breaker(time, mix)),
        (
            MUTEX,
            Time,
            store::<MutexStore<Std, Buckets<OfTurns<Precise>>>>(time, mix),
        ),
        (
            MUTEX_COARSE,
            Time,
            store::<MutexStore<Std, Buckets<OfTurns<Coarse>>>>(time, mix),
        ),
        (
            SHARDED,
            Time,
            store::<ShardedStore<Std, Buckets<OfTurns<Precise>>>>(time, mix),
        ),
    ];
    let contender = |(name, rule, request)| Contender {
        name,
        rule,
        request,
    };
    all.into_iter().map(contender).collect()
}

/// Makes circuits, uses each as one of a proxy that has run for a while, and then opens some.
fn make<C: Circuits>(rules: Rules, mix: &Mix, call: impl Fn(&C, &str)) -> C {
    let circuits = C::new(rules, mix.names);
    for key in mix.names {
        (0..Rules::CALLS).for_each(|_| call(&circuits, key));
    }
    mix.open().for_each(|key| circuits.open(key));
    circuits
}

fn store<S: Store>(rules: Rules, mix: &Mix) -> MakeRequest {
    let store: S = make(rules, mix, |store: &S, key| _ = store.call::<false>(key));
    Box::new(move |key, fails| store.call_that(key, fails))
}

fn breaker(rules: Rules, mix: &Mix) -> MakeRequest {
    let call = |breaker: &Breaker<OfTurns<SystemClock>>, key: &str| _ = breaker.call::<false>(key);
    let breaker = make(rules, mix, call);
    Box::new(move |key, fails| breaker.call_that(key, fails))
}

fn peer<P: Peer>(rules: Rules, mix: &Mix) -> MakeRequest {
    let call = |peers: &ByKey<P>, key: &str| _ = peers.call::<false>(key);
    let peers = make(rules, mix, call);
    Box::new(move |key, fails| peers.call_that(key, fails))
}
