//! Decides whether a history is linearizable, by the search of Wing and Gong (1993) with the memory
//! of Lowe ("Testing for linearizability", 2017), for operations that take effect in one or more
//! points.

use std::collections::HashSet;
use std::hash::Hash;

/// A thread's operation and its answer, with the times of both by a clock that all threads share.
#[derive(Clone, Debug)]
pub(crate) struct Event<O> {
    pub(crate) op: O,
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
}

/// The number of points that an operation has passed; `None`: it is done.
type Progress = Option<u8>;

/// A sequential specification.
pub(crate) trait Spec: Clone + Eq + Hash {
    type Op;

    /// Returns every outcome of the next point of `op`, which has passed `stage` points: the state
    /// after it, and the stage that comes next, if any. Empty: the answer is impossible from here.
    fn next(&self, op: &Self::Op, stage: u8) -> Vec<(Self, Progress)>;

    /// Returns the states that may follow at any time, without an operation.
    fn spontaneous(&self) -> Vec<Self> {
        Vec::new()
    }
}

/// Returns whether the history has an order that the specification allows, from one of these
/// beginnings; `None`: there are too many orders to look at.
pub(crate) fn is_linearizable<S: Spec>(begin: Vec<S>, history: &[Event<S::Op>]) -> Option<bool> {
    const MOST: usize = 2_000_000;
    let mut seen = HashSet::new();
    let none_begun = vec![Some(0); history.len()];
    let mut todo: Vec<_> = begin
        .into_iter()
        .map(|state| (none_begun.clone(), state))
        .collect();
    while let Some((progress, state)) = todo.pop() {
        if progress.iter().all(Option::is_none) {
            return Some(true);
        }
        if !seen.insert((progress.clone(), state.clone())) {
            continue;
        }
        if seen.len() > MOST {
            return None;
        }
        // An operation may go on unless another that isn't done returned before it was invoked.
        let open = history.iter().zip(&progress).filter(|(_, at)| at.is_some());
        let first_return = open.map(|(event, _)| event.returned).min();
        let first_return = first_return.expect("one of them is not through");
        for other in state.spontaneous() {
            todo.push((progress.clone(), other));
        }
        for (at, event) in history.iter().enumerate() {
            let Some(stage) = progress[at] else {
                continue;
            };
            if event.invoked > first_return {
                continue;
            }
            for (next, stage) in state.next(&event.op, stage) {
                let mut progress = progress.clone();
                progress[at] = stage;
                todo.push((progress, next));
            }
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register.
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Register(u8);

    #[derive(Clone, Debug)]
    enum Op {
        Write(u8),
        Read(u8),
        /// Reads twice, at two moments.
        ReadTwice(u8, u8),
    }

    impl Spec for Register {
        type Op = Op;

        fn next(&self, op: &Op, stage: u8) -> Vec<(Self, Progress)> {
            match (op, stage) {
                (Op::Write(value), _) => vec![(Register(*value), None)],
                (Op::Read(value), _) if *value == self.0 => vec![(self.clone(), None)],
                (Op::ReadTwice(value, _), 0) if *value == self.0 => vec![(self.clone(), Some(1))],
                (Op::ReadTwice(_, value), 1) if *value == self.0 => vec![(self.clone(), None)],
                _ => Vec::new(),
            }
        }
    }

    fn check(history: &[(Op, u64, u64)]) -> bool {
        let event = |(op, invoked, returned): &(Op, u64, u64)| Event {
            op: op.clone(),
            invoked: *invoked,
            returned: *returned,
        };
        let history: Vec<_> = history.iter().map(event).collect();
        is_linearizable(vec![Register(0)], &history).unwrap()
    }

    #[test]
    fn what_overlaps_may_be_in_any_order() {
        assert!(check(&[(Op::Write(1), 0, 9), (Op::Read(0), 1, 2)]));
        assert!(check(&[(Op::Write(1), 0, 9), (Op::Read(1), 1, 2)]));
    }

    #[test]
    fn what_returned_is_before_what_was_invoked_later() {
        assert!(!check(&[(Op::Write(1), 0, 1), (Op::Read(0), 2, 3)]));
        assert!(!check(&[
            (Op::Write(1), 0, 9),
            (Op::Read(1), 1, 2),
            (Op::Read(0), 3, 4),
        ]));
    }

    #[test]
    fn points_of_one_operation_are_in_their_order() {
        let write = (Op::Write(1), 1, 2);
        assert!(check(&[write.clone(), (Op::ReadTwice(0, 1), 0, 3)]));
        assert!(!check(&[write, (Op::ReadTwice(1, 0), 0, 3)]));
    }
}
