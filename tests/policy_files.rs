//! Files of policies: inheritance of tables, error messages, keys of any type, a whole breaker.
#![cfg(feature = "serde")]

use std::time::Duration;

use breakerbox::{
    BreakerConfig, CircuitBreaker, EjectionCap, Group, Policy, PolicyBuilder, PolicySet,
    SlidingWindow,
};
use proptest::prelude::*;

fn read(text: &str) -> PolicySet<String> {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn refused(text: &str) -> String {
    let error = toml::from_str::<PolicySet<String>>(text).unwrap_err();
    error.to_string().trim_end().to_owned()
}

fn built(settings: &PolicyBuilder) -> Policy {
    settings.build().unwrap()
}

#[test]
fn a_table_inherits_from_the_default_or_from_a_base() {
    let set = read(
        r#"
        [default]
        failure_threshold = 3
        reset_timeout = "5s"

        [bases.rate]
        sliding_window = 100
        failure_rate_threshold = 50

        [bases.strict]
        inherits = "rate"
        failure_rate_threshold = 10

        [bases.near]
        inherits = "default"
        half_open_max = 2

        [keys]
        pay = { inherits = "strict", reset_timeout = "1s" }
        near = { inherits = "near", success_threshold = 2 }
        plain = { inherits = "none", jitter = 10 }

        [prefixes]
        "/static/" = { shadow = true }
        "#,
    );
    let secs = Duration::from_secs;
    let default = Policy::builder()
        .failure_threshold(3)
        .reset_timeout(secs(5));
    let rate = Policy::builder().sliding_window(SlidingWindow::Calls(100));
    for (key, expected) in [
        ("other", default.clone()),
        ("/static/x", default.clone().shadow(true)),
        ("near", default.half_open_max(2).success_threshold(2)),
        ("plain", Policy::builder().jitter(10)),
        (
            "pay",
            rate.failure_rate_threshold(10).reset_timeout(secs(1)),
        ),
    ] {
        assert_eq!(set.policy(key), built(&expected), "{key}");
    }
}

#[test]
fn a_way_to_judge_probes_replaces_the_inherited_one() {
    let set = read(
        r#"
        default = { success_threshold = 3 }
        bases.rate = { probe_failure_rate = { sample = 10, percent = 30 } }
        keys.a = { probe_failure_rate = { sample = 5, percent = 50 } }
        keys.b = { inherits = "rate", probe_failures_allowed = 1 }
        "#,
    );
    assert_eq!(set.policy("a").probe_failure_rate(), Some((5, 50)));
    assert_eq!(set.policy("b").success_threshold(), Some(1));
    assert_eq!(set.policy("b").probe_failures_allowed(), Some(1));
}

#[test]
fn errors_show_the_place_and_suggest_a_name() {
    let misspelt =
        refused("[default]\nfailure_threshold = 3\n\n[keys.pay]\nfailure_treshold = 2\n");
    assert_eq!(
        misspelt,
        "TOML parse error at line 5, column 1\n  |\n5 | failure_treshold = 2\n  | ^^^^^^^^^^^^^^^^\n\
         `failure_treshold` is not a setting here; did you mean `failure_threshold`?"
    );
    for (text, says) in [
        (
            "[default]\nreset_timeout = 10",
            "line 2, column 17\n  |\n2 | reset_timeout = 10\n  |                 ^^\n\
             invalid type: integer `10`, expected a duration with its unit, \
             as \"250ms\", \"5s\" or \"1m30s\"",
        ),
        (
            "[default]\nreset_timeout_ms = 10",
            "`reset_timeout_ms` is not a setting here; did you mean `reset_timeout`?",
        ),
        (
            "[default]\nvolume = 10",
            "`volume` is not a setting here; there are `failure_threshold`, `failure_counting`,",
        ),
        (
            "[default]\n\n[keys.pay]\njitter = 101",
            "line 3, column 1\n  |\n3 | [keys.pay]\n  | ^^^^^^^^^^\njitter is 101; it must be 0 to 100",
        ),
        (
            "[keys.pay]\nfailure_rate_threshold = 50",
            "keys.\"pay\": failure_rate_threshold is 50; it must be unset, or given with \
             sliding_window",
        ),
        (
            "[default]\nhung_calls = 3",
            "default: hung_calls is 3; it must be unset, or given with hung_call_duration",
        ),
        (
            "[keys.pay]\ninherits = \"lenint\"\n[bases.lenient]",
            "keys.\"pay\": `lenint` is not a base here; did you mean `lenient`?",
        ),
        (
            "[bases.a]\ninherits = \"b\"\n[bases.b]\ninherits = \"a\"",
            "bases.b: it inherits from itself, by `a`",
        ),
        (
            "[bases.a]\ninherits = \"b\"\n[bases.b]\ninherits = \"c\"\n[bases.c]\ninherits = \"b\"",
            "bases.c: it inherits from itself, by `b`",
        ),
        (
            "[bases.a]\ninherits = \"b\"\n[bases.b]\ninherits = \"c\"",
            "bases.b: `c` is not a base here",
        ),
        (
            "[default]\ninherits = \"default\"",
            "default: it inherits from itself, by `default`",
        ),
        ("[bases.none]", "bases.none: `none` is the name of no base"),
        (
            "[prefixes]\n\"\" = {}",
            "prefixes.\"\": the prefix of all keys is `default`",
        ),
        (
            "default = 3",
            "invalid type: integer `3`, expected a table of settings",
        ),
        (
            "[default]\nsliding_window = -1",
            "expected a number of calls, or a duration with its",
        ),
        (
            "[kyes.pay]",
            "`kyes` is not a setting here; did you mean `keys`?",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(says), "{text}: {error}");
    }
    let alone = toml::from_str::<Policy>("inherits = \"x\"").unwrap_err();
    assert!(
        alone
            .to_string()
            .contains("a policy `inherits` only in a set of policies")
    );
}

#[test]
fn invalid_groups_are_refused() {
    for (text, says) in [
        (
            "a = { members = [\"x\"], all_but_one = true }",
            "ejection_cap is all but one of 1; it must be one circuit or more",
        ),
        (
            "a = { members = [\"x\", \"x\"], all_but_one = true }",
            "\"x\" is in this list already",
        ),
        (
            "a = { members = [\"x\", \"y\"], all_but_one = true }\n\
             b = { members = [\"z\", \"y\"], all_but_one = true }",
            "groups.\"b\": \"y\" is in a group already",
        ),
        (
            "a = { prefix = \"x\", size = 2, all_but_one = true }\n\
             b = { prefix = \"x\", size = 3, all_but_one = true }",
            "groups.\"b\": another group has the prefix \"x\"",
        ),
        (
            "a = { size = 5 }",
            "a group needs `max_open_percent` or `all_but_one = true`",
        ),
        (
            "a = { size = 5, max_open_percent = 50, all_but_one = true }",
            "a group has `max_open_percent` or `all_but_one`, not both",
        ),
        (
            "a = { all_but_one = true }",
            "a group needs `members`, or a `size`",
        ),
        (
            "a = { members = [\"x\", \"y\"], size = 2, all_but_one = true }",
            "a group has `members`, or a `size`, not both",
        ),
        (
            "a = { size = 5, max_open_percent = 101 }",
            "max_open_percent is 101; it must be 1 to 100",
        ),
        ("a = { size = -1, all_but_one = true }", "invalid value"),
        (
            "a = { sise = 5 }",
            "`sise` is not a setting here; did you mean `size`?",
        ),
    ] {
        let text = format!("[groups]\n{text}");
        let error = refused(&text);
        assert!(error.contains(says), "{text}: {error}");
        let is_within_group = !says.starts_with("groups.");
        assert_eq!(error.contains("at line 2"), is_within_group, "{error}");
    }
}

#[test]
fn a_long_chain_of_bases_is_followed_once() {
    const BASES: usize = 20_000;
    let mut text = String::from("[bases.b0]\njitter = 7\n");
    for base in 1..BASES {
        text += &format!("[bases.b{base}]\ninherits = \"b{}\"\n", base - 1);
    }
    for key in 0..100 {
        text += &format!("[keys.k{key}]\ninherits = \"b{}\"\n", BASES - 1);
    }
    let begin = std::time::Instant::now();
    let set = read(&text);
    assert_eq!(
        (set.policy("k0").jitter(), set.policy("k99").jitter()),
        (7, 7)
    );
    // Each base by itself would take minutes.
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_base_counts_as_a_whole() {
    let set = read(
        r#"
        bases.counts = { probe_failures_allowed = 2, jitter = 5 }
        bases.rate = { inherits = "counts", probe_failure_rate = { sample = 10, percent = 30 } }
        keys.a = { inherits = "rate", success_threshold = 3 }
        keys.b = { inherits = "rate" }
        "#,
    );
    // `rate` has no count of failures for `a` to inherit.
    let a = set.policy("a");
    assert_eq!(
        (a.success_threshold(), a.probe_failures_allowed()),
        (Some(3), Some(0))
    );
    assert_eq!((a.probe_failure_rate(), a.jitter()), (None, 5));
    assert_eq!(set.policy("b").probe_failure_rate(), Some((10, 30)));
}

#[test]
fn keys_need_not_be_text() {
    #[derive(serde::Serialize, serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
    struct Tenant(u32);

    let text = "[keys]\n7 = { failure_threshold = 1 }\n\
                [groups]\na = { members = [7, \"8\"], all_but_one = true }";
    let by_number: PolicySet<u64> = toml::from_str(text).unwrap();
    assert_eq!(by_number.policy(&7).failure_threshold(), Some(1));
    assert_eq!(by_number.policy(&8).failure_threshold(), Some(5));
    let by_tenant: PolicySet<Tenant> = toml::from_str(text).unwrap();
    let json = serde_json::to_string(&by_tenant).unwrap();
    let again: PolicySet<Tenant> = serde_json::from_str(&json).unwrap();
    assert_eq!(again.policy(&Tenant(7)).failure_threshold(), Some(1));
    assert_eq!(
        again
            .groups()
            .map(|(name, group)| (name, group.size()))
            .next(),
        Some(("a", 2))
    );

    let error = toml::from_str::<PolicySet<u64>>("[keys]\nx = {}")
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2, column 1"), "{error}");
    assert!(
        error.contains("invalid value: string \"x\", expected u64"),
        "{error}"
    );
    let error = toml::from_str::<PolicySet<u64>>("[prefixes]\n1 = {}")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("prefixes.\"1\": keys of this type have no text for a prefix"),
        "{error}"
    );
}

#[test]
fn a_set_can_be_inspected_and_edited() {
    let policy = |failures| built(&Policy::builder().failure_threshold(failures));
    let group = Group::of(["x", "y"].map(String::from), EjectionCap::AllButOne).unwrap();
    let set = PolicySet::from(policy(1))
        .key("k".to_string(), policy(2))
        .prefix("p/", policy(3))
        .prefix("p/longer/", policy(4))
        .class("c", policy(5))
        .group("g", group.clone())
        .group("h", group);
    assert_eq!(set.default_policy(), policy(1));
    assert!(set.keys().eq([(&"k".to_string(), &policy(2))]));
    assert!(
        set.prefixes()
            .eq([("p/longer/", &policy(4)), ("p/", &policy(3))])
    );
    assert!(set.classes().eq([("c", &policy(5))]));
    assert!(set.groups().map(|(name, _)| name).eq(["g", "h"]));

    let edited = set
        .with_default(policy(9))
        .remove_key("k")
        .remove_prefix("p/longer/")
        .remove_class("c")
        .remove_group("g");
    assert_eq!(edited.policy("k"), policy(9));
    assert_eq!(edited.policy("p/longer/x"), policy(3));
    assert_eq!((edited.keys().count(), edited.classes().count()), (0, 0));
    let breaker = CircuitBreaker::builder().policy(edited).build().unwrap();
    assert_eq!(breaker.store().open_in_group("h"), Some(0));
    assert_eq!(breaker.store().open_in_group("g"), None);
    assert_eq!(breaker.policies().prefixes().count(), 1);
}

#[test]
fn a_whole_breaker_is_read_from_one_file() {
    let text = r#"
        max_circuits = 50
        capacity = 10
        open_ttl = "10m"

        [policies]
        default = { failure_threshold = 1 }
        keys.pay = { reset_timeout = "1s" }
    "#;
    let config: BreakerConfig = toml::from_str(text).unwrap();
    assert_eq!((config.max_circuits, config.capacity), (Some(50), Some(10)));
    assert_eq!(config.open_ttl, Some(Duration::from_secs(600)));
    let json = serde_json::to_string(&config).unwrap();
    let again: BreakerConfig = serde_json::from_str(&json).unwrap();
    assert_eq!(
        toml::to_string(&again).unwrap(),
        toml::to_string(&config).unwrap()
    );
    let breaker = again.build().unwrap();
    let _ = breaker.acquire("pay").unwrap().failure();
    assert_eq!(breaker.acquire("pay").unwrap_err().retry_after_secs(), 1);

    let error = toml::from_str::<BreakerConfig>("max_circuit = 3")
        .unwrap_err()
        .to_string();
    assert!(error.contains("did you mean `max_circuits`?"), "{error}");
    let none: BreakerConfig = toml::from_str("max_circuits = 0").unwrap();
    let error = none.build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_circuits is 0; it must be 1 to 8388608"
    );
    let beside: BreakerConfig = toml::from_str("").unwrap();
    let error = beside
        .into_builder()
        .failure_threshold(3)
        .build()
        .unwrap_err();
    assert_eq!(error.field(), "policy");
}

/// Settings of a table that are valid together, in any choice.
const LINES: [&str; 14] = [
    "failure_threshold = 3",
    "sliding_window = 50\nfailure_rate_threshold = 40",
    "hung_calls = 3\nhung_call_duration = \"1m\"",
    "backoff_factor = 1.5\nreset_timeout_max = \"7d\"",
    "reset_timeout = \"1h2m3s4ms\"",
    "retry_after_max = \"0s\"",
    "jitter = 100",
    "half_open_max = 7",
    "probe_failure_rate = { sample = 5, percent = 50 }",
    "half_open_timeout = \"9s\"\nafter_half_open = \"closed\"",
    "shadow = true",
    "forced = \"disabled\"",
    "dropped_permit = { failure-if-older = \"1s500ms\" }",
    "probe_lease = \"999ms\"",
];

fn lines() -> impl Strategy<Value = String> {
    let some = proptest::sample::subsequence(LINES.to_vec(), 0..LINES.len());
    some.prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn a_set_survives_being_written_and_read(
        [default, base, key, prefix] in [lines(), lines(), lines(), lines()],
    ) {
        let text = format!(
            "[default]\n{default}\n[bases.base]\n{base}\n[keys.k]\ninherits = \"base\"\n{key}\n\
             [prefixes.\"p/\"]\n{prefix}"
        );
        let set = read(&text);
        let toml = read(&toml::to_string(&set).unwrap());
        let json = serde_json::to_string(&set).unwrap();
        let json: PolicySet<String> = serde_json::from_str(&json).unwrap();
        for key in ["k", "p/x", "other"] {
            prop_assert_eq!(toml.policy(key), set.policy(key));
            prop_assert_eq!(json.policy(key), set.policy(key));
        }
    }

    #[test]
    fn arbitrary_text_is_refused_with_a_message(text in ".{0,80}") {
        if let Err(error) = toml::from_str::<BreakerConfig>(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = breakerbox::parse_duration(&text);
    }
}
