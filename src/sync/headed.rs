//! A shared value, and a head in the lines before it.
#![allow(unsafe_code)]

use super::Headed;
use portable_atomic::{AtomicUsize, Ordering};
use std::ops::Deref;
use std::ptr::NonNull;

/// A value and its head, freed with the last owner. There are no weak references.
///
/// For a value that is aligned to cache lines, the line with the count of owners is mostly unused.
/// The head lies there, so it takes no memory of its own.
pub(crate) struct Arc<T: Headed>(NonNull<Inner<T>>);

#[repr(C)]
struct Inner<T: Headed> {
    owners: AtomicUsize,
    head: T::Head,
    value: T,
}

// SAFETY: as of the standard library's: an owner gives out shared references alone, and whichever
// thread is the last to own them drops the value and the head.
unsafe impl<T: Headed<Head: Send + Sync> + Send + Sync> Send for Arc<T> {}
// SAFETY: the same.
unsafe impl<T: Headed<Head: Send + Sync> + Send + Sync> Sync for Arc<T> {}

impl<T: Headed> Arc<T> {
    /// The size of what is allocated.
    pub(crate) const SIZE: usize = size_of::<Inner<T>>();

    pub(crate) fn new(value: T) -> Self {
        let inner = Box::new(Inner {
            owners: AtomicUsize::new(1),
            head: T::Head::default(),
            value,
        });
        Self(NonNull::from(Box::leak(inner)))
    }

    #[inline]
    fn inner(&self) -> &Inner<T> {
        // SAFETY: it was made from a box, is freed by its last owner alone, and `self` is one of
        // them. No mutable reference to it exists.
        unsafe { self.0.as_ref() }
    }

    /// Returns the head.
    #[inline]
    pub(crate) fn head(this: &Self) -> &T::Head {
        &this.inner().head
    }
}

impl<T: Headed> Deref for Arc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T: Headed> Clone for Arc<T> {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: the clone is made of one that is owned, and reaches other threads by what orders
        // it itself.
        let owners = self.inner().owners.fetch_add(1, Ordering::Relaxed);
        // Only clones that are forgotten come this far.
        assert!(owners <= usize::MAX / 2, "too many owners");
        Self(self.0)
    }
}

impl<T: Headed> Drop for Arc<T> {
    #[inline]
    fn drop(&mut self) {
        // Release: what this owner did with the value comes before it is dropped.
        if self.inner().owners.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire: pairs with the Release of every other owner, whose updates this one followed.
        self.inner().owners.load(Ordering::Acquire);
        // SAFETY: it was made from a box in `new`, and this was the last owner.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::SeqCst;

    static DROPPED: AtomicU32 = AtomicU32::new(0);

    #[repr(align(64))]
    struct Value(u32);

    #[derive(Default)]
    struct Head(AtomicU32);

    impl Headed for Value {
        type Head = Head;
    }

    impl Drop for Value {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }

    impl Drop for Head {
        fn drop(&mut self) {
            DROPPED.fetch_add(10, SeqCst);
        }
    }

    #[test]
    fn both_are_shared_and_dropped_once_by_the_last_owner() {
        assert_eq!(Arc::<Value>::SIZE, 128);
        let first = Arc::new(Value(7));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let own = first.clone();
                scope.spawn(move || {
                    assert_eq!(std::ptr::from_ref(&*own).addr() % 64, 0);
                    let value: &Value = &own;
                    Arc::head(&own).0.fetch_add(value.0, SeqCst);
                });
            }
        });
        assert_eq!(Arc::head(&first).0.load(SeqCst), 28);
        assert_eq!(DROPPED.load(SeqCst), 0);
        drop(first);
        assert_eq!(DROPPED.load(SeqCst), 11);
    }
}
