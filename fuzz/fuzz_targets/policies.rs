//! Policies from text, and the policy of a key: its own, that of its longest prefix, or of its
//! class.
#![no_main]

use arbitrary::Arbitrary;
use breakerbox::{CircuitBreaker, ManualClock, Policy, PolicySet};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Input {
    /// Arbitrary text.
    Text(String),
    /// Existing settings with any values.
    Settings(Vec<(u8, i64)>),
    Lookup {
        keys: Vec<String>,
        prefixes: Vec<String>,
        classes: [bool; 3],
        asked: Vec<String>,
    },
}

const CLASSES: [&str; 3] = ["0", "1", "2"];

/// Returns a policy with a threshold of its own, by which it is recognized.
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
            // A valid set can be used, and written.
            let again = toml::to_string(&set).expect("what was read can be written");
            let again: PolicySet<String> = toml::from_str(&again).expect("and read again");
            assert_eq!(again.policy("k"), set.policy("k"));
            assert!(again.keys().eq(set.keys()) || set.keys().count() > 1);
            assert!(again.prefixes().all(|(prefix, policy)| {
                set.prefixes().any(|other| other == (prefix, policy))
            }));
            let breaker = CircuitBreaker::builder()
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
                let names = breakerbox::__fuzzing::settings();
                let name = names[usize::from(which) % names.len()];
                // Small values are valid more often.
                let small = value % 100;
                let value = match which % 3 {
                    0 => format!("{small}"),
                    1 => format!("\"{}ms\"", small.unsigned_abs()),
                    _ => format!("{value}"),
                };
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
                // Of equal prefixes, the last that was declared.
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
