//! All subjects, by name.

use super::case::Case;
use super::cases::*;
use super::circuit::Windowed;
use super::locked::{MutexStore, ParkingMutexStore, ParkingRwLockStore, RwLockStore};
use super::maps::{Dash, Papaya, Scc};
use super::own::Own;
use super::peers::{CircuitBreakerRs, Failsafe, Recloser, TowerResilience};
use super::sharded::{CircuitLockStore, ShardedStore};
use super::store::{Fast, Std};
use super::work::Work;
use super::world::World;
use breakerbox::SystemClock;

pub const LOAD: &str = "atomic load";
pub const FETCH_ADD: &str = "atomic fetch_add";
pub const HANDLE: &str = "handle";
pub const BREAKER_HANDLE: &str = "breaker's handle";
pub const STORE: &str = "store";
pub const STORE_FAST: &str = "store, foldhash";
pub const STORE_COARSE: &str = "store, coarse clock";
pub const STORE_FEW: &str = "store, 1,000 keys";
pub const BREAKER: &str = "breaker";
pub const MUTEX: &str = "mutex store";
pub const BREAKER_FAST: &str = "breaker, foldhash";
pub const PAPAYA: &str = "papaya, bare u64";
pub const PAPAYA_FAST: &str = "papaya, bare u64, foldhash";

pub struct Subject {
    pub name: &'static str,
    pub kind: Kind,
    /// `None` where it finds nothing by key.
    pub hasher: Option<&'static str>,
    case: for<'w> fn(&'w World, Work) -> Option<Case<'w>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Floor,
    Own,
    /// What people write themselves.
    Store,
    /// Only a map, with no circuit in it.
    Map,
    /// Another crate's breakers in a map.
    Peer,
    /// One of those alone.
    HeldPeer,
}

impl Subject {
    /// Its loop for `work` in `world`; `None` if it can't do that, or not there.
    pub fn case<'w>(&self, world: &'w World, work: Work) -> Option<Case<'w>> {
        (self.case)(world, work)
    }
}

macro_rules! subjects {
    ($($name:expr, $kind:ident, $hasher:expr, $case:expr;)+) => {
        pub const SUBJECTS: &[Subject] = &[$(Subject {
            name: $name,
            kind: Kind::$kind,
            hasher: $hasher,
            case: $case,
        }),+];
    };
}

const SIP: Option<&str> = Some("std");
const FOLD: Option<&str> = Some("foldhash");

subjects! {
    LOAD, Floor, None, load;
    FETCH_ADD, Floor, None, fetch_add;
    HANDLE, Own, None, handle::<SystemClock>;
    "handle, coarse clock", Own, None, coarse_handle;
    BREAKER_HANDLE, Own, None, guarded;
    STORE, Own, SIP, own::<Own<Std>>;
    STORE_FAST, Own, FOLD, own::<Own<Fast>>;
    STORE_COARSE, Own, SIP, coarse_store;
    "store, unknown key", Own, SIP, unknown;
    STORE_FEW, Own, SIP, few;
    BREAKER, Own, SIP, breaker::<Std>;
    BREAKER_FAST, Own, FOLD, breaker::<Fast>;
    MUTEX, Store, SIP, store::<MutexStore<Std>, MutexStore<Std, Windowed>>;
    "mutex store, foldhash", Store, FOLD, store::<MutexStore<Fast>, MutexStore<Fast, Windowed>>;
    "parking_lot mutex store", Store, SIP,
        store::<ParkingMutexStore<Std>, ParkingMutexStore<Std, Windowed>>;
    "parking_lot mutex store, foldhash", Store, FOLD,
        store::<ParkingMutexStore<Fast>, ParkingMutexStore<Fast, Windowed>>;
    "rwlock store", Store, SIP, store::<RwLockStore<Std>, RwLockStore<Std, Windowed>>;
    "rwlock store, foldhash", Store, FOLD, store::<RwLockStore<Fast>, RwLockStore<Fast, Windowed>>;
    "parking_lot rwlock store", Store, SIP,
        store::<ParkingRwLockStore<Std>, ParkingRwLockStore<Std, Windowed>>;
    "parking_lot rwlock store, foldhash", Store, FOLD,
        store::<ParkingRwLockStore<Fast>, ParkingRwLockStore<Fast, Windowed>>;
    "sharded mutex store", Store, SIP, store::<ShardedStore<Std>, ShardedStore<Std, Windowed>>;
    "sharded mutex store, foldhash", Store, FOLD,
        store::<ShardedStore<Fast>, ShardedStore<Fast, Windowed>>;
    "circuit mutex store", Store, SIP,
        store::<CircuitLockStore<Std>, CircuitLockStore<Std, Windowed>>;
    "circuit mutex store, foldhash", Store, FOLD,
        store::<CircuitLockStore<Fast>, CircuitLockStore<Fast, Windowed>>;
    PAPAYA, Map, SIP, map::<Papaya<Std>>;
    PAPAYA_FAST, Map, FOLD, map::<Papaya<Fast>>;
    "dashmap, bare u64", Map, SIP, map::<Dash<Std>>;
    "dashmap, bare u64, foldhash", Map, FOLD, map::<Dash<Fast>>;
    "scc, bare u64", Map, SIP, map::<Scc<Std>>;
    "scc, bare u64, foldhash", Map, FOLD, map::<Scc<Fast>>;
    "recloser", Peer, FOLD, peer::<Recloser>;
    "failsafe", Peer, FOLD, peer_that_can_be_asked::<Failsafe>;
    "tower-resilience", Peer, FOLD, peer::<TowerResilience>;
    "circuitbreaker-rs", Peer, FOLD, peer::<CircuitBreakerRs>;
    "recloser's object", HeldPeer, None, held_peer::<Recloser>;
    "failsafe's object", HeldPeer, None, held_peer_that_can_be_asked::<Failsafe>;
    "tower-resilience's object", HeldPeer, None, held_peer::<TowerResilience>;
    "circuitbreaker-rs's object", HeldPeer, None, held_peer::<CircuitBreakerRs>;
}
