//! Which file comes next: seeded, so that every backend sees the same sequence.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Zipf};

/// A distribution of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Every key is as likely.
    Uniform,
    /// Zipf's law with exponent 0.99, as in YCSB (Cooper et al., `SoCC` 2010); popular keys are scattered.
    Zipf,
}

impl Choice {
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
    ranks: Option<Zipf<f64>>,
    count: u64,
}

impl Keys {
    /// Keys below `count`; equal seeds give equal sequences.
    ///
    /// # Panics
    /// Where `count` is 0.
    pub fn new(choice: Choice, count: u64, seed: u64) -> Self {
        assert!(count > 0, "there must be a key to choose");
        let ranks = match choice {
            Choice::Uniform => None,
            Choice::Zipf => Some(Zipf::new(count as f64, 0.99).expect("the exponent is positive")),
        };
        Self { random: SmallRng::seed_from_u64(seed), ranks, count }
    }

    /// The next key.
    pub fn next_key(&mut self) -> u64 {
        match &self.ranks {
            None => self.random.random_range(0..self.count),
            // Multiplying by an odd constant scatters the ranks, so hot files are not neighbours.
            Some(zipf) => {
                (zipf.sample(&mut self.random) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.count
            }
        }
    }

    /// Whether something with this chance in a hundred happens now.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }
}
