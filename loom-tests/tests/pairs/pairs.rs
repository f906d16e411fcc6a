//! Which pairs are run where.

use crate::given::*;
use crate::ops::{BARE, BREAKER, GUARDED, HANDLE, LEAVING, Op, STORE};
use crate::run::{Bench, Scene};
use crate::world::{
    BACKOFF, BOTH, FULL, GROUPED, PLAIN, PROBES, Rules, SEATS, TIME, TIMED, WINDOW,
};

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

/// Runs the store's operations, by key and by handle.
fn store(name: &str, rules: &'static Rules, givens: &[Given]) {
    let mut bench = Bench::new();
    for given in givens {
        bench.run(&scene(rules, *given, false), &[STORE, BARE]);
    }
    for given in givens.iter().chain(&[RESET]) {
        let scene = Scene {
            pinned: true,
            ..scene(rules, *given, false)
        };
        bench.run(&scene, &[STORE, BARE, HANDLE]);
    }
    bench.finish(name);
}

/// Runs the breaker's, and those of its handle and its store.
fn breaker(name: &str, rules: &'static Rules, givens: &[Given]) {
    let mut bench = Bench::new();
    for given in givens {
        bench.run(&scene(rules, *given, true), &[STORE, BREAKER]);
    }
    for given in givens.iter().chain(&[RESET]) {
        let scene = Scene {
            pinned: true,
            ..scene(rules, *given, true)
        };
        bench.run(&scene, &[STORE, BREAKER, GUARDED]);
    }
    bench.finish(name);
}

#[test]
fn of_a_store_with_plain_rules() {
    store("store, plain", &PLAIN, ALL);
}

#[test]
fn of_a_store_with_several_probes() {
    store("store, probes", &PROBES, &[DUE, HALF_OPEN, EXPIRED]);
}

#[test]
fn of_a_store_that_backs_off() {
    store("store, back-off", &BACKOFF, &[RECOVERED, OPEN, HALF_OPEN]);
}

#[test]
fn of_a_store_with_a_window() {
    store(
        "store, window",
        &WINDOW,
        &[UNKNOWN, CLEAN, FAILED, HALF_OPEN],
    );
}

#[test]
fn of_a_store_with_seats() {
    store("store, seats", &SEATS, &[UNKNOWN, FAILED, HUNG, HALF_OPEN]);
}

#[test]
fn of_a_full_store() {
    store(
        "store, full",
        &FULL,
        &[UNKNOWN, CLEAN, FAILED, RECOVERED, OPEN],
    );
}

#[test]
fn of_a_breaker_with_plain_rules() {
    breaker("breaker, plain", &PLAIN, ALL);
}

#[test]
fn of_a_breaker_with_a_window() {
    breaker("breaker, window", &WINDOW, ALL);
}

#[test]
fn of_a_breaker_with_a_window_of_time() {
    breaker("breaker, time", &TIME, &[FAILED, HALF_OPEN]);
}

#[test]
fn of_a_breaker_with_seats() {
    breaker(
        "breaker, seats",
        &SEATS,
        &[UNKNOWN, CLEAN, FAILED, HUNG, HALF_OPEN],
    );
}

#[test]
fn of_a_breaker_with_a_window_and_seats() {
    breaker("breaker, both", &BOTH, &[FAILED, HUNG, HALF_OPEN]);
}

#[test]
fn of_a_breaker_with_timed_drops() {
    breaker("breaker, timed", &TIMED, &[FAILED, HALF_OPEN]);
}

#[test]
fn of_a_breaker_with_a_group() {
    breaker(
        "breaker, grouped",
        &GROUPED,
        &[FAILED, CROWDED, OPEN, DUE, HALF_OPEN],
    );
}

#[test]
fn of_a_breaker_that_goes() {
    let mut bench = Bench::new();
    let ops: &[&[Op]] = &[STORE, BARE, LEAVING];
    for rules in [&WINDOW, &SEATS] {
        for given in [FAILED, HALF_OPEN] {
            let scene = Scene {
                leaving: true,
                ..scene(rules, given, true)
            };
            bench.run(&scene, ops);
        }
    }
    bench.finish("breaker that goes");
}
