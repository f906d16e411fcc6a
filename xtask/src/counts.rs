//! What the test harness says about the tests that it ran.

/// The sums of all `test result:` lines of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    pub(crate) fn parse(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            let Some((_, result)) = line.split_once("test result: ") else {
                continue;
            };
            for part in result.split([';', '.']) {
                let mut words = part.split_whitespace();
                if let (Some(number), Some(what)) = (words.next(), words.next()) {
                    let number: u64 = number.parse().unwrap_or(0);
                    match what {
                        "passed" => counts.passed += number,
                        "failed" => counts.failed += number,
                        "ignored" => counts.ignored += number,
                        _ => {}
                    }
                }
            }
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tests", self.passed)?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.ignored > 0 {
            write!(f, ", {} ignored", self.ignored)?;
        }
        Ok(())
    }
}

/// The names of the tests that failed, from the lists that the harness ends with.
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

    const OUTPUT: &str = "\
running 3 tests
test a::one ... ok
test a::two ... ignored, build with --cfg breakerbox_loom

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

failures:

---- trip::one_wins stdout ----

thread 'trip::one_wins' panicked at src/lib.rs:1:1:
assertion `left == right` failed
  left: 1
    indented remark

failures:
    trip::one_wins
    trip::other

test result: FAILED. 2 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.25s
";

    #[test]
    fn results_are_summed() {
        let counts = Counts::parse(OUTPUT);
        assert_eq!(
            counts,
            Counts {
                passed: 3,
                failed: 2,
                ignored: 1
            }
        );
        assert_eq!(counts.to_string(), "3 tests, 2 failed, 1 ignored");
        assert_eq!(Counts::parse("nothing"), Counts::default());
    }

    #[test]
    fn failing_tests_are_named() {
        assert_eq!(failures(OUTPUT), ["trip::one_wins", "trip::other"]);
    }
}
