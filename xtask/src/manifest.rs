//! The few facts that the commands need from a `Cargo.toml`, read line by line.

/// Every `key = value` of a manifest with the header that it stands under.
#[derive(Debug)]
pub(crate) struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    section: String,
    key: String,
    value: String,
}

impl Manifest {
    /// Reads the lines that look like headers and entries and passes over all others, such as those
    /// inside an array that spans several.
    pub(crate) fn parse(text: &str) -> Self {
        let mut section = String::new();
        let mut entries = Vec::new();
        for line in text.lines() {
            if line.starts_with('[') {
                section = line.trim_end().trim_matches(['[', ']']).to_owned();
            } else if let Some((key, value)) = line.split_once('=')
                && !key.starts_with([' ', '\t', '#', '"'])
            {
                entries.push(Entry {
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: value.trim().trim_matches('"').to_owned(),
                });
            }
        }
        Self { entries }
    }

    /// The values of `key` in every section of that name, in order: one for a table, several for an
    /// array of tables.
    pub(crate) fn values<'a>(
        &'a self,
        section: &'a str,
        key: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |entry| entry.section == section && entry.key == key)
            .map(|entry| entry.value.as_str())
    }

    /// The keys of a section.
    pub(crate) fn keys<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |entry| entry.section == section)
            .map(|entry| entry.key.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[package]
rust-version = "1.88"
include = [
    "src/**",
]

[features]
default = []
# A comment = not an entry.
serde = ["dep:serde"]

[[bin]]
name = "words"
path = "fuzz_targets/words.rs"

[[bin]]
name = "store"
"#;

    #[test]
    fn entries_know_their_section() {
        let manifest = Manifest::parse(TEXT);
        assert_eq!(
            manifest.values("package", "rust-version").next(),
            Some("1.88")
        );
        assert_eq!(
            manifest.keys("features").collect::<Vec<_>>(),
            ["default", "serde"]
        );
        assert_eq!(
            manifest.values("bin", "name").collect::<Vec<_>>(),
            ["words", "store"]
        );
    }
}
