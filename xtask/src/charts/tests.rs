//! The pictures of made-up measurements, as a whole; what makes no sense is refused by name.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Drawn, draw};
use crate::error::{Error, Result};

const SUBJECTS: [&str; 5] = [
    "store",
    "handle",
    "mutex store",
    "a<b> & \"c\"",
    "atomic load",
];

/// A directory of its own for each test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("breakerbox-charts-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, name: &str, content: &impl ToString) -> Result<Vec<Drawn>> {
        fs::write(self.0.join(name), content.to_string()).unwrap();
        draw(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn timing(work: &str, subject: &str, keys: u64, threads: u64, state: &str) -> Value {
    let median = (subject.len() as u64 * threads + keys % 7) as f64;
    json!({
        "work": work, "subject": subject, "keys": keys, "threads": threads, "state": state,
        "median_ns": median, "low_ns": median * 0.9, "high_ns": median * 1.5, "extra": [1, 2],
    })
}

fn timings() -> Value {
    let mut rows = Vec::new();
    for subject in SUBJECTS {
        for (keys, threads) in [(1, 1), (1, 4), (10_000, 1), (10_000, 4)] {
            for state in ["gate down", "gate up", "1 % open"] {
                for work in ["check", "check + success", "check + failure", "storm"] {
                    rows.push(timing(work, subject, keys, threads, state));
                }
            }
        }
    }
    rows.into()
}

fn latency(subject: &str) -> Value {
    json!({
        "situation": "a storm", "subject": subject, "threads": 4, "p50_ns": 20, "p99_ns": 90,
        "p999_ns": 400, "max_ns": 750, "count": 1000,
        "histogram": [[20, 700], [100, 290], [500, 9], [1000, 1]],
    })
}

fn memory(subject: &str, keys: u64) -> Value {
    json!({
        "subject": subject, "keys": keys, "state": "closed",
        "bytes_per_key": 100 + subject.len(), "bytes_without_key": 80,
    })
}

fn all(folder: &Folder) -> Vec<Drawn> {
    let latencies: Value = SUBJECTS.map(latency).to_vec().into();
    let memories = SUBJECTS.map(|subject| memory(subject, 10_000));
    folder.put("latency.json", &latencies).unwrap();
    folder
        .put("memory.json", &Value::from(memories.to_vec()))
        .unwrap();
    folder.put("threads.json", &timings()).unwrap();
    folder.put("results.json", &timings()).unwrap()
}

#[test]
fn every_picture_is_well_formed_and_names_every_subject() {
    for (name, _, picture) in all(&Folder::new("all")) {
        let picture = picture.expect(name);
        let read = roxmltree::Document::parse(&picture).expect(name);
        let root = read.root_element();
        assert_eq!(root.attribute("role"), Some("img"), "{name}");
        assert!(root.attribute("viewBox").is_some(), "{name}");
        let ids = root.attribute("aria-labelledby").unwrap().split(' ');
        for id in ids {
            let named = |node: &roxmltree::Node<'_, '_>| node.attribute("id") == Some(id);
            let text = root.children().find(named).and_then(|node| node.text());
            assert!(
                text.is_some_and(|text| !text.trim().is_empty()),
                "{name}: {id}"
            );
        }
        for subject in SUBJECTS {
            let is_label = |node: &roxmltree::Node<'_, '_>| {
                node.has_tag_name(("http://www.w3.org/2000/svg", "text"))
                    && node.text().is_some_and(|text| text.trim() == subject)
            };
            assert!(
                read.descendants().any(|node| is_label(&node)),
                "{name}: {subject}"
            );
        }
        for nonsense in ["NaN", "inf"] {
            assert!(!picture.contains(nonsense), "{name}: {nonsense}");
        }
    }
}

#[test]
fn what_takes_nothing_is_drawn_too() {
    for most in [100, 100_000] {
        let folder = Folder::new(&format!("nothing-{most}"));
        let [mut nothing, mut one, mut other] =
            ["store", "handle", "mutex store"].map(|it| memory(it, 10_000));
        nothing["bytes_per_key"] = json!(0.0);
        nothing["bytes_without_key"] = json!(0.0);
        one["bytes_per_key"] = json!(90);
        other["bytes_per_key"] = json!(most);
        let rows = Value::from(vec![nothing, one, other]);
        let drawn = folder.put("memory.json", &rows).unwrap();
        let picture = drawn.into_iter().find(|it| it.0 == "memory.svg");
        let picture = picture.and_then(|it| it.2).expect("there are rows");
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
        assert!(picture.contains("0 B"), "{most}");
    }
}

#[test]
fn the_same_measurements_give_the_same_bytes() {
    let (one, other) = (Folder::new("one"), Folder::new("other"));
    let pictures = |folder| {
        all(folder)
            .into_iter()
            .map(|drawn| drawn.2)
            .collect::<Vec<_>>()
    };
    assert_eq!(pictures(&one), pictures(&other));
}

#[test]
fn what_there_is_is_drawn() {
    let folder = Folder::new("some");
    let drawn = |charts: Vec<Drawn>| {
        let drawn = charts.into_iter().filter(|drawn| drawn.2.is_some());
        drawn.map(|drawn| drawn.0).collect::<Vec<_>>()
    };
    assert!(drawn(draw(&folder.0).unwrap()).is_empty());
    // One thread, one key: a point for each.
    let row = timing("check + success", "store", 1, 1, "gate down");
    let charts = folder.put("results.json", &json!([row])).unwrap();
    assert_eq!(drawn(charts), ["subjects.svg"]);
    assert!(drawn(folder.put("results.json", &json!([])).unwrap()).is_empty());
    let row = timing("storm", "store", 1, 1, "gate down");
    let charts = folder.put("threads.json", &json!([row])).unwrap();
    assert_eq!(drawn(charts), ["throughput.svg"]);
}

/// What is said of `content` in the file `name`, without the folder.
fn complaint(name: &str, content: &impl ToString) -> String {
    let folder = Folder::new("nonsense");
    let said = folder.put(name, content);
    let Err(Error::Failed(said)) = said else {
        panic!("{said:?}")
    };
    let begin = format!("{}/", folder.0.display());
    said.strip_prefix(&begin)
        .expect("it begins with the path")
        .to_owned()
}

#[test]
fn nonsense_is_named_with_its_file_and_entry() {
    assert!(complaint("results.json", &"{]").starts_with("results.json: no JSON: "));
    assert_eq!(complaint("memory.json", &"{}"), "memory.json: no list");
    let good = timing("check", "store", 1, 1, "gate down");
    let with = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        complaint("results.json", &json!([good, bad]))
    };
    for (field, value, said) in [
        (
            "median_ns",
            json!(null),
            "`median_ns` is null, no sensible number above zero",
        ),
        (
            "median_ns",
            json!(-3.5),
            "`median_ns` is -3.5, no sensible number above zero",
        ),
        (
            "low_ns",
            json!(0),
            "`low_ns` is 0, no sensible number above zero",
        ),
        (
            "high_ns",
            json!(1e300),
            "`high_ns` is 1e+300, no sensible number above zero",
        ),
        (
            "high_ns",
            json!(1),
            "`median_ns` is not between `low_ns` and `high_ns`",
        ),
        (
            "threads",
            json!(0),
            "`threads` is 0, not a count above zero",
        ),
        (
            "keys",
            json!("many"),
            "`keys` is \"many\", not a count above zero",
        ),
        ("state", json!(7), "`state` is 7, not a text"),
        ("work", json!(" "), "`work` is \" \", not a text"),
    ] {
        assert_eq!(
            with(field, value),
            format!("results.json, entry 2 (store): {said}")
        );
    }
    assert_eq!(
        complaint("results.json", &json!([5])),
        "results.json, entry 1: there is no `work`"
    );
    let mut bad = latency("handle");
    for (histogram, said) in [
        (
            json!([[20, 1], [10, 1]]),
            "`histogram` is no list of [upper_ns, count], ascending from zero",
        ),
        (
            json!([[0, 1]]),
            "`histogram` is no list of [upper_ns, count], ascending from zero",
        ),
        (json!([[10, 0]]), "`histogram` counts nothing"),
    ] {
        bad["histogram"] = histogram;
        let said = format!("latency.json, entry 1 (handle): {said}");
        assert_eq!(complaint("latency.json", &json!([bad])), said);
    }
    let mut bad = memory("store", 10_000);
    bad["bytes_without_key"] = json!(1000);
    assert_eq!(
        complaint("memory.json", &json!([bad])),
        "memory.json, entry 1 (store): `bytes_without_key` is more than `bytes_per_key`"
    );
}
