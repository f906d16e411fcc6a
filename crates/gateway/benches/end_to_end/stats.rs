//! Medians, quantiles and spreads.

use std::time::Duration;

/// Returns the quantile at `part`, interpolated between neighbours; `NaN` without values.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = part * last as f64;
    let (below, above) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the reach of the middle half of the values.
pub(crate) fn middle_half(values: &[f64]) -> f64 {
    quantile(values, 0.75) - quantile(values, 0.25)
}

/// Returns the median and its 95 % confidence interval by ranks; with fewer than six values, the
/// outermost.
pub(crate) fn median_within(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let rank = ((count - 1.96 * count.sqrt()) / 2.0).floor().max(0.0) as usize;
    let at = |place: Option<usize>| place.map_or(f64::NAN, |place| sorted[place]);
    let low = (!sorted.is_empty()).then_some(rank);
    let high = sorted.len().checked_sub(1 + rank);
    [median(values), at(low), at(high)]
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
