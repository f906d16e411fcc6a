//! The contenders, each in every state that it has.

use crate::allocation::bytes;
use breakerbox_benches::circuit::Windowed;
use breakerbox_benches::contenders::{
    CIRCUITBREAKER_RS, DASHMAP, FAILSAFE, MUTEX, PAPAYA, RECLOSER, SHARDED, STORE, TOWER,
};
use breakerbox_benches::locked::{MutexStore, ShardedStore};
use breakerbox_benches::maps::{Dash, Papaya};
use breakerbox_benches::own::Own;
use breakerbox_benches::peers::{
    ByKey, CircuitBreakerRs, Failsafe, FailsafeRate, Peer, Recloser, TowerResilience,
};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Std, Store};

const HANDLES: &str = "store, a handle each";

/// The calls that each key has had, and the rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Healthy,
    FailedOnce,
    /// A window of 100 calls.
    Calls,
    /// A window of 10 s.
    Time,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Healthy, Self::FailedOnce, Self::Calls, Self::Time];

    pub(crate) fn label(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::FailedOnce => "failed once",
            State::Calls => "window of 100 calls",
            State::Time => "window of 10 s",
        }
    }

    fn rules(self) -> Rules {
        match self {
            State::Healthy | State::FailedOnce => Rules::OUT_OF_REACH,
            State::Calls => Rules::WINDOWED,
            State::Time => Rules::TIMED,
        }
    }

    /// Returns the calls of one key: `true` for a failure.
    fn calls(self) -> impl Iterator<Item = bool> {
        let (calls, last_fails) = match self {
            State::Healthy => (1, false),
            State::FailedOnce => (1, true),
            State::Calls | State::Time => (20, true),
        };
        (1..=calls).map(move |call| call == calls && last_fails)
    }
}

/// One contender, and the bytes that it takes for keys in a state.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) states: &'static [State],
    pub(crate) bytes: fn(&[String], State) -> i64,
}

impl Contender {
    /// Returns the number of copies of each key that it has.
    pub(crate) fn copies(&self, state: State) -> usize {
        match self.name {
            STORE if state == State::Healthy => 0,
            HANDLES => 2,
            _ => 1,
        }
    }
}

/// Returns all contenders; one that has another type for a window is there twice.
pub(crate) fn all() -> impl Iterator<Item = Contender> {
    use State::{Calls, FailedOnce, Healthy, Time};
    const ROW: &[State] = &[Healthy, FailedOnce];
    type Bytes = fn(&[String], State) -> i64;
    let contenders: [(&str, &'static [State], Bytes); 13] = [
        (STORE, &State::ALL, store::<Own>),
        (HANDLES, ROW, handles),
        (MUTEX, ROW, store::<MutexStore>),
        (MUTEX, &[Calls], store::<MutexStore<Std, Windowed>>),
        (SHARDED, ROW, store::<ShardedStore>),
        (SHARDED, &[Calls], store::<ShardedStore<Std, Windowed>>),
        (PAPAYA, &[FailedOnce], map::<Papaya>),
        (DASHMAP, &[FailedOnce], map::<Dash>),
        (FAILSAFE, ROW, peer::<Failsafe>),
        (FAILSAFE, &[Time], peer::<FailsafeRate>),
        (RECLOSER, &[Calls], peer::<Recloser>),
        (TOWER, &State::ALL, peer::<TowerResilience>),
        (CIRCUITBREAKER_RS, ROW, peer::<CircuitBreakerRs>),
    ];
    contenders
        .into_iter()
        .map(|(name, states, bytes)| Contender {
            name,
            states,
            bytes,
        })
}

/// Returns the bytes that are allocated once each of `keys` has had its calls.
fn growth(keys: &[String], state: State, call: impl Fn(&str, bool)) -> i64 {
    let before = bytes();
    for key in keys {
        state.calls().for_each(|fails| call(key, fails));
    }
    bytes() - before
}

fn store<S: Store>(keys: &[String], state: State) -> i64 {
    let store = S::new(state.rules(), &[]);
    growth(keys, state, |key, fails| {
        match fails {
            true => store.call::<true>(key),
            false => store.call::<false>(key),
        };
    })
}

/// A handle has a copy of its key, beside the store's.
fn handles(keys: &[String], state: State) -> i64 {
    let own: Own = Own::new(state.rules(), &[]);
    let before = bytes();
    let handle = |key: &String| own.store.circuit(&**key).expect("there is room");
    let circuits: Vec<_> = keys.iter().map(handle).collect();
    growth(keys, state, |key, fails| {
        match fails {
            true => own.call::<true>(key),
            false => own.call::<false>(key),
        };
    });
    let grown = bytes() - before;
    drop(circuits);
    grown
}

fn peer<P: Peer>(keys: &[String], state: State) -> i64 {
    let breakers = ByKey::<P>::new(state.rules(), &[]);
    growth(keys, state, |key, fails| {
        match fails {
            true => breakers.call::<true>(key),
            false => breakers.call::<false>(key),
        };
    })
}

/// A map has no calls that could fail: each key is inserted.
fn map<M: Circuits>(keys: &[String], state: State) -> i64 {
    let map = M::new(state.rules(), &[]);
    growth(keys, state, |key, _| map.close(key))
}
