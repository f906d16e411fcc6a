//! Exports as they are told, compared.

use crate::world::GROUP;

/// Whether they are the same; but for the times of last failures, which may be ahead of a failure
/// that is being counted.
pub(crate) fn same(seen: &str, expected: &str, fails: bool) -> bool {
    seen == expected || fails && without_times(seen) == without_times(expected)
}

/// Whether they are the same but for this: of a circuit that is just opening, an export may be
/// without for how long, and without its place, which come after the state.
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

/// `text` of an export, without the numbers that follow this.
fn without_numbers(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let first = parts.next().unwrap_or_default().to_owned();
    let digits = |part: &str| {
        part.trim_start_matches(|c: char| c.is_ascii_digit())
            .to_owned()
    };
    parts.fold(first, |text, part| text + before + &digits(part))
}
