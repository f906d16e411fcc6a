//! The real atomics, `Arc` and papaya.

use std::borrow::Borrow;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use super::Headed;
use super::hashed::{Hashed, StoredKey};
use super::headed::Arc;
use super::steps::{Step, step};
use crate::key::ToKey;

pub(crate) mod atomic {
    #[cfg(breakerbox_steps)]
    pub(crate) use super::super::steps::AtomicU64;
    #[cfg(not(breakerbox_steps))]
    pub(crate) use portable_atomic::AtomicU64;
    pub(crate) use portable_atomic::Ordering;
}

/// A concurrent map of shared values, by closures: no guard of it leaves this file.
pub(crate) struct Map<K, V: Headed, S> {
    table: papaya::HashMap<StoredKey<K>, Arc<V>, BuildHasherDefault<Passed>>,
    hasher: S,
}

/// A hasher of hashes: it passes the number on.
#[derive(Default)]
struct Passed(u64);

impl Hasher for Passed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a hash is written as one number")
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl<Q: ?Sized> Hash for Hashed<'_, Q> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash());
    }
}

impl<K> Hash for StoredKey<K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        step(Step::Moved);
        state.write_u64(self.hashed().hash());
    }
}

impl<K: Eq> PartialEq for StoredKey<K> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.is(other.hashed())
    }
}

impl<K: Eq> Eq for StoredKey<K> {}

impl<K: Borrow<Q>, Q: Eq + ?Sized> papaya::Equivalent<StoredKey<K>> for Hashed<'_, Q> {
    #[inline]
    fn equivalent(&self, stored: &StoredKey<K>) -> bool {
        stored.is(*self)
    }
}

thread_local! {
    /// Gone as soon as the thread runs the destructors of its thread-locals.
    static ALIVE: Alive = Alive::new();
}

/// A thread-local that is dropped before papaya's.
struct Alive;

impl Alive {
    fn new() -> Self {
        // Thread-locals are dropped in the reverse order of their creation. This creates papaya's.
        drop(papaya::HashMap::<(), ()>::new().pin());
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {}
}

impl<K: Eq, V: Headed, S: BuildHasher> Map<K, V, S> {
    pub(crate) fn new(capacity: usize, hasher: S) -> Self {
        let table = papaya::HashMap::with_capacity_and_hasher(capacity, Default::default());
        Self { table, hasher }
    }

    /// Hashes a key with the user's hasher. No other function does.
    #[inline]
    pub(crate) fn hashed<'q, Q: Hash + ?Sized>(&self, key: &'q Q) -> Hashed<'q, Q> {
        Hashed::by(&self.hasher, key)
    }

    /// Calls `f` with the value of `key`, if there is one.
    #[inline]
    pub(crate) fn get<Q, R>(&self, key: Hashed<'_, Q>, f: impl FnOnce(&Arc<V>) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        step(Step::Map);
        let (pinned, owned);
        let found = match self.pin() {
            Some(pin) => {
                pinned = pin;
                pinned.get(&key)
            }
            None => {
                owned = self.get_at_the_end(key);
                owned.as_ref()
            }
        };
        found.map(f)
    }

    /// Calls `f` as [`get`](Self::get) does, for a large `f`: the look-up is out of line, so it
    /// takes none of the registers of `f`.
    #[inline]
    pub(crate) fn get_apart<Q, R>(
        &self,
        key: Hashed<'_, Q>,
        f: impl FnOnce(&Arc<V>) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        step(Step::Map);
        let (pinned, owned);
        let found = match self.pin() {
            Some(pin) => {
                pinned = pin;
                look_up(&pinned, &key)
            }
            None => {
                owned = self.get_at_the_end(key);
                owned.as_ref()
            }
        };
        found.map(f)
    }

    /// Pins the table. Returns `None` in a thread that is ending, which has lost papaya's
    /// thread-local: permits, handles and breakers in thread-locals of the user are dropped there.
    #[inline]
    fn pin(&self) -> Option<Pinned<'_, K, V>> {
        let is_alive = ALIVE.try_with(|_| ()).is_ok();
        is_alive.then(|| self.table.pin())
    }

    /// Returns the value of `key` in a thread that is ending.
    #[cold]
    #[inline(never)]
    fn get_at_the_end<Q>(&self, key: Hashed<'_, Q>) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.table.pin_owned().get(&key).cloned()
    }

    /// Puts `value` under `key` if the key has none.
    pub(crate) fn insert<Q: ToKey<K> + ?Sized>(&self, key: Hashed<'_, Q>, value: V) {
        let key = key.to_stored();
        step(Step::Map);
        match self.pin() {
            Some(pinned) => pinned.get_or_insert(key, Arc::new(value)),
            None => self.table.pin_owned().get_or_insert(key, Arc::new(value)),
        };
    }

    /// Removes `key` if its value is this one, by address.
    pub(crate) fn remove_same<Q>(&self, key: Hashed<'_, Q>, value: &V)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        step(Step::Map);
        let is_same = |_: &_, found: &Arc<V>| std::ptr::eq(&**found, value);
        // An error means another value under this key: this one was removed already.
        let _ = match self.pin() {
            Some(pinned) => pinned.remove_if(&key, is_same).map(drop).map_err(drop),
            None => {
                let pinned = self.table.pin_owned();
                pinned.remove_if(&key, is_same).map(drop).map_err(drop)
            }
        };
    }

    /// Calls `f` for each entry that stays throughout, and perhaps for others.
    pub(crate) fn for_each(&self, mut f: impl FnMut(Hashed<'_, K>, &Arc<V>)) {
        step(Step::Map);
        let each = |(key, value): (&StoredKey<K>, &Arc<V>)| f(key.hashed(), value);
        match self.pin() {
            Some(pinned) => pinned.iter().for_each(each),
            None => self.table.pin_owned().iter().for_each(each),
        }
    }

    pub(crate) fn len(&self) -> usize {
        step(Step::Map);
        self.table.len()
    }
}

type Pinned<'t, K, V> = papaya::HashMapRef<
    't,
    StoredKey<K>,
    Arc<V>,
    BuildHasherDefault<Passed>,
    papaya::LocalGuard<'t>,
>;

#[inline(never)]
fn look_up<'p, K, V: Headed, Q>(
    table: &'p Pinned<'_, K, V>,
    key: &Hashed<'_, Q>,
) -> Option<&'p Arc<V>>
where
    K: Borrow<Q> + Eq,
    Q: Eq + ?Sized,
{
    table.get(key)
}
