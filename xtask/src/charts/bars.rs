//! Horizontal bars: groups of subjects, one or more columns with an axis of their own, values said.

use super::canvas::{Canvas, MARGIN, WIDTH, px};
use super::label;
use super::lines::Axis;
use super::palette::{Family, family};
use super::theme::{SMALL, TEXT};

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) value: f64,
    /// The part of it up to here is drawn full, the rest pale.
    pub(super) full: f64,
    /// From where to where the value was seen.
    pub(super) spread: Option<(f64, f64)>,
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) subject: String,
    /// One for each column; none where it wasn't measured.
    pub(super) bars: Vec<Option<Bar>>,
}

#[derive(Debug)]
pub(super) struct Group {
    /// Empty where there is but one.
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Chart {
    /// Their titles, empty where one needs none.
    pub(super) columns: Vec<String>,
    pub(super) axis: Axis,
}

const ROW: f64 = 23.0;
const BAR: f64 = 13.0;
const GUTTER: f64 = 18.0;

impl Chart {
    pub(super) fn draw(&self, canvas: &mut Canvas, groups: &[Group]) {
        let rows = || groups.iter().flat_map(|group| &group.rows);
        let widest = |texts: &mut dyn Iterator<Item = &str>| {
            let widths = texts.map(|text| label::bold_width(text, TEXT));
            widths.fold(0.0, f64::max) + 10.0
        };
        let names = widest(&mut rows().map(|row| row.subject.as_str()));
        let bars = rows().flat_map(|row| row.bars.iter().flatten());
        let values = widest(&mut bars.map(|bar| bar.text.as_str()));

        let count = self.columns.len() as f64;
        let column = (WIDTH - 2.0 * MARGIN - names - GUTTER * (count - 1.0)) / count;
        let width = column - values;
        let left = |i: usize| MARGIN + names + i as f64 * (column + GUTTER);

        if self.columns.iter().any(|title| !title.is_empty()) {
            canvas.below += 24.0;
            for (i, title) in self.columns.iter().enumerate() {
                canvas.text((left(i), canvas.below), "ink strong", title);
            }
        }
        let top = canvas.below + 8.0;
        let mut y = top;
        let mut placed = Vec::new();
        for group in groups {
            if !group.title.is_empty() {
                y += 26.0;
                canvas.text((MARGIN, y - 6.0), "ink strong", &group.title);
            }
            for row in &group.rows {
                placed.push((y + ROW / 2.0, row));
                y += ROW;
            }
        }
        for i in 0..self.columns.len() {
            self.axis(canvas, left(i), width, (top, y));
        }
        for (y, row) in placed {
            let ours = family(&row.subject) == Family::Ours;
            let class = if ours { "ours strong end" } else { "ink end" };
            canvas.text((MARGIN + names - 8.0, y + 4.2), class, &row.subject);
            for (i, bar) in row.bars.iter().enumerate() {
                if let Some(bar) = bar {
                    self.bar(canvas, bar, (left(i), y), width, family(&row.subject));
                }
            }
        }
        canvas.below = y + 38.0;
    }

    fn axis(&self, canvas: &mut Canvas, left: f64, width: f64, (top, bottom): (f64, f64)) {
        let place = |(value, text): &(f64, String)| {
            (left + width * self.axis.scale.at(*value), text.clone())
        };
        let ticks: Vec<_> = self.axis.ticks.iter().map(place).collect();
        for (x, text) in label::side_by_side(&ticks, SMALL) {
            canvas.line((*x, top), (*x, bottom + 4.0), "grid hair");
            canvas.text((*x, bottom + 19.0), "muted small middle", text);
        }
        let below = (left + width / 2.0, bottom + 36.0);
        canvas.text(below, "muted small middle", &self.axis.name);
    }

    fn bar(
        &self,
        canvas: &mut Canvas,
        bar: &Bar,
        (left, y): (f64, f64),
        width: f64,
        family: Family,
    ) {
        let to = |value| (width * self.axis.scale.at(value)).max(0.0);
        let colour = if family == Family::Ours {
            "ours"
        } else {
            "other"
        };
        let corner = (left, y - BAR / 2.0);
        // A floor is pale: it does less than what it is compared with.
        let fill = match family {
            Family::Ours => "fill",
            Family::Other => "soft",
            Family::Floor => "pale",
        };
        if bar.full < bar.value {
            canvas.rectangle(corner, to(bar.value), BAR, &format!("{colour} pale"));
        }
        canvas.rectangle(corner, to(bar.full), BAR, &format!("{colour} {fill}"));
        let mut end = left + to(bar.value);
        if let Some((low, high)) = bar.spread {
            let (low, high) = (left + to(low), left + to(high));
            // With a seam of the background around it, to be seen on a bar of any colour.
            for class in ["back seam", "ink rule"] {
                let d = format!(
                    "M{0} {1}v7m0 -3.5H{2}m0 -3.5v7",
                    px(low),
                    px(y - 3.5),
                    px(high)
                );
                canvas.path(&d, class);
            }
            end = end.max(high);
        }
        let class = if family == Family::Ours {
            "ours strong"
        } else {
            "ink"
        };
        canvas.text((end + 6.0, y + 4.2), class, &bar.text);
    }
}
