//! The picture of `threads.json`: requests a second against threads, while calls succeed and while
//! they fail.

use std::collections::BTreeSet;

use super::canvas::{Canvas, HEIGHT, Point, WIDTH};
use super::data::Timing;
use super::scale::{Scale, si};
use super::theme::TEXT;

/// Contender, colour, whether its line is dashed, and the corners of its mark.
type Look = (&'static str, &'static str, bool, &'static [Point]);

const SQUARE: &[Point] = &[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)];
const DIAMOND: &[Point] = &[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)];
const UP: &[Point] = &[(0.0, -5.0), (4.8, 3.6), (-4.8, 3.6)];
const DOWN: &[Point] = &[(0.0, 5.0), (4.8, -3.6), (-4.8, -3.6)];

/// Ours by handle and by key, what people write themselves, and the peer that copes best.
const LINES: [Look; 5] = [
    ("handle", "ours", false, SQUARE),
    ("store", "ours", true, DIAMOND),
    ("recloser", "hue1", false, UP),
    ("sharded mutex store", "hue0", false, DOWN),
    ("mutex store", "hue2", false, SQUARE),
];

/// Title, work, keys and condition.
const PANELS: [(&str, &str, u64, &str); 2] = [
    (
        "Check and success, 10,000 keys, one open",
        "check + success",
        10_000,
        "one open",
    ),
    (
        "A storm: one key fails until it opens",
        "storm",
        1,
        "all closed",
    ),
];

const MARGIN: f64 = 12.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = HEIGHT - 40.0;
/// The width of the ticks on the left of a plot.
const TICKS: f64 = 48.0;

/// Draws both panels; none where there is nothing for them.
pub(super) fn draw(timings: &[Timing]) -> Option<String> {
    let mut canvas = Canvas::new(
        "Requests per second against threads",
        "All threads together, on logarithmic axes; higher is better. breakerbox by handle and by key, \
         beside another crate and beside maps behind locks.",
    );
    let title = (MARGIN, 21.0);
    canvas.text(
        title,
        "ink title",
        "Requests per second, all threads together",
    );
    legend(&mut canvas);
    let width = WIDTH / 2.0;
    let mut is_empty = true;
    for (i, panel) in PANELS.into_iter().enumerate() {
        let (_, work, keys, condition) = panel;
        let is_of = |timing: &&Timing| {
            (&*timing.work, timing.keys, &*timing.condition) == (work, keys, condition)
        };
        let timings: Vec<_> = timings.iter().filter(is_of).collect();
        let left = i as f64 * width;
        canvas.text((left + MARGIN, TOP - 13.0), "ink strong", panel.0);
        is_empty &= plot(&mut canvas, &timings, (left + TICKS, left + width - MARGIN)).is_none();
    }
    (!is_empty).then(|| canvas.finish())
}

/// One row for both panels, so that names take nothing from the width of the plots.
fn legend(canvas: &mut Canvas) {
    let mut x = MARGIN;
    for look in LINES {
        let (name, colour, ..) = look;
        draw_line(canvas, look, &[(x, 42.0), (x + 28.0, 42.0)]);
        draw_mark(canvas, look, (x + 14.0, 42.0));
        canvas.text((x + 34.0, 46.4), &format!("{colour} strong"), name);
        x += 34.0 + name.len() as f64 * TEXT * 0.6 + 22.0;
    }
}

/// Draws the axes and a line for each contender; nothing where nothing was measured.
fn plot(canvas: &mut Canvas, timings: &[&Timing], (left, right): (f64, f64)) -> Option<()> {
    let shown = |timing: &&&Timing| LINES.iter().any(|look| look.0 == timing.contender);
    let timings: Vec<_> = timings.iter().filter(shown).collect();
    let threads: BTreeSet<_> = timings.iter().map(|timing| timing.threads).collect();
    threads.first()?;
    let per_second = |timing: &Timing| timing.threads as f64 / timing.median * 1e9;
    let across = Scale::over(threads.iter().map(|&threads| threads as f64));
    let up = Scale::around(timings.iter().map(|timing| per_second(timing)));
    let x = |threads: u64| left + (right - left) * across.at(threads as f64);
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * up.at(value);

    for tick in up.decades() {
        let y = y(tick);
        canvas.line((left, y), (right, y), "grid hair");
        canvas.text((left - 8.0, y + 4.0), "muted small end", &si(tick));
    }
    for &threads in &threads {
        let x = x(threads);
        canvas.line((x, TOP), (x, BOTTOM), "grid hair");
        let below = (x, BOTTOM + 17.0);
        canvas.text(below, "muted small middle", &threads.to_string());
    }
    let middle = ((left + right) / 2.0, BOTTOM + 33.0);
    canvas.text(middle, "muted small middle", "threads");
    // Ours last, so that they lie above the others.
    for look in LINES.into_iter().rev() {
        let of = timings.iter().filter(|timing| timing.contender == look.0);
        let mut points: Vec<_> = of
            .map(|timing| (x(timing.threads), y(per_second(timing))))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !points.is_empty() {
            draw_line(canvas, look, &points);
        }
        for point in points {
            draw_mark(canvas, look, point);
        }
    }
    Some(())
}

fn draw_line(canvas: &mut Canvas, (_, colour, is_dashed, _): Look, points: &[Point]) {
    let dash = if is_dashed { " dash" } else { "" };
    canvas.path(points, "", &format!("{colour} line{dash}"));
}

fn draw_mark(canvas: &mut Canvas, (_, colour, _, corners): Look, (x, y): Point) {
    let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
    canvas.path(&corners, "z", &format!("{colour} fill"));
}
