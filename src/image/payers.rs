//! Which of the nodes that an image has pays for one that is not paid for itself.
//!
//! In a tree whose objects are freed by version, a node that only changes its place is another object, which takes
//! over what the one before owes. In an image one pays for the other. Which one it was is not known any more; but any
//! will do that is the same but for its place and pays for nothing else in the same tree, and there is one as long
//! as the heir is there. Trees are written from the latest to the earliest, and objects live from their birth on; so
//! one that was written and was born after the tree that is being written is not in it.

use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Nodes that pay, by what they have in common with those that they may pay for.
pub struct Payers<K> {
    /// Those that were written and not asked for yet: mostly nobody asks.
    noted: Vec<(K, u64, u32)>,
    /// The birth of the eldest that each pays for, and its number.
    payers: HashMap<K, BinaryHeap<(u64, u32)>, RandomState>,
}

impl<K: Hash + Eq> Payers<K> {
    pub fn new() -> Self {
        Self { noted: Vec::new(), payers: HashMap::default() }
    }

    /// One that pays for itself, born in this version, has this number. Where objects do not know that (0), each
    /// knows what pays for it.
    pub fn note(&mut self, key: K, birth: u64, number: u32) {
        if birth > 0 {
            self.noted.push((key, birth, number));
        }
    }

    /// The number of one that pays for a node of the tree of version `at` that was born in `birth`; from then on
    /// it does.
    pub fn find(&mut self, key: K, birth: u64, at: u64) -> Option<u32> {
        for (key, birth, number) in self.noted.drain(..) {
            self.payers.entry(key).or_default().push((birth, number));
        }
        let Entry::Occupied(mut payers) = self.payers.entry(key) else { return None };
        let mut youngest = payers.get_mut().peek_mut()?;
        let (eldest, number) = *youngest;
        if eldest <= at {
            return None;
        }
        *youngest = (birth, number);
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::Payers;

    #[test]
    fn one_pays_for_one_in_each_tree() {
        let mut payers = Payers::new();
        payers.note("f", 9, 0);
        payers.note("g", 9, 1);
        assert_eq!(payers.find("f", 5, 9), None, "it is in that tree itself");
        assert_eq!(payers.find("f", 5, 8), Some(0));
        assert_eq!(payers.find("f", 6, 8), None, "it pays for another in that tree");
        assert_eq!(payers.find("f", 6, 5), None, "that one is in it as well");
        assert_eq!(payers.find("f", 2, 4), Some(0));
        assert_eq!(payers.find("h", 2, 4), None);
        payers.note("f", 7, 2);
        assert_eq!(payers.find("f", 1, 1), Some(2), "the one born last is free for longest");
        assert_eq!(payers.find("f", 1, 1), Some(0));
        assert_eq!(payers.find("f", 1, 1), None);
    }
}
