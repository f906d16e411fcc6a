//! Imports: a refused one changes nothing; an accepted one gives the circuits of the export.
#![no_main]

use arbitrary::Arbitrary;
use breakerbox::{CircuitState, Export, InMemoryCircuitBreakerStore, ManualClock};
use libfuzzer_sys::fuzz_target;
use std::hash::RandomState;

type Store = InMemoryCircuitBreakerStore<String, RandomState, ManualClock>;

#[derive(Arbitrary, Debug)]
enum Input {
    /// Arbitrary text.
    Text(String),
    /// Text of the right shape.
    Shaped {
        version: u8,
        time: u64,
        circuits: Vec<Circuit>,
    },
}

#[derive(Arbitrary, Debug)]
struct Circuit {
    key: u8,
    state: u8,
    forced: bool,
    numbers: [u64; 4],
    open_for_ms: u64,
    openings: u8,
    group: Option<u8>,
}

impl Circuit {
    fn json(&self) -> String {
        let state = ["closed", "open", "half-open"][usize::from(self.state % 3)];
        let [failures, successes, last_failure, last_change] = self.numbers;
        let group = match self.group {
            Some(group) => format!(",\"group\":\"{}\"", group % 4),
            None => String::new(),
        };
        format!(
            "{{\"key\":\"{}\",\"circuit\":{{\"state\":\"{state}\",\"forced\":{},\
             \"failureCount\":{failures},\"successCount\":{successes},\
             \"lastFailureTime\":{last_failure},\"lastStateChange\":{last_change}}},\
             \"openForMs\":{},\"openings\":{}{group}}}",
            self.key % 8,
            self.forced,
            self.open_for_ms,
            self.openings,
        )
    }
}

fuzz_target!(|input: Input| {
    let text = match &input {
        Input::Text(text) => text.clone(),
        Input::Shaped {
            version,
            time,
            circuits,
        } => {
            let circuits: Vec<_> = circuits.iter().map(Circuit::json).collect();
            let circuits = circuits.join(",");
            format!("{{\"version\":{version},\"time\":{time},\"circuits\":[{circuits}]}}")
        }
    };
    let Ok(export) = serde_json::from_str::<Export<String>>(&text) else {
        return;
    };
    let store: Store = InMemoryCircuitBreakerStore::builder()
        .clock(ManualClock::new(1_000_000))
        .build();
    store.record_failure("here");
    let before = store.snapshots();
    let circuits = export.len();
    match store.import(export) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(store.snapshots(), before, "{error}");
        }
        Ok(done) => {
            assert_eq!(done.imported + done.skipped, circuits);
            for (key, circuit) in store.snapshots() {
                // A half-open circuit has lost its probes.
                assert_ne!(circuit.state, CircuitState::HalfOpen, "{key}");
            }
            // The result can be exported and imported again.
            let again: Store = InMemoryCircuitBreakerStore::builder()
                .clock(ManualClock::new(1_000_000))
                .build();
            let exported = store.export();
            let all = exported.len();
            assert_eq!(again.import(exported).map(|done| done.imported), Ok(all));
        }
    }
});
