//! The scenes, and the pairs that are run in each.

use crate::given::*;
use crate::ops::{BARE, BREAKER, BREAKER_HANDLE, HANDLE, LEAVING, STORE};
use crate::rules::{
    BACKOFF, BOTH, FULL, GROUPED, IN_FLIGHT, PLAIN, PROBES, Rules, TIME, TIMED, WINDOW,
};
use crate::run::{Bench, Scene};

const ALL: &[Given] = &[
    UNKNOWN, CLEAN, FAILED, RECOVERED, OPEN, BY_HAND, DUE, HALF_OPEN, EXPIRED, FORCED, DISABLED,
];

fn scene(rules: &'static Rules, given: Given, ruled: bool) -> Scene {
    Scene {
        rules,
        given,
        ruled,
        pinned: false,
        leaving: false,
    }
}

fn pinned(scene: Scene) -> Scene {
    Scene {
        pinned: true,
        ..scene
    }
}

/// Runs the store's operations, by key and by handle.
fn store(name: &str, rules: &'static Rules, by_key: &[Given], by_handle: &[Given]) {
    let mut bench = Bench::new();
    for given in by_key {
        bench.run(&scene(rules, *given, false), &[STORE, BARE], &[]);
    }
    for given in by_handle {
        let scene = pinned(scene(rules, *given, false));
        bench.run(&scene, &[STORE, BARE, HANDLE], &[]);
    }
    bench.finish(name);
}

/// Runs the operations of the breaker and its handle, paired with those of its store too.
fn breaker(name: &str, rules: &'static Rules, by_key: &[Given], by_handle: &[Given]) {
    let mut bench = Bench::new();
    for given in by_key {
        bench.run(&scene(rules, *given, true), &[BREAKER], STORE);
    }
    for given in by_handle {
        let scene = pinned(scene(rules, *given, true));
        bench.run(&scene, &[BREAKER, BREAKER_HANDLE], STORE);
    }
    bench.finish(name);
}

#[test]
fn of_a_store_with_plain_rules() {
    let by_handle = [FAILED, OPEN, DUE, HALF_OPEN, FORCED, RESET];
    store("store, plain", &PLAIN, ALL, &by_handle);
}

#[test]
fn of_a_store_under_a_rule_by_hand() {
    store("store, ruled", &PLAIN, &[RULED], &[RULED]);
}

#[test]
fn of_a_store_with_several_probes() {
    let givens = [HALF_OPEN, EXPIRED];
    store("store, probes", &PROBES, &givens, &[HALF_OPEN]);
}

#[test]
fn of_a_store_that_backs_off() {
    store(
        "store, back-off",
        &BACKOFF,
        &[RECOVERED, OPEN, DUE],
        &[RECOVERED],
    );
}

#[test]
fn of_a_store_with_a_window() {
    let givens = [UNKNOWN, KNOWN, FAILED, HALF_OPEN];
    store("store, window", &WINDOW, &givens, &[FAILED, RESET]);
}

#[test]
fn of_a_store_with_calls_in_flight() {
    let givens = [UNKNOWN, FAILED, HUNG];
    store(
        "store, calls in flight",
        &IN_FLIGHT,
        &givens,
        &[FAILED, RESET],
    );
}

#[test]
fn of_a_full_store() {
    let givens = [UNKNOWN, CLEAN, FAILED, RECOVERED, OPEN];
    store("store, full", &FULL, &givens, &[FAILED]);
}

#[test]
fn of_a_breaker_with_plain_rules() {
    let by_handle = [FAILED, DUE, HALF_OPEN, RESET];
    breaker("breaker, plain", &PLAIN, ALL, &by_handle);
}

#[test]
fn of_a_breaker_with_a_window() {
    let by_handle = [UNKNOWN, FAILED, HALF_OPEN, RESET];
    let givens = [&[KNOWN], ALL].concat();
    breaker("breaker, window", &WINDOW, &givens, &by_handle);
}

/// Runs the operations of the store alone, on circuits that are watched.
#[test]
fn of_the_store_of_a_breaker_with_a_window() {
    let mut bench = Bench::new();
    for given in [FAILED, HALF_OPEN] {
        bench.run(&scene(&WINDOW, given, true), &[STORE], &[]);
    }
    bench.finish("store of a breaker, window");
}

#[test]
fn of_a_breaker_under_a_rule_by_hand() {
    breaker("breaker, ruled", &WINDOW, &[RULED], &[RULED]);
}

#[test]
fn of_a_breaker_with_a_window_of_time() {
    let givens = [KNOWN, FAILED, HALF_OPEN];
    breaker("breaker, time", &TIME, &givens, &[FAILED]);
}

#[test]
fn of_a_breaker_with_calls_in_flight() {
    let givens = [UNKNOWN, FAILED, HUNG, HALF_OPEN];
    breaker(
        "breaker, calls in flight",
        &IN_FLIGHT,
        &givens,
        &[FAILED, RESET],
    );
}

#[test]
fn of_a_breaker_with_a_window_and_calls_in_flight() {
    breaker("breaker, both", &BOTH, &[FAILED, HUNG], &[FAILED, RESET]);
}

#[test]
fn of_a_breaker_with_timed_drops() {
    breaker("breaker, timed", &TIMED, &[FAILED, HALF_OPEN], &[RESET]);
}

#[test]
fn of_a_breaker_with_a_group() {
    let givens = [FAILED, CROWDED, OPEN, DUE, HALF_OPEN];
    breaker("breaker, grouped", &GROUPED, &givens, &[FAILED]);
}

#[test]
fn of_a_breaker_that_goes() {
    let mut bench = Bench::new();
    for rules in [&WINDOW, &IN_FLIGHT] {
        for given in [FAILED, HALF_OPEN] {
            let scene = Scene {
                leaving: true,
                ..scene(rules, given, true)
            };
            bench.run(&scene, &[LEAVING], &[STORE, BARE].concat());
        }
    }
    bench.finish("breaker that goes");
}

/// Runs operations that only look, and compares with a store that wasn't looked at.
#[test]
fn a_look_changes_nothing() {
    let looks = [
        "peek",
        "snapshots",
        "len",
        "export",
        "breaker.peek",
        "retry_after",
        "stats",
    ];
    let mut bench = Bench::new();
    for rules in [&PLAIN, &BACKOFF, &WINDOW, &IN_FLIGHT, &TIMED, &GROUPED] {
        for given in ALL {
            for op in STORE.iter().chain(BREAKER) {
                if looks.contains(&op.name) {
                    bench.look(&scene(rules, *given, true), op);
                }
            }
        }
    }
    bench.finish("looks");
}
