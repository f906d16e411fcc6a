//! The demo as a user runs it, and whether its output shows what it is there to show.

use std::time::Duration;

use super::ring::{Answer, Context, cargo};
use crate::error::bail;
use crate::process::Run;

const LIMIT: Duration = Duration::from_secs(60);

/// The evidence that the output must show: any of the words on one line with a number above 0, or alone.
const EVIDENCE: [(&str, &[&str]); 3] = [
    ("opening", &["-> open", "→ open", "opened"]),
    ("rejections", &["rejected", "rejection"]),
    ("recovery", &["-> closed", "→ closed", "recovered"]),
];

pub(crate) fn check(context: &Context<'_>) -> Answer {
    let build = Run::cargo("build --release --package breakerbox-gateway");
    cargo(build, context.log)?;
    let line = "run --release --package breakerbox-gateway -- demo --seconds 10 --plain";
    let ran = Run::cargo(line).limit(LIMIT).run(context.log)?;
    match missing(&ran.output)[..] {
        _ if ran.timed_out => bail!("still running after {} s", LIMIT.as_secs()),
        _ if !ran.success => bail!("the demo failed"),
        [] => Ok("opening, rejections and recovery seen".to_owned()),
        ref missing => bail!("the output shows no {}", missing.join(", no ")),
    }
}

fn missing(output: &str) -> Vec<&'static str> {
    let output = output.to_lowercase();
    let is_missing = |words: &[&str]| !output.lines().any(|line| shows(line, words));
    let missing = EVIDENCE.iter().filter(|(_, words)| is_missing(words));
    missing.map(|(what, _)| *what).collect()
}

/// Returns whether a line has one of the words, and not just as a count of none.
fn shows(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        line.split_once(word).is_some_and(|(before, after)| {
            let before = before.split_whitespace().next_back();
            let after = after.split_whitespace().next();
            before != Some("0") && after != Some("0")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_none_is_no_evidence() {
        let output = "closed -> open after 5 failures\n142 rejected\nhalf-open → closed\n";
        assert_eq!(missing(output), [""; 0]);
        let output = "0 opened, 0 rejected, recovered 0\n";
        assert_eq!(missing(output), ["opening", "rejections", "recovery"]);
    }
}
