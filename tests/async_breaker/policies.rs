//! Policies by key over any store, and replaced ones.

use breakerbox::{CircuitState, DroppedPermit, Forced, Policy, PolicyBuilder, PolicySet, Steering};
use std::sync::Arc;

use crate::faulty::{Fault, Faulty};
use crate::{KEY, background, failures, ms, state};

type Breaker = breakerbox::AsyncCircuitBreaker<str>;

fn opens_at(failures: u32) -> Policy {
    let policy = Policy::builder().failure_threshold(failures).build();
    policy.unwrap()
}

fn with(policy: Policy, change: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Policy {
    change(policy.to_builder()).build().unwrap()
}

fn over(set: PolicySet<String>) -> (Breaker, Arc<Faulty>) {
    let store = Arc::new(Faulty::new());
    let builder = Breaker::builder(Arc::<Faulty>::clone(&store));
    (builder.policy(set).build().unwrap(), store)
}

async fn fail(breaker: &Breaker, key: &str, times: u32) {
    for _ in 0..times {
        if let Ok(permit) = breaker.acquire(key).await {
            permit.failure().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_policy() {
    let set = PolicySet::new(opens_at(3))
        .key(KEY.to_string(), opens_at(1))
        .prefix("batch/", opens_at(2))
        .class("slow", opens_at(4))
        .classify(|key: &String| key.ends_with("/slow").then_some("slow"));
    let (breaker, store) = over(set);
    for (key, opens) in [(KEY, 1), ("batch/1", 2), ("other", 3), ("a/slow", 4)] {
        assert_eq!(breaker.policy(key).failure_threshold(), Some(opens));
        fail(&breaker, key, opens - 1).await;
        assert!(breaker.acquire(key).await.is_ok(), "{key}");
        fail(&breaker, key, 1).await;
        assert!(breaker.acquire(key).await.is_err(), "{key}");
    }
    assert_eq!(store.memory.rejections(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_policy_can_be_changed() {
    let builder = Breaker::builder(Arc::new(Faulty::new())).failure_threshold(3);
    let breaker = builder.build().unwrap();
    assert_eq!(breaker.policies().default_policy(), opens_at(3));
    breaker.set_policies(breaker.policies().prefix("batch/", opens_at(2)));
    breaker.set_policies(breaker.policies().key(KEY.to_string(), opens_at(1)));
    for (key, opens) in [(KEY, 1), ("batch/1", 2), ("other", 3)] {
        assert_eq!(breaker.policy(key).failure_threshold(), Some(opens));
    }
}

#[tokio::test(start_paused = true)]
async fn policies_are_replaced_between_decisions() {
    let (breaker, store) = over(PolicySet::new(opens_at(5)));
    fail(&breaker, KEY, 2).await;
    let permit = breaker.acquire(KEY).await.unwrap();
    let drops = with(opens_at(3), |p| p.dropped_permit(DroppedPermit::Failure));
    breaker.set_policies(PolicySet::new(drops));
    // A permit is dropped under the new policies, though it was acquired under the old ones.
    drop(permit);
    background().await;
    assert_eq!(
        (state(&store), failures(&store)),
        (Some(CircuitState::Open), 3)
    );
}

#[tokio::test(start_paused = true)]
async fn shadow_rejects_nothing_and_counts_it() {
    let (breaker, store) = over(PolicySet::new(with(opens_at(2), |p| p.shadow(true))));
    fail(&breaker, KEY, 2).await;
    assert_eq!(state(&store), Some(CircuitState::Open));
    for shadowed in 1..=3 {
        let permit = breaker.acquire(KEY).await.unwrap();
        assert!(permit.is_untracked());
        assert_eq!(permit.success().await, None);
        assert_eq!(breaker.shadowed(), shadowed);
    }
    assert_eq!(breaker.store_failures(), 0);
    store.clock.advance(ms(30_000));
    assert!(breaker.acquire(KEY).await.unwrap().is_probe());
}

#[test]
fn one_policy_for_all_or_a_set() {
    let builder = || Breaker::builder(Arc::new(Faulty::new()));
    let set = || PolicySet::new(Policy::default());
    for builder in [
        builder().failure_threshold(2),
        builder().reset_timeout(ms(30_000)),
        builder().half_open_max(1),
        builder().success_threshold(1),
    ] {
        let error = builder.policy(set()).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "policy is given beside settings; it must be given alone, with all settings at its own builder"
        );
    }
}

fn fails() -> Result<(), ()> {
    panic!("the call")
}

/// A panic of the call, and of the classifier while the first one unwinds: the second doesn't abort
/// the process, and the permit is given back.
#[tokio::test(start_paused = true)]
async fn a_classifier_may_panic_while_a_call_unwinds() {
    let second = ms(1_000);
    let hung = with(opens_at(2), |p| p.hung_calls(1).hung_call_duration(second));
    let panics = |_: &String| -> Option<&'static str> { panic!("the classifier") };
    for state in [CircuitState::HalfOpen, CircuitState::Closed] {
        let (breaker, store) = over(PolicySet::new(hung));
        store.memory.transition(KEY, state);
        let call = {
            let breaker = breaker.clone();
            async move {
                let replaced = PolicySet::new(hung).class("all", hung).classify(panics);
                let call = async {
                    breaker.set_policies(replaced);
                    fails()
                };
                drop(breaker.call_async(KEY, call).await);
            }
        };
        let panic = tokio::spawn(call).await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"the call"));
        breaker.set_policies(PolicySet::new(hung));
        store.clock.advance(second);
        assert!(
            breaker.acquire(KEY).await.is_ok(),
            "{state}: no call is out"
        );
    }
}

/// The store isn't called, since it may be the very thing under maintenance.
#[tokio::test(start_paused = true)]
async fn a_forced_state_needs_no_store() {
    let set = PolicySet::new(opens_at(1))
        .prefix("batch/", with(opens_at(1), |p| p.forced(Forced::Open)))
        .prefix("health/", with(opens_at(1), |p| p.forced(Forced::Disabled)))
        .prefix(
            "new/",
            with(opens_at(1), |p| p.forced(Forced::Open).shadow(true)),
        );
    let (breaker, store) = over(set);
    store.set(Fault::Fails);
    let rejected = breaker.acquire("batch/1").await.map(drop).unwrap_err();
    assert_eq!(rejected.state(), CircuitState::ForcedOpen);
    assert_eq!(rejected.retry_after_secs(), 30);
    for key in ["health/1", "new/1"] {
        let permit = breaker.acquire(key).await.unwrap();
        assert!(permit.is_untracked());
        assert_eq!(permit.failure().await, None);
    }
    assert_eq!((breaker.shadowed(), breaker.store_failures()), (1, 0));
    assert!(store.asked().is_empty());

    breaker.set_policies(PolicySet::new(opens_at(1)));
    store.set(Fault::None);
    fail(&breaker, "batch/1", 1).await;
    assert!(breaker.acquire("batch/1").await.is_err(), "by its failure");
}

#[tokio::test(start_paused = true)]
async fn a_permit_from_before_is_given_back_and_does_not_count() {
    let (breaker, store) = over(PolicySet::new(opens_at(1)));
    fail(&breaker, KEY, 1).await;
    store.clock.advance(ms(30_000));
    let probe = breaker.acquire(KEY).await.unwrap();
    assert!(probe.is_probe());
    breaker.set_policies(PolicySet::new(with(opens_at(1), |p| {
        p.forced(Forced::Disabled)
    })));
    probe.failure().await;
    breaker.set_policies(PolicySet::new(opens_at(1)));
    assert_eq!(state(&store), Some(CircuitState::HalfOpen));
    assert!(breaker.acquire(KEY).await.unwrap().is_probe());
}

/// A state forced by hand is kept in the store.
#[tokio::test(start_paused = true)]
async fn a_state_forced_by_hand_is_in_the_store() {
    let (breaker, store) = over(PolicySet::new(opens_at(1)));
    let _ = store.memory.steer_prefix("batch/", Steering::ForceOpen);
    assert!(breaker.acquire("batch/1").await.is_err());
    let _ = store.memory.steer_prefix("batch/", Steering::Disable);
    fail(&breaker, "batch/1", 3).await;
    assert!(store.memory.is_empty());
}
