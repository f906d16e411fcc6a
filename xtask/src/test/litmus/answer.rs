//! What herd7 answers about one file.

use std::fmt;

/// How many executions meet the condition: none, some or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observed {
    Never,
    Sometimes,
    Always,
}

impl Observed {
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "Never" => Ok(Self::Never),
            "Sometimes" => Ok(Self::Sometimes),
            "Always" => Ok(Self::Always),
            _ => Err(format!("`{word}` is not Never, Sometimes or Always")),
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An answer, and how many executions meet the condition and don't.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) result: Observed,
    pub(super) positive: u64,
    pub(super) negative: u64,
}

/// How lines begin by which herd7 says that its answer is not all: an input that it didn't
/// understand, a data race, a loop that it cut.
const RESERVATIONS: [&str; 4] = ["Warning", "Undef", "Flag", "Loop"];

impl Answer {
    /// Reads the output for the file `name`.
    pub(super) fn parse(name: &str, output: &str) -> Result<Self, String> {
        let reserved = |line: &&str| RESERVATIONS.iter().any(|begin| line.starts_with(begin));
        if let Some(line) = output.lines().find(reserved) {
            return Err(format!("herd7 says `{line}`"));
        }
        let mut told = output
            .lines()
            .filter(|line| line.starts_with("Observation "));
        let (Some(told), None) = (told.next(), told.next()) else {
            return Err("herd7 did not answer, or twice".to_owned());
        };
        let unclear = || format!("herd7 says `{told}`");
        let words: Vec<_> = told.split(' ').collect();
        let [_, named, result, positive, negative] = words[..] else {
            return Err(unclear());
        };
        let count = |word: &str| word.parse().map_err(|_| unclear());
        let answer = Self {
            result: Observed::parse(result)?,
            positive: count(positive)?,
            negative: count(negative)?,
        };
        let fits = match (answer.result, answer.positive, answer.negative) {
            (Observed::Never, 0, 1..) => true,
            (Observed::Sometimes, 1.., 1..) => true,
            (Observed::Always, 1.., 0) => true,
            _ => false,
        };
        if fits && named == name {
            Ok(answer)
        } else {
            Err(unclear())
        }
    }

    /// Returns the answer if it is the wanted one.
    pub(super) fn wanted(self, wanted: Observed) -> Result<Self, String> {
        if self.result == wanted {
            Ok(self)
        } else {
            Err(format!("{} instead of {wanted}", self.result))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What herd7 7.57 prints, but for its lists.
    const OUTPUT: &str = "Test gate Allowed\nStates 2\nNo\nPositive: 0 Negative: 2\n\
                          Condition exists (1:seen=32 /\\ 1:found=1)\nObservation gate Never 0 2\n";

    #[test]
    fn an_answer_is_read() {
        let answer = Answer::parse("gate", OUTPUT).unwrap();
        assert_eq!(
            (answer.result, answer.positive, answer.negative),
            (Observed::Never, 0, 2)
        );
        let sometimes = Answer::parse("gate", &OUTPUT.replace("Never 0 2", "Sometimes 1 5"));
        let wanted = sometimes.unwrap().wanted(Observed::Never);
        assert_eq!(wanted.unwrap_err(), "Sometimes instead of Never");
    }

    #[test]
    fn no_answer_or_one_with_a_reservation_is_none() {
        assert!(Answer::parse("gate", "").is_err());
        assert!(Answer::parse("gate", &OUTPUT.repeat(2)).is_err());
        assert!(Answer::parse("gate.relaxed", OUTPUT).is_err());
        for (from, to) in [
            ("Never 0 2", "Never 0"),
            ("Never 0 2", "Seldom 0 2"),
            ("Never 0 2", "Never no 2"),
            // About no execution, or not what was counted.
            ("Never 0 2", "Never 0 0"),
            ("Never 0 2", "Never 1 2"),
            ("Never 0 2", "Sometimes 0 2"),
            (
                "Test",
                "Warning: File \"gate.litmus\", line 6: unexpected ''\nTest",
            ),
            ("No\n", "Undef\n"),
            ("No\n", "Loop No\n"),
            ("Condition", "Flag *undef*\nCondition"),
        ] {
            assert!(OUTPUT.contains(from), "{from}");
            assert!(
                Answer::parse("gate", &OUTPUT.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
    }
}
