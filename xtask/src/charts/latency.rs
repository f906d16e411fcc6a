//! The picture of `latency.json`: how long the slowest few take, in each situation.

use super::canvas::{Canvas, Point};
use super::data::Latency;
use super::lines::{Axis, Grid, Panel, Series};
use super::number::{count, percentile, time};
use super::palette::Palette;
use super::scale::Scale;

/// The percentile at which the picture begins, as "one in".
const FROM: f64 = 2.0;

fn total(row: &Latency) -> u64 {
    row.histogram.iter().map(|bucket| bucket.1).sum()
}

/// Steps of (one in so many, the time that it takes at least), no rarer than one in `until`.
fn curve(row: &Latency, until: f64) -> Vec<Point> {
    let total = total(row);
    let one_in = |seen: u64| total as f64 / (total - seen).max(1) as f64;
    let mut seen = 0;
    let mut points = Vec::new();
    for &(upper, count) in row.histogram.iter().filter(|bucket| bucket.1 > 0) {
        let (from, to) = (one_in(seen), one_in(seen + count));
        seen += count;
        if to >= FROM && from < until {
            let time = upper.min(row.max);
            points.extend([(from.max(FROM), time), (to.min(until), time)]);
        }
    }
    points
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(rest).collect()
}

pub(super) fn latency(rows: &[Latency], palette: &Palette) -> Option<String> {
    // As far as every line goes, in whole nines: further right, fewer of them would be compared.
    let fewest = rows.iter().map(total).min()?.max(10);
    let until = 10f64.powi(fewest.ilog10() as i32);
    let mut panels: Vec<((&str, u64), Panel)> = Vec::new();
    for row in rows {
        let points = curve(row, until);
        let is_of = (row.situation.as_str(), row.threads);
        let at = panels.iter().position(|panel| panel.0 == is_of);
        let at = at.unwrap_or_else(|| {
            let threads = count(row.threads, "thread");
            let title = capital(&format!("{}, {threads}", row.situation));
            panels.push((
                is_of,
                Panel {
                    title,
                    series: Vec::new(),
                },
            ));
            panels.len() - 1
        });
        let series = &mut panels[at].1.series;
        if series.iter().all(|series| series.subject != row.subject) {
            series.push(Series {
                subject: row.subject.clone(),
                points,
            });
        }
    }
    let panels: Vec<_> = panels.into_iter().map(|panel| panel.1).collect();

    let points = || {
        let series = panels.iter().flat_map(|panel| &panel.series);
        series.flat_map(|series| &series.points)
    };
    let nines = (1..)
        .map(|nines| 10f64.powi(nines))
        .take_while(|&one_in| one_in <= until);
    let y = Scale::log_around(points().map(|point| point.1));
    let grid = Grid {
        x: Axis {
            name: "percentile of the calls".to_owned(),
            scale: Scale::log(FROM, until),
            ticks: [FROM]
                .into_iter()
                .chain(nines)
                .map(|at| (at, percentile(at)))
                .collect(),
        },
        y: Axis {
            name: "latency".to_owned(),
            scale: y,
            ticks: y.ticks(9).into_iter().map(|at| (at, time(at))).collect(),
        },
        height: 230.0,
        marks: false,
    };
    let title = format!(
        "Latency of single calls, up to {} % of them",
        percentile(until)
    );
    let about = "Lower is better, and flatter: with each nine, calls are ten times as rare.";
    let mut canvas = Canvas::new(&title, about);
    grid.draw(&mut canvas, palette, &panels);
    Some(canvas.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_at_the_slowest_call_or_where_all_do() {
        let row = Latency {
            situation: "s".to_owned(),
            subject: "store".to_owned(),
            threads: 1,
            max: 750.0,
            histogram: vec![(10.0, 40), (20.0, 50), (50.0, 0), (100.0, 9), (1000.0, 1)],
        };
        let steps = [
            (2.0, 20.0),
            (10.0, 20.0),
            (10.0, 100.0),
            (100.0, 100.0),
            (100.0, 750.0),
            (100.0, 750.0),
        ];
        assert_eq!(curve(&row, 1000.0), steps);
        assert_eq!(curve(&row, 50.0)[2..], [(10.0, 100.0), (50.0, 100.0)]);
    }
}
