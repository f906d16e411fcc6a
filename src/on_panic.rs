//! Panics of the user's code: what is caught, and a guard that gives back the slot or probe that a
//! call holds.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user's. Returns `None` if it panics. The payload isn't dropped, since that
/// could panic again.
pub(crate) fn caught<R>(code: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(std::mem::forget)
        .ok()
}

/// Runs code of the user's in a destructor. While the stack unwinds, a panic in it is caught, since
/// a second one would abort the process.
pub(crate) fn in_drop(code: impl FnOnce()) {
    match std::thread::panicking() {
        true => _ = caught(code),
        false => code(),
    }
}

/// A guard that runs its closure when it is dropped, unless it is disarmed: every normal path
/// disarms it, so only while the stack unwinds. A panic of the closure is caught.
#[must_use]
pub(crate) struct OnPanic<F: FnMut()>(F);

impl<F: FnMut()> OnPanic<F> {
    pub(crate) fn new(act: F) -> Self {
        Self(act)
    }

    /// Disarms the guard, since the user's code has returned.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<F: FnMut()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        // Not by `in_drop`, which calls it in two places. In one, so that it is inlined: a second
        // call would cost the reports that share its code 40 instructions.
        caught(&mut self.0);
    }
}
