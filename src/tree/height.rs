//! The exact height of a subtree, for the rare case in which the recorded bound is too large.

use super::node::{Dir, NodeRef};

/// Components of the longest path below `dir`: 0 if it is empty. O(directories below).
#[must_use]
pub fn exact_height(dir: &Dir) -> u32 {
    let mut highest = 0;
    let mut pending = vec![(dir, 0)];
    while let Some((dir, depth)) = pending.pop() {
        if dir.entries.is_empty() {
            continue;
        }
        highest = highest.max(depth + 1);
        if dir.totals.dirs == 0 {
            continue;
        }
        for (_, entry) in dir.entries.iter() {
            if let NodeRef::Dir(below) = entry.node {
                pending.push((below, depth + 1));
            }
        }
    }
    highest
}
