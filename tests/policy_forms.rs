//! Policies as text: TOML and JSON, every setting, and what is refused.
#![cfg(feature = "serde")]

use std::time::Duration;

use breakerbox::{
    AfterHalfOpen, DroppedPermit, FailureCounting, Forced, Limits, Policy, PolicySet, SlidingWindow,
};

const ALL: &str = r#"
[default]
failure_threshold = 7
failure_counting = "total-failures"
window_ms = 10_000
minimum_calls = 30
failures_in_window = 100
failure_rate_threshold = 40
slow_call_rate_threshold = 60
slow_call_duration_ms = 1_500
hung_calls = 8
hung_call_duration_ms = 20_000
reset_timeout_ms = 2_000
backoff_factor = 1.5
reset_timeout_max_ms = 60_000
stable_after_ms = 90_000
jitter = 20
retry_after_max_ms = 70_000
half_open_max = 3
success_threshold = 5
probe_failures_allowed = 1
probe_lease_ms = 45_000
half_open_timeout_ms = 30_000
after_half_open = "closed"
dropped_permit = { failure-if-older-ms = 500 }

[keys.pay]
failure_threshold = 2

[prefixes."static/"]
shadow = true
window_calls = 50
failure_rate_threshold = 90

[prefixes."closed/"]
forced = "open"
failure_threshold = 2

[keys.health]
forced = "disabled"

[classes.batch]
probe_sample = 10
probe_failure_rate_threshold = 30

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

fn all() -> PolicySet<String> {
    toml::from_str(ALL).unwrap()
}

#[test]
fn every_setting_is_read() {
    let limits = Limits::builder()
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
        .build()
        .unwrap();
    let when_old = DroppedPermit::FailureIfOlder(Duration::from_millis(500));
    let default = Policy::from(limits).dropped_permit(when_old).unwrap();
    let set = all().classify(|key: &String| key.starts_with("job").then_some("batch"));
    assert_eq!(set.policy("anything"), default);

    let pay = Limits::builder().failure_threshold(2).build().unwrap();
    assert_eq!(set.policy("pay"), Policy::from(pay));
    let quiet = Limits::builder()
        .sliding_window(SlidingWindow::Calls(50))
        .failure_rate_threshold(90)
        .build()
        .unwrap();
    assert_eq!(set.policy("static/logo"), Policy::from(quiet).shadow(true));
    let closed = Policy::from(pay).forced(Forced::Open);
    assert_eq!(set.policy("closed/1"), closed);
    let health = Policy::default().forced(Forced::Disabled);
    assert_eq!(set.policy("health"), health);
    let batch = Limits::builder()
        .probe_failure_rate(10, 30)
        .build()
        .unwrap();
    assert_eq!(set.policy("job 7"), Policy::from(batch));
}

#[test]
fn what_is_written_is_read_back() {
    let set = all();
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
        ("failure_treshold = 5", "failure_treshold is not a setting"),
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
            "window_ms = 9",
            "sliding_window is 9ms; it must be at least 10ms",
        ),
        (
            "reset_timeout_ms = 0",
            "reset_timeout is 0ns; it must be longer than 0",
        ),
        ("failure_counting = \"some\"", "unknown variant `some`"),
        (
            "forced = \"closed\"",
            "unknown variant `closed`, expected `open` or `disabled`",
        ),
        ("forced = true", "wanted string or table"),
        ("force = \"open\"", "force is not a setting"),
        (
            "dropped_permit = { failure-if-older-ms = 0 }",
            "dropped_permit is 0ns",
        ),
        (
            "failure_rate_threshold = 50",
            "failure_rate_threshold is 50; it must be unset, or given with sliding_window",
        ),
        (
            "window_calls = 10",
            "sliding_window is 10 calls; it must be unset, or given with a rate threshold",
        ),
        (
            "hung_calls = 3",
            "hung_calls is 3; it must be unset, or given with hung_call_duration",
        ),
        (
            "success_threshold = 2\nprobe_sample = 3\nprobe_failure_rate_threshold = 50",
            "success_threshold is 2; it must be unset, or given with counts of probes",
        ),
        (
            "probe_lease_ms = 0",
            "probe_lease is 0ns; it must be longer than 0",
        ),
    ] {
        let error = toml::from_str::<Policy>(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
        // And within a set, where nothing else is wrong.
        let nested = format!("[keys.pay]\n{text}");
        let error = toml::from_str::<PolicySet<String>>(&nested).unwrap_err();
        assert!(error.to_string().contains(says), "{nested}: {error}");
    }
    let error = toml::from_str::<PolicySet<String>>("[kyes.pay]").unwrap_err();
    assert!(
        error.to_string().contains("unknown field `kyes`"),
        "{error}"
    );
}

#[test]
fn groups_that_can_not_be_are_refused() {
    for (text, says) in [
        (
            "a = { members = [\"x\"], all_but_one = true }",
            "ejection_cap is all but one of 1; it must be one circuit or more",
        ),
        (
            "a = { members = [\"x\", \"x\"], all_but_one = true }",
            "members is \"x\", there twice; it must be each key in one group, once",
        ),
        (
            "a = { members = [\"x\", \"y\"], all_but_one = true }\n\
             b = { members = [\"z\", \"y\"], all_but_one = true }",
            "members is \"y\", there twice",
        ),
        (
            "a = { size = 5 }",
            "ejection_cap is not given; it must be either max_open_percent or all_but_one",
        ),
        (
            "a = { size = 5, max_open_percent = 50, all_but_one = true }",
            "ejection_cap is given twice; it must be either max_open_percent or all_but_one",
        ),
        (
            "a = { all_but_one = true }",
            "size is not given; it must be given, where members are not",
        ),
        (
            "a = { members = [\"x\", \"y\"], size = 2, all_but_one = true }",
            "members is given with them; it must be given without size and prefix",
        ),
        (
            "a = { size = 5, max_open_percent = 101 }",
            "max_open_percent is 101; it must be 1 to 100",
        ),
        ("a = { size = -1, all_but_one = true }", "invalid value"),
        ("a = { sise = 5 }", "unknown field `sise`"),
    ] {
        let text = format!("[groups]\n{text}");
        let error = toml::from_str::<PolicySet<String>>(&text).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}
