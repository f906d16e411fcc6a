//! Work on as many threads as there are cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;

/// Returns what `work` makes of each of `items`, in their order, or one of its errors.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, R)>> {
        let mut done = Vec::new();
        loop {
            // Relaxed: each number is taken once, and that is all.
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return Ok(done);
            };
            done.push((at, work(item)?));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| worker.join());
        let done: Result<Vec<_>> = ended.map(|done| done.expect("no panic")).collect();
        done.map(|done| done.into_iter().flatten().collect::<Vec<_>>())
    })?;
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn answers_keep_the_order_of_the_questions() {
        let items: Vec<_> = (0..50).collect();
        assert_eq!(map(&items, |item| Ok(*item)), Ok(items));
        let error = map(&["a"], |_| Err::<(), _>(Error::Told));
        assert_eq!(error, Err(Error::Told));
    }
}
