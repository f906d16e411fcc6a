//! The demo as a user runs it, and whether its output shows what it is there to show.

use std::time::Duration;

use super::ring::{Context, Outcome};
use super::rings::cargo;
use crate::error::Result;
use crate::process::Run;

/// What must be seen in the output: any of the words on one line with a number above 0, or alone.
const EVIDENCE: [(&str, &[&str]); 3] = [
    ("opening", &["-> open", "→ open", "opened"]),
    ("rejections", &["rejected", "rejection"]),
    ("recovery", &["-> closed", "→ closed", "recovered"]),
];

pub(crate) fn check(context: &Context<'_>) -> Result<Outcome> {
    if !cargo(context, "build --release --package breakerbox-gateway")? {
        return Ok(Outcome::failed("the gateway does not build"));
    }
    let line = "run --release --package breakerbox-gateway -- demo --seconds 10 --plain";
    let limit = Duration::from_secs(60);
    let ran = Run::cargo(line).limit(limit).run(context.log)?;
    if ran.timed_out {
        return Ok(Outcome::failed("still running after 60 s"));
    }
    if !ran.success {
        return Ok(Outcome::failed("the demo failed"));
    }
    Ok(match missing(&ran.output)[..] {
        [] => Outcome::passed("opening, rejections and recovery seen"),
        ref missing => Outcome::failed(format!("the output shows no {}", missing.join(", no "))),
    })
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
