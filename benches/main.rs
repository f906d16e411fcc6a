//! Store, handle and breaker beside a map behind a lock, measured by Criterion, for work on a
//! single operation.
//!
//! `cargo bench -p breakerbox-benches --bench main [-- FILTER]`, for example `-- 'check/1 keys/1
//! threads/all closed'`; `--save-baseline` and `--baseline` compare with an earlier build.
//!
//! The works are those of the comparison, under the same conditions: one operation in a tight loop,
//! with one thread and with one for each core, on one hot key and on 10,000, with nothing open and
//! with another circuit open.
//!
//! It does **not** measure contenders turn by turn: figures of different contenders come from
//! different times, and don't give ratios (`--bench comparison` does). Nor does it measure
//! transitions, creation, removal, memory or tails. Times are short, so small differences mean
//! nothing.

use breakerbox_benches::case::Case;
use breakerbox_benches::contenders::{CONTENDERS, Contender, Kind, MUTEX, PAPAYA};
use breakerbox_benches::fixture::{Condition, Fixture};
use breakerbox_benches::threads;
use breakerbox_benches::work::Work;
use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use std::time::Duration;

const WORKS: [Work; 5] = [
    Work::Check,
    Work::CheckSuccess,
    Work::CheckFailure,
    Work::RecordFailure,
    Work::Snapshot,
];

fn all(criterion: &mut Criterion) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, cores];
    counts.dedup();
    for keys in [1, 10_000] {
        let mut fixture = Fixture::new(keys, cores, Work::Check.rules());
        for condition in Condition::ALL {
            fixture.enter(condition);
            for work in WORKS {
                if condition == Condition::OneOpen
                    && matches!(work, Work::RecordFailure | Work::Snapshot)
                {
                    continue;
                }
                for &threads in &counts {
                    let (work_name, condition) = (work.label(), condition.label());
                    let name = format!("{work_name}/{keys} keys/{threads} threads/{condition}");
                    let mut group = criterion.benchmark_group(name);
                    for contender in CONTENDERS.iter().filter(|contender| is_close(contender)) {
                        if let Some(case) = contender.case(&fixture, work) {
                            let most = work.most(threads) - threads::all(&case, 0);
                            bench(&mut group, (contender.name, &case), threads, most);
                        }
                    }
                    group.finish();
                }
            }
        }
    }
}

/// Returns whether the contender is of use while breakerbox is being worked on.
fn is_close(contender: &Contender) -> bool {
    matches!(contender.kind, Kind::Own | Kind::Floor) || [MUTEX, PAPAYA].contains(&contender.name)
}

/// Measures a case, in turns of at most `most` operations between two resets.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, case): (&str, &Case<'_>),
    threads: usize,
    most: usize,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let mut left = usize::try_from(iterations).unwrap_or(usize::MAX);
            let mut took = Duration::ZERO;
            while left > 0 {
                let ops = left.min(most);
                case.reset();
                let ns = threads::time(case, threads, ops);
                took += Duration::from_secs_f64(ns * ops as f64 / 1e9);
                left -= ops;
            }
            took
        });
    });
    case.reset();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    targets = all
}
criterion_main!(benches);
