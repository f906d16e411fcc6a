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
            .filter_map(|line| line.strip_prefix("Observation "));
        let (Some(observed), None) = (told.next(), told.next()) else {
            return Err("herd7 did not answer, or twice".to_owned());
        };
        let unclear = || format!("herd7 says `Observation {observed}`");
        let words: Vec<_> = observed.split(' ').collect();
        let [named, result, positive, negative] = words[..] else {
            return Err(unclear());
        };
        if named != name {
            return Err(unclear());
        }
        let count = |word: &str| word.parse::<u64>().map_err(|_| unclear());
        let answer = Self {
            result: Observed::parse(result)?,
            positive: count(positive)?,
            negative: count(negative)?,
        };
        let fits = match answer.result {
            Observed::Never => answer.positive == 0 && answer.negative > 0,
            Observed::Sometimes => answer.positive > 0 && answer.negative > 0,
            Observed::Always => answer.positive > 0 && answer.negative == 0,
        };
        if fits { Ok(answer) } else { Err(unclear()) }
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

    /// What herd7 7.57 prints.
    const OUTPUT: &str = "\
Test gate Allowed
States 2
1:found=1; 1:seen=17;
1:found=2; 1:seen=32;
No
Witnesses
Positive: 0 Negative: 2
Condition exists (1:seen=32 /\\ 1:found=1)
Observation gate Never 0 2
Time gate 0.01
Hash=a2f59856de3f71046532138d310f8ee2
";

    fn problem(from: &str, to: &str) -> String {
        assert!(OUTPUT.contains(from), "{from}");
        Answer::parse("gate", &OUTPUT.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn an_answer_is_read() {
        let answer = Answer::parse("gate", OUTPUT).unwrap();
        assert_eq!(answer.result, Observed::Never);
        assert_eq!((answer.positive, answer.negative), (0, 2));
        let sometimes = OUTPUT.replace("Never 0 2", "Sometimes 1 5");
        let answer = Answer::parse("gate", &sometimes).unwrap();
        assert_eq!(
            answer.wanted(Observed::Never).unwrap_err(),
            "Sometimes instead of Never"
        );
    }

    #[test]
    fn no_answer_is_none() {
        let unread =
            "Warning: File \"gate.litmus\", line 6, characters 0-0: unexpected '' (User error)\n";
        assert!(
            Answer::parse("gate", unread)
                .unwrap_err()
                .contains("line 6")
        );
        assert!(Answer::parse("gate", "").is_err());
        assert!(Answer::parse("gate", &OUTPUT.repeat(2)).is_err());
        assert!(Answer::parse("gate.relaxed", OUTPUT).is_err());
        problem("Never 0 2", "Never 0");
        problem("Never 0 2", "Seldom 0 2");
        problem("Never 0 2", "Never no 2");
    }

    #[test]
    fn an_answer_about_no_execution_is_none() {
        problem("Never 0 2", "Never 0 0");
        problem("Never 0 2", "Never 1 2");
        problem("Never 0 2", "Sometimes 0 2");
    }

    #[test]
    fn an_answer_with_a_reservation_is_none() {
        assert!(problem("No\n", "Undef\n").contains("Undef"));
        assert!(problem("No\n", "Loop No\n").contains("Loop"));
        assert!(problem("Condition", "Flag *undef*\nCondition").contains("Flag"));
    }
}
