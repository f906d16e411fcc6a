//! Shows loom's blind spot, and that the facade closes it: otherwise models pass and prove nothing.

use breakerbox_loom_tests::explore;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Returns the values that one thread's load can see while another thread loads and adds.
macro_rules! seen {
    ($name:literal, $atomic:ty, $order:path) => {{
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let collect = Arc::clone(&seen);
        explore($name, 3, move || {
            let word = Arc::new(<$atomic>::new(0));
            let other = Arc::clone(&word);
            let thread = loom::thread::spawn(move || {
                other.load($order);
                other.fetch_add(1, $order);
            });
            collect.lock().unwrap().insert(word.load($order));
            thread.join().unwrap();
        });
        let seen = seen.lock().unwrap().clone();
        seen
    }};
}

/// If this fails, loom sees it by now, and the facade's wrapper can go.
#[test]
fn loom_misses_a_load_before_an_update() {
    use loom::sync::atomic::{AtomicU64, Ordering};
    let seen = seen!(
        "loom_misses_a_load_before_an_update",
        AtomicU64,
        Ordering::Relaxed
    );
    assert_eq!(seen, BTreeSet::from([0]));
}

#[test]
fn the_facade_sees_it() {
    use breakerbox::__loom::AtomicU64;
    let seen = seen!(
        "the_facade_sees_it",
        AtomicU64,
        std::sync::atomic::Ordering::Relaxed
    );
    assert_eq!(seen, BTreeSet::from([0, 1]));
}
