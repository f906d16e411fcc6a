//! Results for programs, in `target/comparison`, and for documents.

use serde_json::Value;
use std::path::Path;
use std::{fs, io};

/// Writes `results` under `name` and says where. `tmpdir` is `CARGO_TARGET_TMPDIR`, which Cargo
/// tells a bench when it is compiled, and not a library.
pub fn write(tmpdir: &str, name: &str, results: &Value) -> io::Result<()> {
    // It is in the target directory.
    let target = Path::new(tmpdir).parent().unwrap_or(Path::new("target"));
    let folder = target.join("comparison");
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, format!("{results:#}\n"))?;
    println!("\n{}", path.display());
    Ok(())
}

/// Prints `text` as the section `name` of a document: `cargo xtask bench --record` finds it by these
/// marks, and puts it between the same ones.
pub fn print_section(name: &str, text: &str) {
    println!("\n<!-- {name} -->\n{}\n<!-- /{name} -->", text.trim_end());
}
