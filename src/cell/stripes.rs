//! A word for each stripe: what a store keeps by key hash.

use crate::sync::atomic::AtomicU64;
#[cfg(not(breakerbox_loom))]
use crate::word::STRIPE_BITS;

/// What a store keeps by key hash.
#[cfg(not(breakerbox_loom))]
const STRIPES: usize = 1 << STRIPE_BITS;
/// A model needs no more, and pays for each.
#[cfg(breakerbox_loom)]
const STRIPES: usize = 2;

/// A word for each stripe; not in its owner, which is made on the stack.
pub(super) type Stripes = Box<[AtomicU64; STRIPES]>;

pub(super) fn zeroes() -> Stripes {
    let words: Vec<_> = (0..STRIPES).map(|_| AtomicU64::new(0)).collect();
    match words.try_into() {
        Ok(words) => words,
        Err(_) => unreachable!("there are as many as there are stripes"),
    }
}

/// Whether a store keeps what it knows by hash of two keys in one place.
#[cfg(breakerbox_loom)]
pub(crate) fn share_a_stripe(hashes: [u64; 2]) -> bool {
    let [one, other] = hashes.map(|hash| crate::word::stripe_of(hash) % STRIPES);
    one == other
}
