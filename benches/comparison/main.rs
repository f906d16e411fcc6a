//! The comparison with common alternatives: maps behind locks, concurrent maps, and other crates'
//! circuit breakers.
//!
//! `cargo bench -p breakerbox-benches --bench comparison [-- OPTION..]` prints a table with ratios
//! for each scenario, and the goals that are met, and writes `target/comparison/comparison.json`:
//!
//! ```text
//! --quick               without a million keys, in shorter rounds
//! --threads             with 1, 2, 4 .. threads, up to one for each core: threads.json
//! --smoke               shows that it still runs
//! --list                names all scenarios and contenders
//! --scenario SCENARIO   only this one, such as check/10000/all/one-open; may be repeated
//! --contender NAME      this one, or all whose names contain it; may be repeated
//! --markdown            prints the tables of BENCHMARKS.md too
//! ```
//!
//! With `--scenario` or `--contender` nothing is written. One operation is measured in a tight
//! loop: on 1, 10,000 and a million keys, each used equally often; with one thread and with one for
//! each core; with all circuits closed, and with one open that no thread calls. Contenders take
//! turns, round by round, in one process; a ratio is the median of the rounds' ratios. Every
//! contender knows every circuit beforehand, closed and clean, and failures stay below the
//! threshold: counts are zeroed between rounds before any is full. Only a storm reaches the
//! threshold, and is asserted to trip breakerbox's circuit once in each round. All contenders use
//! the standard library's hasher.
//!
//! Peers do only the works that they support: none has a raw `record_failure` or a snapshot, and
//! only recloser and tower-resilience have a rule over a window of calls (the latter's isn't
//! sliding).
//!
//! It does **not** measure:
//! - probes, transitions by hand, creating, resetting or evicting circuits, nor memory;
//! - latency with cold caches, as a server meets between two requests, nor tails: the spread is
//!   that of rounds, each a mean of thousands of operations.

mod goals;
mod measure;
mod report;
mod scenarios;
mod tables;

use breakerbox_benches::contenders::{CIRCUITBREAKER_RS, CONTENDERS, Contender, TOWER};
use breakerbox_benches::options::{Effort, Options};
use breakerbox_benches::results;
use measure::{Effort as Length, Measurement};
use scenarios::Scenario;
use std::error::Error;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    results::run(bench)
}

fn bench() -> Result<(), Box<dyn Error>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let options = Options::read(&["--threads", "--list"], &["--scenario", "--contender"])?;
    let by_threads = options.has("--threads");
    let scenarios = chosen(&options, cores)?;
    if options.has("--list") {
        scenarios.iter().for_each(|scenario| println!("{scenario}"));
        CONTENDERS.iter().for_each(|it| println!("{}", it.name));
        return Ok(());
    }

    report::legend();
    let (rounds, round_ns) = options.pick((31, 2e6), (11, 7e5), (1, 1e4));
    let mut measurement = Measurement::new(Length { rounds, round_ns }, cores);
    let mut rows = Vec::new();
    for (i, &scenario) in scenarios.iter().enumerate() {
        eprintln!("[{}/{}] {scenario}", i + 1, scenarios.len());
        let of_scenario = measurement.scenario(scenario, |contender| wants(&options, contender));
        report::print(&of_scenario);
        rows.extend(of_scenario);
    }
    let goals = goals::judge(&rows, cores);
    let all: Vec<_> = goals.iter().collect();
    let (table, summary) = (tables::of_goals(&all).plain(), tables::summary(&goals));
    println!("\n{table}\n{summary}");
    if options.markdown && by_threads {
        results::print_section("threads", &tables::by_threads(&rows, &goals, cores));
    } else if options.markdown {
        results::print_section("figures", &tables::in_short(&rows, cores));
        results::print_section("comparison", &tables::comparison(&rows, &goals, cores));
    }
    let is_part = ["--scenario", "--contender"].map(|name| options.has(name));
    if options.effort == Effort::Smoke || is_part.contains(&true) {
        return Ok(());
    }
    let name = if by_threads { "threads" } else { "comparison" };
    Ok(results::write(
        env!("CARGO_TARGET_TMPDIR"),
        name,
        &report::json(&rows),
    )?)
}

/// Returns the scenarios that are named, or those of a list.
fn chosen(options: &Options, cores: usize) -> Result<Vec<Scenario>, String> {
    let named = options.values("--scenario");
    let named: Vec<_> = named
        .map(|name| Scenario::parse(name, cores))
        .collect::<Result<_, _>>()?;
    for word in options.values("--contender") {
        if !CONTENDERS
            .iter()
            .any(|contender| is_called(contender, word))
        {
            return Err(format!("no contender has {word} in its name: see --list"));
        }
    }
    Ok(match options.effort {
        _ if !named.is_empty() => scenarios::sorted(named),
        Effort::Smoke => scenarios::smoke(cores),
        _ if options.has("--threads") => scenarios::by_threads(cores),
        Effort::Quick => scenarios::quick(cores),
        Effort::Full => scenarios::standard(cores),
    })
}

fn wants(options: &Options, contender: &Contender) -> bool {
    // With many threads on one key a round of these takes very long.
    let is_slow = [TOWER, CIRCUITBREAKER_RS].contains(&contender.name);
    match options.has("--contender") {
        true => options
            .values("--contender")
            .any(|word| is_called(contender, word)),
        false => !(is_slow && options.has("--threads")),
    }
}

/// Returns whether `word` is the contender's name, or, if no contender has that name, a part of it.
fn is_called(contender: &Contender, word: &str) -> bool {
    let is_whole = CONTENDERS.iter().any(|contender| contender.name == word);
    contender.name == word || !is_whole && contender.name.contains(word)
}
