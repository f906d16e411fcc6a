//! The ring `litmus`: the protocols of `loom-tests/litmus`, and herd7's answers about them.

mod answer;
mod file;

use std::time::Duration;

use super::ring::{Context, Outcome};
use crate::error::{AtPath, Error, Result};
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
    let log = context.log;
    let (found, mut problems) = read(context.project)?;
    if problems.is_empty() {
        if Run::new("herd7").args(["-version"]).output(log).is_none() {
            let all = found.len();
            let why = format!("herd7 is not on the path; {all} files have their twins and sources");
            return Err(Error::Impossible(why));
        }
        let mut table = Table::new(["file", "answer", ">positive", ">negative"]);
        for litmus in &found {
            match ask(litmus, log)? {
                Ok(Answer {
                    result,
                    positive,
                    negative,
                }) => {
                    table.row([&litmus.name, &result, &positive, &negative]);
                }
                Err(problem) => problems.push(format!("{}: {problem}", litmus.name)),
            }
        }
        log.line(&table.to_string());
    }
    for problem in &problems {
        log.line(problem);
    }
    Ok(Outcome::unless(&problems, format!("{} files", found.len())))
}

/// Returns the files that can be read, and what is wrong with the others or between them.
fn read(project: &Project) -> Result<(Vec<Litmus>, Vec<String>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let paths = files::below(&project.path(DIR))?;
    for path in paths.iter().filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.and_then(|name| name.strip_suffix(".litmus")) else {
            problems.push(format!("{} is no litmus file", project.relative(path)));
            continue;
        };
        match Litmus::parse(name, &std::fs::read_to_string(path).at(path)?) {
            Ok(litmus) => found.push(litmus),
            Err(problem) => problems.push(format!("{name}: {problem}")),
        }
    }
    problems.extend(file::mismatches(&found));
    problems.extend(found.iter().flat_map(|litmus| rotten(project, litmus)));
    if found.is_empty() {
        problems.push(format!("no litmus file is in {DIR}"));
    }
    Ok((found, problems))
}

/// Returns the sources that a file names and that are no more.
fn rotten(project: &Project, litmus: &Litmus) -> Vec<String> {
    let mut rotten = Vec::new();
    for (file, function) in &litmus.sources {
        let text = project.read(file).unwrap_or_default();
        let has = |after| text.contains(&format!("fn {function}{after}"));
        if !has('(') && !has('<') {
            rotten.push(format!(
                "{}: rotted: {file} has no fn {function}",
                litmus.name
            ));
        }
    }
    rotten
}

/// Has herd7 answer one file; an error where the answer isn't the one that the file wants.
fn ask(litmus: &Litmus, log: &Log) -> Result<std::result::Result<Answer, String>> {
    let ran = Run::new("herd7")
        .args(["-model", litmus.language.model()])
        .args([format!("{DIR}/{}.litmus", litmus.name)])
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
        let (found, problems) = read(&Project::find()).unwrap();
        assert_eq!(problems, [""; 0]);
        assert!(!found.is_empty());
    }

    #[test]
    fn a_source_that_is_gone_is_told() {
        let text = "C a\n(*\n * Result: Never\n * Source: xtask/src/project.rs: find, roo\n *\n * A \
                    claim.\n *)\n\n{ x = 0; }\n\nP0(atomic_int* x) {\n}\n\nexists (x=1)\n";
        let litmus = Litmus::parse("a", text).unwrap();
        let told = rotten(&Project::find(), &litmus);
        assert_eq!(told, ["a: rotted: xtask/src/project.rs has no fn roo"]);
    }
}
