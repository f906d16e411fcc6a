//! Store, handle and breaker beside a map behind a lock, measured by Criterion: what to look at
//! when one operation is being worked on.
//!
//! `cargo bench -p breakerbox-benches --bench main [-- FILTER]`, for example `-- 'check/1 keys/1 threads/gate down'`;
//! `--save-baseline` and `--baseline` compare with an earlier build.
//!
//! The works are those of the comparison, with what it says about them: one operation in a tight
//! loop, at one thread and at as many as there are cores, on one hot key and on 10,000, with
//! nothing open and with some other circuit open.
//!
//! It does **not** measure subjects turn by turn: figures of different subjects come from different
//! seconds, and are not for ratios (`--bench comparison` is). Nor transitions, creation, removal,
//! memory or tails. Times are short, so small differences mean nothing.

use breakerbox_benches::case::Case;
use breakerbox_benches::keys::Distribution;
use breakerbox_benches::subjects::{Kind, MUTEX, PAPAYA, SUBJECTS, Subject};
use breakerbox_benches::threads;
use breakerbox_benches::work::Work;
use breakerbox_benches::world::{Gate, World};
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
        let mut world = World::new(keys, cores, Work::Check.rules());
        for gate in [Gate::Down, Gate::Up] {
            world.enter(gate, Distribution::Uniform);
            for work in WORKS {
                if gate == Gate::Up && matches!(work, Work::RecordFailure | Work::Snapshot) {
                    continue;
                }
                for &threads in &counts {
                    let (work_name, gate) = (work.label(), gate.label());
                    let name = format!("{work_name}/{keys} keys/{threads} threads/{gate}");
                    let mut group = criterion.benchmark_group(name);
                    for subject in SUBJECTS.iter().filter(|subject| is_close(subject)) {
                        if let Some(case) = subject.case(&world, work) {
                            let most = work.most(threads) - threads::all(&case, 0);
                            bench(&mut group, (subject.name, &case), threads, most);
                        }
                    }
                    group.finish();
                }
            }
        }
    }
}

/// What one looks at beside breakerbox while it is being worked on.
fn is_close(subject: &Subject) -> bool {
    matches!(subject.kind, Kind::Own | Kind::Floor) || [MUTEX, PAPAYA].contains(&subject.name)
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
