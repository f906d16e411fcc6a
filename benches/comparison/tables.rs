//! The tables of BENCHMARKS.md: of each work every subject, in the situations that tell most.

use crate::cells::{Cell, MANY, MILLION, is_crowded};
use crate::goals::Judged;
use crate::measure::Row;
use crate::report::{count, ns, times};
use breakerbox_benches::keys::Distribution::{self, Uniform, Zipf};
use breakerbox_benches::subjects::SUBJECTS;
use breakerbox_benches::table::{Table, verdict};
use breakerbox_benches::work::Work;
use breakerbox_benches::world::Gate;

type Wanted = fn(Cell) -> bool;

const TABLES: &[(&str, Wanted)] = &[
    ("Check", |cell| is_told(cell, Work::Check)),
    ("Check and success", |cell| {
        is_told(cell, Work::CheckSuccess)
    }),
    ("Check and success, under a window of 100 calls", |cell| {
        cell.work == Work::Windowed
    }),
    ("Failures", |cell| {
        let fails = matches!(cell.work, Work::CheckFailure | Work::RecordFailure);
        fails && cell.gate == Gate::Down && is_one_or_many(cell)
    }),
    ("Storm", |cell| cell.work == Work::Storm),
    ("Snapshot", |cell| {
        cell.work == Work::Snapshot && is_one_or_many(cell)
    }),
    ("A million keys", |cell| cell.keys == MILLION),
];

/// By number of keys: the same ones in all tables.
fn is_one_or_many(cell: Cell) -> bool {
    cell.distribution == Uniform && matches!(cell.keys, 1 | MANY)
}

fn is_told(cell: Cell, work: Work) -> bool {
    let zipf = cell.distribution == Zipf && cell.gate == Gate::Hundredth;
    cell.work == work && (is_one_or_many(cell) || zipf)
}

/// All tables of which something was measured, and the goals.
pub(crate) fn all(rows: &[Row], goals: &[Judged], cores: usize) -> String {
    let mut text = String::new();
    for (title, wanted) in TABLES {
        let is_told = |cell: &Cell| {
            let crowded = is_crowded(cell.threads, cores) && cell.work != Work::Storm;
            wanted(*cell) && !crowded
        };
        let cells = distinct(rows.iter().map(|row| row.cell).filter(is_told));
        if !cells.is_empty() {
            let table = table(rows, &cells).markdown();
            text += &format!("### {title}\n\n{table}\n");
        }
    }
    text + &format!("### Goals\n\n{}", of_goals(goals))
}

/// A table for each situation, with a column for each number of threads; and the goals.
pub(crate) fn by_threads(rows: &[Row], goals: &[Judged]) -> String {
    let alone = |cell: Cell| Cell { threads: 1, ..cell };
    let mut situations = distinct(rows.iter().map(|row| alone(row.cell)));
    // By work, not by what was quickest to set up.
    situations.sort_by_key(|cell| Work::ALL.iter().position(|&work| work == cell.work));
    let mut text = String::new();
    for situation in situations {
        let is_of = |cell: &Cell| alone(*cell) == situation;
        let cells = distinct(rows.iter().map(|row| row.cell).filter(is_of));
        let (work, gate) = (situation.work.label(), situation.gate.label());
        let keys = count(situation.keys, "key");
        let table = table(rows, &cells).markdown();
        text += &format!("### {work}, {keys}, {gate}\n\n{table}\n");
    }
    text + &format!("### Goals\n\n{}", of_goals(goals))
}

/// Each once, in the order in which they come.
fn distinct(cells: impl Iterator<Item = Cell>) -> Vec<Cell> {
    let mut found = Vec::new();
    for cell in cells {
        if !found.contains(&cell) {
            found.push(cell);
        }
    }
    found
}

/// A row for each subject, a column for each cell.
fn table(rows: &[Row], cells: &[Cell]) -> Table {
    let mut head = vec!["ns for one operation".to_owned()];
    head.extend(cells.iter().map(|&cell| label(cell, cells)));
    let head: Vec<_> = head.iter().map(|cell| &**cell).collect();
    let mut table = Table::new(&head);
    for subject in SUBJECTS {
        let in_cell = |cell: &Cell| {
            rows.iter()
                .find(|row| row.cell == *cell && row.subject.name == subject.name)
        };
        let found: Vec<_> = cells.iter().map(in_cell).collect();
        if found.iter().all(Option::is_none) {
            continue;
        }
        let mut line = vec![subject.name.to_owned()];
        line.extend(found.into_iter().map(|row| match row {
            Some(row) => ns(row.median()),
            None => "–".to_owned(),
        }));
        table.push(line);
    }
    table
}

/// What sets `cell` apart from the others.
fn label(cell: Cell, cells: &[Cell]) -> String {
    let differs = |of: fn(Cell) -> usize| cells.iter().any(|&other| of(other) != of(cell));
    let mut parts = Vec::new();
    if differs(|cell| cell.work as usize) {
        parts.push(cell.work.label().to_owned());
    }
    if differs(|cell| cell.keys) {
        parts.push(count(cell.keys, "key"));
    }
    if cell.distribution != Distribution::Uniform {
        parts.push(cell.distribution.label().to_owned());
    }
    if differs(|cell| cell.gate as usize) {
        parts.push(cell.gate.label().to_owned());
    }
    parts.push(count(cell.threads, "thread"));
    parts.join(", ")
}

/// Each goal with the cell that is furthest from it, or nearest to missing it.
fn of_goals(goals: &[Judged]) -> String {
    let mut table = Table::new(&["goal", "", "cells", "at its worst", "against", "in"]);
    let mut all_met = 0;
    for Judged { goal, cells } in goals {
        let met = cells.iter().filter(|verdict| verdict.is_met).count();
        all_met += usize::from(met == cells.len());
        let worst = cells
            .iter()
            .max_by(|a, b| goal.badness(a).total_cmp(&goal.badness(b)));
        let mut line = vec![
            goal.label(),
            verdict(met == cells.len()).to_owned(),
            format!("{met} of {}", cells.len()),
        ];
        line.extend(worst.map_or([const { String::new() }; 3], |worst| {
            let cell = format!("`{}`", worst.cell);
            [times(worst.ratio), worst.against.to_owned(), cell]
        }));
        table.push(line);
    }
    let of = goals.len();
    format!("{}\n{all_met} of {of} goals are met.\n", table.markdown())
}
