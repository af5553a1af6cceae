//! A place in a directory's list of entries that owns what it needs to go on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::name::Name;
use super::node::{Dir, Entry};

/// Entries looked at by the first refill; each later one looks at twice as many as the one before.
const FIRST: usize = 16;
/// Entries looked at by one refill, at most.
const MOST: usize = 256;

/// Goes through the entries of one version of a directory, in order, without borrowing it.
///
/// It picks small batches and resumes by name, so that making one costs nothing, a step is O(1)
/// on average, and what it holds beside the directory is bounded.
pub struct Cursor<T> {
    dir: Arc<Dir>,
    /// Picked, not handed out yet.
    batch: VecDeque<T>,
    /// The last entry looked at.
    after: Option<Name>,
    /// Entries not looked at yet.
    left: usize,
    /// Entries that the next refill looks at.
    size: usize,
}

impl<T> Cursor<T> {
    /// A cursor before the first entry of `dir`.
    #[must_use]
    pub fn new(dir: Arc<Dir>) -> Self {
        let left = dir.entries.len();
        Self { dir, batch: VecDeque::new(), after: None, left, size: FIRST }
    }

    /// The next entry for which `pick` gives something. It must be the same `pick` at each call.
    pub fn next(&mut self, mut pick: impl FnMut(&Name, &Entry) -> Option<T>) -> Option<T> {
        loop {
            if let Some(item) = self.batch.pop_front() {
                return Some(item);
            }
            if self.left == 0 {
                return None;
            }
            self.refill(&mut pick);
        }
    }

    #[inline(never)]
    fn refill(&mut self, pick: &mut impl FnMut(&Name, &Entry) -> Option<T>) {
        let size = self.size.min(self.left);
        let mut last = None;
        for (name, entry) in self.dir.entries.iter_after(self.after.as_ref()).take(size) {
            last = Some(name);
            self.batch.extend(pick(name, entry));
        }
        self.after = last.cloned();
        self.left -= size;
        self.size = (self.size * 2).min(MOST);
    }

    /// Entries not handed out yet, if every one is picked.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.batch.len() + self.left
    }
}

impl<T> fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("dir", &self.dir)
            .field("after", &self.after)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
