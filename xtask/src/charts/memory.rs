//! The picture of `memory.json`: what a key costs, in each state.

use super::bars::{Bar, Chart, Group, Row};
use super::canvas::Canvas;
use super::data::Memory;
use super::lines::Axis;
use super::number::{bytes, count};
use super::palette::Palette;
use super::scale::Scale;

const KEYS: [u64; 2] = [10_000, 1_000_000];
/// From this ratio on the short bars would be nothing on a linear axis.
const TOO_FAR_APART: f64 = 60.0;

pub(super) fn memory(rows: &[Memory], palette: &Palette) -> Option<String> {
    let mut rows: Vec<_> = rows.iter().filter(|row| KEYS.contains(&row.keys)).collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|row| palette.rank(&row.subject));
    let columns: Vec<_> = KEYS
        .into_iter()
        .filter(|keys| rows.iter().any(|row| row.keys == *keys))
        .collect();
    let most = rows.iter().map(|row| row.per_key).fold(0.0, f64::max);
    // What takes nothing has no place on a logarithmic axis, and none in the choice of one.
    let some = rows.iter().map(|row| row.per_key).filter(|&it| it > 0.0);
    let least = some.fold(most, f64::min);
    let is_log = most > least * TOO_FAR_APART;
    let floor = if is_log { least * 0.8 } else { 0.0 };

    let bar = |row: &&Memory| Bar {
        value: row.per_key.max(floor),
        // Parts of a bar can be compared on a linear axis only.
        full: if is_log {
            row.per_key.max(floor)
        } else {
            row.without_key
        },
        spread: None,
        text: bytes(row.per_key),
    };
    let mut groups: Vec<Group> = Vec::new();
    for row in &rows {
        if !groups.iter().any(|group| group.title == row.state) {
            groups.push(Group {
                title: row.state.clone(),
                rows: Vec::new(),
            });
        }
    }
    for group in &mut groups {
        let mut of = rows.clone();
        of.retain(|row| row.state == group.title);
        let mut subjects: Vec<_> = of.iter().map(|row| &row.subject).collect();
        subjects.dedup();
        let row = |subject: &String| {
            let at = |keys: &u64| {
                let mut of = of.iter();
                of.find(|row| row.subject == *subject && row.keys == *keys)
            };
            Row {
                subject: subject.clone(),
                bars: columns.iter().map(|keys| at(keys).map(bar)).collect(),
            }
        };
        group.rows = subjects.into_iter().map(row).collect();
    }
    groups.sort_by(|a, b| a.title.cmp(&b.title));

    let scale = if is_log {
        Scale::log_around([floor, most])
    } else {
        Scale::linear_to([most])
    };
    let chart = Chart {
        columns: columns.iter().map(|&keys| count(keys, "key")).collect(),
        axis: Axis {
            name: format!(
                "bytes for each key{}",
                if is_log { " (logarithmic)" } else { "" }
            ),
            scale,
            ticks: scale
                .ticks(5)
                .into_iter()
                .map(|at| (at, bytes(at)))
                .collect(),
        },
    };
    let title = "Memory for each key";
    let about = if is_log {
        "Shorter is better. All that the heap holds, divided by the keys. In blue: breakerbox."
    } else {
        "Shorter is better. All that the heap holds, divided by the keys; the pale part of a bar \
         is the text of the key itself. In blue: breakerbox."
    };
    let mut canvas = Canvas::new(title, about);
    chart.draw(&mut canvas, &groups);
    Some(canvas.finish())
}
