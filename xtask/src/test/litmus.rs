//! The ring `litmus`: the protocols of `loom-tests/litmus`, and herd7's answers about them.

mod file;

use std::time::Duration;

use super::ring::{Answer, Context, unless};
use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::process::{Log, Run};
use crate::project::Project;

use file::Litmus;

const DIR: &str = "loom-tests/litmus";

/// The time limit of one file. The longest takes some ten seconds on a busy machine; a file with one
/// word more takes minutes.
const LIMIT: Duration = Duration::from_secs(60);

/// Beginnings of lines by which herd7 says that its answer is not all: an input that it didn't
/// understand, a data race, a loop that it cut.
const RESERVATIONS: [&str; 4] = ["Warning", "Undef", "Flag", "Loop"];

/// Checks the files, then has herd7 answer them where it is installed.
pub(super) fn check(context: &Context<'_>) -> Answer {
    let (found, mut problems) = read(context.project)?;
    let count = found.len();
    if problems.is_empty() {
        if !Run::new("herd7").args(["-version"]).works(context.log) {
            return Err(Error::Impossible(format!(
                "herd7 is not on the path; {count} files have their twins and sources"
            )));
        }
        for litmus in &found {
            problems.extend(objection(litmus, context.log)?);
        }
    }
    for problem in &problems {
        context.log.line(problem);
    }
    unless(&problems, format!("{count} files"))
}

/// Returns the files that can be read, and what is wrong with the others or between them.
fn read(project: &Project) -> Result<(Vec<Litmus>, Vec<String>)> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let paths = files::below(&project.path(DIR))?;
    for path in paths.iter().filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).at(path)?;
        let stem = name.strip_suffix(".litmus").ok_or("is no litmus file");
        match stem
            .map_err(str::to_owned)
            .and_then(|stem| Litmus::parse(stem, &text))
        {
            Ok(litmus) => found.push(litmus),
            Err(problem) => problems.push(format!("{name}: {problem}")),
        }
    }
    problems.extend(found.iter().filter_map(|litmus| litmus.mismatch(&found)));
    problems.extend(found.iter().flat_map(|litmus| rotten(project, litmus)));
    if found.is_empty() {
        problems.push(format!("no litmus file is in {DIR}"));
    }
    Ok((found, problems))
}

/// Returns the sources that a file names and that are no more.
fn rotten(project: &Project, litmus: &Litmus) -> Vec<String> {
    let (name, mut rotten) = (&litmus.name, Vec::new());
    for (file, function) in &litmus.sources {
        let text = project.read(file).unwrap_or_default();
        let is_there = ["(", "<"].map(|after| text.contains(&format!("fn {function}{after}")));
        if is_there == [false, false] {
            rotten.push(format!("{name}: rotted: {file} has no fn {function}"));
        }
    }
    rotten
}

/// Has herd7 answer one file, and returns what is wrong with the answer.
fn objection(litmus: &Litmus, log: &Log) -> Result<Option<String>> {
    let ran = Run::new("herd7")
        .args(["-model", litmus.model])
        .args([format!("{DIR}/{}.litmus", litmus.name)])
        .limit(LIMIT)
        .run(log)?;
    let problem = match judge(litmus, &ran.output) {
        _ if ran.timed_out => Some(format!("took more than {} s", LIMIT.as_secs())),
        Ok(()) if ran.success => None,
        Ok(()) => Some("herd7 failed".to_owned()),
        Err(problem) => Some(problem),
    };
    Ok(problem.map(|problem| format!("{}: {problem}", litmus.name)))
}

/// Returns what is wrong with herd7's output: it must say `Observation NAME Never 0 N`, of a twin
/// `Observation NAME Sometimes N N`, and nothing with reservations.
fn judge(litmus: &Litmus, output: &str) -> std::result::Result<(), String> {
    let reserved = |line: &&str| RESERVATIONS.iter().any(|begin| line.starts_with(begin));
    if let Some(line) = output.lines().find(reserved) {
        return Err(format!("herd7 says `{line}`"));
    }
    let mut answers = output.split("\nObservation ").skip(1);
    let (Some(told), None) = (answers.next(), answers.next()) else {
        return Err("herd7 did not answer, or twice".to_owned());
    };
    let told = told.lines().next().unwrap_or_default();
    let asked = format!("{} {} ", litmus.name, litmus.result());
    let counts = told.strip_prefix(&asked).unwrap_or_default();
    let counts: Vec<Option<u64>> = counts.split(' ').map(|word| word.parse().ok()).collect();
    match (litmus.is_twin(), &counts[..]) {
        (false, [Some(0), Some(1..)]) | (true, [Some(1..), Some(1..)]) => Ok(()),
        _ => Err(format!("herd7 says `{told}` instead of `{asked}..`")),
    }
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
        let mut litmus = Litmus::parse("word", file::SOUND).unwrap();
        assert_eq!(rotten(&Project::find(), &litmus), [""; 0]);
        litmus.sources[1].1.pop();
        assert!(rotten(&Project::find(), &litmus)[0].ends_with("has no fn writ"));
    }

    #[test]
    fn no_other_answer_passes() {
        let litmus = Litmus::parse("word", file::SOUND).unwrap();
        let sound = "Test word Allowed\nStates 2\nNo\nPositive: 0 Negative: 2\n\
                     Condition exists (x=2)\nObservation word Never 0 2\n";
        assert_eq!(judge(&litmus, sound), Ok(()));
        for (from, to) in [
            ("Observation word Never 0 2\n", ""),
            ("No\n", "Observation word Never 0 2\n"),
            ("word Never", "other Never"),
            ("Never 0 2", "Never 0"),
            ("Never 0 2", "Sometimes 1 2"),
            ("Never 0 2", "Never no 2"),
            // About no execution, or not what was counted.
            ("Never 0 2", "Never 0 0"),
            ("Never 0 2", "Never 1 2"),
            ("Test", "Warning: line 6: unexpected ''\nTest"),
            ("No\n", "Undef\n"),
            ("No\n", "Loop No\n"),
            ("Condition", "Flag *undef*\nCondition"),
        ] {
            assert!(sound.contains(from), "{from}");
            let judged = judge(&litmus, &sound.replacen(from, to, 1));
            assert!(judged.is_err(), "{to}");
        }
    }
}
