//! Whole trees: snapshots, and many files in and out at one instant.

use std::collections::BTreeMap;

use super::MemFs;
use crate::content::Content;
use crate::error::Result;
use crate::export::{ExportIter, ExportOptions};
use crate::ops::Named;
use crate::ops::import::Import;
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;

impl MemFs {
    /// The filesystem as it is now, for as long as it is needed. O(1); never needs
    /// quota.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// assert_eq!(snapshot.read("/a")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.volume)
    }

    /// Makes the filesystem what it was at `snapshot`, at one instant. Handles that read and all
    /// snapshots stay valid; the version goes on. O(difference). What comes back stands beside what
    /// the snapshot keeps: its bytes are shared, and its nodes are charged as far as there is room, so
    /// no quota refuses it.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let snapshot = fs.snapshot();
    /// fs.write("/a", b"2")?;
    /// fs.restore(&snapshot)?;
    /// assert_eq!(fs.read("/a")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a snapshot of another filesystem, `Busy` while anything is held.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        // It may be a path below that is held; the operation is on all.
        self.volume.restore(snapshot).map_err(|error| error.during("restore").on_exactly("/"))
    }

    /// Runs many calls that take effect at one instant, or not at all.
    ///
    /// The closure sees one root, that of the instant at which it began, and its own changes. They
    /// are published together if everything that it read (what stands at a path or that nothing
    /// does, the entries of a directory, what was walked) is in the root that they replace as it
    /// was read; every path that it changed counts as read. So of all that it saw nothing has
    /// changed at the instant of publication, as if it had run then; commits to other places do
    /// not disturb it. If something has changed, the closure runs again on what is published by
    /// then: it should have no other effects that must not be repeated. A closure that changed
    /// nothing publishes nothing, and what it saw was true at one instant.
    ///
    /// An `Err` or a panic of the closure leaves no trace: no entry, no bytes, no charge.
    /// [`Error::other`](crate::Error::other) carries an error of your own out.
    ///
    /// Nothing is held while the closure runs, so it may take long and call other filesystems, or
    /// this one: calls on the `MemFs` are operations of their own, which the transaction does not
    /// see and conflicts with.
    ///
    /// ```
    /// use arcfs::MemFs;
    ///
    /// let fs = MemFs::new();
    /// fs.write("/in", b"data")?;
    /// let length = fs.transaction(|tx| {
    ///     tx.create_dir_all("/out")?;
    ///     tx.write("/out/log", b"one file\n")?;
    ///     tx.rename("/in", "/out/done")?;
    ///     Ok(tx.metadata("/out/done")?.len())
    /// })?;
    /// assert_eq!(length, 4);
    /// assert_eq!(fs.glob("**")?, ["/out", "/out/done", "/out/log"]);
    ///
    /// let error = fs.transaction(|tx| {
    ///     tx.clear()?;
    ///     tx.remove_file("/nothing there")
    /// });
    /// assert_eq!(error.unwrap_err().kind(), &arcfs::ErrorKind::NotFound);
    /// assert!(fs.is_file("/out/done"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the closure. `Busy` at once where the publication meets a path that is open under
    /// a lock, and where something that was read has changed each time until the lock timeout had
    /// passed. `NodeLimit` if others have taken the room meanwhile.
    pub fn transaction<T>(&self, f: impl FnMut(&mut Transaction) -> Result<T>) -> Result<T> {
        Transaction::run(&self.volume, f)
    }

    /// Brings many files at one instant, all or nothing. Creates parents; replaces files and keeps
    /// their `created`; what it brings has generation 0.
    ///
    /// Each file is made a [`Content`] as it is taken from `files`, before any quota is asked: a
    /// vector or a string is taken over, a slice or a `&str` is copied.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/a/2", "two")])?;
    /// assert_eq!(fs.read("/a/2")?, b"two");
    ///
    /// let error = fs.import_tree([("/b", "file"), ("/b/c", "below it")]).unwrap_err();
    /// assert_eq!(error.kind(), &arcfs::ErrorKind::NotADirectory);
    /// assert!(!fs.exists("/b"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In this order: `InvalidPath`; `AlreadyExists` for a path named twice; `NotADirectory` below
    /// a file or another entry; `IsADirectory` onto a directory; `Busy`; `NodeLimit`;
    /// `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
    pub fn import_tree<P: AsRef<str>, B: Into<Content>>(
        &self,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<()> {
        let import = || self.volume.import(Import::of_files(&self.volume, files)?);
        import().map(drop).named("import_tree", "/")
    }

    /// Copies of all files at or below a path, of one instant, by path. They are outside the
    /// quota. `prefix` is a directory or one file; if nothing stands there, or
    /// a file stands on the way, the result is empty.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/b", "two")])?;
    /// let files = fs.export_tree("/a", Default::default())?;
    /// assert_eq!(files.into_iter().collect::<Vec<_>>(), [("/a/1".to_string(), b"one".to_vec())]);
    /// assert!(fs.export_tree("/b/below", Default::default())?.is_empty());
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`, `AllocationFailed`.
    pub fn export_tree(
        &self,
        prefix: impl AsRef<str>,
        options: ExportOptions,
    ) -> Result<BTreeMap<String, Vec<u8>>> {
        crate::export::export_tree(self.files("export_tree", prefix.as_ref(), options)?)
    }

    /// The files at or below a path, of one instant, in tree order, found as they are asked for
    /// and not copied.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let mut files = fs.iter_export_tree("/", Default::default())?;
    /// fs.remove_file("/a")?;
    /// let (path, content) = files.next().unwrap();
    /// assert_eq!((path.as_str(), content.to_vec()?), ("/a", b"1".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`.
    pub fn iter_export_tree(&self, prefix: impl AsRef<str>, options: ExportOptions) -> Result<ExportIter> {
        self.files("iter_export_tree", prefix.as_ref(), options)
    }

    pub(crate) fn files(
        &self,
        operation: &'static str,
        prefix: &str,
        options: ExportOptions,
    ) -> Result<ExportIter> {
        ExportIter::of(self.volume.tree(), prefix, options, self.volume.config.max_depth, operation)
    }

    /// A copy of the bytes of a file that has at most `max_size` bytes. It is outside the quota.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// assert_eq!(fs.export_bytes("/a", Some(5))?, b"12345");
    /// assert_eq!(fs.export_bytes("/a", Some(4)).unwrap_err().kind(), &arcfs::ErrorKind::InvalidInput);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `InvalidInput`, before anything is copied, if the file is larger.
    pub fn export_bytes(&self, path: impl AsRef<str>, max_size: Option<u64>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let export = || crate::export::export_bytes(&self.volume.content(path)?, max_size);
        export().named("export_bytes", path)
    }
}
