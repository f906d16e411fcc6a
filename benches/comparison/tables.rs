//! The tables of the documents: the most telling situations of the two lists.

use crate::goals::Judged;
use crate::measure::Row;
use crate::scenarios::{MANY, MILLION, Scenario};
use breakerbox_benches::contenders::{CONTENDERS, HANDLE, MUTEX, STORE};
use breakerbox_benches::fixture::Condition::{self, AllClosed, OneOpen};
use breakerbox_benches::table::{Table, count, ns, times};
use breakerbox_benches::work::{Failing, Work};

type Situation = (Work, usize, Condition);

/// The tables of the comparison, by title.
#[rustfmt::skip]
const TABLES: [(&str, &[Situation]); 6] = [
    ("Check", &[
        (Work::Check, 1, AllClosed), (Work::Check, MANY, OneOpen), (Work::Check, MILLION, OneOpen),
    ]),
    ("Check and success", &[
        (Work::CheckSuccess, 1, AllClosed), (Work::CheckSuccess, MANY, OneOpen),
        (Work::CheckSuccess, MILLION, OneOpen),
    ]),
    ("Check and success, under a window of 100 calls", &[
        (Work::Windowed(Failing::None), 1, AllClosed),
        (Work::Windowed(Failing::None), MANY, AllClosed),
        (Work::Windowed(Failing::None), MANY, OneOpen),
    ]),
    ("Check and success, under a window of 10 s", &[
        (Work::Timed(Failing::None), 1, AllClosed), (Work::Timed(Failing::None), MANY, AllClosed),
        (Work::Timed(Failing::None), MANY, OneOpen),
    ]),
    ("Check and report, where calls fail", &[
        (Work::Windowed(Failing::Permille), 1, AllClosed),
        (Work::Windowed(Failing::Percent), 1, AllClosed),
        (Work::Timed(Failing::Percent), 1, AllClosed),
    ]),
    ("Failures and storm", &[
        (Work::CheckFailure, 1, AllClosed), (Work::CheckFailure, MANY, AllClosed),
        (Work::Storm, 1, AllClosed),
    ]),
];

/// The columns of the one table of more threads.
const BY_THREADS: [Situation; 4] = [
    (Work::CheckSuccess, 1, AllClosed),
    (Work::CheckSuccess, MANY, OneOpen),
    (Work::CheckFailure, 1, AllClosed),
    (Work::Storm, 1, AllClosed),
];

/// The rows of the short table, on one hot key.
#[rustfmt::skip]
const IN_SHORT: [(&str, Work, &str, Condition); 11] = [
    ("check, by handle", Work::Check, HANDLE, AllClosed),
    ("check, by key, nothing open", Work::Check, STORE, AllClosed),
    ("check, by key, another circuit open", Work::Check, STORE, OneOpen),
    ("check and success, by handle", Work::CheckSuccess, HANDLE, AllClosed),
    ("check and success, by key, nothing open", Work::CheckSuccess, STORE, AllClosed),
    ("check and success, by key, another circuit open", Work::CheckSuccess, STORE, OneOpen),
    ("the same under a rate over 100 calls, by handle", Work::Windowed(Failing::None), HANDLE, AllClosed),
    ("the same under a rate over 10 s, by handle", Work::Timed(Failing::None), HANDLE, AllClosed),
    ("the same under a rate over 10 s, by key", Work::Timed(Failing::None), STORE, AllClosed),
    ("record a failure, by key", Work::RecordFailure, STORE, AllClosed),
    ("snapshot, by key", Work::Snapshot, STORE, AllClosed),
];

/// Returns the tables of the comparison, and the goals.
pub(crate) fn comparison(rows: &[Row], goals: &[Judged], cores: usize) -> String {
    let mut text = String::new();
    for (title, situations) in TABLES {
        if let Some(table) = table(rows, situations, cores) {
            text += &format!("### {title}\n\n{table}\n");
        }
    }
    let all: Vec<_> = goals.iter().collect();
    text + &format!(
        "### Goals\n\n{}\n{}\n",
        of_goals(&all).markdown(),
        summary(goals)
    )
}

/// Returns the table of more threads, and the goals that are missed there.
pub(crate) fn by_threads(rows: &[Row], goals: &[Judged], cores: usize) -> String {
    let mut text = table(rows, &BY_THREADS, cores).unwrap_or_default();
    text += &format!("\n{}\n", summary(goals));
    let is_missed = |judged: &&Judged| judged.met() < judged.scenarios.len();
    let missed: Vec<_> = goals.iter().filter(is_missed).collect();
    if !missed.is_empty() {
        text += &format!("\n{}", of_goals(&missed).markdown());
    }
    text
}

/// Makes a row for each contender, and for each situation a column with one thread and one with
/// all; `None` without measurements.
fn table(rows: &[Row], situations: &[Situation], cores: usize) -> Option<String> {
    let mut counts = vec![1, cores];
    counts.dedup();
    let scenario = |&(work, keys, condition): &Situation, threads| Scenario {
        work,
        keys,
        threads,
        condition,
    };
    let mut columns: Vec<_> = situations
        .iter()
        .flat_map(|situation| counts.iter().map(|&threads| scenario(situation, threads)))
        .collect();
    columns.retain(|column| rows.iter().any(|row| row.scenario == *column));
    if columns.is_empty() {
        return None;
    }
    let one_work = situations.iter().all(|it| it.0 == situations[0].0);
    let head = columns.iter().map(|column| {
        let situation = column.situation();
        let work = format!("{}, ", column.work.label());
        let situation = situation
            .strip_prefix(&work)
            .filter(|_| one_work)
            .unwrap_or(&situation);
        format!("{situation}, {}", count(column.threads, "thread"))
    });
    let head: Vec<_> = ["ns".to_owned()].into_iter().chain(head).collect();
    let mut table = Table::new(&head.iter().map(|name| &**name).collect::<Vec<_>>());
    for contender in CONTENDERS {
        let is_of =
            |row: &&Row, scenario| row.scenario == scenario && row.contender.name == contender.name;
        let found = columns
            .iter()
            .map(|&scenario| rows.iter().find(|row| is_of(row, scenario)));
        let found: Vec<_> = found.collect();
        if found.iter().any(Option::is_some) {
            let field = |row: Option<&Row>| row.map_or("–".to_owned(), |row| ns(row.median()));
            let mut line = vec![contender.row_name()];
            line.extend(found.into_iter().map(field));
            table.push(line);
        }
    }
    Some(table.markdown())
}

/// Lists goals, each with the scenario that is furthest from it, or nearest to missing it.
pub(crate) fn of_goals(goals: &[&Judged]) -> Table {
    let mut table = Table::new(&["goal", "met in", "at its worst"]);
    for judged in goals {
        let (met, of) = (judged.met(), judged.scenarios.len());
        let (missed, worst) = (if met < of { "**MISSED**, " } else { "" }, judged.worst());
        let worst = worst.map_or(String::new(), |worst| match worst.is_met {
            true => times(worst.ratio),
            false => format!(
                "{} {}, `{}`",
                times(worst.ratio),
                worst.against,
                worst.scenario
            ),
        });
        table.push(vec![
            judged.goal.label(),
            format!("{missed}{met} of {of}"),
            worst,
        ]);
    }
    table
}

/// Counts the goals that are met.
pub(crate) fn summary(goals: &[Judged]) -> String {
    let is_met = |judged: &&Judged| judged.met() == judged.scenarios.len();
    let met = goals.iter().filter(is_met).count();
    format!("{met} of {} goals are met.", goals.len())
}

/// Returns the short table: nanoseconds of breakerbox and of the mutex store.
pub(crate) fn in_short(rows: &[Row], cores: usize) -> String {
    let mut counts = vec![1, cores];
    counts.dedup();
    let mut head = vec!["ns for one operation".to_owned()];
    for &threads in &counts {
        head.extend([count(threads, "thread"), "mutex store".into(), "×".into()]);
    }
    let mut table = Table::new(&head.iter().map(|name| &**name).collect::<Vec<_>>());
    for (label, work, contender, condition) in IN_SHORT {
        let mut line = vec![label.to_owned()];
        for &threads in &counts {
            let scenario = Scenario {
                work,
                keys: 1,
                threads,
                condition,
            };
            let row = |name| {
                let is_it = |row: &&Row| row.scenario == scenario && row.contender.name == name;
                rows.iter().find(is_it)
            };
            line.extend(match (row(contender), row(MUTEX)) {
                (Some(own), Some(mutex)) => {
                    [ns(own.median()), ns(mutex.median()), times(mutex.over(own))]
                }
                _ => [const { String::new() }; 3],
            });
        }
        table.push(line);
    }
    table.markdown()
}
