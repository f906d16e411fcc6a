//! Tests of the mutations' file format.

use super::*;

const LINES: &str = r#"
# A comment.
why = "no \"why\", no mutation"
model = 'one_wins'
file = "src/cell.rs"
find = '''
        a("x");
        b\n
'''
replace = ""
bound = 3
"#;

fn with(extra: &str) -> std::result::Result<Recipe, String> {
    Recipe::parse("name", &format!("{LINES}{extra}\n"))
}

#[test]
fn all_kinds_of_values_are_read() {
    let recipe = Recipe::parse("name", LINES);
    assert_eq!(
        recipe,
        Ok(Recipe {
            name: "name".to_owned(),
            why: "no \"why\", no mutation".to_owned(),
            model: "one_wins".to_owned(),
            file: "src/cell.rs".to_owned(),
            find: "        a(\"x\");\n        b\\n\n".to_owned(),
            replace: String::new(),
            bound: Some(3),
            limit: Duration::from_secs(120),
            ring: Ring::Loom,
        })
    );
}

#[test]
fn a_last_line_needs_no_newline() {
    let text = LINES.trim_end();
    assert!(Recipe::parse("name", text).is_ok());
}

#[test]
fn optional_fields_are_read() {
    let recipe = with("limit = 5\nring = \"test\"").unwrap();
    assert_eq!(recipe.limit, Duration::from_secs(5));
    assert_eq!(recipe.ring, Ring::Test);
}

#[test]
fn mistakes_are_named() {
    for (extra, complaint) in [
        ("bound = 4", "`bound` is given twice"),
        ("bonud = 4", "there is no field `bonud`"),
        ("nonsense", "`nonsense` is not `field = value`"),
        ("limit = \"5\"", "`limit` must be a number"),
        (
            "limit = five",
            "`limit`: `five` is neither a text nor a number",
        ),
        ("limit = 5 6", "`limit`: `6` follows the value"),
        (
            "ring = \"fuzz\"",
            "`ring` must be \"loom\", \"histories\", \"pairs\" or \"test\"",
        ),
        ("x = \"open", "`x`: \" is never closed on its line"),
        ("x = 'open", "`x`: ' is never closed on its line"),
        ("x = '''open", "`x`: ''' is never closed"),
        ("x = \"\\q\"", "`x`: the escapes are \\\" \\\\ \\n \\t"),
    ] {
        assert_eq!(with(extra), Err(complaint.to_owned()), "{extra}");
    }
    assert_eq!(
        Recipe::parse("name", "why = \"\"\n"),
        Err("`model` is missing".to_owned())
    );
}

#[test]
fn the_text_must_occur_once() {
    let mut recipe = with("").unwrap();
    recipe.find = "load(Acquire)".to_owned();
    recipe.replace = "load(Relaxed)".to_owned();
    assert_eq!(
        recipe.apply("x.load(Acquire);\n"),
        Ok("x.load(Relaxed);\n".to_owned())
    );
    assert_eq!(
        recipe.apply("load(Acquire) load(Acquire)"),
        Err("rotted: `find` occurs 2 times in src/cell.rs, not once".to_owned())
    );
    assert!(recipe.apply("").is_err());
}
