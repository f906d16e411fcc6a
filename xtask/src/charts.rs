//! `cargo xtask charts`: the picture of `threads.json`, requests per second against threads.
//!
//! `charts/frame.svg` has what is the same in every picture: the legend, and the colours for light
//! and for dark pages.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{AtPath, Error, Result};
use crate::files;
use crate::project::Project;

const FRAME: &str = include_str!("charts/frame.svg");

/// The measurements, and the picture of them.
const DATA: &str = "threads.json";
const PICTURE: &str = "throughput.svg";

/// Contenders and their classes in the frame. The first is drawn last, above the others.
const LINES: [(&str, &str); 5] = [
    ("handle", "handle"),
    ("store", "store"),
    ("recloser", "recloser"),
    ("sharded mutex store", "sharded"),
    ("mutex store", "mutex"),
];

/// Title, work, keys and condition of each panel.
#[rustfmt::skip] // a table
const PANELS: [(&str, &str, u64, &str); 2] = [
    ("Check and success, 10,000 keys, one open", "check + success", 10_000, "one open"),
    ("A storm: one key fails until it opens", "storm", 1, "all closed"),
];

/// The width of a panel, and the place of the plot in it.
const WIDTH: f64 = 415.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 403.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 260.0;

/// The arguments of `charts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the JSON is, target/comparison without it
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Where the picture goes, docs/charts without it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// The time of one operation, as each thread sees it.
#[derive(Debug, Deserialize)]
struct Timing {
    work: String,
    contender: String,
    keys: u64,
    threads: NonZeroU16,
    condition: String,
    median_ns: f64,
}

pub(crate) fn command(project: &Project, args: Args) -> Result<()> {
    // Cargo runs this where the user stands, so that a path of theirs is as they mean it.
    let from = args.from.unwrap_or_else(|| project.target("comparison"));
    let to = args.to.unwrap_or_else(|| project.path("docs/charts"));
    draw(project, &from, &to)
}

/// Draws what was measured, as JSON in the folder `from`, into the folder `to`.
pub(crate) fn draw(project: &Project, from: &Path, to: &Path) -> Result<()> {
    let data = from.join(DATA);
    let picture = picture(&std::fs::read_to_string(&data).at(&data)?);
    let picture = picture.map_err(|why| Error::failed(format!("{}: {why}", data.display())))?;
    files::write(&to.join(PICTURE), picture)?;
    println!("{}", project.relative(&to.join(PICTURE)));
    Ok(())
}

fn picture(json: &str) -> std::result::Result<String, String> {
    let mut timings: Vec<Timing> = serde_json::from_str(json).map_err(|why| why.to_string())?;
    timings.sort_by_key(|timing| timing.threads);
    let is_time = |timing: &Timing| (0.01..1e9).contains(&timing.median_ns);
    if let Some(wrong) = timings.iter().find(|timing| !is_time(timing)) {
        return Err(format!("no sensible time: {wrong:?}"));
    }
    let mut panels = String::new();
    for (i, (title, work, keys, condition)) in PANELS.into_iter().enumerate() {
        let asked = (work, keys, condition);
        let of = |timing: &&Timing| (&*timing.work, timing.keys, &*timing.condition) == asked;
        let is_shown = |timing: &&Timing| LINES.iter().any(|line| timing.contender == line.0);
        let timings: Vec<_> = timings.iter().filter(of).filter(is_shown).collect();
        let Some(plot) = plot(&timings) else { continue };
        let (x, title) = (i as f64 * WIDTH, text("ink", 12.0, 71.0, title));
        panels += &format!("<g transform=\"translate({x})\">\n{title}{plot}</g>\n");
    }
    if panels.is_empty() {
        return Err("nothing to draw; `cargo xtask bench --only threads` measures".to_owned());
    }
    Ok(FRAME.replace("<!-- panels -->\n", &panels))
}

/// Draws the axes, both logarithmic, and a line for each contender; none where nothing was measured.
fn plot(timings: &[&Timing]) -> Option<String> {
    let threads = |timing: &Timing| f64::from(timing.threads.get());
    let rate = |timing: &Timing| (threads(timing) / timing.median_ns * 1e9).log10();
    let most = threads(timings.last()?).log2().max(1.0);
    let x = |threads: f64| LEFT + (RIGHT - LEFT) * threads.log2() / most;
    // It ends at powers of ten, or halfway to them.
    let rates = || timings.iter().map(|timing| rate(timing) * 2.0);
    let low = rates().fold(f64::MAX, f64::min).floor() / 2.0;
    let high = rates().fold(f64::MIN, f64::max).ceil() / 2.0;
    let y = |rate: f64| BOTTOM - (BOTTOM - TOP) * (rate - low) / (high - low).max(0.5);

    let mut plot = String::new();
    for exponent in low.ceil() as usize..=high.floor() as usize {
        let unit = ["", " k", " M", " G", " T", " P"][exponent / 3];
        let label = ["1", "10", "100"][exponent % 3].to_owned() + unit;
        let y = y(exponent as f64);
        plot += &format!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\n");
        plot += &text("tick left", LEFT - 8.0, y + 4.0, &label);
    }
    for count in BTreeSet::from_iter(timings.iter().map(|timing| timing.threads.get())) {
        let x = x(f64::from(count));
        plot += &format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>\n");
        plot += &text("tick", x, BOTTOM + 17.0, &count.to_string());
    }
    plot += &text("tick", (LEFT + RIGHT) / 2.0, BOTTOM + 33.0, "threads");
    for (name, class) in LINES.into_iter().rev() {
        let line = timings.iter().filter(|timing| timing.contender == name);
        let points = line.map(|timing| (x(threads(timing)), y(rate(timing))));
        let points: Vec<_> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        plot += &format!("<polyline class=\"{class}\" points=\"{points}\"/>\n");
    }
    Some(plot)
}

fn text(class: &str, x: f64, y: f64, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: &str = r#"{"work": "storm", "contender": "store", "keys": 1, "threads": 2,
        "condition": "all closed", "median_ns": 20.0, "extra": [1, 2]}"#;

    #[test]
    fn the_picture_is_well_formed_and_has_what_was_measured() {
        let more = TIMING.replace("\"threads\": 2", "\"threads\": 16");
        let [handle, other] = ["handle", "a<b>"].map(|name| TIMING.replace("store", name));
        let picture = picture(&format!("[{more}, {TIMING}, {handle}, {other}]")).unwrap();
        let read = roxmltree::Document::parse(&picture).expect("it is XML");
        let has_text = |wanted: &str| read.descendants().any(|node| node.text() == Some(wanted));
        for text in [PANELS[1].0, "100 M", "2", "16", "store"] {
            assert!(has_text(text), "{text} in {picture}");
        }
        assert!(!has_text(PANELS[0].0) && !has_text("1"));
        // A rate of 1e8, and eight times as much: an axis from there on to 1e9.
        assert!(picture.contains("<polyline class=\"store\" points=\"136.8,260.0 403.0,101.1\"/>"));
        assert!(picture.contains("<polyline class=\"handle\" points=\"136.8,260.0\"/>"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(picture(&format!("[{TIMING}]")).is_ok());
        for (from, to, complaint) in [
            ("20.0", "0", "no sensible time"),
            ("20.0", "1e300", "no sensible time"),
            ("\"threads\": 2", "\"threads\": 0", "nonzero"),
            ("\"keys\": 1", "\"keys\": true", "invalid type: boolean"),
            ("\"all closed\"", "7", "invalid type: integer `7`"),
            ("work", "wrok", "missing field `work`"),
            ("storm", "", "nothing to draw"),
        ] {
            let json = format!("[{}]", TIMING.replace(from, to));
            let said = picture(&json).unwrap_err();
            assert!(said.contains(complaint), "{said}");
        }
        assert!(picture("{}").is_err() && picture("nonsense").is_err());
    }
}
