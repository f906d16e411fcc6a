//! Checks by key while so many other circuits are open.

use crate::{Length, undisturbed};
use breakerbox_benches::case::Case;
use breakerbox_benches::keys::{Distribution, Keys};
use breakerbox_benches::own::Own;
use breakerbox_benches::rounds::{quantile, take_turns};
use breakerbox_benches::rules::Rules;
use breakerbox_benches::store::{Circuits, Std, Store};
use breakerbox_benches::table::{Table, percent};
use breakerbox_benches::threads::timed;
use serde_json::{Value, json};

const OPEN: [usize; 6] = [0, 1, 10, 100, 1_000, 10_000];
const SLOTS: f64 = 1_024.0;

pub(crate) struct Row {
    open: usize,
    ns: f64,
    predicted: Option<f64>,
}

/// The share of keys that have a slot in common with an open circuit.
fn looked_up(open: usize) -> f64 {
    1.0 - (1.0 - 1.0 / SLOTS).powf(open as f64)
}

pub(crate) fn measure(keys: &'static Keys, length: Length) -> Vec<Row> {
    let stores = OPEN.map(|open| {
        let own = Own::<Std>::new(Rules::OUT_OF_REACH, &keys.names);
        for i in 0..open {
            own.open(&format!("other-{i:07}.internal:443"));
        }
        own
    });
    let names = &keys.lists(Distribution::Uniform).names;
    let case = |own| Case::new(&**names, move |key| Own::<Std>::check(own, key));
    let cases = stores.each_ref().map(case);
    let rounds = take_turns(&[length.rounds; OPEN.len()], |i| {
        undisturbed(|| timed(&cases[i], 1, length.ops))
    });
    let medians: Vec<_> = rounds.iter().map(|times| quantile(times, 0.5)).collect();
    let (skipped, found) = (medians[1], medians[OPEN.len() - 1]);
    let row = |(&open, &ns): (&usize, &f64)| Row {
        open,
        ns,
        // The ends are what the prediction is made from.
        predicted: (open > 1 && open < OPEN[OPEN.len() - 1])
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
            percent(looked_up(row.open)),
            format!("{:.1}", row.ns),
            row.predicted
                .map_or("–".to_owned(), |ns| format!("{ns:.1}")),
        ]);
    }
    table
}

pub(crate) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "open": row.open,
            "looked_up": looked_up(row.open),
            "median_ns": row.ns,
            "predicted_ns": row.predicted,
        })
    };
    rows.iter().map(row).collect()
}
