//! The picture of made-up measurements, as a whole; what makes no sense is refused by name.

use std::path::PathBuf;
use std::{env, fs, process};

use serde_json::{Value, json};

use super::picture;
use crate::error::{Error, Result};

/// A file of its own for each test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let name = format!("breakerbox-charts-{name}-{}.json", process::id());
        Self(env::temp_dir().join(name))
    }

    fn picture(&self, content: &str) -> Result<String> {
        fs::write(&self.0, content).unwrap();
        picture(&self.0)
    }

    fn complaint(&self, content: &Value) -> String {
        match self.picture(&content.to_string()) {
            Err(Error::Failed(message)) => message.replace(&*self.0.to_string_lossy(), "FILE"),
            other => panic!("{content} passed: {other:?}"),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn timing(contender: &str, threads: u64) -> Value {
    json!({
        "work": "storm", "contender": contender, "keys": 1, "threads": threads,
        "condition": "all closed", "median_ns": 20 * threads, "low_ns": 1, "extra": [1, 2],
    })
}

#[test]
fn the_picture_is_well_formed_and_as_large_as_it_says() {
    let timings = ["handle", "store", "a<b> & \"c\"", "mutex store"]
        .map(|contender| [1, 2, 16].map(|threads| timing(contender, threads)));
    let picture = File::new("all")
        .picture(&Value::from(timings.concat()).to_string())
        .unwrap();
    let read = roxmltree::Document::parse(&picture).expect("it is XML");
    let root = read.root_element();
    assert_eq!(root.attribute("viewBox"), Some("0 0 830 300"));
    assert_eq!(root.attribute("aria-labelledby"), Some("title about"));
    let texts: Vec<_> = root
        .descendants()
        .filter(|node| node.tag_name().name() == "text")
        .collect();
    for name in ["handle", "store", "recloser", "16", "threads"] {
        let is_it = |node: &roxmltree::Node<'_, '_>| node.text().map(str::trim) == Some(name);
        assert!(texts.iter().any(is_it), "{name}");
    }
    for text in texts {
        let at = |name| text.attribute(name).unwrap().parse::<f64>().unwrap();
        assert!((0.0..830.0).contains(&at("x")) && (0.0..300.0).contains(&at("y")));
    }
    // Two of ours and one other, with a line each; and their samples in the legend.
    let is_line = |node: &roxmltree::Node<'_, '_>| {
        let class = node.attribute("class").unwrap_or_default();
        class.split(' ').any(|class| class == "line")
    };
    assert_eq!(root.descendants().filter(is_line).count(), 5 + 3);
}

#[test]
fn what_makes_no_sense_is_named() {
    let file = File::new("wrong");
    for (field, value, said) in [
        ("median_ns", json!(0), "0, not a sensible number above zero"),
        (
            "median_ns",
            json!(1e300),
            "1e+300, not a sensible number above zero",
        ),
        ("threads", json!(0), "0, not a count above zero"),
        ("keys", json!("many"), "\"many\", not a count above zero"),
        ("condition", json!(7), "7, not a text"),
        ("work", json!(" "), "\" \", not a text"),
    ] {
        let mut bad = timing("store", 1);
        bad[field] = value;
        let content = json!([timing("store", 1), bad]);
        let said = format!("FILE, entry 2: `{field}` is {said}");
        assert_eq!(file.complaint(&content), said);
    }
    assert_eq!(
        file.complaint(&json!([5])),
        "FILE, entry 1: `work` is null, not a text"
    );
    assert!(file.complaint(&json!({})).ends_with("no list"));
    assert!(file.complaint(&json!([])).contains("nothing to draw"));
    assert!(file.picture("nonsense").is_err());
}
