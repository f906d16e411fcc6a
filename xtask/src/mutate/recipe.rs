//! The files that mutations are recorded in; `loom-tests/mutations/README.md` describes them.

use std::path::Path;

use serde::Deserialize;

use crate::error::{AtPath, Error, Result, bail};
use crate::files;

/// The ring that must kill a mutation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ring {
    /// A model of `loom-tests`.
    #[default]
    Loom,
    /// A test of the steps, in `loom-tests` too.
    Histories,
    /// A test of pairs of operations, in `loom-tests` too.
    Pairs,
    /// A test of the core crate.
    Test,
}

/// One recorded mutation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) model: String,
    pub(crate) file: String,
    find: String,
    replace: String,
    pub(crate) bound: Option<u32>,
    /// Seconds that the model may run.
    #[serde(default = "Recipe::default_limit")]
    pub(crate) limit: u32,
    #[serde(default)]
    pub(crate) ring: Ring,
}

/// Reads all recorded mutations, by name.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<Recipe>> {
    let mut paths = files::below(dir)?;
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    let recipes = paths.iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let recipe = Recipe::parse(&name, &std::fs::read_to_string(path).at(path)?);
        recipe.map_err(|error| Error::failed(format!("{}: {error}", path.display())))
    });
    recipes.collect()
}

impl Recipe {
    fn default_limit() -> u32 {
        120
    }

    fn parse(name: &str, text: &str) -> std::result::Result<Self, String> {
        let mut recipe: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        recipe.name = name.to_owned();
        if recipe.find == recipe.replace {
            return Err("`find` and `replace` are the same".to_owned());
        }
        if recipe.find.is_empty() || recipe.model.is_empty() {
            return Err("`find` and `model` must not be empty".to_owned());
        }
        Ok(recipe)
    }

    /// Returns the text of the mutated file, given the sound one.
    pub(crate) fn apply(&self, sound: &str) -> Result<String> {
        match sound.matches(&self.find).count() {
            1 => Ok(sound.replacen(&self.find, &self.replace, 1)),
            n => bail!("rotted: `find` occurs {n} times in {}, not once", self.file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "why = 'so'\nmodel = 'one_wins'\nfile = \"src/cell.rs\"\n\
                         find = '''\nload(Acquire)'''\nreplace = \"load(Relaxed)\"\n";

    #[test]
    fn mistakes_are_named() {
        for (from, to, complaint) in [
            ("why", "bonud = 4\nwhy", "unknown field `bonud`"),
            ("why", "bound = 4\nbound = 4\nwhy", "duplicate key"),
            ("why", "limit = \"5\"\nwhy", "expected u32"),
            ("why", "ring = \"fuzz\"\nwhy", "unknown variant `fuzz`"),
            ("model = 'one_wins'\n", "", "missing field `model`"),
            ("one_wins", "", "must not be empty"),
            ("Relaxed", "Acquire", "are the same"),
        ] {
            assert!(LINES.contains(from), "{from}");
            let problem = Recipe::parse("name", &LINES.replacen(from, to, 1)).unwrap_err();
            assert!(problem.contains(complaint), "{problem}");
        }
    }

    #[test]
    fn the_text_must_occur_once() {
        let recipe = Recipe::parse("name", LINES).unwrap();
        assert_eq!((recipe.limit, recipe.ring), (120, Ring::Loom));
        let mutant = recipe.apply("x.load(Acquire);\n");
        assert_eq!(mutant, Ok("x.load(Relaxed);\n".to_owned()));
        assert!(recipe.apply("load(Acquire) load(Acquire)").is_err());
        assert!(recipe.apply("").is_err());
    }
}
