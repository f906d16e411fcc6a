//! A frame of the live view as a picture.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;
const PAPER: &str = "#15181e";
const INK: &str = "#d5dae3";

/// Draws a buffer on a dark card, which reads well on light and dark pages.
pub(super) fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (
        f64::from(area.width) * CELL.0,
        f64::from(area.height) * CELL.1,
    );
    let (outer_width, outer_height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {outer_width:.0} {outer_height:.0}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{PAPER}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(area.x + x, area.y + y)];
            let mut text = String::new();
            let begin = x;
            while x < area.width && alike(first, &buffer[(area.x + x, area.y + y)]) {
                text.push_str(buffer[(area.x + x, area.y + y)].symbol());
                x += 1;
            }
            run(&mut out, first, &text, (begin, x - begin, y));
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Returns whether two cells belong to one piece of text.
fn alike(a: &Cell, b: &Cell) -> bool {
    (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier) && line(a) == line(b)
}

/// Returns the part of its cell that a symbol fills, if it is drawn as a rectangle: left, top,
/// width, height. Fonts leave gaps between such symbols, rectangles don't.
fn line(cell: &Cell) -> Option<(f64, f64, f64, f64)> {
    match cell.symbol() {
        "▄" => Some((0.0, CELL.1 * 0.45, CELL.0, CELL.1 * 0.35)),
        "│" => Some((CELL.0 / 2.0 - 0.5, 0.0, 1.0, CELL.1)),
        _ => None,
    }
}

fn run(out: &mut String, style: &Cell, text: &str, (x, count, y): (u16, u16, u16)) {
    let (mut ink, mut paper) = (color(style.fg, INK), color(style.bg, PAPER));
    if style.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut ink, &mut paper);
    }
    let (left, top) = (
        MARGIN + f64::from(x) * CELL.0,
        MARGIN + f64::from(y) * CELL.1,
    );
    let width = f64::from(count) * CELL.0;
    let mut rect = |(x, y, width, height): (f64, f64, f64, f64), fill: &str| {
        let (x, y) = (left + x, top + y);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        );
    };
    if paper != PAPER {
        rect((0.0, 0.0, width, CELL.1), paper);
    }
    if let Some((x, y, one, height)) = line(style) {
        return rect((x, y, one + width - CELL.0, height), ink);
    }
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        return;
    }
    // The width of the cells, whatever font the reader's machine has.
    let length = trimmed.chars().count() as f64 * CELL.0;
    let weight = if style.modifier.contains(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" fill=\"{ink}\"{weight} textLength=\"{length:.1}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
        top + CELL.1 * 0.75,
        escaped(trimmed),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn color(color: Color, default: &'static str) -> &'static str {
    match color {
        Color::Green => "#4cc38a",
        Color::Red => "#ff6b70",
        Color::Yellow => "#f0c53f",
        Color::Cyan => "#5cc8f2",
        Color::DarkGray => "#8b93a1",
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn runs_are_merged_and_escaped() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a <b> & c", Style::new().fg(Color::Red));
        buffer.set_string(0, 1, "▄▄▄", Style::new().fg(Color::Green));
        let svg = svg(&buffer);
        assert!(svg.contains(">a &lt;b&gt; &amp; c</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1);
        // The card and the bar.
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }
}
