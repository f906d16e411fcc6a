//! A picture while it is drawn: texts, lines and shapes with classes, written as SVG.

use svg::Document;
use svg::node::element::{Description, Line, Path, Rectangle, Style, Text, Title};

use super::theme;

/// The width of a README's column on its site, so that a pixel here is one there.
pub(super) const WIDTH: f64 = 830.0;
pub(super) const HEIGHT: f64 = 300.0;

pub(super) type Point = (f64, f64);

#[derive(Debug)]
pub(super) struct Canvas(Document);

impl Canvas {
    /// Makes one with a title and a description for readers that can't see the picture.
    pub(super) fn new(title: &str, about: &str) -> Self {
        let about = svg::node::Text::new(about);
        let back = Rectangle::new()
            .set("width", WIDTH)
            .set("height", HEIGHT)
            .set("rx", 8)
            .set("class", "back fill");
        Self(
            Document::new()
                .set("width", WIDTH)
                .set("height", HEIGHT)
                .set("viewBox", (0, 0, WIDTH, HEIGHT))
                .set("role", "img")
                .set("aria-labelledby", "title about")
                .add(Title::new(title).set("id", "title"))
                .add(Description::new().set("id", "about").add(about))
                .add(Style::new(theme::css()))
                .add(back),
        )
    }

    pub(super) fn text(&mut self, (x, y): Point, class: &str, text: &str) {
        self.add(
            Text::new(text)
                .set("x", px(x))
                .set("y", px(y))
                .set("class", class),
        );
    }

    pub(super) fn line(&mut self, from: Point, to: Point, class: &str) {
        self.add(
            Line::new()
                .set("x1", px(from.0))
                .set("y1", px(from.1))
                .set("x2", px(to.0))
                .set("y2", px(to.1))
                .set("class", class),
        );
    }

    pub(super) fn path(&mut self, points: &[Point], end: &str, class: &str) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{} {}", px(*x), px(*y)))
            .collect();
        let d = format!("M{}{end}", points.join("L"));
        self.add(Path::new().set("d", d).set("class", class));
    }

    fn add(&mut self, node: impl Into<Box<dyn svg::Node>>) {
        svg::Node::append(&mut self.0, node);
    }

    pub(super) fn finish(self) -> String {
        format!("{}\n", self.0)
    }
}

/// Writes a place to a tenth of a pixel.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
