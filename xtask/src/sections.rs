//! Sections of documents that commands write, between `<!-- NAME -->` and `<!-- /NAME -->`.

use crate::error::{AtPath, Error, Result};
use crate::project::Project;

fn marks(name: &str) -> [String; 2] {
    [format!("<!-- {name} -->\n"), format!("<!-- /{name} -->")]
}

/// Makes sure that `file` has the section; an error names the marks that it lacks.
pub(crate) fn expect(project: &Project, file: &str, name: &str) -> Result<()> {
    let text = project.read(file)?;
    find(&text, name).map(|_| ()).ok_or_else(|| {
        let [begin, end] = marks(name);
        let begin = begin.trim_end();
        Error::failed(format!("{file} has no `{begin}` with a `{end}` after it"))
    })
}

/// Puts `new` in place of what the section of `file` says.
pub(crate) fn put(project: &Project, file: &str, name: &str, new: &str) -> Result<()> {
    expect(project, file, name)?;
    let path = project.path(file);
    let text = project.read(file)?;
    let new = replaced(&text, name, new).unwrap_or(text);
    std::fs::write(&path, new).at(&path)
}

/// Returns what a bench has printed as a section.
pub(crate) fn printed<'t>(output: &'t str, name: &str) -> Option<&'t str> {
    find(output, name).map(|[_, section, _]| section)
}

/// Returns what stands before the section, in it, and after it; without the marks.
fn find<'t>(text: &'t str, name: &str) -> Option<[&'t str; 3]> {
    let [begin, end] = marks(name);
    let (before, rest) = text.split_once(&begin)?;
    let (section, after) = rest.split_once(&end)?;
    Some([before, section, after])
}

fn replaced(text: &str, name: &str, new: &str) -> Option<String> {
    let [begin, end] = marks(name);
    let [before, _, after] = find(text, name)?;
    Some(format!("{before}{begin}{}\n{end}{after}", new.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- it -->\nold\n<!-- /it -->\nb\n<!-- other -->\nc\n<!-- /other -->\n";
        let new = text.replace("old", "new");
        assert_eq!(replaced(text, "it", "new\n\n"), Some(new));
        assert_eq!(printed(text, "other"), Some("c\n"));
        assert_eq!(printed("<!-- /it -->\n<!-- it -->\n", "it"), None);
    }
}
