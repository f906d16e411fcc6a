//! The rules of the demo's circuits: one kind for each route, and one that is replaced while the
//! demo runs.

use std::time::Duration;

use breakerbox::{Policy, PolicyBuilder, PolicySet, SlidingWindow};

use super::script::{RESET, ROUTES};
use crate::Key;

/// The duration from which on an answer is slow.
const SLOW: Duration = Duration::from_millis(200);

/// The window of both rates.
const WINDOW: Duration = Duration::from_secs(2);

/// The time for which the slow-call rule only watches, in each round of the story.
const SHADOW: Duration = Duration::from_secs(12);

/// The route whose rule is in shadow first.
pub(super) const SHADOWED: usize = 3;

/// Returns whether the slow-call rule only watches at this time of the story.
pub(super) fn in_shadow(since_its_begin: Duration) -> bool {
    since_its_begin < SHADOW
}

/// Returns the policies: consecutive failures, a failure rate for the payments, a slow-call rate
/// for the catalog.
pub(super) fn policies(shadow: bool) -> PolicySet<Key> {
    let over_window = || {
        let window = SlidingWindow::Time(WINDOW);
        settings().sliding_window(window).minimum_calls(20)
    };
    let rate = over_window().failure_rate_threshold(50);
    let slow = over_window()
        .slow_call_rate_threshold(50)
        .slow_call_duration(SLOW);
    let key = |route: usize| Key::from(format!("/{}", ROUTES[route]));
    PolicySet::new(built(settings()))
        .key(key(2), built(rate))
        .key(key(SHADOWED), built(slow.shadow(shadow)))
}

/// Describes a route's rule in words.
pub(super) fn text(route: usize) -> &'static str {
    match route {
        2 => "50 % of 2 s fail",
        SHADOWED => "50 % of 2 s slow",
        _ => "5 in a row fail",
    }
}

fn settings() -> PolicyBuilder {
    Policy::builder().reset_timeout(RESET)
}

fn built(settings: PolicyBuilder) -> Policy {
    settings.build().expect("the demo's settings are in range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_its_rule() {
        for shadow in [true, false] {
            let set = policies(shadow);
            let of = |route: usize| set.policy(&Key::from(format!("/{}", ROUTES[route])));
            assert_eq!(of(0).failure_threshold(), Some(5));
            assert_eq!(of(2).failure_rate_threshold(), Some(50));
            assert_eq!(of(SHADOWED).slow_call_rate_threshold(), Some(50));
            assert_eq!(of(SHADOWED).shadow(), shadow);
            assert!((0..SHADOWED).all(|route| !of(route).shadow()));
        }
    }
}
