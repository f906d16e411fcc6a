//! Tests of how litmus files are read.

use super::*;

const SOUND: &str = "\
C gate
(*
 * Result: Never
 * Source: src/cell/gate.rs: release, load
 * Source: src/cell.rs: exchange
 *
 * A claim.
 *
 * Result: of the text, not of the head.
 *)

{ x = 0; }

P0(atomic_int* x) {
  atomic_store_explicit(x, 1, memory_order_release);
}

exists (x=2)
";

fn twin() -> String {
    SOUND
        .replace("C gate", "C gate.relaxed")
        .replace("Never", "Sometimes")
        .replace(" *\n * A claim", " * Weaker: the store.\n *\n * A claim")
        .replace("memory_order_release", "memory_order_relaxed")
}

/// What is wrong with `SOUND` where `from` is replaced by `to`.
fn problem(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    Litmus::parse("gate", &SOUND.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_file_says_what_it_wants_and_what_it_speaks_of() {
    let litmus = Litmus::parse("gate", SOUND).unwrap();
    assert_eq!(litmus.language, Language::C);
    assert_eq!(litmus.result, Observed::Never);
    assert_eq!(litmus.sources[0].file, "src/cell/gate.rs");
    assert_eq!(litmus.sources[0].functions, ["release", "load"]);
    assert_eq!(litmus.sources[1].functions, ["exchange"]);
    assert_eq!(litmus.condition, "exists (x=2)");

    let asm = SOUND.replace("C gate", "AArch64 gate");
    let litmus = Litmus::parse("gate", &asm).unwrap();
    assert_eq!(litmus.language.model(), "aarch64.cat");
}

#[test]
fn a_file_that_is_not_whole_is_refused() {
    assert!(Litmus::parse("gate", "").is_err());
    assert!(
        Litmus::parse("other", SOUND)
            .unwrap_err()
            .contains("C other")
    );
    assert!(problem("C gate", "X86_64 gate").contains("AArch64 gate"));
    assert!(problem(" * Result: Never\n", "").contains("`Result` is missing"));
    assert!(problem("Never", "Seldom").contains("Seldom"));
    assert!(problem("Never", "Sometimes").contains("must answer Never"));
    assert!(problem("Result: Never", "Result: Never\n * Result: Never").contains("twice"));
    assert!(problem("Result: Never", "Wants: Never").contains("no field"));
    assert!(problem("src/cell/gate.rs: release, load", "gate").contains("FILE: FUNCTION"));
    let no_sources = SOUND.replace(" * Source: src/cell/gate.rs: release, load\n", "");
    let no_sources = no_sources.replace(" * Source: src/cell.rs: exchange\n", "");
    assert!(
        Litmus::parse("gate", &no_sources)
            .unwrap_err()
            .contains("`Source` is missing")
    );
    let claim = " * A claim.\n *\n * Result: of the text, not of the head.\n";
    assert!(problem(claim, " *\n").contains("claim"));
    assert!(problem("(*\n", "").contains("head"));
    assert!(problem("{ x = 0; }", "").contains("`{..}`"));
    assert!(problem("exists (x=2)", "forall (x=2)").contains("exists"));
    assert!(problem("exists (x=2)", "exists (x=2)\nexists (x=3)").contains("exists"));
}

#[test]
fn a_twin_answers_sometimes_and_says_what_is_weaker() {
    assert!(Litmus::parse("gate.relaxed", &twin()).is_ok());
    let never = twin().replace("Sometimes", "Never");
    assert!(Litmus::parse("gate.relaxed", &never).is_err());
    let silent = twin().replace(" * Weaker: the store.\n", "");
    assert!(
        Litmus::parse("gate.relaxed", &silent)
            .unwrap_err()
            .contains("says what is weaker")
    );
    assert!(problem(" *\n * A claim", " * Weaker: x.\n *\n * A claim").contains("weaker"));
}

#[test]
fn twins_go_with_their_protocols() {
    let sound = || Litmus::parse("gate", SOUND).unwrap();
    let weaker = |text: &str| Litmus::parse("gate.relaxed", text).unwrap();
    let none: [String; 0] = [];
    assert_eq!(mismatches(&[sound(), weaker(&twin())]), none);
    assert_eq!(mismatches(&[sound()]), ["gate has no weakened twin"]);
    assert_eq!(
        mismatches(&[weaker(&twin())]),
        ["gate.relaxed is the twin of nothing"]
    );
    for asks_else in [
        ("x=2", "x=3"),
        ("{ x = 0; }", "{ x = 5; }"),
        ("C g", "AArch64 g"),
    ] {
        let other = twin().replacen(asks_else.0, asks_else.1, 1);
        assert_eq!(
            mismatches(&[sound(), weaker(&other)]),
            ["gate.relaxed asks something else than gate"]
        );
    }
    let same = twin().replace("relaxed);", "release);");
    assert_eq!(
        mismatches(&[sound(), weaker(&same)]),
        ["gate.relaxed is as strong as gate"]
    );
}
