//! Scales: where on an axis a value lies, and at which values the axis has ticks.

/// A stretch of values, on a logarithmic or a linear axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    Log {
        low: f64,
        high: f64,
    },
    /// From zero.
    Linear {
        high: f64,
    },
}

impl Scale {
    /// From `low` to `high` exactly; wider where they are one value, which then is in the middle.
    pub(super) fn log(low: f64, high: f64) -> Self {
        if low < high {
            Self::Log { low, high }
        } else {
            Self::Log {
                low: low / 2.0,
                high: high * 2.0,
            }
        }
    }

    /// Around all of `values`, each positive, ending at round values.
    pub(super) fn log_around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values);
        Self::log(round_below(low), round_above(high))
    }

    /// From zero past all of `values`.
    pub(super) fn linear_to(values: impl IntoIterator<Item = f64>) -> Self {
        let (_, high) = extremes(values);
        Self::Linear { high: high * 1.05 }
    }

    /// 0 at the axis' begin, 1 at its end.
    pub(super) fn at(self, value: f64) -> f64 {
        match self {
            Self::Log { low, high } => (value / low).ln() / (high / low).ln(),
            Self::Linear { high } => value / high,
        }
    }

    /// Round values inside, `most` at most where the axis isn't absurdly long.
    pub(super) fn ticks(self, most: usize) -> Vec<f64> {
        let (low, high) = match self {
            Self::Log { low, high } => (low, high),
            Self::Linear { high } => return linear_ticks(high, most),
        };
        let every: Vec<_> = (exponent(low)..=exponent(high) + 1)
            .flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| ten_to(digit, exponent)))
            .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
            .collect();
        if every.len() <= most {
            return every;
        }
        let is_decade = |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
        let decades: Vec<_> = every.into_iter().filter(is_decade).collect();
        let stride = decades.len().div_ceil(most).max(1);
        decades.into_iter().step_by(stride).collect()
    }
}

fn extremes(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values
        .into_iter()
        .fold((f64::MAX, 0.0), |(low, high), v| (low.min(v), high.max(v)))
}

fn linear_ticks(high: f64, most: usize) -> Vec<f64> {
    let step = round_above(high / most as f64);
    (0..)
        .map(|i| f64::from(i) * step)
        .take_while(|&tick| tick <= high)
        .collect()
}

fn exponent(value: f64) -> i32 {
    value.log10().floor() as i32
}

/// Exact for what can be exact: a power of a negative exponent isn't, a quotient is.
fn ten_to(digit: f64, exponent: i32) -> f64 {
    if exponent < 0 {
        digit / 10f64.powi(-exponent)
    } else {
        digit * 10f64.powi(exponent)
    }
}

fn round_above(value: f64) -> f64 {
    let exponent = exponent(value);
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| ten_to(digit, exponent))
        .into_iter()
        .find(|&round| round >= value * 0.999)
        .unwrap_or(value)
}

fn round_below(value: f64) -> f64 {
    let exponent = exponent(value);
    [5.0, 2.0, 1.0]
        .map(|digit| ten_to(digit, exponent))
        .into_iter()
        .find(|&round| round <= value * 1.001)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_scale_ends_at_round_values_and_has_equal_decades() {
        let scale = Scale::log_around([3.0, 70.0, 410.0]);
        assert_eq!(
            scale,
            Scale::Log {
                low: 2.0,
                high: 500.0
            }
        );
        assert_eq!((scale.at(2.0), scale.at(500.0)), (0.0, 1.0));
        let decade = scale.at(30.0) - scale.at(3.0);
        assert!((decade - (scale.at(300.0) - scale.at(30.0))).abs() < 1e-12);
        assert_eq!(
            Scale::log_around([0.03, 0.9]),
            Scale::Log {
                low: 0.02,
                high: 1.0
            }
        );
    }

    #[test]
    fn one_value_is_in_the_middle() {
        assert!((Scale::log_around([10.0]).at(10.0) - 0.5).abs() < 1e-12);
        assert!((Scale::log(8.0, 8.0).at(8.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn ticks_are_few_and_round() {
        let ticks = |low, high| Scale::log(low, high).ticks(7);
        assert_eq!(ticks(2.0, 50.0), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(ticks(2.0, 20_000.0), [10.0, 100.0, 1e3, 1e4]);
        assert_eq!(ticks(0.1, 1.0), [0.1, 0.2, 0.5, 1.0]);
        assert_eq!(ticks(1.0, 1e9), [1.0, 1e2, 1e4, 1e6, 1e8]);
        let linear = Scale::linear_to([430.0]).ticks(5);
        assert_eq!(linear, [0.0, 100.0, 200.0, 300.0, 400.0]);
    }
}
