//! Figures of a filesystem and of a part of it.

use std::time::Duration;

/// What a file or a directory with everything below it adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Sum of the lengths of the files; bytes that files share are counted each time.
    pub bytes: u64,
    /// Files; 1 for a file itself.
    pub files: u64,
    /// Directories, the one asked for included; 0 for a file.
    pub dirs: u64,
}

/// The figures of a whole filesystem, of one instant where that matters: what is charged is read
/// after the tree, so `pinned_bytes` is never too small by what was published in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes charged: payload, overheads, what snapshots and handles keep.
    pub used_bytes: u64,
    /// The quota in bytes.
    pub quota_bytes: u64,
    /// Bytes that can still be charged.
    pub free_bytes: u64,
    /// Sum of the lengths of the files in bytes; shared bytes are counted each time.
    pub payload_bytes: u64,
    /// Files in the tree.
    pub file_count: u64,
    /// Directories in the tree, the root included.
    pub dir_count: u64,
    /// Chunks alive, wherever they are held.
    pub chunk_count: u64,
    /// Bytes charged per chunk on top of its payload.
    pub chunk_overhead: u64,
    /// Bytes charged per version of a file and per directory.
    pub node_overhead: u64,
    /// Bytes charged that neither the current tree nor an open draft accounts for: what snapshots,
    /// handles, contents, iterators and forks keep. Exact while nothing in the tree is shared by
    /// copies, else a lower bound.
    pub pinned_bytes: u64,
    /// Handles open.
    pub open_handles: u64,
    /// Snapshots alive.
    pub snapshots: u64,
}

/// How long commits of a filesystem held the lock that lets one at a time commit: a histogram of one of 61.
///
/// From [`MemFs::commit_lengths`](crate::MemFs::commit_lengths). A class reaches from a power of two of nanoseconds to
/// the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitLengths {
    counts: [u64; Self::CLASSES],
}

impl CommitLengths {
    /// The last class is of all from 2³¹ nanoseconds on.
    pub(crate) const CLASSES: usize = 32;

    /// Those of which so many are in each class.
    #[cfg_attr(
        not(any(test, not(arcfs_tree = "counted"))),
        allow(dead_code, reason = "nothing is sampled there")
    )]
    pub(crate) fn of(counts: [u64; Self::CLASSES]) -> Self {
        Self { counts }
    }

    /// The class of a length.
    #[cfg_attr(
        not(any(test, not(arcfs_tree = "counted"))),
        allow(dead_code, reason = "nothing is sampled there")
    )]
    pub(crate) fn class_of(length: Duration) -> usize {
        let nanos = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        (nanos.max(1).ilog2() as usize).min(Self::CLASSES - 1)
    }

    /// Commits that were timed.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// assert_eq!(fs.commit_lengths().samples(), 0); // the first is the 61st
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The classes that are not empty, from the shortest: where each ends, and how many commits were in it.
    ///
    /// ```
    /// let lengths = arcfs::MemFs::new().commit_lengths();
    /// for (below, commits) in lengths.iter() {
    ///     println!("{commits} took less than {below:?}, and at least half of it");
    /// }
    /// assert_eq!(lengths.iter().map(|(_, commits)| commits).sum::<u64>(), lengths.samples());
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let classes = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        classes.map(|(class, count)| (Duration::from_nanos(2 << class), *count))
    }

    /// The end of the class in which this part of all lengths is reached: 0.99 asks for the 99th percentile, from
    /// above. `None` before anything was timed.
    ///
    /// ```
    /// assert_eq!(arcfs::MemFs::new().commit_lengths().quantile(0.5), None);
    /// ```
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let wanted = ((self.samples() as f64 * part.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut passed = 0;
        self.iter().find_map(|(below, count)| {
            passed += count;
            (passed >= wanted).then_some(below)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CommitLengths;

    #[test]
    fn lengths_are_counted_by_powers_of_two() {
        let nanos = |nanos| CommitLengths::class_of(Duration::from_nanos(nanos));
        assert_eq!([0, 1, 2, 3, 4, 1023, 1024].map(nanos), [0, 0, 1, 1, 2, 9, 10]);
        assert_eq!(CommitLengths::class_of(Duration::MAX), CommitLengths::CLASSES - 1);
        let mut counts = [0; CommitLengths::CLASSES];
        (counts[7], counts[9]) = (98, 2);
        let lengths = CommitLengths::of(counts);
        let classes: Vec<_> = lengths.iter().collect();
        assert_eq!(classes, [(Duration::from_nanos(256), 98), (Duration::from_nanos(1024), 2)]);
        let quantile = |part| lengths.quantile(part).unwrap().as_nanos();
        assert_eq!([0.0, 0.5, 0.98, 0.99, 1.0, 7.0].map(quantile), [256, 256, 256, 1024, 1024, 1024]);
        assert_eq!(CommitLengths::default().quantile(0.5), None);
    }
}
