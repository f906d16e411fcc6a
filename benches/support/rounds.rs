//! Rounds in which each contender has its turn, and what they say together.

/// Returns what `time` says of each contender, round by round, in its number of `rounds`.
pub fn take_turns(rounds: &[usize], mut time: impl FnMut(usize) -> f64) -> Vec<Vec<f64>> {
    let contenders = rounds.len();
    let mut times = vec![Vec::new(); contenders];
    for round in 0..rounds.iter().copied().max().unwrap_or(0) {
        for turn in 0..contenders {
            // No contender always follows the same neighbour's leftovers at the same distance.
            let i = (turn + round) % contenders;
            if round < rounds[i] {
                times[i].push(time(i));
            }
        }
    }
    times
}

/// Returns how many times longer than `others` it took: the median of the ratios of those rounds
/// that both were in, so that what disturbs a round disturbs both.
pub fn ratio(own: &[f64], others: &[f64]) -> f64 {
    let ratios = own.iter().zip(others).map(|(own, other)| own / other);
    quantile(&ratios.collect::<Vec<_>>(), 0.5)
}

/// Returns the value that a share of `part` of the values is below, between neighbours in
/// proportion; `NaN` of none.
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
