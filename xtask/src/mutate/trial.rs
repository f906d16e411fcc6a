//! One mutation on trial: build it, run what must notice it, say what happened.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use super::recipe::{Recipe, Ring};
use super::tree::Tree;
use crate::counts::{Counts, failures};
use crate::error::{Error, Result};
use crate::histories::Steps;
use crate::process::{Log, Run};
use crate::{histories, loom};

/// What became of a mutation.
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

/// How the tests of a tree ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tested {
    Passed,
    Failed(String),
    NoTest,
    DoesNotBuild,
    TimedOut,
}

/// The copied tree with what it is built and run by.
pub(crate) struct Bench<'a> {
    tree: &'a Tree,
    target: PathBuf,
    log: &'a Log,
    /// How the sound tree did, by ring, model and bound: mutations may share them.
    sound: HashMap<(Ring, String, Option<u32>), Tested>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(tree: &'a Tree, target: PathBuf, log: &'a Log) -> Self {
        Self {
            tree,
            target,
            log,
            sound: HashMap::new(),
        }
    }

    /// What speaks against a mutation before it is made: it has rotted, or its model fails anyway.
    pub(crate) fn objection(&mut self, recipe: &Recipe) -> Result<Option<Fate>> {
        let Ok(sound) = self.tree.read(&recipe.file) else {
            return Ok(Some(Fate::Invalid(format!("there is no {}", recipe.file))));
        };
        Ok(match recipe.apply(&sound) {
            Ok(_) => self.unsound(recipe)?,
            Err(why) => Some(why),
        }
        .map(Fate::Invalid))
    }

    /// Makes the mutation, sees which test notices, and takes it back.
    pub(crate) fn try_one(&self, recipe: &Recipe) -> Result<Fate> {
        let sound = self.tree.read(&recipe.file)?;
        let mutant = recipe.apply(&sound).map_err(Error::failed)?;
        self.tree.write(&recipe.file, &mutant)?;
        let tested = self.test(recipe);
        self.tree.write(&recipe.file, &sound)?;
        Ok(match tested? {
            Tested::Failed(by) => Fate::Killed(by),
            Tested::Passed => Fate::Survived,
            Tested::DoesNotBuild => Fate::Invalid("the mutant does not build".to_owned()),
            Tested::TimedOut => {
                let limit = recipe.limit;
                Fate::Invalid(format!("no end within {limit} s, which shows nothing"))
            }
            Tested::NoTest => Fate::Invalid("no test ran".to_owned()),
        })
    }

    /// What keeps the model from showing anything even without the mutation.
    fn unsound(&mut self, recipe: &Recipe) -> Result<Option<String>> {
        let key = (recipe.ring, recipe.model.clone(), recipe.bound);
        let tested = match self.sound.get(&key) {
            Some(tested) => tested.clone(),
            None => {
                let tested = self.test(recipe)?;
                self.sound.insert(key, tested.clone());
                tested
            }
        };
        Ok(match tested {
            Tested::Passed => None,
            Tested::Failed(by) => Some(format!("{by} fails without the mutation")),
            Tested::NoTest => Some(format!("no test is called `{}`", recipe.model)),
            Tested::DoesNotBuild => Some("does not build without the mutation".to_owned()),
            Tested::TimedOut => Some("no end in time without the mutation".to_owned()),
        })
    }

    fn test(&self, recipe: &Recipe) -> Result<Tested> {
        // Built by itself first: neither a compile error nor a slow build may pass for a kill.
        let built = self.cargo_test(recipe).args(["--no-run"]).run(self.log)?;
        if !built.success {
            return Ok(Tested::DoesNotBuild);
        }
        let ran = self
            .cargo_test(recipe)
            .args(["--no-fail-fast", "--", &recipe.model])
            .words(match recipe.ring {
                Ring::Loom => loom::HARNESS,
                Ring::Histories | Ring::Pairs => histories::HARNESS,
                Ring::Test => "",
            })
            .limit(Duration::from_secs(recipe.limit.into()))
            .run(self.log)?;
        Ok(if ran.timed_out {
            Tested::TimedOut
        } else if !ran.success {
            Tested::Failed(match failures(&ran.output)[..] {
                [] => format!("{} (it ended the process)", recipe.model),
                ref names => names.join(", "),
            })
        } else if Counts::parse(&ran.output).passed == 0 {
            Tested::NoTest
        } else {
            Tested::Passed
        })
    }

    fn cargo_test(&self, recipe: &Recipe) -> Run {
        let (root, target) = (&self.tree.root, &self.target);
        let run = match recipe.ring {
            Ring::Loom => loom::cargo_test(root, target, recipe.bound),
            Ring::Histories => histories::cargo_test(Steps::Histories, root, target),
            Ring::Pairs => histories::cargo_test(Steps::Pairs, root, target),
            Ring::Test => {
                Run::cargo("test --package breakerbox --all-features --tests --target-dir")
                    .args([target])
                    .dir(root)
            }
        };
        // Each mutant is built once and run for a second: what builds fast is fastest.
        run.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
            .env("CARGO_INCREMENTAL", "1")
    }
}
