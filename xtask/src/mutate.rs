//! `cargo xtask mutate`: puts recorded bugs into a copy of the tree and shows which model notices,
//! then every bug that cargo-mutants knows into the words.

mod pure;
mod recipe;
mod tree;
mod trial;

use std::num::NonZeroUsize;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result, bail};
use crate::process::{Log, NOTHING};
use crate::project::Project;
use crate::table::Table;

use recipe::Recipe;
use trial::{Bench, Fate};

/// The arguments of `mutate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Every mutant of the words, and no recorded mutation
    #[arg(long, conflicts_with_all = ["only", "sample"])]
    words: bool,
    /// These recorded mutations and no others
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Some of the recorded mutations, other ones each day
    #[arg(long, value_name = "K")]
    sample: Option<NonZeroUsize>,
}

/// The folder of the recorded mutations.
const RECIPES: &str = "loom-tests/mutations";

/// One mutation that was tried.
#[derive(Debug)]
pub(crate) struct Tried {
    recipe: Recipe,
    fate: Fate,
    seconds: f64,
}

impl Tried {
    /// Returns its name and what became of it, unless it was killed.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_killed = matches!(self.fate, Fate::Killed(_));
        (!is_killed).then(|| format!("{}: {}", self.recipe.name, self.fate))
    }
}

pub(crate) fn command(project: &Project, args: &Args, verbose: bool) -> Result<()> {
    if args.words {
        return pure::judge(project, verbose);
    }
    let mut recipes = recipes(project)?;
    let is_unknown = |name: &&String| recipes.iter().all(|recipe| recipe.name != **name);
    if let Some(unknown) = args.only.iter().find(is_unknown) {
        let why = format!("there is no mutation `{unknown}` in {RECIPES}");
        return Err(Error::Usage(why));
    }
    recipes.retain(|recipe| args.only.is_empty() || args.only.contains(&recipe.name));
    let is_all = args.only.is_empty() && args.sample.is_none();
    let count = args.sample.map_or(usize::MAX, NonZeroUsize::get);
    let recorded = judge(project, todays(recipes, count), verbose);
    // Both tell of what they find before either ends the command.
    match is_all {
        true => recorded.and(pure::judge(project, verbose)),
        false => recorded,
    }
}

/// Tries all recorded mutations; an error if one of them is not killed.
pub(crate) fn all(project: &Project, verbose: bool) -> Result<()> {
    judge(project, recipes(project)?, verbose)
}

/// Tries `count` of the mutations, other ones each day.
pub(crate) fn some(project: &Project, count: usize, log: &Log) -> Result<Vec<Tried>> {
    try_each(project, todays(recipes(project)?, count), log, |_| ())
}

/// Counts the recorded mutations without trying any, and names those whose text or test the source
/// has no more.
pub(crate) fn rotten(project: &Project) -> Result<(usize, Vec<String>)> {
    let (recipes, mut rotten) = (recipes(project)?, Vec::new());
    let sources = project.texts(&["src", "tests", "loom-tests/tests"])?;
    for recipe in &recipes {
        if let Err(why) = recipe.apply(&project.read(&recipe.file)?) {
            rotten.push(format!("{}: {why}", recipe.name));
        }
        let (_, test) = recipe
            .model
            .rsplit_once("::")
            .unwrap_or(("", &recipe.model));
        let is_there = |(_, text): &(_, String)| text.contains(&format!("fn {test}("));
        if !sources.iter().any(is_there) {
            rotten.push(format!("{}: there is no test `{test}`", recipe.name));
        }
    }
    Ok((recipes.len(), rotten))
}

/// Shows the results as a table.
pub(crate) fn table(tried: &[Tried]) -> Table<5> {
    let mut table = Table::new(["mutation", "result", ">seconds", "model", "why"]);
    for one in tried {
        let (recipe, seconds) = (&one.recipe, format!("{:.1}", one.seconds));
        table.row([
            &recipe.name,
            &one.fate,
            &seconds,
            &recipe.model,
            &recipe.why,
        ]);
    }
    table
}

fn recipes(project: &Project) -> Result<Vec<Recipe>> {
    let recipes = recipe::read_all(&project.path(RECIPES))?;
    if recipes.is_empty() {
        bail!("no mutation is recorded in {RECIPES}");
    }
    Ok(recipes)
}

fn judge(project: &Project, recipes: Vec<Recipe>, verbose: bool) -> Result<()> {
    let log = Log::create(project, "mutate", verbose, NOTHING)?;
    println!("running the models without the mutations first; a first build takes a while");
    let tried = try_each(project, recipes, &log, |one| {
        println!("  {}: {}", one.recipe.name, one.fate);
    })?;
    println!("\n{}", table(&tried));
    let bad = tried.iter().filter_map(Tried::problem).count();
    println!("{} killed, {bad} not", tried.len() - bad);
    if bad == 0 {
        return Ok(());
    }
    Err(log.failed(format!("{bad} of {} mutations not killed", tried.len())))
}

fn try_each(
    project: &Project,
    recipes: Vec<Recipe>,
    log: &Log,
    done: impl Fn(&Tried),
) -> Result<Vec<Tried>> {
    let copy = project.mutated();
    tree::sync(project, &copy, log)?;
    let mut bench = Bench {
        copy,
        log,
        sound: Default::default(),
    };
    // Before the first is tried, so that the sound tree is built once.
    let objections = recipes.iter().map(|recipe| bench.objection(recipe));
    let objections = objections.collect::<Result<Vec<_>>>()?;
    let mut tried = Vec::new();
    for (recipe, objection) in recipes.into_iter().zip(objections) {
        log.line(&format!("--- {}: {}", recipe.name, recipe.why));
        let start = Instant::now();
        let one = Tried {
            fate: objection.map_or_else(|| bench.try_one(&recipe), Ok)?,
            recipe,
            seconds: start.elapsed().as_secs_f64(),
        };
        done(&one);
        tried.push(one);
    }
    Ok(tried)
}

/// Chooses `count` of the recipes so that every one has its turn within a few days.
fn todays(recipes: Vec<Recipe>, count: usize) -> Vec<Recipe> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let today = since.map_or(0, |since| since.as_secs() / 86_400);
    rotated(recipes, count, today as usize)
}

fn rotated<T>(mut all: Vec<T>, count: usize, day: usize) -> Vec<T> {
    let count = count.min(all.len());
    if count > 0 {
        let first = (day * count) % all.len();
        all.rotate_left(first);
    }
    all.truncate(count);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_has_its_turn() {
        let all = vec![0, 1, 2, 3, 4];
        assert_eq!(rotated(all.clone(), 2, 0), [0, 1]);
        assert_eq!(rotated(all.clone(), 2, 1), [2, 3]);
        assert_eq!(rotated(all.clone(), 2, 2), [4, 0]);
        assert_eq!(rotated(all.clone(), usize::MAX, 3), all);
        assert_eq!(rotated(Vec::<u8>::new(), 2, 1), [0; 0]);
    }
}
