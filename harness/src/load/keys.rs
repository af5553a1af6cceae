//! Which file comes next: seeded, so that every backend sees the same sequence.
//!
//! Keys are numbers below a count. What they stand for, a file or an offset, is for the workload to say.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// A distribution of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Every key is as likely.
    Uniform,
    /// Zipf's law with exponent 0.99, as in YCSB (Cooper et al., `SoCC` 2010). Popular keys are scattered
    /// over the range, and the same ones are popular whatever the seed.
    Zipf,
}

impl Choice {
    /// Every distribution.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Zipf];

    /// Its name in parameters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
        }
    }
}

/// An endless sequence of keys below a count.
#[derive(Debug)]
pub struct Keys {
    random: SmallRng,
    ranks: Option<(Zipf<f64>, Scatter)>,
    count: u64,
}

impl Keys {
    /// Keys below `count`; equal seeds give equal sequences.
    ///
    /// # Panics
    /// Where `count` is 0 or above 2³².
    pub fn new(choice: Choice, count: u64, seed: u64) -> Self {
        assert!(count > 0, "there must be a key to choose");
        let ranks = match choice {
            Choice::Uniform => None,
            Choice::Zipf => {
                let zipf = Zipf::new(count as f64, 0.99).expect("the exponent is positive");
                Some((zipf, Scatter::new(count)))
            }
        };
        Self { random: SmallRng::seed_from_u64(seed), ranks, count }
    }

    /// The next key.
    pub fn next_key(&mut self) -> u64 {
        match &self.ranks {
            None => self.random.random_range(0..self.count),
            // Ranks are 1, 2, ... count.
            Some((zipf, scatter)) => scatter.key(zipf.sample(&mut self.random) as u64 - 1),
        }
    }

    /// Whether something with this chance in a hundred happens now.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }
}

/// The numbers below `count`, each once, in an order that equal seeds repeat.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(seed));
    order
}

/// A bijection of the numbers below `count` that sends neighbours far apart: multiplication modulo
/// `count` by the number nearest to its golden section that has no divisor in common with it.
#[derive(Debug)]
struct Scatter {
    count: u64,
    factor: u64,
}

impl Scatter {
    fn new(count: u64) -> Self {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        assert!(count <= 1 << 32, "products of two keys do not overflow");
        let golden = ((count as f64 * GOLDEN) as u64).max(1);
        // 1 has no divisor in common with any count, so the search ends.
        let factor = (1..=golden).rev().find(|factor| divisor(*factor, count) == 1).unwrap_or(1);
        Self { count, factor }
    }

    fn key(&self, rank: u64) -> u64 {
        rank * self.factor % self.count
    }
}

/// The greatest common divisor.
fn divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { divisor(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(choice: Choice, count: u64, draws: usize) -> Vec<u64> {
        let mut keys = Keys::new(choice, count, 42);
        let mut seen = vec![0; count as usize];
        (0..draws).for_each(|_| seen[keys.next_key() as usize] += 1);
        seen
    }

    #[test]
    fn scatter_is_a_bijection_for_every_count() {
        for count in (1..=300).chain([512, 1000, 1024, 10_000, 65_536, 99_991]) {
            let scatter = Scatter::new(count);
            let mut seen = vec![false; count as usize];
            (0..count).for_each(|rank| seen[scatter.key(rank) as usize] = true);
            assert!(seen.iter().all(|seen| *seen), "{count}");
        }
    }

    #[test]
    fn popular_keys_are_not_neighbours() {
        for count in [256, 1000, 1024, 10_000] {
            let scatter = Scatter::new(count);
            let mut hottest: Vec<u64> = (0..10).map(|rank| scatter.key(rank)).collect();
            hottest.sort_unstable();
            let closest = hottest.windows(2).map(|pair| pair[1] - pair[0]).min().expect("ten keys");
            assert!(closest > count / 30, "{count}: {hottest:?}");
        }
    }

    #[test]
    fn zipf_has_the_exponent_of_ycsb() {
        const COUNT: u64 = 1000;
        const DRAWS: usize = 1_000_000;
        let seen = histogram(Choice::Zipf, COUNT, DRAWS);
        let scatter = Scatter::new(COUNT);
        let weight = |rank: u64| ((rank + 1) as f64).powf(-0.99);
        let all: f64 = (0..COUNT).map(weight).sum();
        for ranks in [0..1, 1..2, 2..3, 3..10, 10..30, 30..100, 100..300, 300..1000] {
            let wanted = ranks.clone().map(weight).sum::<f64>() / all;
            let got = ranks.clone().map(|rank| seen[scatter.key(rank) as usize]).sum::<u64>() as f64;
            let ratio = got / DRAWS as f64 / wanted;
            assert!((0.98..1.02).contains(&ratio), "ranks {ranks:?}: {ratio} of what the law says");
        }
    }

    #[test]
    fn uniform_prefers_no_key() {
        let seen = histogram(Choice::Uniform, 100, 1_000_000);
        assert!(seen.iter().all(|seen| (9_500..10_500).contains(seen)), "{seen:?}");
    }

    #[test]
    fn equal_seeds_repeat_and_others_do_not() {
        for choice in Choice::ALL {
            let draw = |seed| {
                let mut keys = Keys::new(choice, 1 << 20, seed);
                (0..50).map(|_| keys.next_key()).collect::<Vec<_>>()
            };
            assert_eq!(draw(1), draw(1));
            assert_ne!(draw(1), draw(2));
        }
    }

    #[test]
    fn one_key_is_always_chosen() {
        for choice in Choice::ALL {
            assert_eq!(histogram(choice, 1, 100), [100]);
        }
    }

    #[test]
    fn chance_is_what_it_says() {
        let mut keys = Keys::new(Choice::Uniform, 1, 3);
        let hits = (0..100_000).filter(|_| keys.chance(5)).count();
        assert!((4_700..5_300).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| keys.chance(100)));
        assert!((0..1000).all(|_| !keys.chance(0)));
    }

    #[test]
    fn shuffled_has_every_number_once_in_another_order() {
        let mut order = shuffled(1000, 7);
        assert_eq!(order, shuffled(1000, 7));
        assert_ne!(order, shuffled(1000, 8));
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
