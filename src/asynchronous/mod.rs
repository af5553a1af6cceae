//! The filesystem for tasks of [tokio](https://tokio.rs) (feature `tokio`).
//!
//! [`AsyncMemFs`] has the calls of [`MemFs`], with the same names, arguments, answers and errors, and
//! [`AsyncFile`] is an open file for tokio's `AsyncRead`, `AsyncWrite` and `AsyncSeek`. Both surfaces
//! are of one filesystem: threads and tasks may use it together, and wait in the same queues. Files of
//! text, which are read and written through `std::io`, have no twin here; see
//! [`off_task`](AsyncMemFs::off_task).
//!
//! ```
//! use arcfs::asynchronous::AsyncMemFs;
//! use tokio::io::AsyncWriteExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fs = AsyncMemFs::new();
//! fs.create_dir_all("/logs").await?;
//! fs.append("/logs/today", "started\n").await?;
//!
//! let mut file = fs.create("/report").await?; // waits for the lock, if anybody has it
//! file.write_all(b"all is well").await?;
//! file.shutdown().await?; // publishes; a file that is only dropped is discarded
//! assert_eq!(fs.read_to_string("/report").await?, "all is well");
//! # Ok(())
//! # }
//! ```
//!
//! # Which calls are `async`
//!
//! One rule: **what works on paths or on an open file is `async`**. Plain functions are what makes or
//! converts a handle ([`new`](AsyncMemFs::new), [`with_quota`](AsyncMemFs::with_quota),
//! [`builder`](AsyncMemFs::builder), [`from_snapshot`](AsyncMemFs::from_snapshot),
//! [`as_sync`](AsyncMemFs::as_sync)), [`snapshot`](AsyncMemFs::snapshot),
//! [`stats`](AsyncMemFs::stats), [`version`](AsyncMemFs::version), the limits
//! ([`set_max_quota`](AsyncMemFs::set_max_quota), [`set_max_nodes`](AsyncMemFs::set_max_nodes)), and
//! what an [`AsyncFile`] knows or gives up at once ([`len`](AsyncFile::len),
//! [`discard`](AsyncFile::discard), ...). Iterators, [`Snapshot`]s and [`Content`] are those
//! of the other surface: they read one instant from memory, and never wait.
//!
//! # Where the work is done
//!
//! | what | where |
//! |---|---|
//! | waiting for a lock | nowhere: a waiting task occupies no thread |
//! | calls at the speed of memory | in the task, within its share (below) |
//! | reads and exports of more than 1 MiB, and calls on trees of more than 1,024 nodes or 64 MiB, removing and replacing a file of that size included | on tokio's threads for blocking work |
//! | writes and appends of more than 1 MiB of borrowed bytes | in the task, in pieces, between which others run |
//! | [`write_owned`](AsyncMemFs::write_owned) of more than 1 MiB that must be copied | on tokio's threads for blocking work |
//! | [`AsyncFile`] through the traits | in the task, at most 1 MiB at once |
//! | an [`AsyncFile`] that grows by more than 1 MiB of zeros | on tokio's threads for blocking work |
//! | [`import_dir`](AsyncMemFs::import_dir), [`export_dir`](AsyncMemFs::export_dir), archives, images | on tokio's threads for blocking work |
//!
//! Every call that runs in the task takes one unit of the
//! [share](tokio::task::coop) that tokio gives a task at a time, and another for each 64 KiB that it
//! copies. So a loop over calls that never wait, such as a task that polls until a file exists,
//! keeps no others from running.
//!
//! Your own work that takes long leaves the task through [`AsyncMemFs::off_task`], with any call of
//! the other surface. The closure of [`AsyncMemFs::transaction`] runs in the task.
//!
//! # Cancellation
//!
//! Every future may be dropped at any time, by `select!`, a timeout or an aborted task. What it leaves:
//!
//! * While it **waits for a lock**, or before it was polled: nothing. It holds no bytes, no charge and
//!   no lock, and its turn goes to whoever is next, also if it was its turn already.
//! * Calls that run **in the task** suspend before they begin or not at all, so one that was dropped
//!   has done nothing, and one that has had its effect has returned. In pieces: nothing, as nothing
//!   is published before the last.
//! * Work that has **left the task** and has begun goes on to its end, all or nothing as ever; only
//!   its answer is lost. Work that has not begun does not begin.
//! * An [`AsyncFile`] that is dropped discards its draft. So does one whose zeros are made elsewhere
//!   when the call is dropped; it is closed then.
//!
//! A future that waits for a lock and is **kept but never polled** may be let in without knowing, and
//! then keeps all who come after it waiting, as with every lock that is handed over in order: poll what
//! you keep, or drop it. Who only tries is answered `Busy` then.
//!
//! # Timeouts
//!
//! The lock timeouts are those of the filesystem and of [`OpenOptions`], on the clock of tokio: `None`
//! waits for ever, zero only tries. The deadline of a transaction is on the real clock, since it limits
//! work and not a wait.
//!
//! # Other runtimes
//!
//! The traits are tokio's. Everything else runs on any runtime and on none, with two differences
//! outside of one of tokio's: what would leave the task is done where it is, and a wait for a lock
//! with a timeout that is neither zero nor `None` is refused as `Unsupported`, as there is no timer.
//! In a runtime of tokio that was built without `enable_time`, such a wait panics, and tokio says why.
//!
//! Calls of the other surface may be made from tasks too; those that wait for a lock then block a
//! thread of the runtime, and whoever blocks its only thread for a lock that a task has waits in
//! vain.

#[cfg(feature = "archive")]
mod archives;
mod file;
#[cfg(feature = "image")]
mod images;
mod namespace;
mod read;
mod task;
mod trees;
mod wait;
mod write;

pub use file::AsyncFile;

use std::fmt;

use crate::builder::MemFsBuilder;
use crate::error::Result;
use crate::fs::MemFs;
use crate::snapshot::Snapshot;
use crate::usage::{CommitLengths, Stats};
#[cfg(doc)]
use crate::{Content, OpenOptions};

/// A [`MemFs`] for tasks of tokio. See the [module](self) for what is done where, and what a call
/// leaves behind that is cancelled.
///
/// A cheap handle, as `MemFs` is: clones share one filesystem, and [`as_sync`](Self::as_sync) gives the
/// other surface of it.
///
/// ```
/// use arcfs::asynchronous::AsyncMemFs;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fs = AsyncMemFs::new();
/// let tasks = (0..4).map(|number| {
///     let fs = fs.clone();
///     tokio::spawn(async move { fs.append("/log", format!("{number}\n")).await })
/// });
/// for task in tasks {
///     task.await??;
/// }
/// assert_eq!(fs.as_sync().metadata("/log")?.len(), 8);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct AsyncMemFs {
    fs: MemFs,
}

impl AsyncMemFs {
    /// As [`MemFs::new`].
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// assert_eq!(fs.stats().quota_bytes, 256 << 20);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        MemFs::new().into()
    }

    /// As [`MemFs::with_quota`].
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::with_quota(64 << 20);
    /// assert_eq!(fs.stats().quota_bytes, 64 << 20);
    /// ```
    #[must_use]
    pub fn with_quota(bytes: u64) -> Self {
        MemFs::with_quota(bytes).into()
    }

    /// As [`MemFs::builder`]; what it builds becomes this by `From`.
    ///
    /// ```
    /// use arcfs::asynchronous::AsyncMemFs;
    ///
    /// let fs = AsyncMemFs::from(AsyncMemFs::builder().max_nodes(100).lock_timeout(None).build()?);
    /// assert_eq!(fs.stats().dir_count, 1);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn builder() -> MemFsBuilder {
        MemFs::builder()
    }

    /// As [`MemFs::from_snapshot`]. O(1).
    ///
    /// ```
    /// use arcfs::asynchronous::AsyncMemFs;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// let branch = AsyncMemFs::from_snapshot(&fs.snapshot(), AsyncMemFs::builder())?;
    /// fs.remove_file("/a").await?;
    /// assert_eq!(branch.read("/a").await?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_snapshot(snapshot: &Snapshot, builder: MemFsBuilder) -> Result<Self> {
        MemFs::from_snapshot(snapshot, builder).map(Self::from)
    }

    /// The same filesystem for threads.
    ///
    /// Its calls may be made from a task too; those that wait for a lock then block the thread that
    /// the task runs on.
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.as_sync().write("/a", b"1")?;
    /// assert_eq!(fs.stats().file_count, 1);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn as_sync(&self) -> &MemFs {
        &self.fs
    }

    /// Runs work that takes long on a thread that tokio has for it, and waits for its answer without
    /// a thread. For calls of the other surface that have no twin here, or for many at once.
    ///
    /// Dropped before the work has begun, nothing is done; afterwards the work goes on to its end and
    /// its answer is lost. A panic of the work goes on in the task. Outside of a runtime the work is
    /// done where it is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.import_tree([("/a", "one"), ("/b", "two")]).await?;
    /// let snapshot = fs.snapshot();
    /// let bytes = fs
    ///     .off_task(move |_| snapshot.iter_export_tree("/", Default::default())?.map(|(_, c)| c.to_vec()).collect())
    ///     .await
    ///     .map(|files: Vec<_>| files.concat())?;
    /// assert_eq!(bytes, b"onetwo");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the work; `Other` if the runtime shuts down before it begins.
    pub async fn off_task<T: Send + 'static>(
        &self,
        work: impl FnOnce(&MemFs) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let fs = self.fs.clone();
        task::off_task(move || work(&fs)).await
    }

    /// Runs work in the task if it is little, else elsewhere.
    async fn by_size<T: Send + 'static>(
        &self,
        is_large: bool,
        work: impl FnOnce(&MemFs) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if is_large {
            return self.off_task(work).await;
        }
        task::share().await;
        work(&self.fs)
    }

    /// Whether a call that visits everything at and below `path` takes long.
    fn is_large(&self, path: &str) -> bool {
        self.fs.usage(path).is_ok_and(|usage| task::is_large(&usage))
    }

    /// As [`MemFs::set_max_quota`].
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.set_max_quota(1000);
    /// assert_eq!(fs.stats().quota_bytes, 1000);
    /// ```
    pub fn set_max_quota(&self, bytes: u64) {
        self.fs.set_max_quota(bytes);
    }

    /// As [`MemFs::set_max_nodes`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.set_max_nodes(1);
    /// assert!(fs.create_dir("/d").await.is_err());
    /// # }
    /// ```
    pub fn set_max_nodes(&self, nodes: u64) {
        self.fs.set_max_nodes(nodes);
    }

    /// As [`MemFs::stats`]. O(1).
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// assert_eq!(fs.stats().used_bytes, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.fs.stats()
    }

    /// As [`MemFs::commit_lengths`]. O(1).
    ///
    /// ```
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// assert_eq!(fs.commit_lengths().samples(), 0);
    /// ```
    #[must_use]
    pub fn commit_lengths(&self) -> CommitLengths {
        self.fs.commit_lengths()
    }

    /// As [`MemFs::version`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// let before = fs.version();
    /// fs.create_dir("/d").await?;
    /// assert!(fs.version() > before);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn version(&self) -> u64 {
        self.fs.version()
    }

    /// As [`MemFs::snapshot`]. O(1).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> arcfs::Result<()> {
    /// let fs = arcfs::asynchronous::AsyncMemFs::new();
    /// fs.write("/a", b"1").await?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a").await?;
    /// assert_eq!(snapshot.read("/a")?, b"1");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.fs.snapshot()
    }
}

/// The same filesystem, for tasks.
impl From<MemFs> for AsyncMemFs {
    fn from(fs: MemFs) -> Self {
        Self { fs }
    }
}

/// The same filesystem, for threads.
impl From<AsyncMemFs> for MemFs {
    fn from(fs: AsyncMemFs) -> Self {
        fs.fs
    }
}

impl fmt::Debug for AsyncMemFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncMemFs").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
