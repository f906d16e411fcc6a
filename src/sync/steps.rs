//! The real atomics with a hook before each access, for tests that stop an operation at any of its
//! steps or run another in between.

use std::cell::RefCell;
use std::rc::Rc;

use portable_atomic::Ordering;

/// An access of shared memory that is about to take place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A word is loaded.
    Load(Access),
    /// A word is written, or may be, by a read-modify-write.
    Update(Access),
    /// The map is used. The steps inside it don't show.
    Map,
    /// The map asks for the hash of a key that it holds: to insert it, or to move it to a larger
    /// table.
    Moved,
    /// An `EpochCell` is read or replaced.
    EpochCell,
    /// A statistic is counted, in the thread's stripe.
    Statistic,
    /// A step of the test's own: the user's code is at work.
    User,
}

/// The accessed word, and the ordering.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The address of the word.
    pub address: usize,
    /// The ordering; for a compare-and-swap, that of its success.
    pub order: Ordering,
}

type Hook = Rc<dyn Fn(Step)>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Calls `hook` before each step that this thread makes in `f`.
pub fn with_hook<R>(hook: impl Fn(Step) + 'static, f: impl FnOnce() -> R) -> R {
    struct Back(Option<Hook>);
    impl Drop for Back {
        fn drop(&mut self) {
            HOOK.set(self.0.take());
        }
    }
    let _back = Back(HOOK.replace(Some(Rc::new(hook))));
    f()
}

/// Takes a step of this thread: calls the hook, if it has one.
pub fn step(step: Step) {
    let hook = HOOK.with_borrow(Clone::clone);
    if let Some(hook) = hook {
        hook(step);
    }
}

/// The real atomic, with a step before each access.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(portable_atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        Self(portable_atomic::AtomicU64::new(value))
    }

    fn access(&self, order: Ordering) -> Access {
        Access {
            address: std::ptr::from_ref(self).addr(),
            order,
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        step(Step::Load(self.access(order)));
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        step(Step::Update(self.access(order)));
        self.0.store(value, order);
    }

    pub(crate) fn swap(&self, value: u64, order: Ordering) -> u64 {
        step(Step::Update(self.access(order)));
        self.0.swap(value, order)
    }

    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        step(Step::Update(self.access(order)));
        self.0.fetch_add(value, order)
    }

    pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        step(Step::Update(self.access(order)));
        self.0.fetch_sub(value, order)
    }

    pub(crate) fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
        step(Step::Update(self.access(order)));
        self.0.fetch_or(value, order)
    }

    pub(crate) fn fetch_and(&self, value: u64, order: Ordering) -> u64 {
        step(Step::Update(self.access(order)));
        self.0.fetch_and(value, order)
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        step(Step::Update(self.access(success)));
        self.0.compare_exchange(current, new, success, failure)
    }
}
