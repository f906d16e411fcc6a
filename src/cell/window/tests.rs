//! Windows against lists of calls.

use super::*;
use crate::cell::known::Known;
use crate::clock::ManualClock;
use crate::word::{Generation, Timestamp};
use proptest::prelude::*;
use std::collections::VecDeque;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn clock_at(ms: u64) -> ManualClock {
    ManualClock::new(ms)
}

/// Calls `f` with the keepers of a window that no store has.
fn alone<R>(f: impl FnOnce(Keepers<'_>) -> R) -> R {
    f(Keepers::new(&Known::new(0), 0, Generation::ZERO))
}

fn record(window: &TimeWindow, call: Call, now: u64) -> Option<Tally> {
    match alone(|keepers| window.record(call, &clock_at(now), keepers)) {
        Counted::Among(tally) => Some(tally),
        Counted::Alone { .. } => None,
    }
}

fn tally_at(window: &TimeWindow, tick: u64) -> Tally {
    alone(|keepers| window.tally(tick, keepers))
}

fn call(kind: u8) -> Call {
    Call {
        failed: kind & 1 != 0,
        slow: kind & 2 != 0,
    }
}

fn tally(calls: impl Iterator<Item = Call>) -> Tally {
    calls.fold(Tally::default(), |tally, call| Tally {
        calls: tally.calls + 1,
        failures: tally.failures + u32::from(call.failed),
        slow: tally.slow + u32::from(call.slow),
    })
}

proptest! {
    #[test]
    fn the_last_calls_are_counted_exactly(
        size in prop_oneof![1..20_u32, Just(64), Just(1_000)],
        kinds in prop::collection::vec(0..4_u8, 0..300),
    ) {
        let window = CountWindow::new(size);
        let mut last = VecDeque::new();
        for kind in kinds {
            last.push_back(call(kind));
            if last.len() > size as usize {
                last.pop_front();
            }
            prop_assert_eq!(window.record(call(kind)), tally(last.iter().copied()));
            prop_assert_eq!(window.tally(), tally(last.iter().copied()));
        }
    }

    /// Runs windows beside lists of calls while the clock goes on, stands, jumps ahead and steps
    /// back.
    #[test]
    fn the_calls_of_the_last_ticks_are_counted_exactly(
        span in prop_oneof![Just(10_u64), Just(100), Just(1_000), Just(60_000)],
        steps in prop::collection::vec((0..4_u8, -15..40_i64), 0..200),
    ) {
        let window = TimeWindow::new(Millis::new(span));
        let width = span / 10;
        let mut now = 1_700_000_000_000_u64;
        let mut buckets: [(u64, Vec<Call>); 10] = Default::default();
        for (kind, step) in steps {
            // Quarters of a tick, mostly; at times by windows.
            let step = if step > 30 {
                (step - 35) * 2 * span as i64
            } else {
                step * width as i64 / 4
            };
            now = now.saturating_add_signed(step);
            let mut tick = now / width;
            let latest = buckets.iter().map(|(tick, _)| *tick).max().unwrap();
            if latest >= tick + 10 {
                buckets = Default::default();
            } else {
                tick = tick.max(latest);
            }
            let bucket = &mut buckets[(tick % 10) as usize];
            if bucket.0 != tick {
                *bucket = (tick, Vec::new());
            }
            bucket.1.push(call(kind));
            let inside = buckets.iter().filter(|(at, _)| tick - at < 10);
            let expected = tally(inside.flat_map(|(_, calls)| calls.iter().copied()));
            let counted = record(&window, call(kind), now);
            prop_assert_eq!(tally_at(&window, tick), expected);
            match counted {
                Some(counted) => prop_assert_eq!(counted, expected),
                None => {
                    let has_trouble = expected.failures + expected.slow > 0;
                    prop_assert!(!has_trouble);
                }
            }
        }
    }
}

#[test]
fn a_burst_counts_the_same_at_once_and_spread() {
    for gap in [0, 1, 50, 99, 100] {
        let window = TimeWindow::new(Millis::new(1_000));
        let start = 5_000_000;
        let mut last = Tally::default();
        for n in 0..9 {
            last = record(&window, call(1), start + n * gap).unwrap();
        }
        assert_eq!(last.failures, 9, "{gap} ms between");
    }
}

#[test]
fn a_call_leaves_between_nine_tenths_and_all_of_the_time() {
    for offset in [0, 1, 50, 99] {
        let window = TimeWindow::new(Millis::new(1_000));
        let start = 5_000_000 + offset;
        record(&window, call(1), start);
        assert!(!window_is_empty(&window, start + 900));
        assert!(window_is_empty(&window, start + 1_000));
        let left = 1_000 - offset;
        assert!(!window_is_empty(&window, start + left - 1));
        assert!(window_is_empty(&window, start + left));
    }
}

fn window_is_empty(window: &TimeWindow, now: u64) -> bool {
    let tick = window.tick(at(now));
    tally_at(window, window.latest(tick).unwrap_or(tick)).calls == 0
}

#[test]
fn idle_gaps_of_any_length_empty_it() {
    for gap in [1_000, 10_000, 86_400_000, 400 * 86_400_000_u64] {
        let window = TimeWindow::new(Millis::new(1_000));
        let start = 1_700_000_000_000;
        for _ in 0..5 {
            record(&window, call(3), start);
        }
        assert!(window_is_empty(&window, start + gap), "{gap}");
        assert_eq!(record(&window, call(0), start + gap), None);
        let tally = tally_at(&window, window.tick(at(start + gap)));
        let one = Tally {
            calls: 1,
            ..Tally::default()
        };
        assert_eq!(tally, one);
    }
}

#[test]
fn many_threads_lose_and_invent_nothing() {
    const THREADS: u32 = 4;
    const EACH: u32 = 20_000;
    for size in [1, 3, 16, 100, 1_000] {
        let window = CountWindow::new(size);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let window = &window;
                scope.spawn(move || {
                    for n in 0..EACH {
                        let tally = window.record(call((n + thread) as u8 & 3));
                        assert!(tally.failures <= tally.calls && tally.slow <= tally.calls);
                    }
                });
            }
        });
        // The outcomes in their places add up to the head's tally.
        let head = window.head();
        let (at, latest) = head.latest(size).unwrap();
        let places = (0..size).map(|place| {
            if place == at {
                latest
            } else {
                window.outcomes_of(place).get(place)
            }
        });
        assert_eq!(tally(places), window.tally(), "{size}");
        for _ in 0..size {
            window.record(call(1));
        }
        assert_eq!((window.tally().failures, window.tally().slow), (size, 0));
    }

    let window = TimeWindow::new(Millis::new(10_000));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    record(&window, call(3), 5_000);
                }
            });
        }
    });
    let all = THREADS * EACH;
    let expected = Tally {
        calls: all,
        failures: all,
        slow: all,
    };
    assert_eq!(tally_at(&window, window.tick(at(5_000))), expected);
}
