//! The breaker over any store, and calls that are futures.
#![cfg(feature = "tokio")]

mod calls;
mod faulty;
mod permits;
mod policies;

use std::sync::Arc;
use std::time::Duration;

use breakerbox::{
    AsyncCircuitBreaker, AsyncCircuitBreakerBuilder, CircuitState, Policy, PolicyBuilder,
};

use faulty::Faulty;

const KEY: &str = "upstream";

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Makes a breaker that opens at the second failure, over a healthy store.
fn breaker(
    with: impl FnOnce(AsyncCircuitBreakerBuilder<str>) -> AsyncCircuitBreakerBuilder<str>,
) -> (AsyncCircuitBreaker<str>, Arc<Faulty>) {
    let store = Arc::new(Faulty::new());
    let builder = AsyncCircuitBreaker::<str>::builder(Arc::<Faulty>::clone(&store));
    let breaker = with(builder.failure_threshold(2)).build().unwrap();
    (breaker, store)
}

/// Makes the same with other settings of its policy.
fn breaker_under(
    with: impl FnOnce(PolicyBuilder) -> PolicyBuilder,
) -> (AsyncCircuitBreaker<str>, Arc<Faulty>) {
    let store = Arc::new(Faulty::new());
    let builder = AsyncCircuitBreaker::<str>::builder(Arc::<Faulty>::clone(&store));
    let policy = with(Policy::builder().failure_threshold(2))
        .build()
        .unwrap();
    (builder.policy(policy).build().unwrap(), store)
}

fn state(store: &Faulty) -> Option<CircuitState> {
    store.memory.peek(KEY).map(|circuit| circuit.state)
}

fn failures(store: &Faulty) -> u64 {
    store
        .memory
        .peek(KEY)
        .map_or(0, |circuit| circuit.failure_count)
}

/// Lets background tasks run; the paused time jumps to whatever they wait for.
async fn background() {
    tokio::time::sleep(ms(10_000)).await;
}
