//! Holds the code to the drawing in `docs/design.md`: what each module imports, and no more.
//!
//! Also: no circle of files, one way to atomics and to time, short files, nothing unfinished.

use super::paths::{Named, names, paths};
use super::ring::{Answer, Context};
use crate::error::{Error, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

const MOST_LINES: usize = 500;
const DRAWING: &str = "docs/design.md";

/// Names, words of a line, that only some modules of the core may use.
struct Rule {
    names: &'static str,
    doors: &'static [&'static str],
    why: &'static str,
}

const RULES: [Rule; 2] = [
    Rule {
        names: "std::sync::atomic core::sync::atomic portable_atomic papaya seize crossbeam_epoch loom",
        doors: &["sync"],
        why: "crate::sync is the one door to atomics and the map",
    },
    Rule {
        names: "Instant SystemTime",
        // A breaker over a remote store has no clock and times its calls itself.
        doors: &["clock", "async_breaker"],
        why: "crate::clock is the one door to time",
    },
];

/// The modules of the core, and what each imports.
type Drawing = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check(context: &Context<'_>) -> Answer {
    let found = context.project.texts(&["src", "crates", "xtask/src"])?;
    let mut offences = Vec::new();
    for (file, text) in &found {
        offences.extend(own_offences(file, text));
    }
    let roots = found.iter().filter_map(|(file, _)| place(file));
    for root in roots.map(|(root, _)| root).collect::<BTreeSet<_>>() {
        let graph = Graph::read(root, &found)?;
        offences.extend(graph.circle().map(|circle| format!("{root}: {circle}")));
        if root == "src" {
            let drawing = drawing(&context.project.read(DRAWING)?)?;
            offences.extend(graph.differences(&drawing));
        }
    }
    for offence in &offences {
        context.log.line(offence);
    }
    match offences.len() {
        0 => Ok(format!("{} files", found.len())),
        count => bail!("{count} offences"),
    }
}

/// Returns the folder of a source file's crate, and the file's module: `src` and `crate::cell::watch`.
fn place(file: &str) -> Option<(&str, String)> {
    let name = file.strip_suffix(".rs")?;
    let end = name.find("src/")? + "src".len();
    let module = match &name[end..] {
        "/lib" | "/main" => "crate".to_owned(),
        inside => format!("crate{}", inside.replace('/', "::")),
    };
    Some((&name[..end], module))
}

/// Returns the offences that a file commits by itself.
fn own_offences(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{file}: {lines} lines, of at most {MOST_LINES}"));
    }
    if !file.ends_with(".rs") {
        return found;
    }
    let (root, module) = place(file).unwrap_or(("", "crate".to_owned()));
    let paths = match paths(&module, text) {
        Ok(paths) => paths,
        Err(error) => return vec![format!("{file}: {error}")],
    };
    let layer = layer(&module);
    for Named { path, line, .. } in &paths {
        if ["todo", "unimplemented"].contains(&path.as_str()) {
            found.push(format!("{file}:{line}: {path}!()"));
        }
        if root != "src" {
            continue;
        }
        if module != "crate" && ["crate", "crate::*"].contains(&path.as_str()) {
            let why = "names the crate's root, which hides the layer";
            found.push(format!("{file}:{line}: {why}"));
        }
        for rule in RULES.iter().filter(|rule| !rule.doors.contains(&layer)) {
            if rule.names.split(' ').any(|name| names(path, name)) {
                found.push(format!("{file}:{line}: names {path}, but {}", rule.why));
            }
        }
    }
    found
}

/// Reads the lines `module: import import` of the block that follows the mark `<!-- layers -->`; an
/// error if a module imports one that does not stand below it.
fn drawing(text: &str) -> Result<Drawing> {
    let missing = || Error::failed(format!("{DRAWING} has no block after <!-- layers -->"));
    let (_, rest) = text
        .split_once("<!-- layers -->\n```text\n")
        .ok_or_else(missing)?;
    let (block, _) = rest.split_once("```").ok_or_else(missing)?;
    let mut drawing = Drawing::new();
    for line in block.lines().rev() {
        let Some((module, imports)) = line.split_once(':') else {
            bail!("{DRAWING}: no `module: imports` in {line:?}");
        };
        let imports: BTreeSet<_> = imports.split_whitespace().map(str::to_owned).collect();
        if let Some(import) = imports.iter().find(|import| !drawing.contains_key(*import)) {
            bail!("{DRAWING} draws {module}: {import}, which does not stand below it");
        }
        drawing.insert(module.trim().to_owned(), imports);
    }
    Ok(drawing)
}

/// The files of one crate by their modules, and what each imports.
struct Graph(BTreeMap<String, Vec<Named>>);

impl Graph {
    fn read(root: &str, found: &[(String, String)]) -> Result<Self> {
        let mut files = BTreeMap::new();
        for (file, text) in found {
            if let Some((_, module)) = place(file).filter(|(of, _)| *of == root) {
                let paths = paths(&module, text)?;
                files.insert(module, paths);
            }
        }
        Ok(Self(files))
    }

    /// Returns `path`, which the module `from` names, from the crate's root; none if it leads into
    /// another crate.
    fn absolute(&self, from: &str, path: &str) -> Option<String> {
        let first = path.split("::").next()?;
        if first == "crate" {
            return Some(path.to_owned());
        }
        // A name alone is a variable or a field.
        let is_child = path != first && self.0.contains_key(&format!("{from}::{first}"));
        is_child.then(|| format!("{from}::{path}"))
    }

    /// Returns the module of the file that defines what the absolute `path` names.
    ///
    /// Follows the exports of the modules on the way, at most `steps` of them, since a name that a
    /// parent passes on belongs to the file that it comes from.
    fn home(&self, path: &str, steps: usize) -> String {
        let mut module = "crate".to_owned();
        let mut segments = path.split("::").skip(1);
        while let Some(segment) = segments.next() {
            let child = format!("{module}::{segment}");
            if self.0.contains_key(&child) {
                module = child;
                continue;
            }
            let exports = |named: &&Named| named.exported.as_deref() == Some(segment);
            let export = self.0.get(&module).and_then(|all| all.iter().find(exports));
            let export = export.and_then(|export| self.absolute(&module, &export.path));
            if let (Some(export), 1..) = (export, steps) {
                let path: Vec<_> = [&*export].into_iter().chain(segments).collect();
                return self.home(&path.join("::"), steps - 1);
            }
            break;
        }
        module
    }

    /// Returns the modules that a file imports from, each with the first line that does.
    fn imports(&self, from: &str) -> BTreeMap<String, &Named> {
        let mut imports = BTreeMap::new();
        // The crate's root passes names on and imports nothing; unit tests may import all.
        if from == "crate" || from.ends_with("tests") {
            return imports;
        }
        for named in self.0[from].iter().filter(|named| !named.in_tests) {
            let Some(path) = self.absolute(from, &named.path) else {
                continue;
            };
            let home = self.home(&path, 8);
            let passes_on = named.exported.is_some() && home.starts_with(&format!("{from}::"));
            if home != from && home != "crate" && !passes_on {
                imports.entry(home).or_insert(named);
            }
        }
        imports
    }

    /// Returns a circle of files that import each other, if there is one.
    fn circle(&self) -> Option<String> {
        let edges = self.0.keys().map(|from| (from, self.imports(from)));
        let mut edges: BTreeMap<_, _> = edges.collect();
        // Takes away files that import nothing that is left; what remains goes round in circles.
        let mut count = usize::MAX;
        while edges.len() < count {
            count = edges.len();
            let left: BTreeSet<_> = edges.keys().copied().collect();
            edges.retain(|_, imports| imports.keys().any(|to| left.contains(to)));
        }
        let mut walk = vec![*edges.keys().next()?];
        loop {
            let mut next = edges[walk[walk.len() - 1]].keys();
            let next = next.find(|to| edges.contains_key(to))?;
            let first = walk.iter().position(|from| *from == next);
            walk.push(next);
            if let Some(first) = first {
                let names: Vec<_> = walk[first..].iter().map(|name| name.as_str()).collect();
                return Some(format!("a circle of files: {}", names.join(" -> ")));
            }
        }
    }

    /// Returns where the modules and their imports differ from the `drawing`.
    fn differences(&self, drawing: &Drawing) -> Vec<String> {
        let mut used = BTreeMap::<&str, BTreeMap<String, String>>::new();
        for from in self.0.keys().filter(|from| *from != "crate") {
            let used = used.entry(layer(from)).or_default();
            for (home, named) in self.imports(from) {
                let file = from.replacen("crate", "src", 1).replace("::", "/");
                let place = || format!("{file}.rs:{}: names {}", named.line, named.path);
                used.entry(layer(&home).to_owned()).or_insert_with(place);
            }
            used.remove(layer(from));
        }
        let mut found = Vec::new();
        for (module, imports) in &used {
            let Some(drawn) = drawing.get(*module) else {
                found.push(format!("{DRAWING} doesn't draw src/{module}.rs"));
                continue;
            };
            for (import, place) in imports.iter().filter(|one| !drawn.contains(one.0)) {
                let undrawn = format!("{DRAWING} doesn't draw {module}: {import}");
                found.push(format!("{place}, but {undrawn}"));
            }
        }
        for (module, drawn) in drawing {
            let Some(imports) = used.get(module.as_str()) else {
                found.push(format!("{DRAWING} draws {module}, which is not there"));
                continue;
            };
            for import in drawn.iter().filter(|import| !imports.contains_key(*import)) {
                let drawn = format!("{DRAWING} draws {module}: {import}");
                found.push(format!("{drawn}, which nothing needs"));
            }
        }
        found
    }
}

/// Returns the module of the core that a module belongs to: `cell` of `crate::cell::watch`.
fn layer(module: &str) -> &str {
    module.split("::").nth(1).unwrap_or_default()
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
