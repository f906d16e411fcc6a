//! A data race, which the thread sanitizer must report: a ring that reports nothing may be blind.

use std::thread;

static mut SHARED: u64 = 0;

fn main() {
    let writers = [1, 2].map(|value| thread::spawn(move || unsafe { SHARED = value }));
    for writer in writers {
        writer.join().expect("a writer does not panic");
    }
}
