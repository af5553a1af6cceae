//! How long the commit lock is held: a sample of all turns.
//!
//! Reading the clock twice takes as long as a third of a short commit does, so one turn of 61 is timed: a prime, so
//! that what recurs with every second or every hundredth commit is met as often as anything else.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::usage::CommitLengths;

/// One turn of so many is timed.
const EVERY: u64 = 61;

/// Counts of turns by the binary logarithm of their nanoseconds.
///
/// Ordering: relaxed, and no read-modify-write: written only by the holder of the commit lock; nothing hangs on what
/// others read.
#[derive(Debug)]
pub struct Sampler {
    /// Turns until the next one that is timed.
    left: AtomicU64,
    counts: [AtomicU64; CommitLengths::CLASSES],
}

impl Sampler {
    /// Nothing yet; the first turn that is timed is the 61st.
    #[must_use]
    pub fn new() -> Self {
        Self { left: AtomicU64::new(EVERY - 1), counts: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// A turn begins. By whoever has just got the lock.
    #[inline]
    #[must_use]
    pub fn begin(&self) -> Option<Instant> {
        let left = self.left.load(Ordering::Relaxed);
        let next = left.checked_sub(1);
        self.left.store(next.unwrap_or(EVERY - 1), Ordering::Relaxed);
        if next.is_some() { None } else { Some(Instant::now()) }
    }

    /// The turn ends. By whoever still has the lock.
    #[inline]
    pub fn end(&self, since: Option<Instant>) {
        if let Some(since) = since {
            self.count(since.elapsed());
        }
    }

    #[cold]
    fn count(&self, length: Duration) {
        let count = &self.counts[CommitLengths::class_of(length)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// What was counted.
    #[must_use]
    pub fn get(&self) -> CommitLengths {
        CommitLengths::of(std::array::from_fn(|class| self.counts[class].load(Ordering::Relaxed)))
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_turn_of_61_is_counted() {
        let sampler = Sampler::new();
        for turn in 1..=1000 {
            let since = sampler.begin();
            assert_eq!(since.is_some(), turn % EVERY == 0);
            sampler.end(since);
            assert_eq!(sampler.get().samples(), turn / EVERY);
        }
    }
}
