//! loom's atomics and `Arc`, and a map that loom can see through.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use super::Headed;
use super::hashed::{Hashed, StoredKey};
use crate::key::ToKey;

pub(crate) mod atomic {
    pub(crate) use portable_atomic::Ordering;

    use loom::sync::atomic::fence;
    use std::cell::Cell;
    use std::fmt;

    /// loom's atomic, with three of loom's gaps closed.
    ///
    /// - loom 0.7 remembers only the last access of an atomic. So a thread's own load just before
    ///   its read-modify-write hides that this depends on another thread's earlier load, and the
    ///   interleaving is never explored (tokio-rs/loom#166, #392). Each operation touches a
    ///   companion first: a relaxed read-modify-write, which loom does see, and which orders
    ///   nothing. `blind_spot` in loom-tests shows the gap, and that this closes it.
    /// - loom treats `SeqCst` accesses as `AcqRel`. Models that rest on their one total order ask
    ///   for it by [`in_total_order`], which puts fences around them. Other models don't: a fence
    ///   orders relaxed neighbours too, and so hides an ordering there that is too weak.
    /// - A `SeqCst` load of loom's never returns a `SeqCst` store that a newer one has replaced.
    ///   With such loads no model would see a stale control word, or fail where a Release that
    ///   publishes one is missing. So outside of the models above `SeqCst` becomes `Acquire`,
    ///   `Release` or both: no more than the arguments of [`crate::cell`] claim of a single word.
    pub struct AtomicU64 {
        touch: loom::sync::atomic::AtomicU64,
        inner: loom::sync::atomic::AtomicU64,
    }

    thread_local! {
        /// Not loom's: it is set before a model begins, and one real thread runs the whole model.
        static TOTAL_ORDER: Cell<bool> = const { Cell::new(false) };
    }

    /// Sets whether models of this thread see one total order of `SeqCst` accesses from here on.
    pub fn in_total_order(wanted: bool) {
        TOTAL_ORDER.set(wanted);
    }

    impl AtomicU64 {
        #[allow(missing_docs)] // As loom's.
        pub fn new(value: u64) -> Self {
            Self {
                touch: loom::sync::atomic::AtomicU64::new(0),
                inner: loom::sync::atomic::AtomicU64::new(value),
            }
        }

        fn access<R>(
            &self,
            order: Ordering,
            weaker: Ordering,
            f: impl FnOnce(&loom::sync::atomic::AtomicU64, Ordering) -> R,
        ) -> R {
            self.touch.fetch_add(1, Ordering::Relaxed);
            if order != Ordering::SeqCst {
                return f(&self.inner, order);
            }
            if !TOTAL_ORDER.get() {
                return f(&self.inner, weaker);
            }
            fence(Ordering::SeqCst);
            let result = f(&self.inner, order);
            fence(Ordering::SeqCst);
            result
        }

        fn update<R>(
            &self,
            order: Ordering,
            f: impl FnOnce(&loom::sync::atomic::AtomicU64, Ordering) -> R,
        ) -> R {
            self.access(order, Ordering::AcqRel, f)
        }

        #[allow(missing_docs)] // As loom's.
        pub fn load(&self, order: Ordering) -> u64 {
            self.access(order, Ordering::Acquire, |inner, order| inner.load(order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn store(&self, value: u64, order: Ordering) {
            self.access(order, Ordering::Release, |inner, order| {
                inner.store(value, order);
            });
        }

        #[allow(missing_docs)] // As loom's.
        pub fn swap(&self, value: u64, order: Ordering) -> u64 {
            self.update(order, |inner, order| inner.swap(value, order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.update(order, |inner, order| inner.fetch_add(value, order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
            self.update(order, |inner, order| inner.fetch_sub(value, order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
            self.update(order, |inner, order| inner.fetch_or(value, order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn fetch_and(&self, value: u64, order: Ordering) -> u64 {
            self.update(order, |inner, order| inner.fetch_and(value, order))
        }

        #[allow(missing_docs)] // As loom's.
        pub fn compare_exchange(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            let failure = match failure {
                Ordering::SeqCst if !TOTAL_ORDER.get() => Ordering::Acquire,
                failure => failure,
            };
            self.update(success, |inner, success| {
                inner.compare_exchange(current, new, success, failure)
            })
        }
    }

    impl Default for AtomicU64 {
        fn default() -> Self {
            Self::new(0)
        }
    }

    impl fmt::Debug for AtomicU64 {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("AtomicU64")
        }
    }
}

/// loom's `Arc`, with a head.
pub(crate) struct Arc<T: Headed>(loom::sync::Arc<(T::Head, T)>);

impl<T: Headed> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Arc::new((T::Head::default(), value)))
    }

    pub(crate) fn head(this: &Self) -> &T::Head {
        &this.0.0
    }
}

impl<T: Headed> std::ops::Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1
    }
}

impl<T: Headed> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(loom::sync::Arc::clone(&self.0))
    }
}

/// A stand-in for papaya, whose atomics loom can't see: each operation is one step.
///
/// Models over it show that the map is used rightly, not that papaya is right.
pub(crate) struct Map<K, V: Headed, S> {
    entries: loom::sync::Mutex<Vec<Entry<K, V>>>,
    hasher: S,
}

type Entry<K, V> = (std::sync::Arc<StoredKey<K>>, Arc<V>);

impl<K: Eq, V: Headed, S: BuildHasher> Map<K, V, S> {
    pub(crate) fn new(_capacity: usize, hasher: S) -> Self {
        Self {
            entries: loom::sync::Mutex::new(Vec::new()),
            hasher,
        }
    }

    pub(crate) fn hashed<'q, Q: Hash + ?Sized>(&self, key: &'q Q) -> Hashed<'q, Q> {
        Hashed::by(&self.hasher, key)
    }

    pub(crate) fn get<Q, R>(&self, key: Hashed<'_, Q>, f: impl FnOnce(&Arc<V>) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let found = find(&self.entries.lock().unwrap(), key);
        found.map(|value| f(&value))
    }

    pub(crate) fn get_apart<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        f: impl FnOnce(&Arc<V>) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.get(key, f)
    }

    pub(crate) fn insert<Q: ToKey<K> + ?Sized>(&self, key: Hashed<'_, Q>, value: V) {
        let key = key.to_stored();
        let mut entries = self.entries.lock().unwrap();
        if find(&entries, key.hashed()).is_none() {
            entries.push((std::sync::Arc::new(key), Arc::new(value)));
        }
    }

    pub(crate) fn remove_same<Q>(&self, key: Hashed<'_, Q>, value: &V)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut entries = self.entries.lock().unwrap();
        entries.retain(|(k, v)| !k.is(key) || !std::ptr::eq(&**v, value));
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(Hashed<'_, K>, &Arc<V>)) {
        let entries = self.entries.lock().unwrap().clone();
        for (key, value) in &entries {
            f(key.hashed(), value);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }
}

fn find<K, V: Headed, Q>(entries: &[Entry<K, V>], key: Hashed<'_, Q>) -> Option<Arc<V>>
where
    K: Borrow<Q>,
    Q: Eq + ?Sized,
{
    entries
        .iter()
        .find(|(k, _)| k.is(key))
        .map(|(_, value)| value.clone())
}

/// A stand-in for the epochs, whose atomics loom can't see: the atomic number of a value that is
/// kept for good.
///
/// Models over it show what is read when, not that it is freed in time.
pub(crate) struct EpochCell<T> {
    /// One more than the value's place; 0 for none.
    current: atomic::AtomicU64,
    /// Not loom's: the value at a place never changes, and a thread knows the number only if it may
    /// look.
    values: std::sync::Mutex<Vec<std::sync::Arc<T>>>,
}

/// The value that was in the cell.
pub(crate) struct Pinned<T>(Option<std::sync::Arc<T>>);

impl<T> Pinned<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> EpochCell<T> {
    pub(crate) fn empty() -> Self {
        Self {
            current: atomic::AtomicU64::new(0),
            values: std::sync::Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn new(value: T) -> Self {
        let slot = Self::empty();
        let first = slot.keep(value);
        slot.current.fetch_add(first, atomic::Ordering::SeqCst);
        slot
    }

    pub(crate) fn read<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        f(self.pinned().get())
    }

    pub(crate) fn pinned(&self) -> Pinned<T> {
        let at = self.current.load(atomic::Ordering::SeqCst);
        Pinned(self.at(at))
    }

    fn at(&self, number: u64) -> Option<std::sync::Arc<T>> {
        let place = usize::try_from(number).unwrap().checked_sub(1)?;
        Some(self.values.lock().unwrap()[place].clone())
    }

    fn keep(&self, value: T) -> u64 {
        let mut values = self.values.lock().unwrap();
        values.push(std::sync::Arc::new(value));
        values.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.current.load(atomic::Ordering::SeqCst) == 0
    }

    pub(crate) fn update(&self, f: impl Fn(&T) -> Option<T>) {
        self.update_then(f, |_| ());
    }

    pub(crate) fn update_then(&self, f: impl Fn(&T) -> Option<T>, then: impl FnOnce(&T)) {
        loop {
            let seen = self.current.load(atomic::Ordering::Acquire);
            let Some(value) = self.at(seen) else {
                return;
            };
            let next = f(&value).map_or(0, |next| self.keep(next));
            let put = self.current.compare_exchange(
                seen,
                next,
                atomic::Ordering::SeqCst,
                atomic::Ordering::Relaxed,
            );
            if put.is_ok() {
                return then(&value);
            }
        }
    }

    pub(crate) fn get_or_replace<R>(
        &self,
        fits: impl Fn(&T) -> bool,
        make: impl Fn(Option<&T>) -> Option<T>,
        f: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        loop {
            let seen = self.current.load(atomic::Ordering::Acquire);
            let value = self.at(seen);
            if let Some(value) = value.as_deref().filter(|value| fits(value)) {
                return Some(f(value));
            }
            let next = self.keep(make(value.as_deref())?);
            let put = self.current.compare_exchange(
                seen,
                next,
                atomic::Ordering::SeqCst,
                atomic::Ordering::Acquire,
            );
            if put.is_ok() {
                return self.at(next).as_deref().map(f);
            }
        }
    }
}
