//! The keys, and the order in which each thread uses them.

/// Operations between two looks at anything but the contender. Lists of targets are filled up to a
/// multiple of it.
pub const SEGMENT: usize = 256;

pub struct Keys {
    /// Never dropped: a program makes few of them, and every fixture borrows them.
    pub names: &'static [String],
    /// For each thread its keys, each equally often.
    pub lists: Vec<Vec<&'static str>>,
    numbers: Vec<Vec<u32>>,
}

impl Keys {
    pub fn of(keys: usize, threads: usize) -> Self {
        let names = (0..keys).map(|i| format!("api-{i:07}.internal:443"));
        let names: &[String] = Vec::leak(names.collect());
        let numbers: Vec<_> = (1..=threads as u64)
            .map(|seed| shuffled(keys, Random(seed)))
            .collect();
        let list = |list: &Vec<u32>| list.iter().map(|&i| &*names[i as usize]).collect();
        Self {
            names,
            lists: numbers.iter().map(list).collect(),
            numbers,
        }
    }

    /// Returns the results of `pick` for each thread's keys.
    pub fn map<T>(&self, pick: impl Fn(usize) -> T) -> Vec<Vec<T>> {
        let list = |list: &Vec<u32>| list.iter().map(|&i| pick(i as usize)).collect();
        self.numbers.iter().map(list).collect()
    }
}

/// Returns each key equally often, apart from the filling.
fn shuffled(keys: usize, mut random: Random) -> Vec<u32> {
    let mut order: Vec<_> = (0..keys as u32).collect();
    for i in (1..keys).rev() {
        order.swap(i, random.below(i + 1));
    }
    let full = keys.next_multiple_of(SEGMENT);
    order.into_iter().cycle().take(full).collect()
}

/// Knuth's MMIX generator: its high bits are good enough to shuffle by.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }
}
