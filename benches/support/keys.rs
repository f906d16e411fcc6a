//! The keys, and for each thread the order in which it asks for them.

use std::sync::OnceLock;

/// Operations between two looks at anything but the subject. Lists of targets are filled up to a
/// multiple of it.
pub const SEGMENT: usize = 256;

/// How often which key is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Each equally often, in an order of its own for each thread.
    Uniform,
    /// The nth most frequent key n^0.99 times as seldom as the first, as caches are measured.
    Zipf,
}

const EXPONENT: f64 = 0.99;

/// A list of this length knows its most frequent keys well.
const ZIPF_LEAST: usize = 1 << 14;

/// Made once and never dropped: a program has few of them, and all that is measured borrows them.
pub struct Keys {
    pub names: Vec<String>,
    pub threads: usize,
    uniform: OnceLock<Lists>,
    zipf: OnceLock<Lists>,
}

/// For each thread the keys that it asks for, by number and by name.
pub struct Lists {
    numbers: Vec<Vec<u32>>,
    pub names: Vec<Vec<&'static str>>,
}

impl Distribution {
    pub fn label(self) -> &'static str {
        match self {
            Distribution::Uniform => "uniform",
            Distribution::Zipf => "zipf",
        }
    }
}

impl Keys {
    pub fn of(keys: usize, threads: usize) -> &'static Self {
        Box::leak(Box::new(Self {
            names: (0..keys)
                .map(|i| format!("api-{i:07}.internal:443"))
                .collect(),
            threads,
            uniform: OnceLock::new(),
            zipf: OnceLock::new(),
        }))
    }

    pub fn lists(&'static self, distribution: Distribution) -> &'static Lists {
        match distribution {
            Distribution::Uniform => self.uniform.get_or_init(|| self.fill(shuffled)),
            Distribution::Zipf => {
                let sampler = Zipf::new(self.names.len());
                self.zipf
                    .get_or_init(|| self.fill(|_, random| sampler.list(random)))
            }
        }
    }

    fn fill(&'static self, list: impl Fn(usize, &mut Random) -> Vec<u32>) -> Lists {
        let numbers: Vec<_> = (0..self.threads)
            .map(|thread| list(self.names.len(), &mut Random(thread as u64 + 1)))
            .collect();
        let names = |list: &Vec<u32>| list.iter().map(|&i| &*self.names[i as usize]).collect();
        Lists {
            names: numbers.iter().map(names).collect(),
            numbers,
        }
    }
}

impl Lists {
    /// For each thread what `pick` says of its keys.
    pub fn map<T>(&self, pick: impl Fn(usize) -> T) -> Vec<Vec<T>> {
        let list = |list: &Vec<u32>| list.iter().map(|&i| pick(i as usize)).collect();
        self.numbers.iter().map(list).collect()
    }
}

/// Each key equally often, but for filling up.
fn shuffled(keys: usize, random: &mut Random) -> Vec<u32> {
    let order = permutation(keys, random);
    let full = keys.next_multiple_of(SEGMENT);
    order.into_iter().cycle().take(full).collect()
}

fn permutation(keys: usize, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<_> = (0..keys as u32).collect();
    for i in (1..keys).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

struct Zipf {
    /// The share of the first key, of the first two, and so on, of a sum that isn't 1.
    sums: Vec<f64>,
    /// Frequent keys are the same for all threads, and no neighbours.
    ranks: Vec<u32>,
}

impl Zipf {
    fn new(keys: usize) -> Self {
        let mut sum = 0.0;
        let add = |rank: usize| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        };
        Self {
            sums: (1..=keys).map(add).collect(),
            ranks: permutation(keys, &mut Random(0)),
        }
    }

    fn list(&self, random: &mut Random) -> Vec<u32> {
        let keys = self.ranks.len();
        let length = keys.next_multiple_of(SEGMENT).max(ZIPF_LEAST);
        let total = self.sums[keys - 1];
        let key = |_| {
            let share = random.unit() * total;
            let rank = self.sums.partition_point(|&sum| sum <= share);
            self.ranks[rank.min(keys - 1)]
        };
        (0..length).map(key).collect()
    }
}

/// Knuth's MMIX generator: its high bits are good enough to shuffle by.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 31) as f64
    }
}
