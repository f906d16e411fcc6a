//! Words against plain numbers: each step is done to a packed word and to fields of their own.

use super::history::History;
use super::side::{PAYLOAD_BITS, Probes, Side};
use super::window::{Bucket, Call, Head, Outcomes};
use super::{Control, FAILURES_MAX, Generation, Outcome, State, TIME_MAX};
use std::collections::VecDeque;

/// What `numbers` do to every kind of word; panics where a word and its fields differ.
pub(crate) fn check(numbers: &[u64]) {
    control(numbers);
    side(numbers);
    probes(numbers);
    history(numbers);
    calls(numbers);
    bucket(numbers);
}

fn generation(number: u64) -> Generation {
    Generation::from_bits(number & ((1 << 40) - 1))
}

fn control(numbers: &[u64]) {
    let mut word = Control::UNBORN;
    let (mut state, mut number, mut failures) = (word.state(), word.generation(), 0);
    for &n in numbers {
        let (next, to) = (
            generation(n >> 8),
            State::ALL[(n >> 4) as usize % State::ALL.len()],
        );
        match n % 8 {
            0 => {
                word = word.with_failure();
                failures = (failures + 1).min(FAILURES_MAX);
            }
            1 => (word, failures) = (word.without_failures(), 0),
            2 => {
                word = word.moved(to, next);
                (state, number) = (to, next);
                let kept = matches!(to, State::Open | State::HalfOpen | State::ForcedOpen);
                failures *= u32::from(kept);
            }
            3 => {
                word = word.opened(next, n & 8 != 0);
                (state, number) = (State::Open, next);
                assert_eq!(word.is_escalated(), n & 8 != 0);
            }
            4 => {
                word = word.probed(next);
                (state, number) = (State::HalfOpen, next);
                assert!(word.is_begun_by_probe());
            }
            5 => (word, state, number, failures) = (word.vacated(next), State::Vacant, next, 0),
            6 => (word, state, failures) = (word.retired(), State::Retired, 0),
            _ => {
                word = Control::revived(next);
                (state, number, failures) = (State::Closed, next, 0);
                assert!(word.is_new_life());
            }
        }
        let seen = (word.state(), word.generation(), word.failures());
        assert_eq!(seen, (state, number, failures), "{n:#x}");
        assert_eq!(Control::from_bits(word.bits()), word);
    }
}

fn side(numbers: &[u64]) {
    let max = (1 << PAYLOAD_BITS) - 1;
    for pair in numbers.windows(2) {
        let (of, payload) = (generation(pair[0]), pair[1] & max);
        let word = Side::new(of, payload);
        assert_eq!((word.payload(), word.belongs_to(of)), (payload, true));
        assert!(!word.belongs_to(of.successor()));
        let more = word.plus_one();
        assert_eq!(more.payload(), (payload + 1).min(max));
        assert!(more.belongs_to(of));
        assert_eq!(
            Side::time(of, pair[1]).as_time(),
            Some(pair[1].min(max - 1))
        );
    }
}

fn probes(numbers: &[u64]) {
    let mut word = Probes::default();
    let (mut out, mut succeeded, mut failed, mut taken) = (0_u32, 0_u32, 0_u32, 0_u64);
    for &n in numbers {
        let outcome = [Outcome::Success, Outcome::Failure, Outcome::Ignored][(n >> 2) as usize % 3];
        if n % 2 == 0 && word.has_free(Probes::MAX) {
            word = word.take(n >> 8);
            out += 1;
            taken = taken.max((n >> 8).min((1 << 21) - 1));
        } else {
            word = word.give_back(outcome);
            out = out.saturating_sub(1);
            succeeded = (succeeded + u32::from(outcome == Outcome::Success)).min(Probes::MAX);
            failed = (failed + u32::from(outcome == Outcome::Failure)).min(Probes::MAX);
        }
        word = Probes::from_payload(word.payload());
        assert_eq!((word.succeeded, word.failed), (succeeded, failed));
        assert_eq!(word.has_free(out + 1), out < Probes::MAX);
        assert!(!word.has_free(out) && !word.is_expired());
        assert_eq!(word.lease_is_over(n >> 8, 7), n >> 8 >= taken + 7);
        assert!(Probes::from_payload(word.expired().payload()).is_expired());
    }
}

fn history(numbers: &[u64]) {
    for &n in numbers {
        let word = History::from_payload(n & ((1 << PAYLOAD_BITS) - 1));
        assert_eq!(word.payload(), n & ((1 << PAYLOAD_BITS) - 1));
        let now = n % TIME_MAX;
        if let Some(held) = word.held_back(now, 30_000) {
            assert_eq!(History::from_payload(held.payload()), held);
            assert_eq!(held.held_back(now, 30_000), None, "said a moment ago");
            assert!(held.held_back(now + 31_000, 30_000).is_some());
        }
    }
}

/// A window of the last calls, as the cell keeps it, against a list of them.
fn calls(numbers: &[u64]) {
    let size = numbers.first().map_or(1, |n| (n % 100) as u32 + 1);
    let mut head = Head::from_bits(0);
    let mut places = vec![Outcomes::from_bits(0); size.div_ceil(Outcomes::PLACES) as usize];
    let mut list = VecDeque::new();
    for &n in numbers {
        let call = Call {
            failed: n & 1 != 0,
            slow: n & 2 != 0,
        };
        // The latest call goes to its place when the next one comes.
        if let Some((place, latest)) = head.latest(size) {
            let word = &mut places[(place / Outcomes::PLACES) as usize];
            *word = Outcomes::from_bits(word.with(place, latest).bits());
        }
        let (place, full) = head.next_place();
        let left = full.then(|| places[(place / Outcomes::PLACES) as usize].get(place));
        head = Head::from_bits(head.plus(call, left, size).bits());

        list.push_back(call);
        if list.len() > size as usize {
            assert_eq!(list.pop_front(), left);
        }
        let of = |which: fn(&Call) -> bool| list.iter().filter(|call| which(call)).count() as u32;
        let tally = head.tally(size);
        assert_eq!(tally.calls, list.len() as u32);
        assert_eq!(
            (tally.failures, tally.slow),
            (of(|call| call.failed), of(|call| call.slow))
        );
    }
}

fn bucket(numbers: &[u64]) {
    let mut word = Bucket::from_bits(0);
    let (mut tick, mut count) = (0, 0);
    for &n in numbers {
        let next = match n % 4 {
            0 => (n >> 2) & Bucket::TICK_MASK,
            _ => tick,
        };
        word = Bucket::from_bits(word.plus_one(next).bits());
        count = if next == tick { count + 1 } else { 1 };
        tick = next;
        assert_eq!(word.tick(), tick);
        for age in [0, 1, Bucket::TICKS - 1, Bucket::TICKS, n >> 40] {
            let at = tick.wrapping_add(age) & Bucket::TICK_MASK;
            let seen = if age < Bucket::TICKS { count } else { 0 };
            assert_eq!(word.calls_at(at), seen);
            let behind = age != 0 && age <= Bucket::TICK_MASK / 2;
            let early = tick.wrapping_sub(age) & Bucket::TICK_MASK;
            assert_eq!(word.ahead_of(early), behind.then_some(age));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_are_their_fields(numbers in proptest::collection::vec(any::<u64>(), 0..200)) {
            super::check(&numbers);
        }
    }
}
