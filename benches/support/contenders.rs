//! All contenders, by name.

use super::case::Case;
use super::cases::*;
use super::circuit::Windowed;
use super::fixture::Fixture;
use super::locked::{MutexStore, ShardedStore};
use super::maps::{Dash, Papaya};
use super::own::Own;
use super::peers::{CircuitBreakerRs, Recloser, TowerResilience};
use super::store::Std;
use super::work::Work::{
    self, Check, CheckFailure, CheckSuccess, RecordFailure, Storm, Windowed as Window,
};
use breakerbox::CoarseClock;

pub const FLOOR: &str = "bare atomic";
pub const HANDLE: &str = "handle";
pub const STORE: &str = "store";
pub const STORE_COARSE: &str = "store, coarse clock";
pub const BREAKER: &str = "breaker";
pub const MUTEX: &str = "mutex store";
pub const SHARDED: &str = "sharded mutex store";
pub const PAPAYA: &str = "papaya, map alone";
pub const DASHMAP: &str = "dashmap, map alone";
pub const FAILSAFE: &str = "failsafe";
pub const RECLOSER: &str = "recloser";
pub const TOWER: &str = "tower-resilience";
pub const CIRCUITBREAKER_RS: &str = "circuitbreaker-rs";

pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    works: &'static [Work],
    case: for<'f> fn(&'f Fixture, Work) -> Case<'f>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bare operation, which decides nothing.
    Floor,
    Own,
    /// A hand-written store.
    Store,
    /// Only a map, with no circuit in it.
    Map,
    /// Another crate's breakers in a map.
    Peer,
    /// One of those alone.
    Object,
}

impl Contender {
    /// Returns its loop for `work` in `fixture`, unless it can't do that, or takes too much memory.
    pub fn case<'f>(&self, fixture: &'f Fixture, work: Work) -> Option<Case<'f>> {
        /// The most keys for which objects of hundreds of bytes are made.
        const OBJECTS: usize = 100_000;
        let is_large = matches!(self.kind, Kind::Peer | Kind::Object);
        let fits = !is_large || fixture.keys.names.len() <= OBJECTS;
        (fits && self.works.contains(&work)).then(|| (self.case)(fixture, work))
    }

    /// Returns its name as the row of a table: breakerbox's in bold.
    pub fn row_name(&self) -> String {
        match self.kind {
            Kind::Own => format!("**{}**", self.name),
            _ => self.name.to_owned(),
        }
    }
}

const ALL: &[Work] = &Work::ALL;

macro_rules! contenders {
    ($($name:expr, $kind:ident, $works:expr, $case:expr;)+) => {
        pub const CONTENDERS: &[Contender] = &[$(Contender {
            name: $name,
            kind: Kind::$kind,
            works: $works,
            case: $case,
        }),+];
    };
}

contenders! {
    FLOOR, Floor, ALL, floor;
    HANDLE, Own, ALL, handle;
    STORE, Own, ALL, store::<Own, Own>;
    // The works that read the clock: failures, and rejections in a storm.
    STORE_COARSE, Own, &[CheckFailure, RecordFailure, Storm],
        store::<Own<CoarseClock>, Own<CoarseClock>>;
    BREAKER, Own, &[Check, CheckSuccess, CheckFailure, Storm, Window], breaker;
    MUTEX, Store, ALL, store::<MutexStore, MutexStore<Std, Windowed>>;
    SHARDED, Store, ALL, store::<ShardedStore, ShardedStore<Std, Windowed>>;
    PAPAYA, Map, &[Check], map::<Papaya>;
    DASHMAP, Map, &[Check], map::<Dash>;
    FAILSAFE, Peer, &[Check, CheckSuccess, CheckFailure, Storm], failsafe;
    RECLOSER, Peer, &[CheckSuccess, CheckFailure, Storm, Window], peer::<Recloser>;
    TOWER, Peer, &[CheckSuccess, CheckFailure, Storm, Window], peer::<TowerResilience>;
    CIRCUITBREAKER_RS, Peer, &[CheckSuccess, CheckFailure, Storm], peer::<CircuitBreakerRs>;
    // No object is ever open, so there is no storm.
    "failsafe, object alone", Object, &[Check, CheckSuccess, CheckFailure], failsafe_object;
    "recloser, object alone", Object, &[CheckSuccess, CheckFailure, Window], object::<Recloser>;
}
