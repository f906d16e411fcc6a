//! The subjects: what one request does, a check and a report.

use breakerbox::Outcome;
use breakerbox_benches::work::{HANDLE, MUTEX, RWLOCK, STORE};
use breakerbox_benches::world::World;

/// Nothing at all: what the clock and the scheduler do to any operation.
pub(crate) const NOTHING: &str = "no operation";

/// One subject.
pub(crate) struct Subject<'w> {
    pub(crate) name: &'static str,
    /// For each thread, its order of the keys.
    pub(crate) orders: &'w [Vec<usize>],
    /// A call to a key, which may fail.
    pub(crate) call: Box<dyn Fn(usize, bool) + Sync + 'w>,
}

pub(crate) fn all<'w>(world: &'w World, orders: &'w [Vec<usize>]) -> Vec<Subject<'w>> {
    let World {
        keys,
        store,
        handles,
        limits,
        mutex,
        rwlock,
        ..
    } = world;
    let subject = |name, call| Subject { name, orders, call };
    vec![
        subject(NOTHING, Box::new(|_, _| {})),
        subject(
            HANDLE,
            Box::new(|key, fails| {
                let circuit = &handles[key];
                if let Ok(permit) = circuit.acquire(limits) {
                    circuit.report(permit, outcome(fails), limits);
                }
            }),
        ),
        subject(
            STORE,
            Box::new(|key, fails| {
                let key = &*keys[key];
                if let Ok(permit) = store.acquire(key, limits) {
                    store.report(key, permit, outcome(fails), limits);
                }
            }),
        ),
        subject(
            MUTEX,
            Box::new(|key, fails| {
                let key = &*keys[key];
                if mutex.check(key) {
                    match fails {
                        true => mutex.failure(key),
                        false => mutex.success(key),
                    }
                }
            }),
        ),
        subject(
            RWLOCK,
            Box::new(|key, fails| {
                let key = &*keys[key];
                if rwlock.check(key) {
                    match fails {
                        true => rwlock.failure(key),
                        false => rwlock.success(key),
                    }
                }
            }),
        ),
    ]
}

fn outcome(fails: bool) -> Outcome {
    match fails {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}
