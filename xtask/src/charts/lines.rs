//! Small multiples of lines: panels side by side with the same axes, each line labelled at its end.

use super::canvas::{Canvas, MARGIN, Point, WIDTH, px};
use super::label;
use super::palette::{Look, Palette};
use super::scale::Scale;
use super::theme::{SMALL, TEXT};

#[derive(Debug)]
pub(super) struct Axis {
    /// What is measured, in which unit.
    pub(super) name: String,
    pub(super) scale: Scale,
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) subject: String,
    /// From left to right.
    pub(super) points: Vec<Point>,
}

#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) series: Vec<Series>,
}

#[derive(Debug)]
pub(super) struct Grid {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Of what is between the axes.
    pub(super) height: f64,
    /// Whether points are values that were measured, rather than steps of a curve.
    pub(super) marks: bool,
}

const COLUMNS: usize = 2;
const GUTTER: f64 = 22.0;
/// Between a line's last point and its label.
const LEAD: f64 = 18.0;
const LABEL_GAP: f64 = 15.5;

/// Where the values of one panel are.
struct Area<'a> {
    grid: &'a Grid,
    left: f64,
    top: f64,
    width: f64,
}

impl Area<'_> {
    fn at(&self, (x, y): Point) -> Point {
        (
            self.left + self.width * self.grid.x.scale.at(x),
            self.top + self.grid.height * (1.0 - self.grid.y.scale.at(y)),
        )
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.grid.height
    }
}

impl Grid {
    /// Draws `panels` in rows, below what is there.
    pub(super) fn draw(&self, canvas: &mut Canvas, palette: &Palette, panels: &[Panel]) {
        let ticks = self.y.ticks.iter();
        let left = ticks
            .map(|tick| label::width(&tick.1, SMALL))
            .fold(0.0, f64::max)
            + 8.0;
        let series = panels.iter().flat_map(|panel| &panel.series);
        let label = |series: &Series| label::bold_width(&series.subject, TEXT);
        let right = LEAD + series.map(label).fold(0.0, f64::max);

        let columns = COLUMNS.min(panels.len()) as f64;
        let panel_width = (WIDTH - 2.0 * MARGIN - GUTTER * (columns - 1.0)) / columns;
        for row in panels.chunks(COLUMNS) {
            canvas.below += 24.0;
            let title = canvas.below;
            for (column, panel) in row.iter().enumerate() {
                let corner = MARGIN + column as f64 * (panel_width + GUTTER);
                canvas.text((corner, title), "ink strong", &panel.title);
                canvas.text((corner, title + 18.0), "muted small", &self.y.name);
                let area = Area {
                    grid: self,
                    left: corner + left,
                    top: title + 32.0,
                    width: panel_width - left - right,
                };
                self.axes(canvas, &area);
                self.lines(canvas, palette, &area, &panel.series);
                canvas.below = area.bottom() + 36.0;
            }
        }
    }

    fn axes(&self, canvas: &mut Canvas, area: &Area<'_>) {
        for (value, text) in &self.y.ticks {
            let y = area.bottom() - self.height * self.y.scale.at(*value);
            canvas.line((area.left, y), (area.right(), y), "grid hair");
            canvas.text((area.left - 6.0, y + 4.0), "muted small end", text);
        }
        let place = |(value, text): &(f64, String)| {
            (
                area.left + area.width * self.x.scale.at(*value),
                text.clone(),
            )
        };
        let ticks: Vec<_> = self.x.ticks.iter().map(place).collect();
        for (x, text) in label::side_by_side(&ticks, SMALL) {
            canvas.line((*x, area.top), (*x, area.bottom()), "grid hair");
            canvas.text((*x, area.bottom() + 16.0), "muted small middle", text);
        }
        let middle = area.left + area.width / 2.0;
        let below = area.bottom() + 33.0;
        canvas.text((middle, below), "muted small middle", &self.x.name);
    }

    /// Ours last, so that they lie above the others.
    fn lines(&self, canvas: &mut Canvas, palette: &Palette, area: &Area<'_>, series: &[Series]) {
        let mut lines: Vec<_> = series
            .iter()
            .filter(|series| !series.points.is_empty())
            .map(|series| {
                let points: Vec<_> = series.points.iter().map(|&at| area.at(at)).collect();
                (palette.look(&series.subject), &series.subject, points)
            })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(palette.rank(line.1)));

        let last = |points: &[Point]| *points.last().expect("without points it is no line");
        let ends: Vec<_> = lines.iter().map(|line| last(&line.2).1).collect();
        let labels = label::spread(&ends, LABEL_GAP, area.top, area.bottom());
        for ((look, subject, points), y) in lines.iter().zip(labels) {
            let end = last(points);
            let corner = (area.right() + LEAD - 3.0, y);
            canvas.polyline(&[end, corner], &format!("{} lead", look.colour));
            canvas.polyline(points, &look.line());
            if self.marks {
                for &point in points {
                    canvas.path(&mark(look, point), &format!("{} fill", look.colour));
                }
            }
            canvas.text((corner.0 + 3.0, y + 4.2), &look.text(), subject);
        }
    }
}

/// A shape around a point, so that lines are told apart by more than their colours.
fn mark(look: &Look, (x, y): Point) -> String {
    let r = if look.colour == "ours" { 4.6 } else { 3.6 };
    let corners = match look.mark % 4 {
        0 => {
            let (left, r) = (px(x - r), px(r));
            let two = px(2.0 * r.parse::<f64>().unwrap_or(4.0));
            return format!(
                "M{left} {}a{r} {r} 0 1 0 {two} 0a{r} {r} 0 1 0 -{two} 0z",
                px(y)
            );
        }
        1 => vec![(-r, -r), (r, -r), (r, r), (-r, r)],
        2 => vec![(0.0, -r * 1.3), (r * 1.2, r), (-r * 1.2, r)],
        _ => vec![
            (0.0, -r * 1.35),
            (r * 1.35, 0.0),
            (0.0, r * 1.35),
            (-r * 1.35, 0.0),
        ],
    };
    let corner = |(dx, dy): &Point| format!("{} {}", px(x + dx), px(y + dy));
    let corners: Vec<_> = corners.iter().map(corner).collect();
    format!("M{}z", corners.join("L"))
}
