//! Groups: racing trips and the places that are left.

use breakerbox::{CircuitBreaker, CircuitState, EjectionCap, Group, PolicySet, Reported};
use breakerbox_loom_tests::{Hasher, KEY, TickingClock, model, policy};
use loom::thread;

type Breaker = CircuitBreaker<u64, Hasher, TickingClock>;

const OTHER: u64 = KEY + 1;
const GROUP: &str = "group";

/// Returns a breaker over a group of two circuits, of which one may be open.
fn breaker() -> Breaker {
    breaker_of([KEY, OTHER])
}

/// Returns a breaker whose circuits open after one failure; all but one of `members` may be open.
fn breaker_of(members: impl IntoIterator<Item = u64>) -> Breaker {
    let group = Group::of(members, EjectionCap::AllButOne).unwrap();
    let policy = policy(1, 1, 1);
    let breaker = CircuitBreaker::<u64>::keyed_builder()
        .hasher(Hasher::default())
        .clock(TickingClock::new(1_000))
        .policy(PolicySet::new(policy).group(GROUP, group))
        .build()
        .unwrap();
    breaker.store().get_state(&KEY);
    breaker.store().get_state(&OTHER);
    breaker
}

fn is_open(breaker: &Breaker, key: u64) -> bool {
    breaker
        .peek(&key)
        .is_some_and(|circuit| circuit.state == CircuitState::Open)
}

fn places(breaker: &Breaker) -> u64 {
    breaker.store().open_in_group(GROUP).unwrap()
}

fn fail(breaker: &Breaker, key: u64) -> Option<Reported> {
    Some(breaker.acquire(&key).ok()?.failure())
}

/// Two circuits trip at once: one opens, the other is held back.
#[test]
fn racing_trips_and_one_place() {
    model("racing_trips_and_one_place", 2, || {
        let breaker = breaker();
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || fail(&breaker, OTHER))
        };
        fail(&breaker, KEY);
        other.join().unwrap();
        let open = [KEY, OTHER].map(|key| is_open(&breaker, key));
        assert!(open[0] != open[1], "{open:?}");
        assert_eq!((places(&breaker), breaker.store().held_back()), (1, 1));
    });
}

/// Closes the circuit by hand while one of its calls fails. It has a place if it ends open.
fn close_while_it_fails(breaker: &Breaker) {
    let closer = {
        let breaker = breaker.clone();
        thread::spawn(move || {
            breaker.store().transition(&KEY, CircuitState::Closed);
        })
    };
    fail(breaker, KEY);
    closer.join().unwrap();
    assert_eq!(places(breaker), u64::from(is_open(breaker, KEY)));
}

/// A circuit that is closed right after it opens leaves no place taken.
#[test]
fn a_place_is_kept_once_and_given_back_once() {
    let name = "a_place_is_kept_once_and_given_back_once";
    model(name, 2, || close_while_it_fails(&breaker()));
}

/// Two threads find a place in the word of a circuit that has closed: one gives it back.
#[test]
fn a_place_is_given_back_by_one_of_two_helpers() {
    model("a_place_is_given_back_by_one_of_two_helpers", 2, || {
        let breaker = breaker_of([KEY, OTHER, OTHER + 1]);
        fail(&breaker, KEY);
        close_while_it_fails(&breaker);
    });
}

/// Two threads open the same circuit: the one that fails gives back the place that it took.
#[test]
fn a_failed_opening_gives_the_place_back() {
    model("a_failed_opening_gives_the_place_back", 2, || {
        let breaker = breaker_of([KEY, OTHER, OTHER + 1]);
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || fail(&breaker, KEY))
        };
        fail(&breaker, KEY);
        other.join().unwrap();
        assert!(is_open(&breaker, KEY));
        assert_eq!(places(&breaker), 1);
    });
}

/// A thread that takes the place which another circuit has left finds that circuit closed.
#[test]
fn a_place_is_free_after_its_circuit_has_closed() {
    model("a_place_is_free_after_its_circuit_has_closed", 2, || {
        let breaker = breaker();
        fail(&breaker, KEY);
        let closer = {
            let breaker = breaker.clone();
            thread::spawn(move || {
                breaker.store().transition(&KEY, CircuitState::Closed);
            })
        };
        fail(&breaker, OTHER);
        if is_open(&breaker, OTHER) {
            assert!(!is_open(&breaker, KEY), "both are open");
        }
        closer.join().unwrap();
    });
}

/// Reports a failure of `KEY` while another thread moves its circuit through `states`. Returns
/// whether the failure counted.
fn fail_while_moved(breaker: &Breaker, states: &'static [CircuitState]) -> bool {
    let permit = breaker.acquire_owned(&KEY).unwrap();
    let forcer = {
        let breaker = breaker.clone();
        thread::spawn(move || {
            for &state in states {
                breaker.store().transition(&KEY, state);
            }
        })
    };
    let counted = permit.failure() == Reported::Recorded;
    forcer.join().unwrap();
    counted
}

/// A circuit that trips and is forced open at once has a place if the trip came first.
#[test]
fn a_place_goes_with_a_circuit_that_is_forced_open() {
    let name = "a_place_goes_with_a_circuit_that_is_forced_open";
    model(name, 2, || {
        let breaker = breaker();
        let tripped = fail_while_moved(&breaker, &[CircuitState::ForcedOpen]);
        assert_eq!(places(&breaker), u64::from(tripped));
        breaker.store().transition(&KEY, CircuitState::Closed);
        assert_eq!(places(&breaker), 0);
    });
}

/// A circuit that is closed and opened by hand right after a trip needs no place and keeps none.
#[test]
fn a_circuit_that_closed_since_keeps_no_place() {
    model("a_circuit_that_closed_since_keeps_no_place", 1, || {
        let breaker = breaker();
        let by_hand = &[CircuitState::Closed, CircuitState::ForcedOpen];
        let _ = fail_while_moved(&breaker, by_hand);
        assert_eq!(places(&breaker), 0);
    });
}

/// A tripped circuit that is moved to another state that rejects keeps its place, so that the
/// other circuit can't open.
#[test]
fn a_place_is_not_free_while_its_circuit_rejects() {
    model("a_place_is_not_free_while_its_circuit_rejects", 2, || {
        let breaker = breaker();
        let tripped = fail_while_moved(&breaker, &[CircuitState::ForcedOpen]);
        fail(&breaker, OTHER);
        assert_eq!(is_open(&breaker, OTHER), !tripped);
    });
}
