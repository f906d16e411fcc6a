//! What a ring is, and what it may answer.

use crate::error::Result;
use crate::installed::debian::Unable;
use crate::process::Log;
use crate::project::Project;

/// One kind of check.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Whether it cannot work in a workspace that doesn't compile.
    pub(crate) builds: bool,
    pub(crate) run: fn(&Context<'_>) -> Result<Outcome>,
}

/// What a ring works with.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) project: &'a Project,
    pub(crate) log: &'a Log,
    /// Mutations to try; none means all of them.
    pub(crate) sample: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// Something is missing that could be there: under CI this is a failure.
    Missing,
    /// The machine cannot run it, and nothing in the repository can change that.
    Impossible,
}

/// What a ring showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// What was counted if it passed, else why it didn't.
    pub(crate) note: String,
}

impl Outcome {
    pub(crate) fn passed(count: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, count)
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, why)
    }

    pub(crate) fn missing(why: impl Into<String>) -> Self {
        Self::new(Verdict::Missing, why)
    }

    pub(crate) fn impossible(why: impl Into<String>) -> Self {
        Self::new(Verdict::Impossible, why)
    }

    /// Passed with that count, if the child succeeded.
    pub(crate) fn of(success: bool, count: impl Into<String>) -> Self {
        if success {
            Self::passed(count)
        } else {
            Self::failed(count)
        }
    }

    fn new(verdict: Verdict, note: impl Into<String>) -> Self {
        Self {
            verdict,
            note: note.into(),
        }
    }
}

impl From<Unable> for Outcome {
    fn from(unable: Unable) -> Self {
        match unable {
            Unable::Missing(why) => Self::missing(why),
            Unable::Impossible(why) => Self::impossible(why),
        }
    }
}
