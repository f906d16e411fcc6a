//! A logarithmic axis: where on it a value lies, and its ticks.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Makes one from the least to the greatest of `values`; wider where they are one value.
    pub(super) fn over(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values);
        match low < high {
            true => Self { low, high },
            false => Self {
                low: low / 2.0,
                high: high * 2.0,
            },
        }
    }

    /// Makes one around all of `values` that ends at powers of ten, or halfway to them.
    pub(super) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extremes(values);
        Self {
            low: 10f64.powf((low.log10() * 2.0).floor() / 2.0),
            high: 10f64.powf((high.log10() * 2.0).ceil() / 2.0),
        }
    }

    /// Returns 0 at the axis' begin, 1 at its end.
    pub(super) fn at(self, value: f64) -> f64 {
        (value / self.low).ln() / (self.high / self.low).ln()
    }

    /// Returns the powers of ten inside.
    pub(super) fn decades(self) -> Vec<f64> {
        let (low, high) = (self.low.log10(), self.high.log10());
        let exponents = (low - 1e-9).ceil() as i32..=(high + 1e-9).floor() as i32;
        exponents.map(|exponent| 10f64.powi(exponent)).collect()
    }
}

fn extremes(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values
        .into_iter()
        .fold((f64::MAX, 0.0), |(low, high), v| (low.min(v), high.max(v)))
}

/// Writes a power of ten with a prefix: `100 k`, `1 M`.
pub(super) fn si(value: f64) -> String {
    let prefixes = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (unit, prefix) = prefixes
        .into_iter()
        .find(|(unit, _)| value >= unit * 0.999)
        .unwrap_or((1.0, ""));
    format!("{:.0}{prefix}", value / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_around_its_values() {
        let scale = Scale::around([2e6, 2e8]);
        assert!(scale.at(2e6) > 0.0 && scale.at(2e8) < 1.0);
        assert_eq!(scale.decades(), [1e6, 1e7, 1e8]);
        let scale = Scale::over([1.0, 4.0, 16.0]);
        assert_eq!([1.0, 4.0, 16.0].map(|at| scale.at(at)), [0.0, 0.5, 1.0]);
        assert!((Scale::over([3.0]).at(3.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn thousands_have_a_prefix() {
        let texts = [1.0, 100.0, 1e3, 1e5, 1e6, 1e9, 1e11].map(si);
        let wanted = ["1", "100", "1 k", "100 k", "1 M", "1 G", "100 G"];
        assert_eq!(texts, wanted);
    }
}
