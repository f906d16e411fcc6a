//! The script of the faults: a story that repeats.

use std::time::Duration;

use super::fault::Fault;

/// The routes of the demo; each has an upstream of its name.
pub(super) const ROUTES: [&str; 4] = ["orders", "search", "payments", "catalog"];

/// The time for which an open circuit rejects: short, so that a minute shows everything.
pub(super) const RESET: Duration = Duration::from_secs(3);

/// The time limit for an upstream's answer.
pub(super) const RESPONSE: Duration = Duration::from_millis(800);

/// The length of the story.
pub(super) const PERIOD: Duration = Duration::from_secs(38);

/// The faults of the story: from which tenth of a second on, which route, which fault.
///
/// Down and hanging end before the first probe, so their circuits open exactly once; the errors
/// outlast it, so a probe fails too. The catalog is slow twice: once while its rule is in shadow, and
/// once when that has been replaced.
const STORY: [(u64, usize, Fault); 12] = [
    (15, 0, Fault::Down),
    (20, 3, Fault::Slow),
    (35, 0, Fault::None),
    (55, 3, Fault::None),
    (75, 1, Fault::Hanging),
    (95, 1, Fault::None),
    (140, 2, Fault::Errors),
    (185, 2, Fault::None),
    (215, 3, Fault::Slow),
    (255, 3, Fault::None),
    (275, 0, Fault::Flapping),
    (325, 0, Fault::None),
];

/// Returns the fault of a route's upstream at a time since the start.
pub(super) fn fault(route: usize, since: Duration) -> Fault {
    let tenths = since.as_millis() / 100 % (PERIOD.as_millis() / 100);
    let begun = |&&(from, of, _): &&(u64, usize, Fault)| of == route && u128::from(from) <= tenths;
    STORY
        .iter()
        .rev()
        .find(begun)
        .map_or(Fault::None, |&(_, _, fault)| fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_repeats_and_ends_healthy() {
        assert!(STORY.is_sorted_by_key(|step| step.0));
        for (route, seconds, expected) in [
            (0, 0, Fault::None),
            (0, 2, Fault::Down),
            (1, 2, Fault::None),
            (0, 4, Fault::None),
            (1, 8, Fault::Hanging),
            (2, 18, Fault::Errors),
            (0, 28, Fault::Flapping),
            (0, 38, Fault::None),
            (0, 40, Fault::Down),
        ] {
            assert_eq!(
                fault(route, Duration::from_secs(seconds)),
                expected,
                "{route} {seconds}"
            );
        }
        for route in 0..ROUTES.len() {
            assert_eq!(fault(route, PERIOD - Duration::from_millis(1)), Fault::None);
        }
    }
}
