//! The visible state of a world: at rest, as calls go on, and after everything is removed.

use breakerbox::__steps::{Calls, Words, entries, needing, needs, summary_counts, words};
use breakerbox::{Cause, CircuitBreakerSnapshot, DroppedPermit, Forced, Policy, Reported};

use crate::after::{clean_up, go_on};
use crate::exports;
use crate::ops::{Answer, Op};
use crate::world::{Announced, Breaker, GROUP, KEY, World};

/// A circuit at rest.
#[derive(Clone, Debug)]
pub(crate) struct Circuit {
    key: String,
    shown: Option<CircuitBreakerSnapshot>,
    /// `None`: the cell is in the map but reads as unknown.
    words: Option<Words>,
    /// Its rules need to know of each call.
    wants: bool,
    handles: u64,
}

/// Returns `words` without the differences that mean nothing.
fn meaning(words: &Words) -> Words {
    // An empty window, or slots that no call holds, are made anew where they are needed.
    let watch = words.watch.map(|calls| Calls {
        window: calls.window.filter(|calls| *calls != [0; 3]),
        ..calls
    });
    Words {
        watch: watch.filter(|calls| calls.on || calls.held || calls.in_flight != 0),
        // Numbers differ between orders.
        generation: 0,
        // The other fields imply it.
        is_unclean: false,
        // The probes include it already.
        is_marked: words.is_marked && words.state != "HalfOpen",
        ..words.clone()
    }
}

/// Returns the words as if no policy watched the circuit; `None`: the watch holds calls.
fn unwatched(words: &Words) -> Option<Words> {
    let is_idle = |calls: Calls| calls.window.is_none() && calls.in_flight == 0;
    let held = words.watch.filter(|calls| calls.held);
    words.watch.is_none_or(is_idle).then(|| Words {
        watch: held.map(|calls| Calls { on: false, ..calls }),
        state: match &*words.state {
            "Watched" if held.is_none() => "Closed".to_owned(),
            state => state.to_owned(),
        },
        ..words.clone()
    })
}

/// A world at rest, before anything is cleaned up.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    circuits: Vec<Circuit>,
    len: usize,
    entries: usize,
    summary: (u64, u64),
    needs: (u64, u64),
    /// The state that is forced by hand on [`KEY`]; every rule of these worlds covers it.
    forced: Option<Forced>,
    needing: Option<(u64, u64)>,
    /// The rules give a dropped permit a meaning.
    means_something: bool,
    places: Option<u64>,
    untracked: u64,
    evicted: u64,
    rejections: u64,
    /// Circuits make room for others, and the order of operations decides how many.
    bounded: bool,
    held_back: u64,
    shadowed: Option<u64>,
    announced: Vec<Announced>,
}

impl Rest {
    pub(crate) fn of(world: &World) -> Self {
        let store = &world.store;
        let breaker = world.breaker.borrow();
        let mut circuits: Vec<_> = words(store)
            .into_iter()
            .map(|(key, words)| Circuit {
                shown: store.peek(&key),
                handles: words.handles,
                words: (!words.is_absent).then_some(words),
                wants: wants(world, &key),
                key,
            })
            .collect();
        circuits.sort_by(|one, other| one.key.cmp(&other.key));
        Self {
            circuits,
            len: store.len(),
            entries: entries(store),
            summary: summary_counts(store),
            needs: needs(store),
            forced: store.forced(KEY),
            needing: breaker.as_ref().map(needing),
            means_something: breaker.as_ref().is_some_and(drops),
            places: store.open_in_group(GROUP),
            untracked: store.untracked(),
            evicted: store.evicted(),
            rejections: store.rejections() - world.unsaid.get(),
            bounded: world.bounded,
            held_back: store.held_back(),
            shadowed: breaker.as_ref().map(|breaker| breaker.shadowed()),
            announced: world.announced(),
        }
    }

    pub(crate) fn shown(&self, key: &str) -> Option<CircuitBreakerSnapshot> {
        let circuit = self.circuits.iter().find(|circuit| circuit.key == key)?;
        circuit.shown
    }

    /// Returns the invariants that don't hold.
    fn faults(&self) -> Vec<String> {
        let known = || {
            self.circuits
                .iter()
                .filter_map(|circuit| circuit.words.as_ref())
        };
        let count = |is: fn(&Words) -> bool| known().filter(|words| is(words)).count() as u64;
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                faults.push(what.to_owned());
            }
        };
        must(self.len == known().count(), "len counts what is known");
        must(
            self.summary.0 == count(|words| words.may_reject) + self.needs.0,
            "the summary counts the circuits that may reject",
        );
        must(
            self.summary.1 == count(|words| words.is_unclean) + self.needs.1,
            "the unclean circuits are counted",
        );
        must(
            self.places.unwrap_or(0) == count(|words| words.group != 0),
            "each place of the group is a circuit's",
        );
        let is_on = |words: &Words| words.watch.is_some_and(|watch| watch.on);
        let is_held = |words: &Words| words.watch.is_some_and(|watch| watch.held);
        let is_watched = |words: &Words| is_on(words) || is_held(words);
        let in_step = |words: &Words| match &*words.state {
            "Closed" => !is_watched(words),
            "Watched" => is_watched(words),
            _ => true,
        };
        must(
            known().all(in_step),
            "a closed circuit is watched if its watch is on, or held",
        );
        let is_ruled = |circuit: &&Circuit| self.forced.is_some() && circuit.handles != 0;
        let ruled = self.circuits.iter().filter(is_ruled);
        must(
            ruled
                .filter_map(|circuit| circuit.words.as_ref())
                .all(is_held),
            "a rule by hand holds the circuits that handles are of",
        );
        must(
            self.forced.is_some() || !known().any(is_held),
            "without a rule by hand no circuit is held",
        );
        let mut others = self.circuits.iter().filter(|circuit| !circuit.wants);
        let is_unwatched = others.all(|circuit| !circuit.words.as_ref().is_some_and(is_on));
        if let Some((checks, drops)) = self.needing {
            let by_hand = u64::from(self.forced.is_some());
            must(
                checks + by_hand == self.needs.0,
                "rules that need every check, and those by hand, keep the summary busy",
            );
            let needs = u64::from(self.means_something);
            must(
                drops == needs,
                "a dropped permit means something by its rules alone",
            );
        }
        must(
            is_unwatched,
            "no circuit is watched whose rules don't want it",
        );
        faults
    }
}

/// Returns whether the current rules of `key` need to know of each call.
fn wants(world: &World, key: &str) -> bool {
    match &*world.breaker.borrow() {
        // In all sets here, the meaning of a dropped permit depends on its age.
        Some(breaker) => watches(&breaker.policy(key)) || drops(breaker),
        // After the breaker has gone, only policies that calls bring can watch a circuit.
        None => (!world.leaving || world.called.get()) && watches(&world.policy),
    }
}

/// Returns whether the breaker's only policy gives a dropped permit a meaning.
pub(crate) fn drops(breaker: &Breaker) -> bool {
    breaker.policy(KEY).dropped_permit() != DroppedPermit::Ignored
}

/// Returns whether the policy needs to know of each call.
pub(crate) fn watches(policy: &Policy) -> bool {
    policy.hung_calls().is_some() || policy.sliding_window().is_some()
}

/// The answers of two operations and the state that they leave.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) outer: Answer,
    pub(crate) inner: Answer,
    pub(crate) rest: Rest,
    /// The answers to calls that go on.
    after: Vec<Answer>,
    /// One of the two may record a failure, whose time is noted first.
    fails: bool,
    opened_by_hanging: bool,
    /// Invariants that don't hold.
    pub(crate) faults: Vec<String>,
    now: u64,
}

impl Seen {
    /// Looks at the world, lets calls go on, and cleans up.
    pub(crate) fn of(world: &World, [outer, inner]: [Answer; 2], fails: bool) -> Self {
        let now = breakerbox::Clock::now_ms(&world.clock);
        let rest = Rest::of(world);
        let mut faults = rest.faults();
        let mut announced = rest.announced.iter();
        let opened_by_hanging =
            announced.any(|(_, _, _, cause)| matches!(cause, Cause::HungCalls { .. }));
        let after = go_on(world, &mut faults);
        clean_up(world, &mut faults);
        Self {
            outer,
            inner,
            rest,
            after,
            fails,
            opened_by_hanging,
            faults,
            now,
        }
    }

    /// Returns whether this is a permitted result where `order` is that of one after the other.
    pub(crate) fn fits(&self, order: &Self, outer: &Op, inner_last: bool) -> bool {
        self.differences(order, outer, inner_last).is_empty()
    }

    /// Returns the differences from `order`: field, seen, expected.
    pub(crate) fn differences(
        &self,
        order: &Self,
        outer: &Op,
        inner_last: bool,
    ) -> Vec<[String; 3]> {
        let mut all = Vec::new();
        // A record or transition returns a snapshot taken after it, and others may have come in
        // between.
        let later = order.rest.shown(KEY).map(Answer::Is);
        let is_later = outer.has.snapshot
            && inner_last
            && later.is_some_and(|later| self.same(&self.outer, &later));
        if !is_later && !self.same(&self.outer, &order.outer) {
            all.push(pair("outer", &self.outer, &order.outer));
        }
        // Hung calls are counted first, and open the circuit afterwards.
        let is_counted = outer.has.asks
            && order.opened_by_hanging
            && inner_last
            && self.inner == Answer::Reported(Reported::Recorded)
            && order.inner == Answer::Reported(Reported::Stale);
        let is_unfixed = match (&self.inner, &order.inner) {
            (Answer::Exported(seen), Answer::Exported(expected)) => {
                exports::is_opening(seen, expected, self.fails)
            }
            _ => false,
        };
        if !is_counted && !is_unfixed && !self.same(&self.inner, &order.inner) {
            all.push(pair("inner", &self.inner, &order.inner));
        }
        let (here, there) = (&self.rest.circuits, &order.rest.circuits);
        if !each(here, there, |seen, expected| {
            self.same_circuit(seen, expected)
        }) {
            all.push(pair("rest.circuits", here, there));
        }
        macro_rules! fields {
            ($($field:ident)*) => {$(
                if self.rest.$field != order.rest.$field {
                    all.push(pair(
                        concat!("rest.", stringify!($field)),
                        &self.rest.$field,
                        &order.rest.$field,
                    ));
                }
            )*};
        }
        // The summary's counts are judged on their own.
        fields!(len entries needs forced needing places rejections);
        if !self.rest.bounded {
            fields!(untracked evicted);
        }
        fields!(held_back shadowed);
        // An opening that is held back is announced at most once, and not if the circuit has moved
        // on meanwhile.
        let is_held_back =
            |announced: &&Announced| matches!(announced.3, Cause::EjectionCap { .. });
        let (here, there) = (&self.rest.announced, &order.rest.announced);
        let transitions = |all: &[Announced]| -> Vec<_> {
            all.iter()
                .filter(|one| !is_held_back(one))
                .cloned()
                .collect()
        };
        let less = here.len() <= there.len() && transitions(here) == transitions(there);
        if here != there && !less {
            all.push(pair("rest.announced", here, there));
        }
        if !each(&self.after, &order.after, |seen, expected| {
            self.same(seen, expected)
        }) {
            all.push(pair("after", &self.after, &order.after));
        }
        all
    }

    fn same(&self, seen: &Answer, expected: &Answer) -> bool {
        match (seen, expected) {
            (Answer::Is(seen), Answer::Is(expected)) => self.same_snapshot(seen, expected),
            (Answer::Looked(seen, until, out), Answer::Looked(expected, later, as_many)) => {
                self.same_snapshot(seen, expected) && (until, out) == (later, as_many)
            }
            (Answer::All(seen), Answer::All(expected)) => each(seen, expected, |seen, expected| {
                seen.0 == expected.0 && self.same_snapshot(&seen.1, &expected.1)
            }),
            (Answer::Exported(seen), Answer::Exported(expected)) => {
                exports::same(seen, expected, self.fails)
            }
            _ => seen == expected,
        }
    }

    fn same_circuit(&self, seen: &Circuit, expected: &Circuit) -> bool {
        let shown = match (&seen.shown, &expected.shown) {
            (Some(seen), Some(expected)) => self.same_snapshot(seen, expected),
            (seen, expected) => seen == expected,
        };
        let rest = |circuit: &Circuit| (circuit.key.clone(), circuit.handles, circuit.wants);
        let words = match (&seen.words, &expected.words) {
            (Some(here), Some(there)) => {
                let (here, there) = (meaning(here), meaning(there));
                // If its rules want it, a circuit may be watched already; without a handle it may
                // not be watched yet, since the first check or report by key sees to it.
                let same = unwatched(&here) == unwatched(&there) && unwatched(&here).is_some();
                let already = there.watch.is_none_or(|calls| !calls.on) || seen.handles == 0;
                here == there || seen.wants && same && already
            }
            (here, there) => here.is_none() && there.is_none(),
        };
        shown && words && rest(seen) == rest(expected)
    }

    /// Returns whether two snapshots are the same, except for a time of the last failure that is
    /// ahead: it is raised before its failure is counted, which a move of the circuit may prevent.
    fn same_snapshot(
        &self,
        seen: &CircuitBreakerSnapshot,
        expected: &CircuitBreakerSnapshot,
    ) -> bool {
        let mut expected = *expected;
        if self.fails && seen.last_failure_time == self.now {
            expected.last_failure_time = self.now;
        }
        *seen == expected
    }
}

fn each<T>(seen: &[T], expected: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    let mut pairs = seen.iter().zip(expected);
    seen.len() == expected.len() && pairs.all(|(seen, expected)| same(seen, expected))
}

fn pair(field: &str, seen: &impl std::fmt::Debug, expected: &impl std::fmt::Debug) -> [String; 3] {
    [
        field.to_owned(),
        format!("{seen:?}"),
        format!("{expected:?}"),
    ]
}
