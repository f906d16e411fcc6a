//! All contenders, by name.

use super::case::Case;
use super::cases::*;
use super::circuit::{Buckets, Coarse, Precise, Windowed};
use super::fixture::Fixture;
use super::locked::{MutexStore, ShardedStore};
use super::maps::{Dash, Papaya};
use super::own::Own;
use super::peers::{BreakerCrate, CircuitBreakerRs, Recloser, TowerResilience};
use super::store::Std;
use super::work::Failing;
use super::work::Work::{
    self, Check, CheckFailure, CheckSuccess, RecordFailure, Storm, Timed, Windowed as Calls,
};
use breakerbox::CoarseClock;

pub const FLOOR: &str = "bare atomic";
pub const HANDLE: &str = "handle";
pub const STORE: &str = "store";
pub const STORE_COARSE: &str = "store, coarse clock";
pub const BREAKER: &str = "breaker";
pub const MUTEX: &str = "mutex store";
pub const MUTEX_COARSE: &str = "mutex store, coarse clock";
pub const SHARDED: &str = "sharded mutex store";
pub const PAPAYA: &str = "papaya, map alone";
pub const DASHMAP: &str = "dashmap, map alone";
pub const FAILSAFE: &str = "failsafe";
pub const RECLOSER: &str = "recloser";
pub const RECLOSER_OBJECT: &str = "recloser, object alone";
pub const BREAKER_CRATE: &str = "breaker, the crate";
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
const QUIET: Work = Calls(Failing::None);
const PERMILLE: Work = Calls(Failing::Permille);
const PERCENT: Work = Calls(Failing::Percent);
const QUIET_TIME: Work = Timed(Failing::None);
const PERMILLE_TIME: Work = Timed(Failing::Permille);
const PERCENT_TIME: Work = Timed(Failing::Percent);

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
    STORE, Own, ALL, store::<Own, Own, Own>;
    // The works that read the clock: failures, windows of time, and rejections in a storm.
    STORE_COARSE, Own, &[
        CheckFailure, RecordFailure, Storm, QUIET_TIME, PERMILLE_TIME, PERCENT_TIME,
    ], store::<Own<CoarseClock>, Own<CoarseClock>, Own<CoarseClock>>;
    BREAKER, Own, &[
        Check, CheckSuccess, CheckFailure, Storm, QUIET, PERMILLE, PERCENT, QUIET_TIME,
        PERMILLE_TIME, PERCENT_TIME,
    ], breaker;
    MUTEX, Store, ALL,
        store::<MutexStore, MutexStore<Std, Windowed>, MutexStore<Std, Buckets<Precise>>>;
    MUTEX_COARSE, Store, &[QUIET_TIME, PERMILLE_TIME, PERCENT_TIME],
        store::<MutexStore, MutexStore<Std, Windowed>, MutexStore<Std, Buckets<Coarse>>>;
    SHARDED, Store, ALL,
        store::<ShardedStore, ShardedStore<Std, Windowed>, ShardedStore<Std, Buckets<Precise>>>;
    PAPAYA, Map, &[Check], map::<Papaya>;
    DASHMAP, Map, &[Check], map::<Dash>;
    FAILSAFE, Peer, &[Check, CheckSuccess, CheckFailure, Storm], failsafe;
    // Without windows of time: its window of calls stands in for one.
    RECLOSER, Peer, &[
        CheckSuccess, CheckFailure, Storm, QUIET, PERMILLE, PERCENT, QUIET_TIME, PERMILLE_TIME,
        PERCENT_TIME,
    ], peer::<Recloser>;
    BREAKER_CRATE, Peer, &[QUIET, PERMILLE, PERCENT], peer::<BreakerCrate>;
    TOWER, Peer, &[CheckSuccess, CheckFailure, Storm, QUIET, QUIET_TIME], peer::<TowerResilience>;
    CIRCUITBREAKER_RS, Peer, &[CheckSuccess, CheckFailure, Storm], peer::<CircuitBreakerRs>;
    // No object is ever open, so there is no storm.
    "failsafe, object alone", Object, &[Check, CheckSuccess, CheckFailure], failsafe_object;
    RECLOSER_OBJECT, Object, &[
        CheckSuccess, CheckFailure, QUIET, PERMILLE, PERCENT, QUIET_TIME, PERMILLE_TIME,
        PERCENT_TIME,
    ], object::<Recloser>;
}
