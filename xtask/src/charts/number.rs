//! Numbers as a reader wants them: three digits at most, with a prefix for the thousands.

/// `1.2 k`, `3.4 M`; below a thousand as it is.
pub(super) fn si(value: f64) -> String {
    prefixed(value, &["", "k", "M", "G", "T"])
}

/// A time in nanoseconds, in the unit that suits it.
pub(super) fn time(ns: f64) -> String {
    prefixed(ns, &["ns", "µs", "ms", "s"])
}

pub(super) fn bytes(count: f64) -> String {
    prefixed(count, &["B", "kB", "MB", "GB"])
}

fn prefixed(mut value: f64, units: &[&str]) -> String {
    let mut units = units.iter().peekable();
    // What would round up to a thousand is of the next unit already.
    while let Some(unit) = units.next() {
        if value < 999.5 || units.peek().is_none() {
            return format!("{} {unit}", digits(value)).trim_end().to_owned();
        }
        value /= 1000.0;
    }
    unreachable!("the last unit takes any value")
}

/// Three significant digits, without zeros at the end of a fraction.
fn digits(value: f64) -> String {
    let places = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    if text.contains('.') {
        let text = text.trim_end_matches('0');
        return text.trim_end_matches('.').to_owned();
    }
    text
}

/// `1 key`, `10,000 keys`.
pub(super) fn count(number: u64, of: &str) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let plural = if number == 1 { "" } else { "s" };
    format!("{text} {of}{plural}")
}

/// The percentile above which one in `rarity` lies: `99.9` for 1000.
pub(super) fn percentile(rarity: f64) -> String {
    let percent = 100.0 - 100.0 / rarity;
    let places = (rarity.log10().round() as usize).saturating_sub(2);
    format!("{percent:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_a_prefix() {
        let of = [
            0.05,
            1.0,
            2.5,
            12.34,
            999.4,
            999.6,
            1234.0,
            3_400_000.0,
            2e15,
        ];
        let texts = [
            "0.05", "1", "2.5", "12.3", "999", "1 k", "1.23 k", "3.4 M", "2000 T",
        ];
        assert_eq!(of.map(si), texts);
        assert_eq!(time(0.5), "0.5 ns");
        assert_eq!(time(15_000.0), "15 µs");
        assert_eq!(bytes(1500.0), "1.5 kB");
    }

    #[test]
    fn counts_are_grouped_and_percentiles_have_their_nines() {
        assert_eq!(count(1, "key"), "1 key");
        assert_eq!(count(1_000_000, "key"), "1,000,000 keys");
        assert_eq!(count(100, "key"), "100 keys");
        let at = [2.0, 10.0, 100.0, 1000.0, 100_000.0];
        let texts = ["50", "90", "99", "99.9", "99.999"];
        assert_eq!(at.map(percentile), texts);
    }
}
