//! Colours and strokes, as CSS for light and for dark, in one file.
//!
//! Only what every renderer knows: classes that set `color`, and marks that use `currentColor`.
//! The background is painted, since the page around a picture may be of the other theme.

/// Class and colour of something, in light and in dark.
pub(super) type Colour = (&'static str, &'static str, &'static str);

/// Okabe and Ito's hues, which the colour-blind tell apart, darkened or lightened until each is
/// readable as text on its background.
pub(super) const COLOURS: [Colour; 10] = [
    ("back", "#ffffff", "#0d1117"),
    ("ink", "#1f2328", "#e6edf3"),
    ("muted", "#59636e", "#9aa4af"),
    ("ours", "#0068ad", "#56b4f5"),
    ("other", "#6a737d", "#8b949e"),
    ("hue0", "#b84a00", "#ff8a4c"),
    ("hue1", "#00785a", "#2cc295"),
    ("hue2", "#a3417b", "#e39bc8"),
    ("hue3", "#8a6100", "#e9ac2f"),
    ("hue4", "#30363d", "#d5dce4"),
];
pub(super) const HUES: usize = 5;
/// Not for text, and meant to recede.
const GRID: Colour = ("grid", "#e3e7eb", "#252c35");

pub(super) const TITLE: f64 = 17.0;
pub(super) const TEXT: f64 = 12.5;
pub(super) const SMALL: f64 = 12.0;

pub(super) fn css() -> String {
    let colours = |pick: fn(Colour) -> &'static str| -> String {
        let rule = |of: Colour| format!(".{}{{color:{}}}", of.0, pick(of));
        COLOURS.into_iter().chain([GRID]).map(rule).collect()
    };
    format!(
        "text{{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;\
         font-size:{TEXT}px;fill:currentColor}}\
         .title{{font-size:{TITLE}px;font-weight:600}}.strong{{font-weight:600}}\
         .small{{font-size:{SMALL}px}}.end{{text-anchor:end}}.middle{{text-anchor:middle}}\
         .fill{{fill:currentColor}}.pale{{fill:currentColor;fill-opacity:.35}}.soft{{fill:currentColor;fill-opacity:.75}}\
         .line,.hair,.lead,.rule,.seam{{fill:none;stroke:currentColor;stroke-linejoin:round}}\
         .line{{stroke-width:1.7;stroke-linecap:round}}.line.ours{{stroke-width:3.2}}\
         .hair{{stroke-width:1}}.lead{{stroke-width:1;stroke-opacity:.55}}\
         .rule{{stroke-width:1.4}}.seam{{stroke-width:3.6;stroke-opacity:.75}}\
         .dash1{{stroke-dasharray:8 5}}.dash2{{stroke-dasharray:1 4.5}}\
         .dash3{{stroke-dasharray:9 4 1 4}}\
         {}@media (prefers-color-scheme:dark){{{}}}",
        colours(|of| of.1),
        colours(|of| of.2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two colours, as WCAG 2 defines it.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
                let value = f64::from(value) / 255.0;
                if value <= 0.03928 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        (one / other).max(other / one)
    }

    #[test]
    fn every_colour_is_readable_in_both_themes() {
        let [back, rest @ ..] = COLOURS;
        for (name, light, dark) in rest {
            assert!(contrast(light, back.1) >= 4.5, "{name} in light");
            assert!(contrast(dark, back.2) >= 4.5, "{name} in dark");
        }
    }

    #[test]
    fn each_hue_has_a_colour() {
        for hue in 0..HUES {
            let class = format!("hue{hue}");
            assert!(COLOURS.iter().any(|colour| colour.0 == class));
        }
    }
}
