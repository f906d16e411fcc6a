//! The pictures of `results.json`: against threads, against keys, and every subject once.

use std::collections::BTreeSet;

use super::bars::{Bar, Chart, Group, Row};
use super::canvas::Canvas;
use super::data::Timing;
use super::lines::{Axis, Grid, Panel, Series};
use super::number::{count, si, time};
use super::palette::{Family, Palette, family};
use super::scale::Scale;

const DOWN: &str = "gate down";
const UP: &str = "gate up";
/// Lines of one panel that are not ours: more can't be told apart.
const OTHERS: usize = 6;

fn is_uniform(row: &Timing) -> bool {
    row.keys == 1
        || row
            .distribution
            .as_deref()
            .is_none_or(|name| name == "uniform")
}

/// Those worth a line: our two doors, the bare atomic, a mutex and the fastest of the others.
fn worth_a_line<'a>(rows: &[&'a Timing], palette: &Palette) -> Vec<&'a str> {
    let all: BTreeSet<_> = rows.iter().map(|row| row.subject.as_str()).collect();
    let of = |of: Family| {
        all.iter()
            .copied()
            .filter(move |subject| family(subject) == of)
    };
    let ours = of(Family::Ours).filter(|subject| ["store", "handle"].contains(subject));
    let floor = of(Family::Floor).filter(|subject| subject.starts_with("atomic"));

    let mut others: Vec<_> = of(Family::Other).collect();
    let most = rows.iter().map(|row| row.threads).max();
    // Over all that is shown, in which as many times as fast counts the same.
    let speed = |subject: &str| {
        let of = rows
            .iter()
            .filter(|row| row.subject == subject && Some(row.threads) == most);
        let logs: Vec<_> = of.map(|row| row.median.ln()).collect();
        (!logs.is_empty()).then(|| logs.iter().sum::<f64>() / logs.len() as f64)
    };
    others.sort_by(|a, b| {
        let is_slower = speed(a).partial_cmp(&speed(b));
        let is_mutex = |subject: &str| subject.starts_with("mutex");
        is_mutex(b)
            .cmp(&is_mutex(a))
            .then(is_slower.unwrap_or(std::cmp::Ordering::Equal))
    });
    others.truncate(OTHERS);
    let mut chosen: Vec<_> = ours.chain(floor).chain(others).collect();
    chosen.sort_by_key(|subject| palette.rank(subject));
    chosen
}

/// A line for each of `subjects`, through what `at` makes of the rows.
fn series(rows: &[&Timing], subjects: &[&str], at: impl Fn(&Timing) -> (u64, f64)) -> Vec<Series> {
    let one = |subject: &&str| {
        let of = rows.iter().filter(|row| row.subject == **subject);
        let mut points: Vec<_> = of.map(|row| at(row)).collect();
        points.sort_by_key(|point| point.0);
        points.dedup_by_key(|point| point.0);
        Series {
            subject: (*subject).to_owned(),
            points: points.iter().map(|&(x, y)| (x as f64, y)).collect(),
        }
    };
    let all = subjects.iter().map(one);
    all.filter(|series| !series.points.is_empty()).collect()
}

/// The axis of counts that were measured, each of which is a tick.
fn counts(name: &str, of: impl Iterator<Item = u64>) -> Option<Axis> {
    let all: BTreeSet<_> = of.collect();
    let (low, high) = (*all.first()? as f64, *all.last()? as f64);
    Some(Axis {
        name: name.to_owned(),
        scale: Scale::log(low, high),
        ticks: all.iter().map(|&at| (at as f64, si(at as f64))).collect(),
    })
}

fn values(name: &str, panels: &[Panel], text: fn(f64) -> String) -> Axis {
    let points = panels.iter().flat_map(|panel| &panel.series);
    let scale = Scale::log_around(points.flat_map(|series| series.points.iter().map(|at| at.1)));
    Axis {
        name: name.to_owned(),
        scale,
        ticks: scale
            .ticks(9)
            .into_iter()
            .map(|at| (at, text(at)))
            .collect(),
    }
}

fn grid(
    (title, about): (&str, &str),
    palette: &Palette,
    panels: &[Panel],
    (x, y): (Axis, Axis),
) -> String {
    let mut canvas = Canvas::new(title, about);
    let grid = Grid {
        x,
        y,
        height: 270.0,
        marks: true,
    };
    grid.draw(&mut canvas, palette, panels);
    canvas.finish()
}

/// All threads together, from what is healthy to what fails.
pub(super) fn throughput(rows: &[Timing], palette: &Palette) -> Option<String> {
    let panels = [
        (
            ("check + success", 1, DOWN),
            "Check and success, one hot key, nothing open",
        ),
        (
            ("check + success", 10_000, UP),
            "Check and success, 10,000 keys, another open",
        ),
        (
            ("check + failure", 1, DOWN),
            "Check and failure, one key: all want to write",
        ),
        (("storm", 1, DOWN), "A storm: one key fails until it opens"),
    ];
    let is_of = |row: &Timing, of: (&str, u64, &str)| (&*row.work, row.keys, &*row.state) == of;
    let is_shown =
        |row: &&Timing| is_uniform(row) && panels.iter().any(|panel| is_of(row, panel.0));
    let rows: Vec<_> = rows.iter().filter(is_shown).collect();
    let subjects = worth_a_line(&rows, palette);
    let panel = |(what, title): ((&str, u64, &str), &str)| {
        let mut of = rows.clone();
        of.retain(|row| is_of(row, what));
        let at = |row: &Timing| (row.threads, row.threads as f64 / row.median * 1e9);
        Panel {
            title: title.to_owned(),
            series: series(&of, &subjects, at),
        }
    };
    let mut panels: Vec<_> = panels.map(panel).into();
    panels.retain(|panel| !panel.series.is_empty());
    let x = counts("threads", rows.iter().map(|row| row.threads))?;
    let y = values("requests a second, all threads together", &panels, si);
    let title = "Throughput against the number of threads";
    let about = "Higher is better. store is asked by key, handle is the circuit's own; each point is \
                 the median of the rounds. Bare operations decide nothing.";
    Some(grid((title, about), palette, &panels, (x, y)))
}

/// The time of a check against the number of keys, with nothing open and with something open.
pub(super) fn keys(rows: &[Timing], palette: &Palette) -> Option<String> {
    let of_check = |row: &&Timing| row.work == "check" && is_uniform(row);
    let threads = rows.iter().filter(of_check).map(|row| row.threads).max()?;
    let is_shown = |row: &&Timing| {
        of_check(row) && row.threads == threads && [DOWN, UP].contains(&row.state.as_str())
    };
    let rows: Vec<_> = rows.iter().filter(is_shown).collect();
    let subjects = worth_a_line(&rows, palette);
    let panel = |(state, title): (&str, &str)| {
        let mut of = rows.clone();
        of.retain(|row| row.state == state);
        Panel {
            title: title.to_owned(),
            series: series(&of, &subjects, |row| (row.keys, row.median)),
        }
    };
    let panels = [
        (DOWN, "No circuit is open (gate down)"),
        (UP, "Another one is open (gate up)"),
    ];
    let mut panels: Vec<_> = panels.map(panel).into();
    panels.retain(|panel| !panel.series.is_empty());
    let x = counts("keys", rows.iter().map(|row| row.keys))?;
    let y = values("time of one check, for each thread", &panels, time);
    let title = format!(
        "Time of a check against the number of keys, {}",
        count(threads, "thread")
    );
    let about = "Lower is better. While nothing is open, store answers without a look at the key; \
                 else a filter or a look-up answers. Each key is as frequent as any other.";
    Some(grid((&title, about), palette, &panels, (x, y)))
}

/// Every subject once, on the key that all threads want.
pub(super) fn subjects(rows: &[Timing]) -> Option<String> {
    let is_shown =
        |row: &&Timing| row.work == "check + success" && row.state == DOWN && row.keys == 1;
    let threads = rows.iter().filter(is_shown).map(|row| row.threads).max()?;
    let mut rows: Vec<_> = rows.iter().filter(is_shown).collect();
    rows.retain(|row| row.threads == threads);
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(&row.subject));
    rows.sort_by(|a, b| {
        a.median
            .total_cmp(&b.median)
            .then(a.subject.cmp(&b.subject))
    });

    let ends = rows.iter().flat_map(|row| [row.low * 0.6, row.high]);
    let scale = Scale::log_around(ends);
    let bar = |row: &&Timing| Row {
        subject: row.subject.clone(),
        bars: vec![Some(Bar {
            value: row.median,
            full: row.median,
            spread: Some((row.low, row.high)),
            text: time(row.median),
        })],
    };
    let group = Group {
        title: String::new(),
        rows: rows.iter().map(bar).collect(),
    };
    let chart = Chart {
        columns: vec![String::new()],
        axis: Axis {
            name: "time of one request, for each thread (logarithmic)".to_owned(),
            scale,
            ticks: scale
                .ticks(9)
                .into_iter()
                .map(|at| (at, time(at)))
                .collect(),
        },
    };
    let title = format!(
        "Check and success on one hot key, {} at once",
        count(threads, "thread")
    );
    let about = "Shorter is better. Bars are the median of the rounds, whiskers hold 80 % of them. In blue: \
                 breakerbox. Pale: bare operations, which decide nothing. No circuit is open.";
    let mut canvas = Canvas::new(&title, about);
    chart.draw(&mut canvas, &[group]);
    Some(canvas.finish())
}
