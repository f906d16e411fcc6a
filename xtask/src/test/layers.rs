//! Holds the code to the drawing in `docs/design.md`: what each module imports, and no more.
//!
//! Also: no circle of files, one way to atomics and to time, short files, nothing unfinished.

use super::paths::{Named, names, paths};
use super::ring::{Answer, Context};
use crate::error::{Error, Result, bail};
use crate::files;
use crate::project::Project;
use std::collections::{BTreeMap, BTreeSet};

const MOST_LINES: usize = 500;
const DRAWING: &str = "docs/design.md";

/// Names that only some files of the core may use.
struct Rule {
    names: &'static [&'static str],
    /// Whether a file, named from `src/`, has to keep to it.
    holds_for: fn(&str) -> bool,
    why: &'static str,
}

const RULES: [Rule; 2] = [
    Rule {
        names: &[
            "std::sync::atomic",
            "core::sync::atomic",
            "portable_atomic",
            "papaya",
            "seize",
            "crossbeam_epoch",
            "loom",
        ],
        holds_for: |file| !file.starts_with("sync"),
        why: "crate::sync is the one door to atomics and the map",
    },
    Rule {
        names: &["Instant", "SystemTime"],
        // A breaker over a remote store has no clock and times its calls itself.
        holds_for: |file| !file.starts_with("clock") && !file.starts_with("async_breaker"),
        why: "crate::clock is the one door to time",
    },
];

/// The modules of the core, the highest first, and what each imports.
type Drawing = Vec<(String, BTreeSet<String>)>;

pub(crate) fn check(context: &Context<'_>) -> Answer {
    let found = read(context.project)?;
    let mut offences = Vec::new();
    for (file, text) in &found {
        offences.extend(own_offences(file, text));
    }
    for root in roots(&found) {
        let graph = Graph::read(&root, &found)?;
        offences.extend(graph.circle());
        if root == "src" {
            let drawing = drawing(&context.project.read(DRAWING)?)?;
            offences.extend(graph.differences(&drawing));
        }
    }
    for offence in &offences {
        context.log.line(offence);
    }
    if offences.is_empty() {
        return Ok(format!("{} files", found.len()));
    }
    bail!("{} offences", offences.len())
}

/// Returns the text files of all crates, named from the project's root.
fn read(project: &Project) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for dir in ["src", "crates", "xtask/src"] {
        for path in files::below(&project.path(dir))? {
            // A file that isn't text has no lines.
            if let Ok(text) = std::fs::read_to_string(&path) {
                found.push((project.relative(&path).to_string(), text));
            }
        }
    }
    Ok(found)
}

/// Returns the folders that hold a crate's root.
fn roots(found: &[(String, String)]) -> BTreeSet<String> {
    let root = |(file, _): &(String, String)| {
        let dir = file
            .strip_suffix("/lib.rs")
            .or(file.strip_suffix("/main.rs"))?;
        dir.ends_with("src").then(|| dir.to_string())
    };
    found.iter().filter_map(root).collect()
}

/// Returns the offences that a file commits by itself.
fn own_offences(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!(
            "{file}: {lines} lines; at most {MOST_LINES} are allowed"
        ));
    }
    let Some(name) = file.strip_suffix(".rs") else {
        return found;
    };
    let inside = name.strip_prefix("src/");
    let module: Vec<_> = inside.unwrap_or_default().split('/').collect();
    let paths = match paths(&module, text) {
        Ok(paths) => paths,
        Err(error) => return vec![format!("{file}: {error}")],
    };
    for Named { path, line, .. } in &paths {
        if ["todo", "unimplemented"].contains(&path.as_str()) {
            found.push(format!("{file}:{line}: {path}!()"));
        }
        let Some(inside) = inside else { continue };
        if inside != "lib" && ["crate", "crate::*"].contains(&path.as_str()) {
            found.push(format!(
                "{file}:{line}: names the crate's root, which hides the layer"
            ));
        }
        for rule in RULES.iter().filter(|rule| (rule.holds_for)(inside)) {
            if rule.names.iter().any(|name| names(path, name)) {
                found.push(format!("{file}:{line}: names {path}, but {}", rule.why));
            }
        }
    }
    found
}

/// Reads the lines `module: import import` of the block that follows the mark `<!-- layers -->`.
fn drawing(text: &str) -> Result<Drawing> {
    let missing = || Error::failed(format!("{DRAWING} has no block after <!-- layers -->"));
    let (_, rest) = text.split_once("<!-- layers -->").ok_or_else(missing)?;
    let block = rest.split("```").nth(1).ok_or_else(missing)?;
    let lines = block.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let unreadable =
                || Error::failed(format!("{DRAWING}: no `module: imports` in {line:?}"));
            let (module, imports) = line.split_once(':').ok_or_else(unreadable)?;
            let imports = imports.split_whitespace().map(ToString::to_string);
            Ok((module.trim().to_string(), imports.collect()))
        })
        .collect()
}

/// A file's place among the modules: `["cell", "watch"]`.
type Module = Vec<String>;

/// The files of one crate, and what each imports.
struct Graph {
    root: String,
    files: BTreeMap<Module, Vec<Named>>,
}

impl Graph {
    fn read(root: &str, found: &[(String, String)]) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (file, text) in found {
            let inside = file
                .strip_prefix(root)
                .and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = inside.and_then(|inside| inside.strip_suffix(".rs")) else {
                continue;
            };
            let module: Module = match name {
                "lib" | "main" => Module::new(),
                name => name.split('/').map(ToString::to_string).collect(),
            };
            let at: Vec<_> = module.iter().map(String::as_str).collect();
            files.insert(module.clone(), paths(&at, text)?);
        }
        let root = root.to_string();
        Ok(Self { root, files })
    }

    /// Returns the file that defines what `path` names in the file `from`.
    ///
    /// Follows the exports of the modules on the way, since a name that a parent passes on belongs
    /// to the file that it comes from.
    fn target(&self, from: &Module, path: &str) -> Option<Module> {
        let segments: Vec<_> = path.split("::").map(ToString::to_string).collect();
        let absolute = match segments.first()?.as_str() {
            "crate" => segments[1..].to_vec(),
            first => {
                let child = [from.as_slice(), &[first.to_string()]].concat();
                // A single segment is a variable or a field.
                if segments.len() == 1 || !self.files.contains_key(&child) {
                    return None;
                }
                [from.as_slice(), &segments].concat()
            }
        };
        self.follow(absolute, 8)
    }

    fn follow(&self, path: Module, steps: usize) -> Option<Module> {
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            let child = [module.as_slice(), std::slice::from_ref(segment)].concat();
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let exports = |named: &&Named| named.exported.as_ref() == Some(segment);
            let export = self.files.get(&module)?.iter().find(exports);
            if let (Some(export), Some(steps)) = (export, steps.checked_sub(1)) {
                let target = export
                    .path
                    .strip_prefix("crate::")
                    .map_or_else(|| [module.as_slice(), &split(&export.path)].concat(), split);
                let rest = &path[at + 1..];
                return self.follow([target.as_slice(), rest].concat(), steps);
            }
            break;
        }
        Some(module)
    }

    /// Returns the imports of a file: the files they come from, each with the first line and path.
    fn imports(&self, from: &Module) -> BTreeMap<Module, &Named> {
        let mut imports = BTreeMap::new();
        // The crate's root passes names on and imports nothing; unit tests may import all.
        if from.is_empty() || from.last().is_some_and(|name| name.ends_with("tests")) {
            return imports;
        }
        for named in &self.files[from] {
            let Some(target) = self.target(from, &named.path) else {
                continue;
            };
            let passes_on = named.exported.is_some() && target.starts_with(from);
            if target != *from && !target.is_empty() && !passes_on && !named.in_tests {
                imports.entry(target).or_insert(named);
            }
        }
        imports
    }

    /// Returns a circle of files that import each other, if there is one.
    fn circle(&self) -> Option<String> {
        let edges: BTreeMap<_, _> = self
            .files
            .keys()
            .map(|from| (from, self.imports(from)))
            .collect();
        let mut left: BTreeSet<_> = edges.keys().copied().collect();
        // Takes away files that import nothing that is left; what remains goes round in circles.
        loop {
            let is_free = |from: &&&Module| edges[**from].keys().all(|to| !left.contains(to));
            let free: Vec<_> = left.iter().filter(is_free).copied().collect();
            if free.is_empty() {
                break;
            }
            left.retain(|from| !free.contains(from));
        }
        let mut walk = vec![*left.first()?];
        loop {
            let next = edges[walk[walk.len() - 1]]
                .keys()
                .find(|to| left.contains(to))?;
            if let Some(at) = walk.iter().position(|from| *from == next) {
                let names = walk[at..]
                    .iter()
                    .chain([&next])
                    .map(|module| module.join("/"));
                let circle = names.collect::<Vec<_>>().join(" -> ");
                return Some(format!("{}: a circle of files: {circle}", self.root));
            }
            walk.push(next);
        }
    }

    /// Returns where the modules and their imports differ from the `drawing`.
    fn differences(&self, drawing: &Drawing) -> Vec<String> {
        let mut found = Vec::new();
        let mut used: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        let at = |module: &str| drawing.iter().position(|(name, _)| name == module);
        for from in self.files.keys() {
            let Some(own) = from.first() else { continue };
            used.entry(own).or_default();
            for (target, named) in self.imports(from) {
                let layer = &target[0];
                if layer == own || !used.entry(own).or_default().insert(layer.clone()) {
                    continue;
                }
                let place = format!(
                    "src/{}.rs:{}: names {}",
                    from.join("/"),
                    named.line,
                    named.path
                );
                match (at(own), at(layer)) {
                    (Some(this), Some(that)) if that <= this => {
                        found.push(format!(
                            "{place}, but {layer} stands above {own} in {DRAWING}"
                        ));
                    }
                    (Some(this), _) if !drawing[this].1.contains(layer) => {
                        found.push(format!(
                            "{place}, but {DRAWING} doesn't draw {own}: {layer}"
                        ));
                    }
                    _ => {}
                }
            }
        }
        for module in used.keys().filter(|module| at(module).is_none()) {
            found.push(format!(
                "src/{module}.rs is not in the drawing of {DRAWING}"
            ));
        }
        for (module, imports) in drawing {
            match used.get(module) {
                None => found.push(format!("{DRAWING} draws {module}, which is not there")),
                Some(used) => found.extend(imports.difference(used).map(|import| {
                    format!("{DRAWING} draws {module}: {import}, which nothing needs")
                })),
            }
        }
        found
    }
}

fn split(path: &str) -> Module {
    path.split("::").map(ToString::to_string).collect()
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
