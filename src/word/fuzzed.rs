//! Words against plain numbers: each step is done to a packed word and to separate fields.

use super::history::History;
use super::probes::Probes;
use super::side::{PAYLOAD_BITS, Side};
use super::window::{Bucket, Call, Head, NotCounted, Outcomes};
use super::{
    Control, FAILURES_MAX, Generation, Millis, Outcome, Series, State, TIME_MAX, Timestamp,
};
use std::collections::VecDeque;

/// Applies `numbers` to every kind of word. Panics where a word and its fields differ.
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
    let mut word = Control::FRESH;
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
                word = word.opened(
                    next,
                    if n & 8 != 0 {
                        Series::Next
                    } else {
                        Series::First
                    },
                );
                (state, number) = (State::Open, next);
                assert_eq!(word.is_escalated(), n & 8 != 0);
            }
            4 => {
                word = word.probed(next);
                (state, number) = (State::HalfOpen, next);
                assert!(word.is_begun_by_probe());
            }
            5 => {
                (word, state, number, failures) =
                    (word.moved(State::Vacant, next), State::Vacant, next, 0)
            }
            6 if failures == 0 && matches!(state, State::Closed | State::Vacant) => {
                let retired = word.retired();
                assert_eq!(
                    (retired.state(), retired.generation()),
                    (State::Retired, number)
                );
                assert_eq!(retired.unretired(), word);
            }
            6 => {}
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
            Side::lasting(of, Millis::new(pair[1]))
                .millis()
                .map(Millis::get),
            Some(pair[1].min(max - 1))
        );
    }
}

fn probes(numbers: &[u64]) {
    let mut word = Probes::default();
    let (mut out, mut succeeded, mut failed) = (0_u32, 0_u32, 0_u32);
    let (mut lease, mut taken) = (0_u8, 0_u64);
    for &n in numbers {
        let outcome = [Outcome::Success, Outcome::Failure, Outcome::Ignored][(n >> 2) as usize % 3];
        let (age, limit) = ((n >> 8).min(TIME_MAX), (n >> 2) as u32 % 9);
        if n % 2 == 0 {
            let next = word.take(limit, Millis::new(age), Millis::new(7));
            let renewed = out >= limit;
            assert_eq!(next.is_some(), !renewed || age >= taken + 7);
            if let Some(next) = next {
                word = next;
                out = if renewed { 1 } else { out + 1 };
                lease = (lease + u8::from(renewed)).min(15);
                taken = word.taken().get();
                assert!(taken >= age);
            }
        } else {
            let of = (n >> 4) as u8 % 16;
            word = word.report(outcome, of);
            out = out.saturating_sub(u32::from(of == lease && of != 15));
            succeeded = (succeeded + u32::from(outcome == Outcome::Success)).min(Probes::MAX);
            failed = (failed + u32::from(outcome == Outcome::Failure)).min(Probes::MAX);
        }
        word = Probes::from_payload(word.payload());
        assert_eq!((word.succeeded, word.failed), (succeeded, failed));
        assert_eq!((word.lease(), word.taken().get()), (lease, taken));
        assert_eq!(word.take(out, Millis::ZERO, Millis::new(u64::MAX)), None);
        assert!(
            word.take(out + 1, Millis::ZERO, Millis::new(u64::MAX))
                .is_some()
        );
    }
}

fn history(numbers: &[u64]) {
    for &n in numbers {
        let word = History::from_payload(n & ((1 << PAYLOAD_BITS) - 1));
        assert_eq!(word.payload(), n & ((1 << PAYLOAD_BITS) - 1));
        let (now, every) = (Timestamp::from_unix_ms(n % TIME_MAX), Millis::new(30_000));
        if word.spell.is_none()
            && let Some(held) = word.held_back(now, every)
        {
            assert_eq!(History::from_payload(held.payload()), held);
            assert_eq!(held.held_back(now, every), None, "said a moment ago");
            assert!(held.held_back(now + Millis::new(31_000), every).is_some());
        }
    }
}

/// Compares a window of the last calls, as the cell keeps it, with a list of them.
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
        match word.plus_one(next) {
            Ok(plus_one) => {
                word = Bucket::from_bits(plus_one.bits());
                count = if next == tick { count + 1 } else { 1 };
                tick = next;
            }
            Err(NotCounted::Late(_)) => assert!(word.ahead_of(next).is_some()),
            Err(NotCounted::Full) => unreachable!("after {count} calls"),
            Err(NotCounted::Kept(_)) => unreachable!("by no keeper"),
        }
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
