//! The faults of the demo's upstreams.

use std::fmt;
use std::str::FromStr;

/// The behaviour of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Answers 200 within milliseconds.
    None,
    /// Doesn't listen: connections are refused, and the old ones are cut.
    Down,
    /// Answers 200, late.
    Slow,
    /// Accepts, reads, never answers.
    Hanging,
    /// Answers 500.
    Errors,
    /// Answers 200 and 500 by turns.
    Flapping,
}

impl Fault {
    const ALL: [(Self, &str, &str); 6] = [
        (Self::None, "healthy", "healthy"),
        (Self::Down, "down", "refuses connections"),
        (Self::Slow, "slow", "answers slowly"),
        (Self::Hanging, "hanging", "never answers"),
        (Self::Errors, "errors", "answers 500"),
        (Self::Flapping, "flapping", "200 and 500 by turns"),
    ];

    fn entry(self) -> &'static (Self, &'static str, &'static str) {
        &Self::ALL[self as usize]
    }

    /// Describes the fault in words.
    pub(super) fn does(self) -> &'static str {
        self.entry().2
    }

    /// Returns the next fault, and the first one after the last.
    pub(super) fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()].0
    }

    /// Lists all names, for messages.
    pub(super) fn names() -> String {
        Self::ALL.map(|entry| entry.1).join(", ")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.entry().1)
    }
}

impl FromStr for Fault {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .find(|entry| entry.1 == name)
            .map(|entry| entry.0)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_order_of_the_variants() {
        for (fault, name, _) in Fault::ALL {
            assert_eq!(fault.entry().0, fault);
            assert_eq!(name.parse(), Ok(fault));
        }
        assert_eq!(Fault::Flapping.next(), Fault::None);
        assert_eq!("up".parse::<Fault>(), Err(()));
    }
}
