//! What a filesystem is built with.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::MemFs;
use crate::memory_guard::{Guard, MemoryGuard};
use crate::quota::{NodeLimit, Quota};
use crate::root::Seed;
use crate::snapshot::Snapshot;
use crate::volume::{Config, Gauge, Resources, Storage, Volume};

/// The quota of a filesystem that was not given one, in bytes.
const DEFAULT_QUOTA: u64 = 256 << 20;

/// The largest `max_depth`.
pub const DEEPEST: usize = 4096;

/// What one chunk takes beside its bytes: its node, its receipt, its place in an index, and what
/// the allocator adds to it and to its bytes. Measured by `tests/memory.rs`: 96 bytes for the only
/// chunk of a file, 112 for that of a file of one byte, 115 for each of a thousand, and most for
/// each of two, 200.
const DEFAULT_CHUNK_OVERHEAD: u64 = 112;

/// What one file or directory takes beside its content: its node, its entry and name in a
/// directory, and what the allocator adds. Measured by `tests/memory.rs` in a large directory: 173
/// bytes for a file whose name comes in random order, 207 in sorted order; in directories of 10 to
/// 100 files 203 to 222, the directory included. An empty directory takes 269, and one with
/// few entries up to 740 more for entries that it could have.
const DEFAULT_NODE_OVERHEAD: u64 = 192;

/// Sets up a [`MemFs`].
///
/// ```
/// use std::time::Duration;
/// use arcfs::{GuardAction, MemFs, MemoryGuard, Storage};
///
/// let fs = MemFs::builder()
///     .max_quota(64 << 20)
///     .max_nodes(10_000)
///     .max_depth(512)
///     .storage(Storage::Auto)
///     .promotion_limit(512 << 20)
///     .lock_timeout(Some(Duration::from_secs(30)))
///     .memory_guard(MemoryGuard::per_write(GuardAction::Refuse, Duration::from_secs(1)))
///     .build()?;
/// assert_eq!(fs.stats().quota_bytes, 64 << 20);
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is built before build()"]
pub struct MemFsBuilder {
    max_quota: u64,
    max_nodes: u64,
    guard: MemoryGuard,
    clock: Arc<dyn Clock>,
    config: Config,
}

impl Default for MemFsBuilder {
    fn default() -> Self {
        Self {
            max_quota: DEFAULT_QUOTA,
            max_nodes: NodeLimit::CEILING,
            guard: MemoryGuard::off(),
            clock: Arc::new(SystemClock::new()),
            config: Config {
                storage: Storage::Auto,
                promotion_limit: 512 << 20,
                chunk_overhead: DEFAULT_CHUNK_OVERHEAD,
                node_overhead: DEFAULT_NODE_OVERHEAD,
                lock_timeout: Some(Duration::from_secs(30)),
                max_depth: 512,
            },
        }
    }
}

impl MemFsBuilder {
    /// The hard limit in bytes, overheads included. Default: 256 MiB.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// let fs = MemFs::builder().max_quota(1000).build()?;
    /// let error = fs.write("/a", [0; 1001]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn max_quota(mut self, bytes: u64) -> Self {
        self.max_quota = bytes;
        self
    }

    /// The most files and directories, the root included. Default and ceiling: 2³² − 1.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// let fs = MemFs::builder().max_nodes(2).build()?;
    /// fs.create_dir("/one")?;
    /// let error = fs.create_dir("/two").unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::NodeLimit { current: 2, limit: 2 });
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn max_nodes(mut self, nodes: u64) -> Self {
        self.max_nodes = nodes;
        self
    }

    /// The most components of a path, 1 to 4,096. Default: 512.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// let fs = MemFs::builder().max_depth(2).build()?;
    /// fs.create_dir_all("/a/b")?;
    /// assert_eq!(fs.create_dir("/a/b/c").unwrap_err().kind(), &ErrorKind::InvalidPath);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn max_depth(mut self, components: usize) -> Self {
        self.config.max_depth = components;
        self
    }

    /// How files are laid out. Default: [`Storage::Auto`].
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions, Storage};
    ///
    /// let fs = MemFs::builder().storage(Storage::Sequential).build()?;
    /// fs.write("/a", b"0123")?;
    /// let mut file = OpenOptions::new().write(true).open(&fs, "/a")?;
    /// assert_eq!(file.write_at(b"x", 1).unwrap_err().kind(), &ErrorKind::Unsupported);
    /// file.write_at(b"4", 4)?;
    /// file.close()?;
    /// assert_eq!(fs.read("/a")?, b"01234");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn storage(mut self, storage: Storage) -> Self {
        self.config.storage = storage;
        self
    }

    /// A file larger than this many bytes does not become random-access. Default: 512 MiB.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs, OpenOptions};
    ///
    /// let fs = MemFs::builder().promotion_limit(4).build()?;
    /// fs.import_tree([("/small", "0123"), ("/large", "01234")])?;
    /// let mut options = OpenOptions::new();
    /// options.write(true);
    /// options.open(&fs, "/small")?.write_at(b"x", 1)?;
    /// let error = options.open(&fs, "/large")?.write_at(b"x", 1).unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::Unsupported);
    /// assert_eq!((fs.read("/small")?, fs.read("/large")?), (b"0x23".to_vec(), b"01234".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn promotion_limit(mut self, bytes: u64) -> Self {
        self.config.promotion_limit = bytes;
        self
    }

    /// Bytes charged per chunk on top of its payload. The default is what one takes.
    ///
    /// ```
    /// use arcfs::MemFs;
    ///
    /// let fs = MemFs::builder().chunk_overhead(50).node_overhead(0).build()?;
    /// fs.write("/a", [0; 1000])?;
    /// assert_eq!(fs.stats().used_bytes, 1000 + 50);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn chunk_overhead(mut self, bytes: u64) -> Self {
        self.config.chunk_overhead = bytes;
        self
    }

    /// Bytes charged per version of a file and per directory. The default is what one takes.
    ///
    /// ```
    /// use arcfs::MemFs;
    ///
    /// let fs = MemFs::builder().node_overhead(100).build()?;
    /// fs.create_dir("/d")?;
    /// fs.write("/d/empty", b"")?;
    /// assert_eq!(fs.stats().used_bytes, 100 + 100);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn node_overhead(mut self, bytes: u64) -> Self {
        self.config.node_overhead = bytes;
        self
    }

    /// How long a call waits for a lock; `None` waits for ever. Default: 30 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// let fs = MemFs::builder().lock_timeout(Some(Duration::ZERO)).build()?;
    /// let writer = fs.create("/a")?;
    /// assert!(matches!(fs.write("/a", b"1").unwrap_err().kind(), ErrorKind::Busy { .. }));
    /// writer.close()?;
    /// fs.write("/a", b"1")?;
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn lock_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.config.lock_timeout = timeout;
        self
    }

    /// A second gate beside the quota: the memory of the machine. Default: off.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arcfs::{ErrorKind, GuardAction, MemFs, MemoryGuard, MemorySource};
    ///
    /// #[derive(Debug)]
    /// struct OneMegabyte;
    ///
    /// impl MemorySource for OneMegabyte {
    ///     fn available(&self) -> Option<u64> {
    ///         Some(1 << 20)
    ///     }
    /// }
    ///
    /// let guard = MemoryGuard::at_init(GuardAction::Refuse).with_source(Arc::new(OneMegabyte));
    /// let error = MemFs::builder().max_quota(2 << 20).memory_guard(guard).build().unwrap_err();
    /// let (requested, available) = (2 << 20, 1 << 20);
    /// assert_eq!(error.kind(), &ErrorKind::MemoryGuard { requested, available });
    /// ```
    pub fn memory_guard(mut self, guard: MemoryGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Where file times come from. Default: the clock of the system.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::{Duration, SystemTime};
    /// use arcfs::{Clock, MemFs};
    ///
    /// #[derive(Debug)]
    /// struct Stopped;
    ///
    /// impl Clock for Stopped {
    ///     fn now(&self) -> SystemTime {
    ///         SystemTime::UNIX_EPOCH
    ///     }
    ///     fn elapsed(&self) -> Duration {
    ///         Duration::ZERO
    ///     }
    /// }
    ///
    /// let fs = MemFs::builder().clock(Arc::new(Stopped)).build()?;
    /// fs.write("/a", b"1")?;
    /// assert_eq!(fs.metadata("/a")?.modified(), SystemTime::UNIX_EPOCH);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A builder with the limits and the configuration of a filesystem that was saved.
    #[cfg(feature = "image")]
    pub(crate) fn of_saved(max_quota: u64, max_nodes: u64, config: Config) -> Self {
        Self { max_quota, max_nodes, config, ..Self::default() }
    }

    /// Builds it.
    ///
    /// ```
    /// use arcfs::{ErrorKind, MemFs};
    ///
    /// assert!(MemFs::builder().build().is_ok());
    /// let error = MemFs::builder().max_depth(0).build().unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a depth out of range or no node at all; `MemoryGuard` if the guard
    /// refuses a quota that the machine has no memory for.
    pub fn build(self) -> Result<MemFs> {
        let now = self.clock.now().into();
        self.build_with(|quota, _, config| Ok((Seed::empty(now, quota, config)?, ()))).map(|(fs, ())| fs)
    }

    /// Builds a filesystem that starts with the tree of `snapshot`.
    pub(crate) fn build_fork(self, snapshot: &Snapshot) -> Result<MemFs> {
        let (tree, depth) = (snapshot.tree(), self.config.max_depth);
        let nodes = 1 + tree.totals.nodes();
        if nodes > self.max_nodes {
            let error = Error::new(ErrorKind::NodeLimit { current: nodes, limit: self.max_nodes });
            return Err(error.during("from_snapshot").because("the snapshot already exceeds it"));
        }
        let height = |exact: u32| exact as usize > depth;
        if height(tree.totals.height) && height(crate::tree::height::exact_height(tree)) {
            let error = Error::new(ErrorKind::InvalidInput).during("from_snapshot");
            return Err(error.because(format!("the snapshot is deeper than the limit of {depth} components")));
        }
        let version = snapshot.version();
        self.build_with(|quota, _, config| Ok((Seed::fork(tree, version, quota, config), ())))
            .map(|(fs, ())| fs)
    }

    /// Builds a filesystem that starts with what `make` gives, which may charge for it already.
    pub(crate) fn build_with<T>(
        self,
        make: impl FnOnce(&Quota, &NodeLimit, &Config) -> Result<(Seed, T)>,
    ) -> Result<(MemFs, T)> {
        let invalid =
            |detail: String| Err(Error::new(ErrorKind::InvalidInput).during("build").because(detail));
        if !(1..=DEEPEST).contains(&self.config.max_depth) {
            return invalid(format!("max_depth is {}, must be 1 to {DEEPEST}", self.config.max_depth));
        }
        if self.max_nodes == 0 {
            return invalid("max_nodes is 0, but the root directory is a node".into());
        }
        let guard = Guard::at_build(&self.guard, self.max_quota, &self.clock)
            .map_err(|error| error.during("build"))?;
        let (quota, nodes) = (Quota::new(self.max_quota, guard), NodeLimit::new(self.max_nodes));
        let (seed, made) = make(&quota, &nodes, &self.config)?;
        let resources = Resources {
            quota,
            nodes,
            graves: seed.graves(),
            clock: self.clock,
            snapshots: Gauge::default(),
            handles: Gauge::default(),
            drafts: Gauge::default(),
        };
        Ok((MemFs::from_volume(Volume::new(seed, resources, self.config)), made))
    }
}
