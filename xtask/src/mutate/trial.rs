//! One mutation on trial: build it, run what must notice it, say what happened.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use super::recipe::{Recipe, Ring};
use crate::counts::{Counts, failures};
use crate::error::Result;
use crate::files;
use crate::histories;
use crate::loom::models;
use crate::process::{Log, Run};
use crate::project::Project;

/// The end of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A test failed; its name, if the harness lived to tell.
    Killed(String),
    /// Every test passed, so none of them guards what was broken.
    Survived,
    /// Nothing was shown, because the mutation or its model is wrong.
    Invalid(String),
}

impl Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Killed(by) => write!(f, "killed by {by}"),
            Self::Survived => f.write_str("SURVIVED"),
            Self::Invalid(why) => write!(f, "ERROR: {why}"),
        }
    }
}

/// The copy that mutations are applied to, with what it showed.
pub(crate) struct Bench<'a> {
    pub(crate) copy: Project,
    pub(crate) log: &'a Log,
    /// The results of the sound copy, by ring, model and bound: mutations may share them.
    pub(crate) sound: HashMap<(Ring, String, Option<u32>), Fate>,
}

impl Bench<'_> {
    /// Returns what speaks against a mutation before it is made: it has rotted, or its model fails
    /// anyway.
    pub(crate) fn objection(&mut self, recipe: &Recipe) -> Result<Option<Fate>> {
        let sound = self.copy.read(&recipe.file);
        if let Err(why) = sound.and_then(|sound| recipe.apply(&sound)) {
            return Ok(Some(Fate::Invalid(why.to_string())));
        }
        let key = (recipe.ring, recipe.model.clone(), recipe.bound);
        if !self.sound.contains_key(&key) {
            let fate = self.test(recipe)?;
            self.sound.insert(key.clone(), fate);
        }
        Ok(match &self.sound[&key] {
            Fate::Survived => None,
            bad => Some(Fate::Invalid(format!("{bad}, without the mutation"))),
        })
    }

    /// Makes the mutation, sees which test notices, and takes it back.
    pub(crate) fn try_one(&self, recipe: &Recipe) -> Result<Fate> {
        let (path, sound) = (self.copy.path(&recipe.file), self.copy.read(&recipe.file)?);
        files::write(&path, recipe.apply(&sound)?)?;
        let fate = self.test(recipe);
        files::write(&path, sound)?;
        fate
    }

    /// Builds the tree as it is and runs what must notice a mutation.
    fn test(&self, recipe: &Recipe) -> Result<Fate> {
        // Built by itself first: neither a compile error nor a slow build may pass for a kill.
        let build = self.cargo_test(recipe).args(["--no-run"]);
        if !build.works(self.log) {
            return Ok(Fate::Invalid("does not build".to_owned()));
        }
        let limit = recipe.limit;
        let ran = self
            .cargo_test(recipe)
            .args(["--no-fail-fast", "--", &recipe.model])
            .words(match recipe.ring {
                Ring::Loom => models::HARNESS,
                Ring::Histories | Ring::Pairs => histories::HARNESS,
                Ring::Test => "",
            })
            .limit(Duration::from_secs(limit.into()))
            .run(self.log)?;
        Ok(match failures(&ran.output)[..] {
            _ if ran.timed_out => Fate::Invalid(format!("no end within {limit} s")),
            _ if ran.success && Counts::parse(&ran.output).passed > 0 => Fate::Survived,
            _ if ran.success => Fate::Invalid(format!("no test is called `{}`", recipe.model)),
            [] => Fate::Killed(format!("{} (it ended the process)", recipe.model)),
            ref names => Fate::Killed(names.join(", ")),
        })
    }

    fn cargo_test(&self, recipe: &Recipe) -> Run {
        let (root, target) = (self.copy.root(), &self.copy.target(""));
        let run = match recipe.ring {
            Ring::Loom => models::cargo_test(root, target, recipe.bound),
            Ring::Histories => histories::cargo_test("histories", root, target),
            Ring::Pairs => histories::cargo_test("pairs", root, target),
            Ring::Test => Run::cargo("test --package breakerbox --all-features --tests")
                .args(["--target-dir".as_ref(), target.as_os_str()])
                .dir(root),
        };
        // Each mutant is built once and run for a second: what builds fast is fastest.
        run.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
            .env("CARGO_INCREMENTAL", "1")
    }
}
