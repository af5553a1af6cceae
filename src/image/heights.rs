//! How high directories are that are built as changes to others.
//!
//! The height of a directory is that of its highest entry. Where that one goes, the next highest has
//! to be known without looking at all entries again: so the heights of the directories in a base are
//! counted once, and each version based on it changes a copy of the counts, which shares the rest.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use imbl::OrdMap;

use crate::tree::node::Totals;
use crate::tree::plan::{Plan, Planned};

/// How many of the directories in one have each height.
type Counts = OrdMap<u32, u32>;

/// The counts of bases so far.
#[derive(Default)]
pub struct Heights(HashMap<u32, Counts, RandomState>);

/// The counts of one directory, while it is built.
pub struct Tally(Counts);

impl Heights {
    /// Begins with what is in a base.
    pub fn of_base(&mut self, number: u32, plan: &Plan<'_>) -> Tally {
        let count = || {
            let (mut tally, base) = (Tally(Counts::new()), &plan.dirs[number as usize]);
            if base.totals.dirs > 0 {
                let nodes = base.entries.iter().map(|(_, place)| place.node);
                let known = nodes.filter_map(|node| Some((node, plan.totals_of(node)?)));
                known.for_each(|(node, totals)| tally.add(node, &totals));
            }
            tally.0
        };
        Tally(self.0.entry(number).or_insert_with(count).clone())
    }

    /// Keeps the counts of a directory, which may be a base itself.
    pub fn keep(&mut self, number: u32, tally: Tally) {
        self.0.insert(number, tally.0);
    }
}

impl Tally {
    /// Counts an entry in that adds so much.
    pub fn add(&mut self, node: Planned, totals: &Totals) {
        if let Planned::Dir(_) = node {
            *self.0.entry(totals.height).or_insert(0) += 1;
        }
    }

    /// Counts an entry out that was counted in.
    pub fn remove(&mut self, node: Planned, totals: &Totals) {
        if let Planned::Dir(_) = node {
            let height = totals.height;
            match self.0.get_mut(&height) {
                Some(1) => drop(self.0.remove(&height)),
                Some(count) => *count -= 1,
                None => debug_assert!(false, "it was counted in"),
            }
        }
    }

    /// The height of the directory, which has `entries` entries.
    pub fn height(&self, entries: usize) -> u32 {
        self.0.get_max().map_or(u32::from(entries > 0), |(height, _)| *height)
    }
}
