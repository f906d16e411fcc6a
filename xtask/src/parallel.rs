//! Work on as many threads as there are cores.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use crate::error::Result;

/// Returns what `work` makes of each of `items`, in their order, or the first of its errors.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let queue = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(BTreeMap::new());
    let next = || queue.lock().expect("no panic").next();
    let worker = || {
        while let Some((at, item)) = next() {
            let result = work(item);
            done.lock().expect("no panic").insert(at, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    done.into_inner().expect("no panic").into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn answers_keep_the_order_of_the_questions() {
        let items: Vec<_> = (0..50).collect();
        assert_eq!(map(&items, |item| Ok(*item)), Ok(items));
        assert_eq!(map(&["a"], |_| Err::<(), _>(Error::Told)), Err(Error::Told));
    }
}
