//! The arguments of a bench: how thoroughly it measures, and whether it prints Markdown.

use std::env;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    Full,
    Quick,
    /// Whether it still runs; its figures mean nothing, and are not written.
    Smoke,
}

impl Effort {
    pub fn pick<T>(self, full: T, quick: T, smoke: T) -> T {
        match self {
            Effort::Full => full,
            Effort::Quick => quick,
            Effort::Smoke => smoke,
        }
    }
}

#[derive(Clone, Copy)]
pub struct Options {
    pub effort: Effort,
    pub markdown: bool,
}

impl Options {
    /// From the process's arguments.
    pub fn from_arguments() -> Result<Self, String> {
        Self::parse(env::args().skip(1))
    }

    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut effort, mut is_bench, mut markdown) = (None, false, false);
        for argument in arguments {
            let asked = match &*argument {
                // Cargo says it for `cargo bench`, and not for `cargo test --benches`.
                "--bench" => {
                    is_bench = true;
                    continue;
                }
                "--markdown" => {
                    markdown = true;
                    continue;
                }
                "--quick" => Effort::Quick,
                "--smoke" => Effort::Smoke,
                _ => {
                    let known = "there are --quick, --smoke and --markdown";
                    return Err(format!("{argument}: unknown; {known}"));
                }
            };
            if effort.is_some_and(|effort| effort != asked) {
                return Err("--quick and --smoke: one of them, not both".into());
            }
            effort = Some(asked);
        }
        let default = if is_bench {
            Effort::Full
        } else {
            Effort::Smoke
        };
        Ok(Self {
            effort: effort.unwrap_or(default),
            markdown,
        })
    }
}
