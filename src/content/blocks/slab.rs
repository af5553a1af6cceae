//! Which parts of a slab are free. Pure: it knows nothing of memory.

/// The bytes that a bit stands for.
pub const UNIT: usize = 256;

/// The units of a slab, with a bit for each: set if it belongs to a block.
///
/// Kept apart from the memory that it describes, so that taking and giving a block touches none of it.
#[derive(Debug)]
pub struct Map {
    words: Box<[u64]>,
    /// Units that are in use.
    used: usize,
    /// No free run is longer. It may be too high: then a search that fails makes it right.
    longest: usize,
    /// No unit before is free.
    first: usize,
}

impl Map {
    /// All of `units` free: a multiple of 64.
    #[must_use]
    pub fn new(units: usize) -> Self {
        assert!(units.is_multiple_of(64) && units > 0, "a map is whole words");
        Self { words: vec![0; units / 64].into(), used: 0, longest: units, first: 0 }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether there may be a free run of `n` units.
    #[inline]
    #[must_use]
    pub fn may_have(&self, n: usize) -> bool {
        n <= self.longest
    }

    fn units(&self) -> usize {
        self.words.len() * 64
    }

    /// Takes the first free run of `n` units.
    pub fn take(&mut self, n: usize) -> Option<usize> {
        debug_assert!(n > 0);
        if !self.may_have(n) {
            return None;
        }
        let (mut at, mut longest) = (self.first, 0);
        while let Some(start) = self.next(at, false, self.units()) {
            let most = self.units().min(start + n); // a run that is longer need not be seen to its end
            let end = self.next(start, true, most).unwrap_or(most);
            if end - start >= n {
                self.mark(start, n, true);
                self.used += n;
                if longest == 0 {
                    self.first = start + n; // nothing free was passed
                }
                return Some(start);
            }
            longest = longest.max(end - start);
            at = end;
        }
        self.longest = longest;
        None
    }

    /// Gives back a run that was taken.
    ///
    /// # Panics
    ///
    /// If a part of it is free.
    pub fn give(&mut self, start: usize, n: usize) {
        self.mark(start, n, false);
        self.used -= n;
        self.first = self.first.min(start);
        let end = self.next(start, true, self.units()).unwrap_or(self.units());
        self.longest = self.longest.max(end - self.start_of_run(start));
    }

    /// The first unit from `at` on, and before `to`, that is used, or free.
    fn next(&self, at: usize, used: bool, to: usize) -> Option<usize> {
        let mut word = at / 64;
        let mut skip = at % 64;
        while word * 64 + skip < to {
            let bits = if used { self.words[word] } else { !self.words[word] };
            let bits = bits >> skip << skip;
            if bits != 0 {
                return Some(word * 64 + bits.trailing_zeros() as usize).filter(|found| *found < to);
            }
            (word, skip) = (word + 1, 0);
        }
        None
    }

    /// Where the free run starts that `at` is in.
    fn start_of_run(&self, at: usize) -> usize {
        let mut word = at / 64;
        let mut bits = self.words[word] & ((1 << (at % 64)) - 1);
        while bits == 0 {
            if word == 0 {
                return 0;
            }
            word -= 1;
            bits = self.words[word];
        }
        word * 64 + 64 - bits.leading_zeros() as usize
    }

    fn mark(&mut self, start: usize, n: usize, to: bool) {
        let (mut at, end) = (start, start + n);
        while at < end {
            let (word, from) = (at / 64, at % 64);
            let len = (end - at).min(64 - from);
            let mask = (u64::MAX >> (64 - len)) << from;
            let before = self.words[word] & mask;
            assert!(before == if to { 0 } else { mask }, "a block is taken or given back twice");
            self.words[word] ^= mask;
            at += len;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[should_panic(expected = "twice")]
    fn a_run_cannot_be_given_back_twice() {
        let mut map = Map::new(128);
        let run = map.take(70).unwrap();
        map.give(run, 70);
        map.give(run, 70);
    }

    proptest! {
        #[test]
        fn runs_are_the_first_that_are_free(
            steps in prop::collection::vec((any::<bool>(), 1..150_usize, any::<prop::sample::Index>()), 1..300),
        ) {
            let mut map = Map::new(512);
            let mut model = [false; 512];
            let mut taken: Vec<(usize, usize)> = Vec::new();
            for (take, n, which) in steps {
                if take {
                    let first = (0..=512 - n).find(|&at| model[at..at + n].iter().all(|used| !used));
                    prop_assert!(first.is_none() || map.may_have(n));
                    let run = map.take(n);
                    prop_assert_eq!(run, first);
                    if let Some(start) = run {
                        model[start..start + n].fill(true);
                        taken.push((start, n));
                    }
                } else if !taken.is_empty() {
                    let (start, n) = taken.swap_remove(which.index(taken.len()));
                    model[start..start + n].fill(false);
                    map.give(start, n);
                }
                prop_assert_eq!(map.is_empty(), taken.is_empty());
            }
        }
    }
}
