//! Groups: no more of their circuits are open at once than the cap allows.

use breakerbox::{
    Cause, CircuitBreaker, CircuitState, ConfigError, EjectionCap, Group, ManualClock, Policy,
    PolicySet, StateChange,
};
use std::hash::RandomState;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Breaker = CircuitBreaker<String, RandomState, ManualClock>;
type Heard = Arc<Mutex<Vec<StateChange<String>>>>;

fn policy(policy: impl FnOnce(breakerbox::PolicyBuilder) -> breakerbox::PolicyBuilder) -> Policy {
    let settings = Policy::builder()
        .failure_threshold(2)
        .reset_timeout(Duration::from_secs(10));
    policy(settings).build().unwrap()
}

fn hosts(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("host-{n}")).collect()
}

fn breaker_with(set: PolicySet<String>) -> (Breaker, ManualClock, Heard) {
    let clock = ManualClock::new(1_000_000);
    let heard = Heard::default();
    let listener = Arc::clone(&heard);
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .on_state_change(move |change| listener.lock().unwrap().push(change.clone()))
        .policy(set)
        .build()
        .unwrap();
    (breaker, clock, heard)
}

fn breaker(members: usize, cap: EjectionCap) -> (Breaker, ManualClock, Heard) {
    let group = Group::of(hosts(members), cap).unwrap();
    breaker_with(PolicySet::new(policy(|policy| policy)).group("hosts", group))
}

fn fail(breaker: &Breaker, key: &str, times: usize) {
    for _ in 0..times {
        if let Ok(permit) = breaker.acquire(key) {
            let _ = permit.failure();
        }
    }
}

fn state(breaker: &Breaker, key: &str) -> CircuitState {
    breaker
        .peek(key)
        .map(|circuit| circuit.state)
        .unwrap_or_default()
}

fn open_of(breaker: &Breaker, keys: &[String]) -> usize {
    let open = |key: &&String| state(breaker, key) == CircuitState::Open;
    keys.iter().filter(open).count()
}

#[test]
fn no_more_circuits_open_than_the_cap_allows() {
    for (members, cap, most) in [
        (10, EjectionCap::Percent(30), 3),
        (7, EjectionCap::Percent(50), 3),
        (7, EjectionCap::Percent(100), 7),
        (2, EjectionCap::AllButOne, 1),
        (5, EjectionCap::AllButOne, 4),
    ] {
        let (breaker, _, _) = breaker(members, cap);
        for key in hosts(members) {
            fail(&breaker, &key, 2);
        }
        assert_eq!(open_of(&breaker, &hosts(members)), most, "{cap:?}");
        assert_eq!(breaker.store().open_in_group("hosts"), Some(most as u64));
        assert_eq!(breaker.store().held_back(), (members - most) as u64);
        fail(&breaker, "a stranger", 2);
        assert_eq!(state(&breaker, "a stranger"), CircuitState::Open);
    }
}

#[test]
fn a_held_back_trip_takes_effect_when_a_place_is_free() {
    let (breaker, clock, heard) = breaker(2, EjectionCap::AllButOne);
    fail(&breaker, "host-0", 2);
    fail(&breaker, "host-1", 3);
    let circuit = breaker.peek("host-1").unwrap();
    assert_eq!(
        (circuit.state, circuit.failure_count),
        (CircuitState::Closed, 3)
    );
    assert_eq!(breaker.store().held_back(), 2);

    // Half-open, the first still has its place.
    clock.advance(Duration::from_secs(10));
    let probe = breaker.acquire("host-0").unwrap();
    fail(&breaker, "host-1", 1);
    assert_eq!(state(&breaker, "host-1"), CircuitState::Closed);
    let _ = probe.success();
    assert_eq!(breaker.store().open_in_group("hosts"), Some(0));
    fail(&breaker, "host-1", 1);
    assert_eq!(state(&breaker, "host-1"), CircuitState::Open);
    assert_eq!(breaker.store().open_in_group("hosts"), Some(1));

    let heard = heard.lock().unwrap();
    let causes: Vec<_> = heard
        .iter()
        .filter(|change| change.key == "host-1")
        .map(|change| (change.from, change.to, change.cause))
        .collect();
    let held_back = Cause::EjectionCap { open: 1, most: 1 };
    assert_eq!(
        causes,
        [
            // Announced again after the time for which it would have been open.
            (CircuitState::Closed, CircuitState::Closed, held_back),
            (CircuitState::Closed, CircuitState::Closed, held_back),
            (
                CircuitState::Closed,
                CircuitState::Open,
                Cause::ConsecutiveFailures { failures: 5 }
            ),
        ]
    );
}

#[test]
fn a_place_is_given_back_however_the_circuit_closes() {
    type Leave = fn(&Breaker);
    let ways: [(&str, Leave); 6] = [
        ("closed", |breaker| {
            breaker.store().transition("host-0", CircuitState::Closed);
        }),
        ("reset", |breaker| breaker.reset("host-0")),
        ("cleared", |breaker| breaker.clear()),
        ("disabled", |breaker| {
            let _ = breaker.disable("host-0");
        }),
        ("forced closed and enabled", |breaker| {
            let _ = breaker.force_open("host-0");
            assert_eq!(breaker.store().open_in_group("hosts"), Some(1));
            let _ = breaker.enable("host-0");
        }),
        ("reset while a handle holds it", |breaker| {
            let handle = breaker.circuit("host-0").unwrap();
            breaker.reset("host-0");
            drop(handle);
        }),
    ];
    for (name, leave) in ways {
        let (breaker, _, _) = breaker(2, EjectionCap::AllButOne);
        for _ in 0..3 {
            fail(&breaker, "host-0", 2);
            assert_eq!(breaker.store().open_in_group("hosts"), Some(1), "{name}");
            leave(&breaker);
            assert_eq!(breaker.store().open_in_group("hosts"), Some(0), "{name}");
            breaker.reset("host-0");
        }
    }
}

#[test]
fn a_failed_probe_keeps_the_place() {
    let (breaker, clock, _) = breaker(2, EjectionCap::AllButOne);
    fail(&breaker, "host-0", 2);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(10));
        fail(&breaker, "host-0", 1);
        assert_eq!(state(&breaker, "host-0"), CircuitState::Open);
        assert_eq!(breaker.store().open_in_group("hosts"), Some(1));
    }
}

#[test]
fn a_circuit_opened_by_hand_takes_no_place() {
    let (breaker, clock, _) = breaker(2, EjectionCap::AllButOne);
    breaker.store().transition("host-0", CircuitState::Open);
    fail(&breaker, "host-1", 2);
    assert_eq!(state(&breaker, "host-1"), CircuitState::Open);
    assert_eq!(breaker.store().open_in_group("hosts"), Some(1));
    // Nor does its failed probe take one.
    clock.advance(Duration::from_secs(10));
    fail(&breaker, "host-0", 1);
    assert_eq!(state(&breaker, "host-0"), CircuitState::Open);
    breaker.store().transition("host-0", CircuitState::Closed);
    assert_eq!(breaker.store().open_in_group("hosts"), Some(1));
}

#[test]
fn every_rule_is_held_back() {
    let windowed = Policy::builder()
        .sliding_window(breakerbox::SlidingWindow::Calls(4))
        .minimum_calls(4)
        .failure_rate_threshold(50);
    let hung = Policy::builder()
        .hung_calls(1)
        .hung_call_duration(Duration::from_secs(1));
    let [windowed, hung] = [windowed, hung].map(|policy| policy.build().unwrap());
    let group = || Group::of(hosts(2), EjectionCap::AllButOne).unwrap();

    let (breaker, ..) = breaker_with(PolicySet::new(windowed).group("hosts", group()));
    fail(&breaker, "host-0", 4);
    fail(&breaker, "host-1", 4);
    assert_eq!(state(&breaker, "host-0"), CircuitState::Open);
    assert_eq!(state(&breaker, "host-1"), CircuitState::Closed);
    // Also when a success finds the window above its limit.
    let _ = breaker.acquire("host-1").unwrap().success();
    assert_eq!(breaker.store().held_back(), 2);

    let (breaker, clock, _) = breaker_with(PolicySet::new(hung).group("hosts", group()));
    let hangs = ["host-0", "host-1"].map(|key| breaker.acquire(key).unwrap());
    clock.advance(Duration::from_secs(1));
    assert!(breaker.acquire("host-0").is_err());
    let admitted = breaker.acquire("host-1").unwrap();
    assert_eq!(breaker.store().held_back(), 1);
    let _ = admitted.success();
    let [_, hang] = hangs.map(|permit| permit.success());
    assert_eq!(hang, breakerbox::Reported::Recorded);
}

#[test]
fn members_are_given_by_prefix_list_or_class() {
    let one = || EjectionCap::Percent(50);
    let set = PolicySet::new(policy(|policy| policy))
        .group("all", Group::prefix("host-", 2, one()).unwrap())
        .group("long", Group::prefix("host-long-", 4, one()).unwrap())
        .group(
            "listed",
            Group::of(vec!["host-x".to_string(), "y".into()], one()).unwrap(),
        )
        .group("batch", Group::class(2, one()).unwrap())
        .classify(|key: &String| key.ends_with("/export").then_some("batch"));
    let (breaker, ..) = breaker_with(set);
    for key in [
        "host-1",
        "host-2",
        "host-long-1",
        "host-long-2",
        "host-long-3",
    ] {
        fail(&breaker, key, 2);
    }
    for key in [
        "host-x",
        "y",
        "a/export",
        "b/export",
        "host-3/export",
        "other",
    ] {
        fail(&breaker, key, 2);
    }
    let open = |name| breaker.store().open_in_group(name).unwrap();
    assert_eq!(["all", "long", "listed", "batch"].map(open), [1, 2, 1, 1]);
    let closed = ["host-2", "host-long-3", "y", "b/export", "host-3/export"];
    for key in closed {
        assert_eq!(state(&breaker, key), CircuitState::Closed, "{key}");
    }
    assert_eq!(breaker.store().held_back(), closed.len() as u64);
    assert_eq!(breaker.store().open_in_group("none"), None);
    assert_eq!(state(&breaker, "other"), CircuitState::Open);
}

#[test]
fn a_cap_is_replaced_while_running() {
    let set = |cap| {
        let group = Group::of(hosts(4), cap).unwrap();
        PolicySet::new(policy(|policy| policy)).group("hosts", group)
    };
    let (breaker, ..) = breaker_with(set(EjectionCap::AllButOne));
    for key in &hosts(4)[..3] {
        fail(&breaker, key, 2);
    }
    // Three are open; the stricter cap leaves no place free.
    breaker.set_policies(set(EjectionCap::Percent(50)));
    fail(&breaker, "host-3", 2);
    breaker.store().transition("host-0", CircuitState::Closed);
    fail(&breaker, "host-0", 2);
    assert_eq!(open_of(&breaker, &hosts(4)), 2);

    // Without the group, all may open; those that have a place keep it until they close.
    breaker.set_policies(PolicySet::new(policy(|policy| policy)));
    fail(&breaker, "host-3", 1);
    assert_eq!(open_of(&breaker, &hosts(4)), 3);
    assert_eq!(breaker.store().open_in_group("hosts"), Some(2));
    breaker.clear();
    assert_eq!(breaker.store().open_in_group("hosts"), Some(0));
}

#[test]
fn evicted_circuits_leave_their_group() {
    let clock = ManualClock::new(1_000_000);
    let group = Group::of(hosts(2), EjectionCap::AllButOne).unwrap();
    let breaker = CircuitBreaker::builder()
        .clock(clock.clone())
        .max_circuits(16)
        .open_ttl(Duration::from_secs(1))
        .policy(PolicySet::new(policy(|policy| policy)).group("hosts", group))
        .build()
        .unwrap();
    fail(&breaker, "host-0", 2);
    clock.advance(Duration::from_secs(3_600));
    for n in 0..1_000 {
        fail(&breaker, &format!("flood-{n}"), 1);
    }
    assert_eq!(breaker.peek("host-0"), None);
    assert_eq!(breaker.store().open_in_group("hosts"), Some(0));
}

#[test]
fn racing_trips_never_exceed_the_cap() {
    const THREADS: usize = 8;
    let group = Group::of(hosts(THREADS), EjectionCap::Percent(40)).unwrap();
    let policy = policy(|policy| policy.failure_threshold(1));
    let breaker = CircuitBreaker::builder()
        .clock(ManualClock::new(1_000_000))
        .policy(PolicySet::new(policy).group("hosts", group))
        .build()
        .unwrap();
    for round in 0..200 {
        let barrier = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (breaker, barrier) = (&breaker, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for step in 0..20 {
                        // Two threads use each key, so that they race for the same circuit too.
                        let key = format!("host-{}", (thread / 2 + step) % THREADS);
                        if let Ok(permit) = breaker.acquire(&key) {
                            let _ = permit.failure();
                        }
                        let open = open_of(breaker, &hosts(THREADS));
                        // They are examined one after the other, while no thread closes any.
                        assert!(open <= 3, "{open} are open");
                    }
                });
            }
        });
        assert_eq!(open_of(&breaker, &hosts(THREADS)), 3, "round {round}");
        assert_eq!(breaker.store().open_in_group("hosts"), Some(3));
        let close = |key: &String| {
            breaker.store().transition(key, CircuitState::Closed);
        };
        hosts(THREADS).iter().for_each(close);
        assert_eq!(breaker.store().open_in_group("hosts"), Some(0));
    }
}

fn listed(keys: &[&str]) -> Group<String> {
    let keys = keys.iter().map(ToString::to_string);
    Group::of(keys, EjectionCap::AllButOne).unwrap()
}

#[test]
fn a_member_that_is_listed_twice_counts_once() {
    let group = listed(&["host-0", "host-1", "host-0"]);
    assert_eq!((group.size(), group.most()), (2, 1));
    let (breaker, ..) = breaker_with(PolicySet::new(policy(|policy| policy)).group("hosts", group));
    for key in hosts(2) {
        fail(&breaker, &key, 2);
    }
    assert_eq!(open_of(&breaker, &hosts(2)), 1);

    let one = Group::of(["a", "a", "a"].map(String::from), EjectionCap::AllButOne);
    let refused = "ejection_cap is all but one of 1; it must be one circuit or more";
    assert_eq!(one.unwrap_err().to_string(), refused);
}

/// The cap of each group is of the circuits that belong to it.
#[test]
fn a_member_that_a_later_group_lists_leaves_the_earlier() {
    let sizes = |set: &PolicySet<String>| -> Vec<_> {
        let groups = set.groups();
        groups
            .map(|(name, group)| (name.to_string(), group.size(), group.most()))
            .collect()
    };
    let first = listed(&["host-0", "host-1"]);
    let set = PolicySet::new(policy(|policy| policy))
        .group("first", first.clone())
        .group("second", listed(&["host-1", "host-2"]));
    let expected = [("first".to_string(), 1, 0), ("second".to_string(), 2, 1)];
    assert_eq!(sizes(&set), expected);
    let (breaker, ..) = breaker_with(set.clone());
    for key in hosts(3) {
        fail(&breaker, &key, 2);
    }
    // None of the one of `first`, and one of the two of `second`.
    assert_eq!(state(&breaker, "host-0"), CircuitState::Closed);
    assert_eq!(open_of(&breaker, &hosts(3)), 1);

    // Declared again, it takes its member back.
    let set = set
        .group("first", first)
        .group("third", listed(&["x", "host-2", "y"]));
    let expected = [("second", 0, 0), ("first", 2, 1), ("third", 3, 2)];
    assert_eq!(
        sizes(&set),
        expected.map(|(name, size, most)| (name.to_string(), size, most))
    );
    let set = set.remove_group("third");
    let (breaker, ..) = breaker_with(set);
    for key in hosts(3) {
        fail(&breaker, &key, 2);
    }
    // `host-2` is in no group now.
    assert_eq!(state(&breaker, "host-2"), CircuitState::Open);
    assert_eq!(open_of(&breaker, &hosts(3)), 2);
}

#[test]
fn a_group_that_could_never_open_is_refused() {
    let refused = |group: Result<Group<String>, ConfigError>| group.unwrap_err().to_string();
    assert_eq!(
        refused(Group::of(hosts(3), EjectionCap::Percent(33))),
        "ejection_cap is 33 % of 3; it must be one circuit or more"
    );
    assert_eq!(
        refused(Group::of(hosts(1), EjectionCap::AllButOne)),
        "ejection_cap is all but one of 1; it must be one circuit or more"
    );
    assert_eq!(
        refused(Group::of(hosts(0), EjectionCap::AllButOne)),
        "members is 0; it must be 1 to 8388608"
    );
    assert_eq!(
        refused(Group::class(0, EjectionCap::AllButOne)),
        "size is 0; it must be 1 to 8388608"
    );
    for percent in [0, 101, u32::MAX] {
        assert_eq!(
            refused(Group::prefix("host-", 5, EjectionCap::Percent(percent))),
            format!("max_open_percent is {percent}; it must be 1 to 100")
        );
    }
}

#[test]
fn listeners_learn_whether_a_change_is_in_shadow() {
    let group = Group::of(hosts(2), EjectionCap::AllButOne).unwrap();
    let set = PolicySet::new(policy(|policy| policy.shadow(true))).group("hosts", group);
    let set = set.key("real".to_string(), policy(|policy| policy));
    let (breaker, clock, heard) = breaker_with(set);
    for key in ["host-0", "host-1", "real"] {
        fail(&breaker, key, 2);
    }
    clock.advance(Duration::from_secs(10));
    fail(&breaker, "host-0", 1);
    breaker.reset("host-0");
    let heard = heard.lock().unwrap();
    let shadows: Vec<_> = heard.iter().map(|c| (&*c.key, c.to, c.shadow)).collect();
    assert_eq!(
        shadows,
        [
            ("host-0", CircuitState::Open, true),
            ("host-1", CircuitState::Closed, true),
            ("real", CircuitState::Open, false),
            ("host-0", CircuitState::HalfOpen, true),
            ("host-0", CircuitState::Open, true),
            ("host-0", CircuitState::Closed, false),
        ]
    );
}

#[test]
fn a_group_replaces_an_earlier_one_of_its_name() {
    let one = || EjectionCap::Percent(50);
    let set = PolicySet::new(policy(|policy| policy))
        .group("a", Group::of(hosts(2), one()).unwrap())
        .group("b", Group::prefix("b-", 2, one()).unwrap())
        .group(
            "a",
            Group::of(vec!["x".to_string(), "y".into()], one()).unwrap(),
        );
    let (breaker, ..) = breaker_with(set);
    for key in ["host-0", "host-1", "x", "y", "b-1", "b-2"] {
        fail(&breaker, key, 2);
    }
    let closed = ["y", "b-2"];
    for key in ["host-0", "host-1", "x", "y", "b-1", "b-2"] {
        let expected = if closed.contains(&key) {
            CircuitState::Closed
        } else {
            CircuitState::Open
        };
        assert_eq!(state(&breaker, key), expected, "{key}");
    }
    let open = |name| breaker.store().open_in_group(name).unwrap();
    assert_eq!(["a", "b"].map(open), [1, 1]);
}
