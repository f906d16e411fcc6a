//! A guard that acts if the user's code panics: what a call holds is given back.

/// Runs its closure when it is dropped: while the stack unwinds, unless it is disarmed before.
#[must_use]
pub(crate) struct OnPanic<F: FnMut()>(F);

impl<F: FnMut()> OnPanic<F> {
    pub(crate) fn new(act: F) -> Self {
        Self(act)
    }

    /// The user's code is through.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<F: FnMut()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
