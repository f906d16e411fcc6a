//! A word for each stripe of a store's keys.

use crate::sync::atomic::AtomicU64;
#[cfg(not(breakerbox_loom))]
use crate::word::STRIPE_BITS;

/// The number of stripes.
#[cfg(not(breakerbox_loom))]
const STRIPES: usize = 1 << STRIPE_BITS;
/// A model needs no more, and pays for each.
#[cfg(breakerbox_loom)]
const STRIPES: usize = 2;

/// A word for each stripe, boxed because its owner is made on the stack.
pub(super) type Stripes = Box<[AtomicU64; STRIPES]>;

pub(super) fn zeroes() -> Stripes {
    let words: Vec<_> = (0..STRIPES).map(|_| AtomicU64::new(0)).collect();
    match words.try_into() {
        Ok(words) => words,
        Err(_) => unreachable!("there are as many as there are stripes"),
    }
}

/// Returns whether two keys with these hashes share a stripe.
#[cfg(breakerbox_loom)]
pub(crate) fn share_a_stripe(hashes: [u64; 2]) -> bool {
    let [one, other] = hashes.map(|hash| crate::word::stripe_of(hash) % STRIPES);
    one == other
}
