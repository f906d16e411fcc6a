//! Rounds in which each subject has its turn, and what they say together.

/// What `time` says of each subject, round by round, in so many `rounds` of each.
pub fn take_turns(rounds: &[usize], mut time: impl FnMut(usize) -> f64) -> Vec<Vec<f64>> {
    let subjects = rounds.len();
    let mut times = vec![Vec::new(); subjects];
    for round in 0..rounds.iter().copied().max().unwrap_or(0) {
        for turn in 0..subjects {
            // Nobody always follows the same neighbour's leftovers at the same distance.
            let i = (turn + round) % subjects;
            if round < rounds[i] {
                times[i].push(time(i));
            }
        }
    }
    times
}

/// How many times longer than `others` it took: the median of the ratios of those rounds that both
/// were in, so that what disturbs a round disturbs both.
pub fn ratio(own: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<_> = own
        .iter()
        .zip(others)
        .map(|(own, other)| own / other)
        .collect();
    quantile(&ratios, 0.5)
}

/// The value that a share of `part` of the values is below, between neighbours in proportion.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = part * (values.len() - 1) as f64;
    let (below, above) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}
