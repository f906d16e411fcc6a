//! Each setting is set, read, told and documented.

use super::*;

const GUIDE: &str = include_str!("../../../docs/guide.md");

/// Returns the rows of the guide's table of settings: name, values and default of each.
fn rows() -> Vec<[&'static str; 3]> {
    let (_, table) = GUIDE.split_once("<!-- settings -->").unwrap();
    let (table, _) = table.split_once("<!-- /settings -->").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`');
        [name, cells.next().unwrap(), cells.next().unwrap()]
    })
    .collect()
}

#[test]
fn the_guide_lists_each_setting() {
    let names: Vec<_> = rows().iter().map(|[name, ..]| *name).collect();
    assert_eq!(names, Settings::NAMES);
}

/// Returns what stands in a cell as code, but for names of other settings.
#[cfg(feature = "serde")]
fn codes(cell: &'static str) -> impl Iterator<Item = &'static str> {
    let codes = cell.split('`').skip(1).step_by(2);
    codes.filter(|code| !Settings::NAMES.contains(code))
}

/// A value in the table is in the form of files, and a default that can stand alone is one.
#[cfg(feature = "serde")]
#[test]
fn the_values_in_the_guide_are_true() {
    let read = |name, value| {
        let settings = toml::from_str::<Settings>(&format!("{name} = {value}"));
        let settings = settings.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(settings.check(), Ok(()), "{name} = {value}");
        settings
    };
    let mut defaults = 0;
    for [name, values, default] in rows() {
        codes(values).for_each(|value| drop(read(name, value)));
        for policy in codes(default).filter_map(|value| read(name, value).build().ok()) {
            assert_eq!(policy, Policy::default(), "{name}");
            defaults += 1;
        }
    }
    assert_eq!(defaults, 11);
}

/// Two groups of settings that exclude each other.
#[cfg(feature = "serde")]
const EXCLUSIVE: [&[&str]; 2] = [
    &["probe_failure_rate"],
    &["success_threshold", "probe_failures_allowed"],
];

/// Returns a file that sets all settings but some, each number to one of its own.
#[cfg(feature = "serde")]
fn file_without(left_out: &[&str]) -> String {
    let numbered = (20..).zip(Settings::NAMES.iter().zip(Settings::TYPES));
    let lines = numbered.filter(|(_, (name, _))| !left_out.contains(name));
    let lines = lines.map(|(number, (name, of))| {
        let value = match *of {
            "u32" => number.to_string(),
            "Millis" => format!("\"{number}s\""),
            "f64" => "1.5".to_owned(),
            "bool" => "true".to_owned(),
            "FailureCounting" => "\"total-failures\"".to_owned(),
            "SlidingWindow" => "1000".to_owned(),
            "ProbeFailureRate" => "{ sample = 10, percent = 30 }".to_owned(),
            "AfterHalfOpen" => "\"closed\"".to_owned(),
            "Forced" => "\"disabled\"".to_owned(),
            "DroppedPermit" => "\"failure\"".to_owned(),
            other => panic!("{name} needs a value of {other} here"),
        };
        format!("{name} = {value}\n")
    });
    lines.collect()
}

/// A file sets what setters set, and the policy tells it: by getters, by its builder, and in a
/// file.
#[cfg(feature = "serde")]
#[test]
fn every_setting_is_set_read_and_told() {
    for left_out in EXCLUSIVE {
        let file = file_without(left_out);
        let settings: Settings = toml::from_str(&file).unwrap();
        let policy = settings.build().unwrap();
        let by_setters = settings.by_setters();
        assert_eq!(by_setters, PolicyBuilder { settings });
        assert_eq!(by_setters, policy.to_builder());
        let shown = format!("{policy:?}");
        for (name, set, got) in policy.settings().beside_getters(&policy) {
            if left_out.contains(&name) {
                assert_eq!([set, got], ["None", "None"], "{name}");
            } else {
                // A setting that is never unset is told as it is.
                assert!(
                    set == got || set == format!("Some({got})"),
                    "{name}: {set}, {got}"
                );
                assert!(shown.contains(&format!(" {name}: ")), "{name} in {shown}");
            }
        }
        let written = toml::to_string(&policy.settings()).unwrap();
        assert_eq!(toml::from_str::<Policy>(&written), Ok(policy));
    }
}

#[test]
fn what_is_not_set_is_not_told() {
    let policy = Policy::default();
    for (name, set, got) in policy.settings().beside_getters(&policy) {
        assert!(set != "None" || !got.starts_with("Some("), "{name}: {got}");
    }
}
