//! Sections of documents that commands write, between `<!-- NAME -->` and `<!-- /NAME -->`.

use crate::error::{AtPath, Error, Result};
use crate::project::Project;

/// Returns the text up to the section, the section, and the rest; an error names the marks that it
/// lacks.
fn find<'t>(text: &'t str, name: &str) -> Result<[&'t str; 3]> {
    let [begin, end] = [format!("<!-- {name} -->"), format!("<!-- /{name} -->")];
    let lacks = || Error::failed(format!("no `{begin}` with a `{end}` after it"));
    let from = text.find(&format!("{begin}\n")).ok_or_else(lacks)? + begin.len() + 1;
    let to = from + text[from..].find(&end).ok_or_else(lacks)?;
    Ok([&text[..from], &text[from..to], &text[to..]])
}

/// Makes sure that `file` has the section.
pub(crate) fn expect(project: &Project, file: &str, name: &str) -> Result<()> {
    let found = find(&project.read(file)?, name).map(|_| ());
    found.map_err(|why| Error::failed(format!("{file} has {why}")))
}

/// Puts `new` in place of what the section of `file` says.
pub(crate) fn put(project: &Project, file: &str, name: &str, new: &str) -> Result<()> {
    expect(project, file, name)?;
    let text = replaced(&project.read(file)?, name, new)?;
    let path = project.path(file);
    std::fs::write(&path, text).at(&path)
}

fn replaced(text: &str, name: &str, new: &str) -> Result<String> {
    let [before, _, after] = find(text, name)?;
    Ok(format!("{before}{}\n{after}", new.trim_end()))
}

/// Returns what a bench has printed as a section.
pub(crate) fn printed<'t>(output: &'t str, name: &str) -> Result<&'t str> {
    find(output, name).map(|[_, section, _]| section)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- it -->\nold\n<!-- /it -->\nb\n<!-- other -->\nc\n<!-- /other -->\n";
        let new = text.replace("old", "new");
        assert_eq!(replaced(text, "it", "new\n\n"), Ok(new));
        assert_eq!(printed(text, "other"), Ok("c\n"));
        assert!(printed("<!-- /it -->\n<!-- it -->\n", "it").is_err());
    }
}
