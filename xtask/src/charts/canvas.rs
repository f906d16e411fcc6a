//! A picture while it is drawn: texts, lines and shapes with classes, written as SVG.

use svg::Document;
use svg::node::element::{Description, Line, Path, Rectangle, Style, Text, Title};

use super::label;
use super::theme;

pub(super) const WIDTH: f64 = 820.0;
pub(super) const MARGIN: f64 = 16.0;

pub(super) type Point = (f64, f64);

#[derive(Debug)]
pub(super) struct Canvas {
    title: String,
    about: String,
    parts: Document,
    /// Where the next thing below goes.
    pub(super) below: f64,
}

impl Canvas {
    /// The title and what stands under it, which says what is shown and how to read it.
    pub(super) fn new(title: &str, about: &str) -> Self {
        let mut canvas = Self {
            title: title.to_owned(),
            about: about.to_owned(),
            parts: Document::new(),
            below: MARGIN,
        };
        canvas.paragraph(title, "ink title", theme::TITLE);
        canvas.below += 2.0;
        canvas.paragraph(about, "muted", theme::TEXT);
        canvas
    }

    fn paragraph(&mut self, text: &str, class: &str, size: f64) {
        for line in label::wrap(text, size, WIDTH - 2.0 * MARGIN) {
            self.below += size * 1.35;
            self.text((MARGIN, self.below - size * 0.35), class, &line);
        }
    }

    pub(super) fn text(&mut self, (x, y): Point, class: &str, text: &str) {
        let text = Text::new(text)
            .set("x", px(x))
            .set("y", px(y))
            .set("class", class);
        self.add(text);
    }

    pub(super) fn line(&mut self, from: Point, to: Point, class: &str) {
        let line = Line::new()
            .set("x1", px(from.0))
            .set("y1", px(from.1))
            .set("x2", px(to.0))
            .set("y2", px(to.1))
            .set("class", class);
        self.add(line);
    }

    pub(super) fn rectangle(&mut self, corner: Point, width: f64, height: f64, class: &str) {
        let rectangle = Rectangle::new()
            .set("x", px(corner.0))
            .set("y", px(corner.1))
            .set("width", px(width))
            .set("height", px(height))
            .set("class", class);
        self.add(rectangle);
    }

    pub(super) fn path(&mut self, path: &str, class: &str) {
        self.add(Path::new().set("d", path).set("class", class));
    }

    /// Through all of `points`, but for those that nobody could tell from the one before.
    pub(super) fn polyline(&mut self, points: &[Point], class: &str) {
        let mut path = String::new();
        let mut before: Option<Point> = None;
        for (i, &(x, y)) in points.iter().enumerate() {
            let is_near = |(a, b): Point| (x - a).abs() < 0.4 && (y - b).abs() < 0.4;
            if before.is_some_and(is_near) && i + 1 < points.len() {
                continue;
            }
            path += &format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, px(x), px(y));
            before = Some((x, y));
        }
        self.path(&path, class);
    }

    fn add(&mut self, node: impl Into<Box<dyn svg::Node>>) {
        svg::Node::append(&mut self.parts, node);
    }

    pub(super) fn finish(self) -> String {
        let height = (self.below + MARGIN).ceil();
        let mut document = Document::new()
            .set("width", WIDTH)
            .set("height", height)
            .set("viewBox", (0, 0, WIDTH, height))
            .set("role", "img")
            .set("aria-labelledby", "title about")
            .add(Title::new(self.title).set("id", "title"))
            .add(
                Description::new()
                    .set("id", "about")
                    .add(svg::node::Text::new(self.about)),
            )
            .add(Style::new(theme::css()))
            .add(
                Rectangle::new()
                    .set("width", WIDTH)
                    .set("height", height)
                    .set("rx", 8)
                    .set("class", "back fill"),
            );
        for part in self.parts.get_children() {
            document = document.add(part.clone());
        }
        format!("{document}\n")
    }
}

/// A tenth of a pixel is enough.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_wherever_it_goes() {
        let nasty = "a < b && \"c\" > 'd' ]]> <!--";
        let mut canvas = Canvas::new(nasty, nasty);
        canvas.text((1.0, 2.0), "ink", nasty);
        let written = canvas.finish();
        let read = roxmltree::Document::parse(&written).unwrap();
        let texts = read.descendants().filter(|node| node.is_element());
        let texts = texts.filter(|node| node.text().is_some_and(|text| text.trim() == nasty));
        assert_eq!(texts.count(), 5, "{written}");
    }

    #[test]
    fn places_have_a_tenth_at_most() {
        assert_eq!([1.0, 1.26, -0.01, 100.0].map(px), ["1", "1.3", "0", "100"]);
    }

    #[test]
    fn points_that_coincide_are_one() {
        let mut canvas = Canvas::new("", "");
        canvas.polyline(&[(0.0, 0.0), (0.1, 0.1), (5.0, 5.0), (5.1, 5.0)], "line");
        assert!(canvas.finish().contains("\"M0 0L5 5L5.1 5\""));
    }
}
