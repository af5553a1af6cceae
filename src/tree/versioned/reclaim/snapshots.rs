//! The live snapshots, each with what only it or older ones still need.

use std::fmt;

use super::super::arena::OutOfMemory;
use super::super::dead::Dead;
use super::{Kinds, Store};

/// A live snapshot.
pub(super) struct Held {
    pub version: u64,
    holders: u64,
    /// See I6.
    pub dead: Vec<Dead>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} ({} dead)", self.version, self.holders, self.dead.len())
    }
}

/// What a snapshot that is gone had listed, to be judged.
pub(super) struct Dropped {
    pub version: u64,
    /// The last published version when it was dropped (I12).
    pub death: u64,
    pub dead: Vec<Dead>,
}

impl Dropped {
    pub fn len(&self) -> usize {
        self.dead.len()
    }
}

impl<K: Kinds> Store<K> {
    /// Keeps the last published version, which is returned, until as many calls of
    /// [`drop_snapshot`](Self::drop_snapshot). O(1). No version is under construction.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing is kept then.
    pub fn take(&mut self) -> Result<u64, OutOfMemory> {
        debug_assert!(self.dead.is_empty(), "no version is under construction");
        let version = self.version;
        match self.snapshots.last_mut() {
            Some(newest) if newest.version == version => newest.holders += 1,
            _ => {
                self.snapshots.try_reserve(1)?;
                // Dropping any of them must not fail.
                self.dropped.try_reserve(self.snapshots.len() + 1)?;
                self.snapshots.push(Held { version, holders: 1, dead: Vec::new() });
            }
        }
        Ok(version)
    }

    /// Number of versions that snapshots keep.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.snapshots.len()
    }

    /// Ends one snapshot of that version. O(log n) and the length of a list of snapshots: what nobody needs any more
    /// is found by [`sweep`](Self::sweep).
    ///
    /// # Panics
    ///
    /// If there is none.
    ///
    /// # Safety
    ///
    /// The snapshot is not read any more. No version is under construction.
    pub unsafe fn drop_snapshot(&mut self, version: u64) {
        let at = self.snapshots.binary_search_by_key(&version, |held| held.version).expect("it was taken");
        self.snapshots[at].holders -= 1;
        if self.snapshots[at].holders == 0 {
            let dead = self.snapshots.remove(at).dead;
            if !dead.is_empty() {
                self.dropped.push(Dropped { version, death: self.version, dead });
            }
        }
    }

    /// The newest live snapshot that is older than `version`.
    pub(super) fn newest_before(&self, version: u64) -> Option<usize> {
        self.snapshots.partition_point(|held| held.version < version).checked_sub(1)
    }
}
