//! Results that the test harness prints.

use crate::process::Ran;

/// The sums of all `test result:` lines of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    pub(crate) fn parse(output: &str) -> Self {
        let mut counts = Self::default();
        let results = output.split("test result: ").skip(1);
        let results = results.filter_map(|result| result.lines().next());
        for part in results.flat_map(|result| result.split([';', '.'])) {
            let (number, what) = part.trim().split_once(' ').unwrap_or_default();
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "ignored" => counts.ignored += number,
                _ => {}
            }
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tests", self.passed)?;
        for (number, what) in [(self.failed, "failed"), (self.ignored, "ignored")] {
            if number > 0 {
                write!(f, ", {number} {what}")?;
            }
        }
        Ok(())
    }
}

/// Counts the tests of a run; an error, which says why, if one failed or none ran, which is green
/// and shows nothing.
pub(crate) fn judge(ran: &Ran) -> Result<Counts, String> {
    let counts = Counts::parse(&ran.output);
    match failures(&ran.output)[..] {
        _ if ran.success && counts.passed > 0 => Ok(counts),
        [] if ran.success => Err("no test ran".to_owned()),
        [] => Err(format!("{counts}, and an error that is no test's")),
        ref names => Err(format!("{counts}: {}", names.join(", "))),
    }
}

/// Returns the names of the tests that failed, from the lists that the harness ends with.
pub(crate) fn failures(output: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut listing = false;
    for line in output.lines() {
        if line == "failures:" {
            listing = true;
        } else if let Some(name) = line.strip_prefix("    ") {
            // The outputs of the tests stand under such a heading too, but are not indented names.
            if listing && !name.contains(' ') && !names.contains(&name) {
                names.push(name);
            }
        } else if !line.is_empty() {
            listing = false;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_judged_by_what_ran() {
        let judged = |success, output: &str| {
            let ran = Ran {
                output: output.to_owned(),
                success,
                timed_out: false,
            };
            judge(&ran).map(|counts| counts.to_string())
        };
        let passed = "test result: ok. 3 passed; 0 failed; 0 ignored; finished in 0.00s\n";
        assert_eq!(judged(true, passed), Ok("3 tests".to_owned()));
        assert!(judged(false, passed).is_err());
        assert!(judged(true, &passed.replace('3', "0")).is_err());
        let failed = format!(
            "failures:\n\n---- a stdout ----\n    a remark\n\nfailures:\n    a::b\n    c\n\n\
             test result: FAILED. 2 passed; 2 failed; 1 ignored\n{passed}"
        );
        let why = "5 tests, 2 failed, 1 ignored: a::b, c";
        assert_eq!(judged(false, &failed), Err(why.to_owned()));
    }
}
