//! A value that is read often and replaced rarely: by epochs, without locks.
#![allow(unsafe_code)]

use crossbeam_epoch::{Atomic, Guard, Owned, Shared, pin, unprotected};
use portable_atomic::Ordering;

use super::steps::{Step, step};

/// A place for a value. A replaced value is freed once no thread reads it any more.
///
/// A read pins the epoch for as long as its closure runs. That delays the freeing of values that
/// other threads replace meanwhile, and nothing else.
pub(crate) struct EpochCell<T>(Atomic<T>);

/// A cell under a pin of the epoch.
pub(crate) struct Pinned<'a, T> {
    cell: &'a EpochCell<T>,
    guard: Guard,
}

impl<T> Pinned<'_, T> {
    /// Returns the value, if there is one.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.cell.load(&self.guard)
    }
}

impl<T> EpochCell<T> {
    pub(crate) const fn empty() -> Self {
        Self(Atomic::null())
    }

    pub(crate) fn new(value: T) -> Self {
        Self(Atomic::new(value))
    }

    /// Returns whether there is no value, without a pin.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: the pointer is only compared with null and never followed, so it may dangle.
        let guard = unsafe { unprotected() };
        step(Step::EpochCell);
        // SeqCst: as in `load`.
        self.0.load(Ordering::SeqCst, guard).is_null()
    }

    /// Calls `f` with the value, or with `None` if there is none.
    pub(crate) fn read<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        f(self.pinned().get())
    }

    /// Pins the epoch, to read the value: as [`read`](Self::read), where a closure wouldn't be
    /// inlined.
    #[inline]
    pub(crate) fn pinned(&self) -> Pinned<'_, T> {
        Pinned {
            cell: self,
            guard: pin(),
        }
    }

    #[inline]
    fn load<'g>(&self, guard: &'g Guard) -> Option<&'g T> {
        step(Step::EpochCell);
        // SeqCst: callers weigh this against another word that they wrote before. It includes
        // Acquire, which pairs with the Release of the exchange that put the value in.
        let shared = self.0.load(Ordering::SeqCst, guard);
        // SAFETY: a value in the cell is valid, and is freed only after `guard`'s pin.
        unsafe { shared.as_ref() }
    }
}

impl<T: Send + 'static> EpochCell<T> {
    /// Replaces the value, if there is one, by the one that `f` makes of it, or empties the cell.
    pub(crate) fn update(&self, f: impl Fn(&T) -> Option<T>) {
        self.update_then(f, |_| ());
    }

    /// Updates as [`update`](Self::update) does, then calls `then` with the replaced value.
    pub(crate) fn update_then(&self, f: impl Fn(&T) -> Option<T>, then: impl FnOnce(&T)) {
        let guard = pin();
        loop {
            step(Step::EpochCell);
            // Acquire: pairs with the Release of the exchange that put the value in.
            let seen = self.0.load(Ordering::Acquire, &guard);
            // SAFETY: a value in the cell is valid, and is freed only after this pin.
            let Some(value) = (unsafe { seen.as_ref() }) else {
                return;
            };
            let next = f(value).map_or(Shared::null(), |next| Owned::new(next).into_shared(&guard));
            step(Step::EpochCell);
            // SeqCst: as in `load`. Relaxed on failure: loaded again.
            let put =
                self.0
                    .compare_exchange(seen, next, Ordering::SeqCst, Ordering::Relaxed, &guard);
            if put.is_ok() {
                then(value);
                // SAFETY: the value is out of the cell, so no later pin reaches it, and only the
                // thread that took it out defers this. `T: Send + 'static` may be dropped by any
                // thread.
                return unsafe { guard.defer_destroy(seen) };
            }
            if !next.is_null() {
                // SAFETY: it was made above and put nowhere, so this thread alone has it.
                drop(unsafe { next.into_owned() });
            }
        }
    }

    /// Calls `f` with the value if it `fits`, or with the one that `make` puts in its place.
    /// Returns `None` if `make` yields none.
    pub(crate) fn get_or_replace<R>(
        &self,
        fits: impl Fn(&T) -> bool,
        make: impl Fn(Option<&T>) -> Option<T>,
        f: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let guard = pin();
        loop {
            step(Step::EpochCell);
            // Acquire: pairs with the Release of the exchange that put the value in.
            let seen = self.0.load(Ordering::Acquire, &guard);
            // SAFETY: a value in the cell is valid, and is freed only after this pin.
            let value = unsafe { seen.as_ref() };
            if let Some(value) = value.filter(|value| fits(value)) {
                return Some(f(value));
            }
            let next = Owned::new(make(value)?);
            step(Step::EpochCell);
            // SeqCst: as in `load`. Acquire on failure: as above.
            match self
                .0
                .compare_exchange(seen, next, Ordering::SeqCst, Ordering::Acquire, &guard)
            {
                Ok(next) => {
                    if !seen.is_null() {
                        // SAFETY: as in `update_then`: the exchange took it out.
                        unsafe { guard.defer_destroy(seen) };
                    }
                    // SAFETY: it was made from a box above, and the thread that takes it out frees
                    // it after this pin.
                    return Some(f(unsafe { next.deref() }));
                }
                // Another thread was first: decide again on its value. The one made here is freed
                // with the error.
                Err(_) => continue,
            }
        }
    }
}

impl<T> Drop for EpochCell<T> {
    fn drop(&mut self) {
        let slot = std::mem::replace(&mut self.0, Atomic::null());
        // SAFETY: no other thread has the cell any more, and a cell owns its value, or holds none.
        drop(unsafe { slot.try_into_owned() });
    }
}
