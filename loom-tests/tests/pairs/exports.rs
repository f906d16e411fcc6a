//! Comparisons of exports, as text.

use crate::world::GROUP;

/// Returns whether two exports are the same, except for times of last failures that may be ahead of
/// a failure which is being counted.
pub(crate) fn same(seen: &str, expected: &str, fails: bool) -> bool {
    seen == expected || fails && without_times(seen) == without_times(expected)
}

/// Returns whether two exports differ only in a circuit that is just opening: an export may lack
/// its open time and its place, which follow the state.
pub(crate) fn is_opening(seen: &str, expected: &str, fails: bool) -> bool {
    let bare = |text: &str| {
        without_numbers(text, "open_for_ms: Some(")
            .replace("open_for_ms: Some()", "open_for_ms: None")
            .replace(&format!("group: Some({GROUP:?})"), "group: None")
    };
    let said = |text: &str| text.matches("Some(").count();
    said(seen) < said(expected) && same(&bare(seen), &bare(expected), fails)
}

fn without_times(text: &str) -> String {
    without_numbers(text, "last_failure_time: ")
}

/// Returns the text of an export without the numbers that follow `before`.
fn without_numbers(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    let digits = |part: &str| {
        part.trim_start_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    parts.fold(first, |text, part| text + before + &digits(part))
}
