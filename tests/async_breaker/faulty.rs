//! A store with faults: it fails, hangs, or is slow, as set.

use std::sync::Mutex;
use std::time::Duration;

use breakerbox::{
    BoxFuture, CircuitBreakerSnapshot, CircuitBreakerStore, CircuitState,
    InMemoryCircuitBreakerStore, ManualClock, PermitToken, Policy, Rejected, Report, Reported,
    StoreError, StoreResult,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    None,
    Fails,
    Hangs,
    /// Acts and answers late.
    ActsAfter(Duration),
    /// Acts at once, and answers late: a slow way back.
    AnswersAfter(Duration),
}

pub(crate) type Memory = InMemoryCircuitBreakerStore<String, std::hash::RandomState, ManualClock>;

pub(crate) struct Faulty {
    pub(crate) memory: Memory,
    pub(crate) clock: ManualClock,
    fault: Mutex<Fault>,
    asked: Mutex<Vec<&'static str>>,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new(1_000);
        Faulty {
            memory: InMemoryCircuitBreakerStore::builder()
                .clock(clock.clone())
                .build(),
            clock,
            fault: Mutex::new(Fault::None),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Takes the operations since the last call.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Runs `act` under the fault that is set when the future is first polled.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        what: &'static str,
        act: impl FnOnce(&Memory) -> T + Send + 'a,
    ) -> BoxFuture<'a, StoreResult<T>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(what);
            let fault = *self.fault.lock().unwrap();
            match fault {
                Fault::None => Ok(act(&self.memory)),
                Fault::Fails => Err(StoreError::new("the network is down")),
                Fault::Hangs => std::future::pending().await,
                Fault::ActsAfter(delay) => {
                    tokio::time::sleep(delay).await;
                    Ok(act(&self.memory))
                }
                Fault::AnswersAfter(delay) => {
                    let answer = act(&self.memory);
                    tokio::time::sleep(delay).await;
                    Ok(answer)
                }
            }
        })
    }
}

impl CircuitBreakerStore<str> for Faulty {
    fn get_state<'a>(&'a self, key: &'a str) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        self.answer("get_state", |memory| memory.get_state(key))
    }

    fn record_success<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        self.answer("record_success", |memory| memory.record_success(key))
    }

    fn record_failure<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        self.answer("record_failure", |memory| memory.record_failure(key))
    }

    fn transition<'a>(
        &'a self,
        key: &'a str,
        to: CircuitState,
    ) -> BoxFuture<'a, StoreResult<CircuitBreakerSnapshot>> {
        self.answer("transition", move |memory| memory.transition(key, to))
    }

    fn reset<'a>(&'a self, key: &'a str) -> BoxFuture<'a, StoreResult<()>> {
        self.answer("reset", |memory| memory.reset(key))
    }

    fn clear(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.answer("clear", |memory| memory.clear())
    }

    fn destroy(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.answer("destroy", |memory| memory.destroy())
    }

    fn acquire<'a>(
        &'a self,
        key: &'a str,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Result<PermitToken, Rejected>>> {
        self.answer("acquire", |memory| memory.acquire(key, policy))
    }

    fn report<'a>(
        &'a self,
        key: &'a str,
        permit: PermitToken,
        report: Report,
        policy: &'a Policy,
    ) -> BoxFuture<'a, StoreResult<Reported>> {
        self.answer("report", move |memory| {
            memory.report(key, permit, report, policy)
        })
    }
}
