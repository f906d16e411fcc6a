//! `cargo xtask mutate`: puts recorded bugs into a copy of the tree and shows which model notices,
//! then every bug that cargo-mutants knows into the words.

mod pure;
mod recipe;
mod tree;
mod trial;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::args::Args;
use crate::error::{Error, Result};
use crate::process::{Log, say_what_is_scrubbed};
use crate::project::Project;
use crate::table::Table;

use recipe::Recipe;
use tree::Tree;
use trial::Bench;
pub(crate) use trial::Fate;

/// Where the mutations are recorded.
const RECIPES: &str = "loom-tests/mutations";

/// What became of one mutation.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) name: String,
    pub(crate) fate: Fate,
    model: String,
    why: String,
    seconds: f64,
}

pub(crate) fn command(project: &Project, mut args: Args) -> Result<()> {
    let only = args.list("--only")?;
    let sample = args.number::<usize>("--sample")?;
    let words = args.flag("--words");
    let verbose = args.flag("--verbose");
    args.finish()?;
    if words && (only.is_some() || sample.is_some()) {
        return Err(Error::usage("--words tries no recorded mutations"));
    }
    let all = only.is_none() && sample.is_none();
    let mut recipes = recipes(project)?;
    if let Some(only) = only {
        if let Some(unknown) = only
            .iter()
            .find(|name| recipes.iter().all(|recipe| recipe.name != **name))
        {
            return Err(Error::usage(format!("there is no mutation `{unknown}`")));
        }
        recipes.retain(|recipe| only.contains(&recipe.name));
    }
    if let Some(count) = sample {
        recipes = todays(recipes, count);
    }
    say_what_is_scrubbed();
    // Both tell of what they find before either ends the command.
    let recorded = if words {
        Ok(())
    } else {
        judge(project, &recipes, verbose)
    };
    let words = if all {
        judge_words(project, verbose)
    } else {
        Ok(())
    };
    recorded.and(words)
}

/// Tries every mutant of the words; an error if one lives that `.cargo/mutants.toml` doesn't
/// explain.
fn judge_words(project: &Project, verbose: bool) -> Result<()> {
    let log = log(project, "mutate-words", verbose)?;
    println!("\ntrying every mutant of the words; this takes some five minutes");
    let tally = pure::run(project, &log)?;
    for missed in &tally.missed {
        println!("  MISSED: {missed}");
    }
    println!("{tally}");
    if tally.missed.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{} mutants of the words live; kill them, or explain them in .cargo/mutants.toml",
        tally.missed.len()
    )))
}

fn log(project: &Project, name: &str, verbose: bool) -> Result<Log> {
    Log::create(project, name, if verbose { |_| true } else { |_| false })
}

/// Tries all recorded mutations; an error if one of them is not killed.
pub(crate) fn all(project: &Project, verbose: bool) -> Result<()> {
    judge(project, &recipes(project)?, verbose)
}

/// Tries `count` of the mutations, other ones each day, or all of them.
pub(crate) fn some(project: &Project, count: Option<usize>, log: &Log) -> Result<Vec<Tried>> {
    let all = recipes(project)?;
    let recipes = match count {
        Some(count) => todays(all, count),
        None => all,
    };
    try_each(project, &recipes, log, |_| ())
}

/// What speaks against the recorded mutations without trying any: texts that the source has no more.
pub(crate) fn rotten(project: &Project) -> Result<Vec<String>> {
    let mut rotten = Vec::new();
    for recipe in recipes(project)? {
        if let Err(why) = recipe.apply(&project.read(&recipe.file)?) {
            rotten.push(format!("{}: {why}", recipe.name));
        }
    }
    Ok(rotten)
}

/// The results as a table.
pub(crate) fn table(tried: &[Tried]) -> Table {
    let mut table = Table::new(["mutation", "result", ">seconds", "model", "why"]);
    for one in tried {
        table.row([
            one.name.clone(),
            one.fate.to_string(),
            format!("{:.1}", one.seconds),
            one.model.clone(),
            one.why.clone(),
        ]);
    }
    table
}

fn recipes(project: &Project) -> Result<Vec<Recipe>> {
    let recipes = recipe::read_all(&project.path(RECIPES))?;
    if recipes.is_empty() {
        return Err(Error::failed(format!(
            "no mutation is recorded in {RECIPES}"
        )));
    }
    Ok(recipes)
}

fn judge(project: &Project, recipes: &[Recipe], verbose: bool) -> Result<()> {
    let log = log(project, "mutate", verbose)?;
    println!("running the models without the mutations first; a first build takes a while");
    let tried = try_each(project, recipes, &log, |one| {
        println!("  {}: {}", one.name, one.fate);
    })?;
    println!("\n{}", table(&tried));
    let bad = tried.iter().filter(|one| !one.fate.is_killed()).count();
    println!("{} killed, {bad} not", tried.len() - bad);
    if bad == 0 {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{bad} of {} mutations not killed; the whole output: {}",
        tried.len(),
        project.relative(log.path())
    )))
}

fn try_each(
    project: &Project,
    recipes: &[Recipe],
    log: &Log,
    done: impl Fn(&Tried),
) -> Result<Vec<Tried>> {
    let tree = Tree::sync(project)?;
    let mut bench = Bench::new(&tree, project.target("mutate/target"), log);
    let mut objections = Vec::new();
    for recipe in recipes {
        objections.push(bench.objection(recipe)?);
    }
    let mut tried = Vec::new();
    for (recipe, objection) in recipes.iter().zip(objections) {
        log.line(&format!("--- {}: {}", recipe.name, recipe.why));
        let start = Instant::now();
        let fate = match objection {
            Some(fate) => fate,
            None => bench.try_one(recipe)?,
        };
        let one = Tried {
            name: recipe.name.clone(),
            fate,
            model: recipe.model.clone(),
            why: recipe.why.clone(),
            seconds: start.elapsed().as_secs_f64(),
        };
        done(&one);
        tried.push(one);
    }
    Ok(tried)
}

/// `count` of the recipes, so chosen that every one has its turn within a few days.
fn todays(recipes: Vec<Recipe>, count: usize) -> Vec<Recipe> {
    let today = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / 86_400);
    rotated(recipes, count, today as usize)
}

fn rotated<T>(mut all: Vec<T>, count: usize, day: usize) -> Vec<T> {
    if !all.is_empty() {
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
        assert_eq!(rotated(all.clone(), 9, 3), [2, 3, 4, 0, 1]);
        assert_eq!(rotated(Vec::<u8>::new(), 2, 1), [0; 0]);
    }
}
