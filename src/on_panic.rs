//! A guard that acts if the user's code panics, to give back the slot or probe that a call holds.

/// A guard that runs its closure when it is dropped, as while the stack unwinds, unless it is
/// disarmed before.
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
        (self.0)();
    }
}
