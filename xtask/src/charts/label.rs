//! Texts among each other: how wide they are, where a line breaks, labels that must not overlap.

/// About how wide `text` is; no font is at hand, so rather too much.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | '\'' | ',' | '.' | ' ' | '-' | '|' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' => 0.9,
        c if c.is_uppercase() => 0.72,
        _ => 0.6,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// As [`width`], of a text in bold.
pub(super) fn bold_width(text: &str, size: f64) -> f64 {
    width(text, size) * 1.1
}

/// The lines of `text`, none wider than `most` if its words allow.
pub(super) fn wrap(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line, size) + width(word, size) + width(" ", size) <= most {
            *line += " ";
            *line += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Places as near as can be to the `wanted` ones, `gap` apart and between `low` and `high`.
///
/// With `i · gap` taken off the i-th, "at least a gap apart" becomes "not descending": wanted
/// places that descend are pooled at their mean, which is the least squares' answer. Where there
/// is no room for the gap, it shrinks.
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let between = wanted.len().saturating_sub(1).max(1) as f64;
    let gap = gap.min((high - low) / between);
    let mut order: Vec<_> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));

    let mut pools: Vec<(f64, f64)> = Vec::new();
    for (rank, &i) in order.iter().enumerate() {
        let (mut sum, mut of) = (wanted[i] - rank as f64 * gap, 1.0);
        while let Some(&(before, n)) = pools.last()
            && before / n > sum / of
        {
            pools.pop();
            sum += before;
            of += n;
        }
        pools.push((sum, of));
    }
    let last = low.max(high - gap * (wanted.len().saturating_sub(1)) as f64);
    let mut places = vec![0.0; wanted.len()];
    let pooled = pools
        .iter()
        .flat_map(|&(sum, n)| std::iter::repeat_n(sum / n, n as usize));
    for ((rank, &i), place) in order.iter().enumerate().zip(pooled) {
        places[i] = place.clamp(low, last) + rank as f64 * gap;
    }
    places
}

/// Those of `ticks`, (place, text), that fit side by side; the last one always.
pub(super) fn side_by_side(ticks: &[(f64, String)], size: f64) -> Vec<&(f64, String)> {
    let mut kept: Vec<&(f64, String)> = Vec::new();
    for tick in ticks.iter().rev() {
        let half = |tick: &(f64, String)| width(&tick.1, size) / 2.0;
        if kept
            .last()
            .is_none_or(|right| right.0 - half(right) >= tick.0 + half(tick) + 3.0)
        {
            kept.push(tick);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(
            spread(&[80.0, 10.0, 40.0], 15.0, 0.0, 100.0),
            [80.0, 10.0, 40.0]
        );
        assert!(spread(&[], 15.0, 0.0, 100.0).is_empty());
    }

    #[test]
    fn labels_that_overlap_are_moved_evenly_and_keep_their_order() {
        assert_eq!(spread(&[50.0, 50.0], 10.0, 0.0, 100.0), [45.0, 55.0]);
        assert_eq!(
            spread(&[52.0, 50.0, 51.0], 10.0, 0.0, 100.0),
            [61.0, 41.0, 51.0]
        );
    }

    #[test]
    fn labels_stay_inside_even_where_there_is_little_room() {
        assert_eq!(spread(&[99.0, 98.0], 10.0, 0.0, 100.0), [100.0, 90.0]);
        assert_eq!(
            spread(&[1.0, 1.0, 1.0], 80.0, 0.0, 100.0),
            [0.0, 50.0, 100.0]
        );
        let many: Vec<_> = (0..40).map(|i| f64::from(i * 7 % 13)).collect();
        let mut placed = spread(&many, 15.0, 0.0, 1000.0);
        placed.sort_by(f64::total_cmp);
        assert!(placed.windows(2).all(|two| two[1] - two[0] > 14.999));
        assert!(placed[0] >= 0.0);
    }

    #[test]
    fn lines_break_between_words() {
        let lines = wrap("one two three four", 10.0, 60.0);
        assert!(
            lines.iter().all(|line| width(line, 10.0) <= 60.0),
            "{lines:?}"
        );
        assert_eq!(lines.join(" "), "one two three four");
        assert_eq!(wrap("unbreakable", 10.0, 1.0), ["unbreakable"]);
    }

    #[test]
    fn crowded_ticks_are_left_out_but_the_last() {
        let ticks = [0.0, 10.0, 40.0, 45.0].map(|at| (at, "16".to_owned()));
        let kept = side_by_side(&ticks, 12.0);
        assert_eq!(
            kept.iter().map(|tick| tick.0).collect::<Vec<_>>(),
            [10.0, 45.0]
        );
    }
}
