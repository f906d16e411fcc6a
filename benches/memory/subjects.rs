//! The subjects, each in every state that it has.

use crate::allocation::bytes;
use crate::own;
use crate::windows;
use breakerbox_benches::circuit::Windowed;
use breakerbox_benches::locked::{MutexStore, RwLockStore};
use breakerbox_benches::maps::{Dash, Papaya, Scc};
use breakerbox_benches::peers::{
    ByKey, CircuitBreakerRs, Failsafe, Peer, Recloser, TowerResilience,
};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::sharded::{CircuitLockStore, ShardedStore};
use breakerbox_benches::store::{Circuits, Std, Store};

pub(crate) const STORE: &str = "store";
const HANDLES: &str = "store, a handle each";

/// What has become of each key.
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
            State::Healthy | State::FailedOnce | State::Time => Rules::OUT_OF_REACH,
            State::Calls => Rules::WINDOWED,
        }
    }

    /// The calls of one key: whether they fail.
    pub(crate) fn calls(self) -> impl Iterator<Item = bool> {
        let (calls, last_fails) = match self {
            State::Healthy => (1, false),
            State::FailedOnce => (1, true),
            State::Calls | State::Time => (20, true),
        };
        (1..=calls).map(move |call| call == calls && last_fails)
    }
}

/// One subject in one state.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    /// How many of each key it has.
    copies: usize,
    /// The bytes that it takes for these keys.
    bytes: fn(&[String], State) -> i64,
}

/// What was measured.
pub(crate) struct Row {
    pub(crate) subject: &'static str,
    pub(crate) state: State,
    pub(crate) keys: usize,
    pub(crate) bytes_per_key: f64,
    pub(crate) bytes_without_key: f64,
}

impl Subject {
    pub(crate) fn measure(&self, keys: &[String]) -> Row {
        let bytes_per_key = (self.bytes)(keys, self.state) as f64 / keys.len() as f64;
        let key = self.copies * keys[0].len();
        Row {
            subject: self.name,
            state: self.state,
            keys: keys.len(),
            bytes_per_key,
            bytes_without_key: bytes_per_key - key as f64,
        }
    }
}

/// By state, ours first.
pub(crate) fn all() -> impl Iterator<Item = Subject> {
    use State::{Calls, FailedOnce, Healthy, Time};
    type Bytes = fn(&[String], State) -> i64;
    let subjects: [(&[State], &'static str, Bytes); 19] = [
        (&State::ALL, STORE, own::store),
        (&[Healthy, FailedOnce], HANDLES, own::handles),
        (&[Healthy, FailedOnce], "mutex store", store::<MutexStore>),
        (&[Calls], "mutex store", store::<MutexStore<Std, Windowed>>),
        (&[Healthy, FailedOnce], "rwlock store", store::<RwLockStore>),
        (
            &[Calls],
            "rwlock store",
            store::<RwLockStore<Std, Windowed>>,
        ),
        (
            &[Healthy, FailedOnce],
            "sharded mutex store",
            store::<ShardedStore>,
        ),
        (
            &[Calls],
            "sharded mutex store",
            store::<ShardedStore<Std, Windowed>>,
        ),
        (
            &[Healthy, FailedOnce],
            "circuit mutex store",
            store::<CircuitLockStore>,
        ),
        (
            &[Calls],
            "circuit mutex store",
            store::<CircuitLockStore<Std, Windowed>>,
        ),
        (&[FailedOnce], "papaya, bare u64", map::<Papaya<Std>>),
        (&[FailedOnce], "dashmap, bare u64", map::<Dash<Std>>),
        (&[FailedOnce], "scc, bare u64", map::<Scc<Std>>),
        (&[Calls], "recloser", peer::<Recloser>),
        (&[Healthy, FailedOnce], "failsafe", peer::<Failsafe>),
        (
            &[Healthy, FailedOnce, Calls],
            "tower-resilience",
            peer::<TowerResilience>,
        ),
        (
            &[Healthy, FailedOnce],
            "circuitbreaker-rs",
            peer::<CircuitBreakerRs>,
        ),
        (&[Time], "failsafe", windows::failsafe),
        (&[Time], "tower-resilience", windows::tower),
    ];
    State::ALL.into_iter().flat_map(move |state| {
        let of_state = subjects
            .into_iter()
            .filter(move |(states, ..)| states.contains(&state));
        of_state.map(move |(_, name, bytes)| Subject {
            name,
            state,
            copies: match name {
                STORE if state == Healthy => 0,
                HANDLES => 2,
                _ => 1,
            },
            bytes,
        })
    })
}

/// The bytes that `subject` takes when each of `keys` has had its calls.
pub(crate) fn growth<S>(
    subject: S,
    keys: &[String],
    state: State,
    call: impl Fn(&S, &str, bool),
) -> i64 {
    let before = bytes();
    for key in keys {
        for fails in state.calls() {
            call(&subject, key, fails);
        }
    }
    bytes() - before
}

fn store<S: Store>(keys: &[String], state: State) -> i64 {
    let store = S::new(state.rules(), &[]);
    growth(store, keys, state, |store, key, fails| {
        match fails {
            true => store.call::<true>(key),
            false => store.call::<false>(key),
        };
    })
}

fn peer<P: Peer>(keys: &[String], state: State) -> i64 {
    let breakers = ByKey::<P>::new(state.rules(), &[]);
    growth(breakers, keys, state, |breakers, key, fails| {
        match fails {
            true => breakers.call::<true>(key),
            false => breakers.call::<false>(key),
        };
    })
}

/// There is nothing to fail: each key is put in.
fn map<M: Circuits>(keys: &[String], state: State) -> i64 {
    let map = M::new(state.rules(), &[]);
    growth(map, keys, state, |map, key, _| map.close(key))
}
