//! Checks by key while N other circuits are open.

use crate::Length;
use breakerbox_benches::case::Case;
use breakerbox_benches::keys::Keys;
use breakerbox_benches::own::Own;
use breakerbox_benches::rounds::{quantile, take_turns};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Store};
use breakerbox_benches::table::{Table, percent};
use breakerbox_benches::threads::{timed, undisturbed};
use serde::Serialize;

const OPEN: [usize; 6] = [0, 1, 10, 100, 1_000, 10_000];
const STRIPES: f64 = 1_024.0;

#[derive(Serialize)]
pub(crate) struct Row {
    open: usize,
    /// The model's prediction.
    looked_up: f64,
    median_ns: f64,
    predicted_ns: Option<f64>,
}

/// Returns the share of keys that share a stripe with an open circuit.
fn looked_up(open: usize) -> f64 {
    1.0 - (1.0 - 1.0 / STRIPES).powf(open as f64)
}

pub(crate) fn measure(keys: &Keys, length: Length) -> Vec<Row> {
    let stores = OPEN.map(|open| {
        let own: Own = Own::new(Rules::OUT_OF_REACH, keys.names);
        for i in 0..open {
            own.open(&format!("other-{i:07}.internal:443"));
        }
        own
    });
    let case = |own| Case::new(&*keys.lists, move |key| Own::check(own, key));
    let cases = stores.each_ref().map(case);
    let rounds = take_turns(&[length.rounds; OPEN.len()], |i| {
        undisturbed(|| timed(&cases[i], 1, length.ops)).ns
    });
    let medians: Vec<_> = rounds.iter().map(|times| quantile(times, 0.5)).collect();
    let (skipped, found) = (medians[1], medians[OPEN.len() - 1]);
    let row = |(&open, &median_ns): (&usize, &f64)| Row {
        open,
        looked_up: looked_up(open),
        median_ns,
        // The prediction is made from the ends.
        predicted_ns: (open > 1 && open < OPEN[OPEN.len() - 1])
            .then(|| skipped + looked_up(open) * (found - skipped)),
    };
    OPEN.iter().zip(&medians).map(row).collect()
}

pub(crate) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "other circuits open",
        "keys looked up, by the model",
        "key: check, ns",
        "predicted",
    ]);
    for row in rows {
        table.push(vec![
            row.open.to_string(),
            percent(row.looked_up),
            format!("{:.1}", row.median_ns),
            row.predicted_ns
                .map_or("–".to_owned(), |ns| format!("{ns:.1}")),
        ]);
    }
    table
}
