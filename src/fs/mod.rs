//! The filesystem as its users see it. Operations in users' words; nothing here knows of atomics.
//!
//! | module | calls |
//! |---|---|
//! | `read` | everything that reads |
//! | `write` | writing files, opening them |
//! | `namespace` | directories, removal, renaming, copying |
//! | `trees` | snapshots, transactions, trees in and out |

mod namespace;
mod read;
mod trees;
mod write;

pub(crate) use read::{read_dir, utf8, walk};

use std::fmt;
use std::sync::Arc;

use crate::builder::MemFsBuilder;
use crate::error::Result;
use crate::snapshot::Snapshot;
use crate::usage::{CommitLengths, Stats};
use crate::volume::Volume;

/// An in-memory filesystem for many threads.
///
/// A cheap handle: clones share one filesystem, and the last one to go frees the data before its
/// `drop` returns. Open handles, snapshots and iterators keep what they need. See the
/// [crate documentation](crate) for what concurrent calls may observe.
///
/// Every call may answer `InvalidPath`; a component on the way that is a file is `NotADirectory`,
/// a missing parent `NotFound`; calls that create may also answer `NodeLimit`, `QuotaExceeded`,
/// `MemoryGuard` and `AllocationFailed`.
///
/// ```
/// use arcfs::MemFs;
///
/// let fs = MemFs::new();
/// fs.create_dir("/notes")?;
/// fs.write("/notes/today", b"remember the milk")?;
/// assert_eq!(fs.read_to_string("/notes/today")?, "remember the milk");
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Clone)]
pub struct MemFs {
    volume: Arc<Volume>,
}

impl MemFs {
    /// An empty filesystem with a quota of 256 MiB.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// assert_eq!(fs.stats().quota_bytes, 256 << 20);
    /// assert!(fs.is_dir("/"));
    /// ```
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "what is built here cannot be refused")]
    pub fn new() -> Self {
        Self::builder().build().expect("the defaults are valid and need no memory")
    }

    /// An empty filesystem with this quota. It cannot fail: the root directory is free.
    ///
    /// ```
    /// let fs = arcfs::MemFs::with_quota(64 << 20);
    /// assert_eq!(fs.stats().quota_bytes, 64 << 20);
    /// assert_eq!(fs.stats().used_bytes, 0);
    /// ```
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "what is built here cannot be refused")]
    pub fn with_quota(bytes: u64) -> Self {
        Self::builder().max_quota(bytes).build().expect("a quota alone cannot be invalid")
    }

    /// Sets up a filesystem in detail.
    ///
    /// ```
    /// let fs = arcfs::MemFs::builder().max_quota(1 << 20).max_nodes(100).build()?;
    /// assert_eq!(fs.stats().quota_bytes, 1 << 20);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn builder() -> MemFsBuilder {
        MemFsBuilder::default()
    }

    /// A writable filesystem that starts as `snapshot`, with limits of its own. O(1).
    ///
    /// Shared bytes stay charged where they were written until the last holder lets go.
    ///
    /// ```
    /// use arcfs::MemFs;
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let branch = MemFs::from_snapshot(&fs.snapshot(), MemFs::builder().max_quota(1 << 20))?;
    /// branch.write("/a", b"2")?;
    /// assert_eq!((fs.read("/a")?, branch.read("/a")?), (b"1".to_vec(), b"2".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`MemFsBuilder::build`]; `NodeLimit` or `InvalidInput` if the snapshot already exceeds
    /// the node limit or the depth.
    pub fn from_snapshot(snapshot: &Snapshot, builder: MemFsBuilder) -> Result<Self> {
        builder.build_fork(snapshot)
    }

    pub(crate) fn from_volume(volume: Volume) -> Self {
        Self { volume: Arc::new(volume) }
    }

    pub(crate) fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// Changes the quota. Below what is used it takes nothing away and only stops growth.
    ///
    /// ```
    /// let fs = arcfs::MemFs::with_quota(1 << 20);
    /// fs.write("/a", [0; 1000])?;
    /// fs.set_max_quota(10);
    /// assert!(fs.write("/b", [0; 1000]).is_err());
    /// assert!(fs.remove_file("/a").is_ok());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn set_max_quota(&self, bytes: u64) {
        self.volume.resources.quota.set_limit(bytes);
    }

    /// Changes the node limit. Below the current number it takes nothing away and only stops
    /// growth.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.set_max_nodes(2);
    /// fs.create_dir("/one")?;
    /// let error = fs.create_dir("/two").unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::NodeLimit { current: 2, limit: 2 });
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn set_max_nodes(&self, nodes: u64) {
        self.volume.resources.nodes.set(nodes);
    }

    /// The figures of the whole filesystem. O(1).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let stats = fs.stats();
    /// assert_eq!((stats.payload_bytes, stats.file_count, stats.dir_count), (5, 1, 1));
    /// assert_eq!(stats.used_bytes, 5 + stats.chunk_overhead + stats.node_overhead);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.volume.stats()
    }

    /// How long commits held the lock that lets one at a time commit: by how much they delay each other, and
    /// nobody who reads. One of 61 is timed, from the first on to now. O(1).
    ///
    /// None is where the tree is the counted one.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// for n in 0..10_000 {
    ///     fs.write(format!("/{}", n % 100), b"content")?;
    /// }
    /// if let Some(length) = fs.commit_lengths().quantile(0.99) {
    ///     println!("of 100 commits, 99 held the lock for less than {length:?}");
    /// }
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn commit_lengths(&self) -> CommitLengths {
        self.volume.commit_lengths()
    }

    /// The version published last. It grows with each publication.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let before = fs.version();
    /// fs.create_dir("/d")?;
    /// assert!(fs.version() > before);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.volume.load().version
    }

    /// Checks the invariants of the root published last. For tests: O(nodes).
    ///
    /// # Errors
    ///
    /// Which one is broken, and where.
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn check_consistent(&self) -> std::result::Result<(), String> {
        crate::tree::check::check_consistent(&self.volume.load(), self.volume.config.chunk_overhead)
    }
}

impl Default for MemFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemFs").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
