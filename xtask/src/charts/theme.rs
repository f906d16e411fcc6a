//! Colours and strokes, as CSS for light and for dark, in one file.
//!
//! Only what every renderer knows: classes that set `color`, and marks that use `currentColor`.
//! The background is painted, since the page around a picture may be of the other theme.

/// Class and colour of something, in light and in dark.
type Colour = (&'static str, &'static str, &'static str);

/// Okabe and Ito's hues, which the colour-blind tell apart, darkened or lightened until each is
/// readable as text on its background.
const COLOURS: [Colour; 7] = [
    ("back", "#ffffff", "#0d1117"),
    ("ink", "#1f2328", "#e6edf3"),
    ("muted", "#59636e", "#9aa4af"),
    ("ours", "#0068ad", "#56b4f5"),
    ("hue0", "#b84a00", "#ff8a4c"),
    ("hue1", "#00785a", "#2cc295"),
    ("hue2", "#a3417b", "#e39bc8"),
];
/// Not for text, and meant to recede.
const GRID: Colour = ("grid", "#e3e7eb", "#252c35");

pub(super) const TITLE: f64 = 15.0;
pub(super) const TEXT: f64 = 13.0;
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
         .fill{{fill:currentColor}}\
         .line,.hair{{fill:none;stroke:currentColor;stroke-linejoin:round}}\
         .line{{stroke-width:2}}.line.ours{{stroke-width:3}}.hair{{stroke-width:1}}\
         .dash{{stroke-dasharray:7 4}}\
         {}@media (prefers-color-scheme:dark){{{}}}",
        colours(|of| of.1),
        colours(|of| of.2),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the contrast of two colours, as WCAG 2 defines it.
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
}
