//! Figures of a filesystem and of a part of it.

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
