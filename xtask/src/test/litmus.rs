//! The ring `litmus`: the protocols of `loom-tests/litmus`, and herd7's answers about them.

mod answer;
mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ring::{Context, Outcome};
use crate::error::{AtPath, Result};
use crate::files;
use crate::process::{Log, Run};
use crate::project::Project;
use crate::table::Table;

use answer::Answer;
use file::Litmus;

const DIR: &str = "loom-tests/litmus";

/// How long one file may take. The longest takes some ten seconds on a busy machine; a file with one
/// word more takes minutes.
const LIMIT: Duration = Duration::from_secs(60);

/// Checks the files, then has herd7 answer them where it is installed.
pub(super) fn check(context: &Context<'_>) -> Result<Outcome> {
    let (project, log) = (context.project, context.log);
    if !project.has(DIR) {
        return Ok(Outcome::missing(format!("there is no {DIR}")));
    }
    let (found, mut problems) = read(project)?;
    problems.extend(file::mismatches(&found));
    problems.extend(rotten(project, &found));
    if found.is_empty() {
        problems.push(format!("no litmus file is in {DIR}"));
    }
    if !problems.is_empty() {
        return Ok(failed(log, &problems));
    }
    let Some(version) = herd7(project.root(), log) else {
        return Ok(Outcome::impossible(format!(
            "herd7 is not on the path; {} files have their twins and sources",
            found.len()
        )));
    };
    let mut table = Table::new(["file", "answer", ">positive", ">negative"]);
    for litmus in &found {
        match ask(project, litmus, log)? {
            Ok(answer) => {
                table.row([
                    litmus.name.clone(),
                    answer.result.to_string(),
                    answer.positive.to_string(),
                    answer.negative.to_string(),
                ]);
            }
            Err(problem) => problems.push(format!("{}: {problem}", litmus.name)),
        }
    }
    log.line(&table.to_string());
    Ok(if problems.is_empty() {
        Outcome::passed(format!("{} files, herd7 {version}", found.len()))
    } else {
        failed(log, &problems)
    })
}

fn failed(log: &Log, problems: &[String]) -> Outcome {
    for problem in problems {
        log.line(problem);
    }
    Outcome::failed(problems.join("; "))
}

/// Returns the files that can be read, and what is wrong with the others.
fn read(project: &Project) -> Result<(Vec<Litmus>, Vec<String>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for path in files::below(&project.path(DIR))? {
        if path.file_name().is_some_and(|name| name == "README.md") {
            continue;
        }
        let named = project.relative(&path);
        match stem(&path) {
            None => problems.push(format!("{named} is no litmus file")),
            Some(name) => {
                let text = std::fs::read_to_string(&path).at(&path)?;
                match Litmus::parse(name, &text) {
                    Ok(litmus) => found.push(litmus),
                    Err(problem) => problems.push(format!("{named}: {problem}")),
                }
            }
        }
    }
    Ok((found, problems))
}

fn stem(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.strip_suffix(".litmus")
}

/// Returns the sources that files name and that are no more.
fn rotten(project: &Project, found: &[Litmus]) -> Vec<String> {
    let mut rotten = Vec::new();
    for litmus in found {
        for source in &litmus.sources {
            let text = project.read(&source.file).unwrap_or_default();
            let gone = source.functions.iter().filter(|name| !has(&text, name));
            rotten.extend(
                gone.map(|name| {
                    format!("{}: rotted: {} has no fn {name}", litmus.name, source.file)
                }),
            );
        }
    }
    rotten
}

/// Returns whether `text` has a function of this name.
fn has(text: &str, name: &str) -> bool {
    let starts = ["(", "<"].map(|after| format!("fn {name}{after}"));
    starts.iter().any(|start| text.contains(start.as_str()))
}

/// Returns the version of the herd7 that is on the path.
fn herd7(root: &Path, log: &Log) -> Option<String> {
    let ran = Run::new("herd7", root).args(["-version"]).run(log).ok()?;
    let version = ran.output.split([',', '\n']).next()?.trim();
    (ran.success && !version.is_empty()).then(|| version.to_owned())
}

/// Has herd7 answer one file; an error where the answer isn't the one that the file wants.
fn ask(
    project: &Project,
    litmus: &Litmus,
    log: &Log,
) -> Result<std::result::Result<Answer, String>> {
    let file: PathBuf = [DIR, &format!("{}.litmus", litmus.name)].iter().collect();
    let ran = Run::new("herd7", project.root())
        .args(["-model", litmus.language.model()])
        .args([file])
        .limit(LIMIT)
        .run(log)?;
    Ok(if ran.timed_out {
        Err(format!("took more than {} s", LIMIT.as_secs()))
    } else if !ran.success {
        Err("herd7 failed".to_owned())
    } else {
        Answer::parse(&litmus.name, &ran.output).and_then(|answer| answer.wanted(litmus.result))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_have_their_twins_and_sources() {
        let project = Project::find();
        let (found, problems) = read(&project).unwrap();
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(file::mismatches(&found), Vec::<String>::new());
        assert_eq!(rotten(&project, &found), Vec::<String>::new());
        assert!(!found.is_empty());
    }

    #[test]
    fn a_function_is_found_by_its_whole_name() {
        let text = "pub(super) fn lower(&self) {}\nfn of<K>() {}";
        assert!(has(text, "lower") && has(text, "of"));
        assert!(!has(text, "low") && !has(text, "raise"));
    }

    #[test]
    fn a_source_that_is_gone_is_told() {
        let text = "C a\n(*\n * Result: Never\n * Source: Cargo.toml: gone\n *\n * A claim.\n *)\n\n\
                    { x = 0; }\n\nP0(atomic_int* x) {\n}\n\nexists (x=1)\n";
        let litmus = Litmus::parse("a", text).unwrap();
        let told = rotten(&Project::find(), &[litmus]);
        assert_eq!(told, ["a: rotted: Cargo.toml has no fn gone"]);
    }
}
