//! Policies as text: TOML and JSON, sets of policies, and refused values.
#![cfg(feature = "serde")]

use std::time::Duration;

use breakerbox::{
    AfterHalfOpen, DroppedPermit, FailureCounting, Forced, Policy, PolicySet, SlidingWindow,
};

/// A set of policies. That each setting is read is shown beside the builder.
const SET: &str = r#"
[default]
failure_threshold = 7
failure_counting = "total-failures"
sliding_window = "10s"
minimum_calls = 30
failures_in_window = 100
failure_rate_threshold = 40
slow_call_rate_threshold = 60
slow_call_duration = "1s500ms"
hung_calls = 8
hung_call_duration = "20s"
reset_timeout = "2s"
backoff_factor = 1.5
reset_timeout_max = "1m"
stable_after = "1m30s"
jitter = 20
retry_after_max = "70s"
half_open_max = 3
success_threshold = 5
probe_failures_allowed = 1
probe_lease = "45s"
half_open_timeout = "30s"
after_half_open = "closed"
dropped_permit = { failure-if-older = "500ms" }

[keys.pay]
inherits = "none"
failure_threshold = 2

[prefixes."static/"]
inherits = "none"
shadow = true
sliding_window = 50
failure_rate_threshold = 90

[prefixes."closed/"]
inherits = "none"
forced = "open"
failure_threshold = 2

[keys.health]
inherits = "none"
forced = "disabled"

[classes.batch]
inherits = "none"
probe_failure_rate = { sample = 10, percent = 30 }

[groups.listed]
members = ["a", "b", "c"]
all_but_one = true

[groups.edge]
prefix = "edge-"
size = 40
max_open_percent = 10

[groups.batch]
size = 5
max_open_percent = 50
"#;

fn set() -> PolicySet<String> {
    toml::from_str(SET).unwrap()
}

#[test]
fn a_set_is_read_as_builders_say() {
    let policy = Policy::builder()
        .failure_threshold(7)
        .failure_counting(FailureCounting::TotalFailures)
        .sliding_window(SlidingWindow::Time(Duration::from_secs(10)))
        .minimum_calls(30)
        .failures_in_window(100)
        .failure_rate_threshold(40)
        .slow_call_rate_threshold(60)
        .slow_call_duration(Duration::from_millis(1_500))
        .hung_calls(8)
        .hung_call_duration(Duration::from_secs(20))
        .reset_timeout(Duration::from_secs(2))
        .backoff_factor(1.5)
        .reset_timeout_max(Duration::from_secs(60))
        .stable_after(Duration::from_secs(90))
        .jitter(20)
        .retry_after_max(Duration::from_secs(70))
        .half_open_max(3)
        .success_threshold(5)
        .probe_failures_allowed(1)
        .probe_lease(Duration::from_secs(45))
        .half_open_timeout(Duration::from_secs(30))
        .after_half_open(AfterHalfOpen::Closed)
        .dropped_permit(DroppedPermit::FailureIfOlder(Duration::from_millis(500)))
        .build();
    let set = set().classify(|key: &String| key.starts_with("job").then_some("batch"));
    assert_eq!(set.policy("anything"), policy.unwrap());

    let pay = Policy::builder().failure_threshold(2).build().unwrap();
    assert_eq!(set.policy("pay"), pay);
    let quiet = Policy::builder()
        .sliding_window(SlidingWindow::Calls(50))
        .failure_rate_threshold(90)
        .shadow(true)
        .build();
    assert_eq!(set.policy("static/logo"), quiet.unwrap());
    let closed = pay.to_builder().forced(Forced::Open).build();
    assert_eq!(set.policy("closed/1"), closed.unwrap());
    let health = Policy::builder().forced(Forced::Disabled).build();
    assert_eq!(set.policy("health"), health.unwrap());
    let batch = Policy::builder()
        .probe_failure_rate(10, 30)
        .build()
        .unwrap();
    assert_eq!(set.policy("job 7"), batch);
}

#[test]
fn a_written_set_is_read_back() {
    let set = set();
    let toml: PolicySet<String> = toml::from_str(&toml::to_string(&set).unwrap()).unwrap();
    let json: PolicySet<String> =
        serde_json::from_str(&serde_json::to_string(&set).unwrap()).unwrap();
    for key in ["anything", "pay", "static/logo", "closed/1", "health"] {
        assert_eq!(toml.policy(key), set.policy(key), "{key}");
        assert_eq!(json.policy(key), set.policy(key), "{key}");
    }
    let empty: PolicySet<String> = toml::from_str("").unwrap();
    assert_eq!(empty.policy("k"), Policy::default());
}

#[test]
fn bad_settings_are_refused_with_field_value_and_range() {
    for (text, says) in [
        (
            "failure_threshold = 0",
            "failure_threshold is 0; it must be 1 to 1000000",
        ),
        (
            "failure_treshold = 5",
            "`failure_treshold` is not a setting here; did you mean `failure_threshold`?",
        ),
        (
            "failure_threshold = -1",
            "invalid value: integer `-1`, expected u32",
        ),
        (
            "failure_threshold = \"5\"",
            "invalid type: string \"5\", expected u32",
        ),
        ("jitter = 101", "jitter is 101; it must be 0 to 100"),
        (
            "backoff_factor = nan",
            "backoff_factor is NaN; it must be 1 to 100",
        ),
        (
            "sliding_window = \"9ms\"",
            "sliding_window is 9ms; it must be at least 10ms",
        ),
        (
            "sliding_window = \"0s\"",
            "sliding_window is 0s; it must be at least 10ms",
        ),
        (
            "sliding_window = 30_000",
            "sliding_window is 30000 calls; it must be 1 to 1000 calls, or a duration",
        ),
        (
            "call_timeout = \"1s\"",
            "`call_timeout` is not a setting here; it stands in the outermost table",
        ),
        (
            "reset_timeout = \"0s\"",
            "reset_timeout is 0s; it must be longer than 0",
        ),
        ("failure_counting = \"some\"", "unknown variant `some`"),
        (
            "forced = \"closed\"",
            "unknown variant `closed`, expected `open` or `disabled`",
        ),
        ("forced = true", "wanted string or table"),
        (
            "force = \"open\"",
            "`force` is not a setting here; did you mean `forced`?",
        ),
        (
            "dropped_permit = { failure-if-older = \"0s\" }",
            "dropped_permit is 0s",
        ),
        (
            "failure_rate_threshold = 50",
            "failure_rate_threshold is 50; it must be unset, or given with sliding_window",
        ),
        (
            "sliding_window = 10",
            "sliding_window is 10 calls; it must be unset, or given with a rate threshold",
        ),
        (
            "hung_calls = 3",
            "hung_calls is 3; it must be unset, or given with hung_call_duration",
        ),
        (
            "success_threshold = 2\nprobe_failure_rate = { sample = 3, percent = 50 }",
            "success_threshold is 2; it must be unset, or given with counts of probes",
        ),
        (
            "probe_lease = \"0ms\"",
            "probe_lease is 0s; it must be longer than 0",
        ),
    ] {
        let error = toml::from_str::<Policy>(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        // The same within a set, where nothing else is wrong.
        let nested = format!("[keys.pay]\n{text}");
        let error = toml::from_str::<PolicySet<String>>(&nested).unwrap_err();
        assert!(error.to_string().contains(says), "{nested}: {error}");
    }
    let error = toml::from_str::<PolicySet<String>>("[kyes.pay]").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`kyes` is not a setting here; did you mean `keys`?"),
        "{error}"
    );
}

/// A key counts, not its text; and no format need look for entries that stand in a table twice.
#[test]
fn an_entry_that_stands_in_a_file_twice_is_refused() {
    const ONE: &str = r#"{"failure_threshold": 1}"#;
    for (text, says) in [
        (
            format!(r#"{{"keys": {{"7": {ONE}, "7": {ONE}}}}}"#),
            "\"7\" is in this table already at line 1 column",
        ),
        (
            format!(r#"{{"keys": {{"7": {ONE}, "07": {ONE}}}}}"#),
            "\"07\" is in this table already, as \"7\"",
        ),
        (
            format!(r#"{{"keys": {{"7": {ONE}, "+7": {ONE}}}}}"#),
            "\"+7\" is in this table already, as \"7\"",
        ),
        (
            r#"{"groups": {"a": {"members": ["7", "07"], "all_but_one": true}}}"#.into(),
            "\"07\" is in this list already, as \"7\"",
        ),
        (
            r#"{"groups": {
                "a": {"members": ["7", "8"], "all_but_one": true},
                "b": {"members": ["07", "9"], "all_but_one": true}}}"#
                .into(),
            "groups.\"b\": \"07\" is in a group already, as \"7\"",
        ),
        (
            r#"{"groups": {
                "a": {"size": 2, "all_but_one": true},
                "a": {"size": 3, "all_but_one": true}}}"#
                .into(),
            "\"a\" is in this table already",
        ),
    ] {
        let error = serde_json::from_str::<PolicySet<u64>>(&text).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    for table in ["prefixes", "bases", "classes"] {
        let text = format!(r#"{{"{table}": {{"a": {ONE}, "a": {ONE}}}}}"#);
        let error = serde_json::from_str::<PolicySet<String>>(&text).unwrap_err();
        let says = "\"a\" is in this table already";
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let twice = r#"{"default": {"jitter": 1, "jitter": 2}}"#;
    let error = serde_json::from_str::<PolicySet<String>>(twice).unwrap_err();
    assert!(error.to_string().contains("duplicate field `jitter`"));

    // The error shows the place: of either entry, as `toml` may sort them.
    let error = toml::from_str::<PolicySet<u64>>("[keys]\n7 = {}\n07 = {}").unwrap_err();
    assert!(
        error.to_string().contains("TOML parse error at line "),
        "{error}"
    );
}
