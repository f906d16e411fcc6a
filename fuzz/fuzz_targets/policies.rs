//! Policies from text, and which one a key has: by itself, by its longest prefix, by its class.
#![no_main]

use arbitrary::Arbitrary;
use breakerbox::{CircuitBreaker, ManualClock, Policy, PolicySet};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input {
    /// As it came from somewhere.
    Text(String),
    /// Settings that there are, with any values.
    Settings(Vec<(u8, i64)>),
    Lookup {
        keys: Vec<String>,
        prefixes: Vec<String>,
        classes: [bool; 3],
        asked: Vec<String>,
    },
}

const SETTINGS: [&str; 20] = [
    "failure_threshold",
    "window_ms",
    "window_calls",
    "minimum_calls",
    "failures_in_window",
    "failure_rate_threshold",
    "slow_call_rate_threshold",
    "slow_call_duration_ms",
    "hung_calls",
    "hung_call_duration_ms",
    "reset_timeout_ms",
    "backoff_factor",
    "reset_timeout_max_ms",
    "stable_after_ms",
    "jitter",
    "retry_after_max_ms",
    "half_open_max",
    "success_threshold",
    "probe_lease_ms",
    "half_open_timeout_ms",
];

const CLASSES: [&str; 3] = ["0", "1", "2"];

/// Each has another threshold, by which it is known.
fn numbered(number: usize) -> Policy {
    let policy = Policy::builder().failure_threshold(number as u32 + 1);
    policy.build().expect("a small number is valid")
}

fn class_of(key: &String) -> Option<&'static str> {
    CLASSES.get(key.len() % 4).copied()
}

fn read(text: &str) {
    match toml::from_str::<PolicySet<String>>(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(set) => {
            // What is valid can be used, and written.
            let again = toml::to_string(&set).expect("what was read can be written");
            let again: PolicySet<String> = toml::from_str(&again).expect("and read again");
            assert_eq!(again.policy("k"), set.policy("k"));
            let breaker = CircuitBreaker::<String>::builder()
                .clock(ManualClock::new(1_000_000))
                .policy(set)
                .build()
                .expect("a policy that was read is valid");
            for _ in 0..20 {
                if let Ok(permit) = breaker.acquire("k") {
                    let _ = permit.failure();
                }
            }
        }
    }
}

fuzz_target!(|input: Input| {
    match input {
        Input::Text(text) => read(&text),
        Input::Settings(settings) => {
            let mut text = "[default]\n".to_owned();
            for (which, value) in settings {
                let name = SETTINGS[usize::from(which) % SETTINGS.len()];
                // Small ones are valid more often.
                let value = if which < 128 { value % 100 } else { value };
                text += &format!("{name} = {value}\n");
            }
            read(&text);
        }
        Input::Lookup {
            keys,
            prefixes,
            classes,
            asked,
        } => {
            let mut set = PolicySet::new(numbered(0));
            for (number, key) in keys.iter().enumerate() {
                set = set.key(key.clone(), numbered(1_000 + number));
            }
            for (number, prefix) in prefixes.iter().enumerate() {
                set = set.prefix(prefix.as_str(), numbered(2_000 + number));
            }
            for (number, class) in CLASSES.iter().enumerate() {
                if classes[number] {
                    set = set.class(*class, numbered(3_000 + number));
                }
            }
            let set = set.classify(class_of);
            for key in asked.iter().chain(&keys).chain(&prefixes) {
                let own = keys.iter().rposition(|other| other == key);
                let begins = |(_, prefix): &(usize, &String)| key.starts_with(prefix.as_str());
                // Of equal ones the last that was declared.
                let longest = prefixes
                    .iter()
                    .enumerate()
                    .filter(begins)
                    .max_by_key(|(_, prefix)| prefix.len());
                let class = CLASSES
                    .iter()
                    .position(|name| class_of(key) == Some(*name))
                    .filter(|number| classes[*number]);
                let number = own
                    .map(|number| 1_000 + number)
                    .or(longest.map(|(number, _)| 2_000 + number))
                    .or(class.map(|number| 3_000 + number))
                    .unwrap_or(0);
                assert_eq!(set.policy(key), numbered(number), "{key:?}");
            }
        }
    }
});
