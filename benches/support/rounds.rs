//! Rounds in which each contender has its turn, and their summary.

/// Returns the times of each contender, round by round, in its number of `rounds`.
pub fn take_turns(rounds: &[usize], mut time: impl FnMut(usize) -> f64) -> Vec<Vec<f64>> {
    let contenders = rounds.len();
    let mut times = vec![Vec::new(); contenders];
    for round in 0..rounds.iter().copied().max().unwrap_or(0) {
        for turn in 0..contenders {
            // The order changes, so that no contender always follows the same neighbour.
            let i = (turn + round) % contenders;
            if round < rounds[i] {
                times[i].push(time(i));
            }
        }
    }
    times
}

/// Returns the factor by which it took longer than `others`: the median of the ratios of the rounds
/// that both were in, so that a disturbance affects both.
pub fn ratio(own: &[f64], others: &[f64]) -> f64 {
    let ratios = own.iter().zip(others).map(|(own, other)| own / other);
    quantile(&ratios.collect::<Vec<_>>(), 0.5)
}

/// Returns the quantile at `part`, interpolated between neighbours; `NaN` without values.
pub fn quantile(values: &[f64], part: f64) -> f64 {
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
