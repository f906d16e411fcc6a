//! States forced by hand on all keys: whoever asks after the command is bound by it.

use breakerbox::{CircuitState, Outcome, Steering};
use breakerbox_loom_tests::{KEY, Store, handle, model, model_in_total_order, policy, store};
use loom::thread;

/// Lifts the rule: then nothing is held up any more.
fn lift(store: &Store) {
    store.steer_all(Steering::Reset);
    assert!(store.acquire(&KEY, &policy(1, 1, 1)).is_ok());
    assert_eq!(breakerbox::__loom::summary_counts(store), (0, 0));
}

/// A check by key that begins after a prefix was forced open is rejected, though the gate was down
/// before, and whatever a call does to the circuit meanwhile.
#[test]
fn a_forced_prefix_holds_for_checks_that_begin_later() {
    let name = "a_forced_prefix_holds_for_checks_that_begin_later";
    model(name, 3, || {
        let store = store();
        let policy = policy(2, 1, 1);
        let caller = {
            let store = store.clone();
            thread::spawn(move || {
                if let Ok(permit) = store.acquire(&KEY, &policy) {
                    let _ = store.report(&KEY, permit, Outcome::Failure, &policy);
                }
            })
        };
        store.steer_all(Steering::ForceOpen);
        assert!(store.acquire(&KEY, &policy).is_err());
        caller.join().unwrap();
        assert!(store.acquire(&KEY, &policy).is_err());
        lift(&store);
    });
}

/// A check by a handle that begins after it is rejected too, though its circuit begins a new life meanwhile.
#[test]
fn a_forced_prefix_holds_for_a_handle_whose_circuit_begins_anew() {
    let name = "a_forced_prefix_holds_for_a_handle_whose_circuit_begins_anew";
    model(name, 2, || {
        let store = store();
        let circuit = handle(&store);
        circuit.reset();
        let user = {
            let store = store.clone();
            thread::spawn(move || store.get_state(&KEY))
        };
        store.steer_all(Steering::ForceOpen);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        user.join().unwrap();
        lift(&store);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_ok());
    });
}

/// The same, where the circuit is reset under the rule, and begins a new life.
#[test]
fn a_forced_prefix_holds_for_a_handle_whose_circuit_is_reset() {
    let name = "a_forced_prefix_holds_for_a_handle_whose_circuit_is_reset";
    model(name, 3, || {
        let store = store();
        let circuit = handle(&store);
        store.steer_all(Steering::ForceOpen);
        let user = circuit.clone();
        let user = thread::spawn(move || {
            user.reset();
            user.get_state()
        });
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        user.join().unwrap();
        lift(&store);
    });
}

/// The same, where the circuit is closed meanwhile.
#[test]
fn a_forced_prefix_holds_for_a_handle_whose_circuit_closes() {
    let name = "a_forced_prefix_holds_for_a_handle_whose_circuit_closes";
    model(name, 1, || {
        let store = store();
        let circuit = handle(&store);
        circuit.transition(CircuitState::Open);
        let closer = circuit.clone();
        let closer = thread::spawn(move || closer.transition(CircuitState::Closed));
        store.steer_all(Steering::ForceOpen);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        closer.join().unwrap();
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        lift(&store);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_ok());
    });
}

/// The same, where the handle is made meanwhile.
#[test]
fn a_forced_prefix_holds_for_a_handle_that_is_made_meanwhile() {
    let name = "a_forced_prefix_holds_for_a_handle_that_is_made_meanwhile";
    // The one pins and then looks at the rules, the other puts a rule in and then looks at the pins.
    model_in_total_order(name, 3, || {
        let store = store();
        let maker = {
            let store = store.clone();
            thread::spawn(move || handle(&store))
        };
        store.steer_all(Steering::ForceOpen);
        let circuit = maker.join().unwrap();
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        circuit.transition(CircuitState::Closed);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_err());
        lift(&store);
        assert!(circuit.acquire(&policy(1, 1, 1)).is_ok());
    });
}

/// A handle that is made while the rule is lifted isn't left with it.
#[test]
fn a_handle_that_is_made_meanwhile_is_not_held_for_good() {
    let name = "a_handle_that_is_made_meanwhile_is_not_held_for_good";
    model_in_total_order(name, 3, || {
        let store = store();
        store.steer_all(Steering::Disable);
        let maker = {
            let store = store.clone();
            thread::spawn(move || handle(&store))
        };
        store.steer_all(Steering::Enable);
        let circuit = maker.join().unwrap();
        assert!(circuit.acquire(&policy(1, 1, 1)).is_ok());
        // A watched circuit would be counted as unclean.
        assert_eq!(breakerbox::__loom::summary_counts(&store), (0, 0));
    });
}
