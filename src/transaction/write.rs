//! The calls of a transaction that change something.

use std::borrow::Cow;
use std::time::SystemTime;

use super::Transaction;
use super::private::Private;
use super::reads::What;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::import::Import;
use crate::ops::{Named, Payload};
use crate::snapshot::Snapshot;
use crate::tree::edit::Removal;
use crate::tree::examine::Refusal;
use crate::volume::Volume;

impl Transaction {
    /// Makes one directory, as [`MemFs::create_dir`](crate::MemFs::create_dir).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.transaction(|tx| {
    ///     tx.create_dir("/d")?;
    ///     tx.create_dir("/d/e")
    /// })?;
    /// assert!(fs.is_dir("/d/e"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `AlreadyExists`; `NotFound` for the parent; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn create_dir(&mut self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        let clean = self.volume.normalize(path);
        self.at(clean, |volume, private, path| volume.create_dir_on(private, path)).named("create_dir", path)
    }

    /// Makes a directory with all its parents, as
    /// [`MemFs::create_dir_all`](crate::MemFs::create_dir_all).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.transaction(|tx| {
    ///     tx.create_dir_all("/a/b")?;
    ///     tx.write("/a/b/f", b"1")
    /// })?;
    /// assert_eq!(fs.glob("**")?, ["/a", "/a/b", "/a/b/f"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `path` is a file; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn create_dir_all(&mut self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        let clean = self.volume.normalize(path);
        self.at(clean, |volume, private, path| volume.create_dir_all_on(private, path))
            .named("create_dir_all", path)
    }

    /// Removes a file, as [`MemFs::remove_file`](crate::MemFs::remove_file).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a", "1"), ("/b", "2")])?;
    /// fs.transaction(|tx| {
    ///     tx.remove_file("/a")?;
    ///     tx.remove_file("/b")
    /// })?;
    /// assert!(!fs.exists("/a") && !fs.exists("/b"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `Busy`.
    pub fn remove_file(&mut self, path: impl AsRef<str>) -> Result<()> {
        self.remove(path.as_ref(), Removal::File).named("remove_file", path.as_ref())
    }

    /// Removes an empty directory, as [`MemFs::remove_dir`](crate::MemFs::remove_dir).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/d/f", "1")])?;
    /// fs.transaction(|tx| {
    ///     assert!(tx.remove_dir("/d").is_err()); // not empty; the transaction goes on
    ///     tx.remove_file("/d/f")?;
    ///     tx.remove_dir("/d")
    /// })?;
    /// assert!(!fs.exists("/d"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `DirectoryNotEmpty`, `Busy`; `InvalidInput` for the root.
    pub fn remove_dir(&mut self, path: impl AsRef<str>) -> Result<()> {
        self.remove(path.as_ref(), Removal::EmptyDir).named("remove_dir", path.as_ref())
    }

    /// Removes a directory with everything below it, as
    /// [`MemFs::remove_dir_all`](crate::MemFs::remove_dir_all): with what others put there before
    /// the transaction is published, too.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/out/a", "1"), ("/out/b", "2")])?;
    /// fs.transaction(|tx| {
    ///     tx.remove_dir_all("/out")?;
    ///     tx.create_dir("/out")
    /// })?;
    /// assert_eq!(fs.glob("**")?, ["/out"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `Busy`; `InvalidInput` for the root.
    pub fn remove_dir_all(&mut self, path: impl AsRef<str>) -> Result<()> {
        self.remove(path.as_ref(), Removal::Tree).named("remove_dir_all", path.as_ref())
    }

    /// Removes everything but the root, as [`MemFs::clear`](crate::MemFs::clear): with what others
    /// put there before the transaction is published, too.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "1"), ("/b", "2")])?;
    /// fs.transaction(|tx| {
    ///     tx.clear()?;
    ///     tx.write("/c", b"3")
    /// })?;
    /// assert_eq!(fs.glob("**")?, ["/c"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Busy` while anything is held.
    pub fn clear(&mut self) -> Result<()> {
        self.at(Ok(Cow::Borrowed("/")), |volume, private, _| volume.clear_on(private)).named("clear", "/")
    }

    /// Moves a file or directory, as [`MemFs::rename`](crate::MemFs::rename). What is in a
    /// directory travels along as it is when the transaction is published.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.transaction(|tx| {
    ///     tx.rename("/a", "/b")?;
    ///     tx.write("/a", b"2")
    /// })?;
    /// assert_eq!((fs.read("/a")?, fs.read("/b")?), (b"2".to_vec(), b"1".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `AlreadyExists`, `Busy`; `InvalidInput` for the root and for a directory into
    /// its own subtree; `InvalidPath` if something would become deeper than allowed.
    pub fn rename(&mut self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let paths = self.volume.two_paths(from.as_ref(), to.as_ref());
        self.between("rename", paths, |volume, private, from, to| volume.rename_on(private, from, to, false))
    }

    /// Moves onto what it may replace, as [`MemFs::replace`](crate::MemFs::replace).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a.new", "2"), ("/a", "1"), ("/b.new", "2"), ("/b", "1")])?;
    /// fs.transaction(|tx| {
    ///     tx.replace("/a.new", "/a")?;
    ///     tx.replace("/b.new", "/b")
    /// })?;
    /// assert_eq!((fs.read("/a")?, fs.read("/b")?), (b"2".to_vec(), b"2".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rename`](Self::rename); `DirectoryNotEmpty`, `IsADirectory`, `NotADirectory`.
    pub fn replace(&mut self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let paths = self.volume.two_paths(from.as_ref(), to.as_ref());
        self.between("replace", paths, |volume, private, from, to| volume.rename_on(private, from, to, true))
    }

    /// Swaps two nodes, as [`MemFs::exchange`](crate::MemFs::exchange).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a", "1"), ("/b", "2"), ("/c", "3")])?;
    /// fs.transaction(|tx| {
    ///     tx.exchange("/a", "/b")?;
    ///     tx.exchange("/b", "/c")
    /// })?;
    /// assert_eq!((fs.read("/a")?, fs.read("/c")?), (b"2".to_vec(), b"1".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `Busy`; `InvalidInput` for the root and where one is below the other.
    pub fn exchange(&mut self, a: impl AsRef<str>, b: impl AsRef<str>) -> Result<()> {
        let paths = self.volume.two_paths(a.as_ref(), b.as_ref());
        self.between("exchange", paths, |volume, private, a, b| volume.exchange_on(private, a, b))
    }

    /// Moves and makes the missing parents, as [`MemFs::move_path`](crate::MemFs::move_path).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.transaction(|tx| {
    ///     tx.move_path("/a", "/done/today/a")?;
    ///     tx.append("/done/log", b"a")
    /// })?;
    /// assert_eq!(fs.read("/done/today/a")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rename`](Self::rename); `NodeLimit`, `QuotaExceeded` for the parents.
    pub fn move_path(&mut self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let paths = self.volume.two_paths(from.as_ref(), to.as_ref());
        self.between("move_path", paths, |volume, private, from, to| volume.move_path_on(private, from, to))
    }

    /// Copies a file, as [`MemFs::copy`](crate::MemFs::copy).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"12345")?;
    /// let copied = fs.transaction(|tx| {
    ///     tx.rename("/a", "/original")?;
    ///     tx.copy("/original", "/a")
    /// })?;
    /// assert_eq!((copied, fs.read("/a")?), (5, b"12345".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `AlreadyExists`; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn copy(&mut self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<u64> {
        let paths = self.volume.two_paths(from.as_ref(), to.as_ref());
        self.between("copy", paths, |volume, private, from, to| volume.copy_on(private, from, to))
    }

    /// Copies a directory, as [`MemFs::copy_dir_all`](crate::MemFs::copy_dir_all). It counts as
    /// having read everything below `from`.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/1", "one"), ("/a/2", "two")])?;
    /// fs.transaction(|tx| {
    ///     tx.copy_dir_all("/a", "/b")?;
    ///     tx.write("/b/1", b"another")
    /// })?;
    /// assert_eq!((fs.read("/a/1")?, fs.read("/b/2")?), (b"one".to_vec(), b"two".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `AlreadyExists`; `NodeLimit`, `Busy`, `QuotaExceeded`;
    /// `InvalidPath` if something would become deeper than allowed.
    pub fn copy_dir_all(&mut self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let paths = self.volume.two_paths(from.as_ref(), to.as_ref());
        if let Ok((from, _)) = &paths {
            self.note(from, What::Subtree);
        }
        self.between("copy_dir_all", paths, |volume, private, from, to| {
            volume.copy_dir_all_on(private, from, to)
        })
    }

    /// Copies out of a snapshot, as [`MemFs::copy_from`](crate::MemFs::copy_from).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let snapshot = fs.snapshot();
    /// fs.write("/a", b"2")?;
    /// fs.transaction(|tx| {
    ///     tx.rename("/a", "/newer")?;
    ///     tx.copy_from(&snapshot, "/a", "/a")
    /// })?;
    /// assert_eq!((fs.read("/a")?, fs.read("/newer")?), (b"1".to_vec(), b"2".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`copy`](Self::copy) and [`copy_dir_all`](Self::copy_dir_all).
    pub fn copy_from(
        &mut self,
        snapshot: &Snapshot,
        from: impl AsRef<str>,
        to: impl AsRef<str>,
    ) -> Result<u64> {
        let copy = |transaction: &mut Self| {
            let (from, to) = transaction.volume.snapshot_paths(snapshot, from.as_ref(), to.as_ref())?;
            transaction.note(&to, What::Node);
            let Self { volume, private, .. } = transaction;
            let outcome = volume.at_once(volume.copy_from_on(private, snapshot, &from, &to));
            outcome.map_err(|error| error.on_both(&from, &to))
        };
        copy(self).map_err(|error| error.during("copy_from"))
    }

    /// Sets when a file or directory was modified, as
    /// [`MemFs::set_modified`](crate::MemFs::set_modified).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// let epoch = std::time::SystemTime::UNIX_EPOCH;
    /// fs.transaction(|tx| {
    ///     tx.write("/a", b"1")?;
    ///     tx.set_modified("/a", epoch)
    /// })?;
    /// assert_eq!(fs.metadata("/a")?.modified(), epoch);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn set_modified(&mut self, path: impl AsRef<str>, time: SystemTime) -> Result<()> {
        let path = path.as_ref();
        let clean = self.volume.normalize(path);
        self.at(clean, |volume, private, path| volume.set_modified_on(private, path, time))
            .named("set_modified", path)
    }

    /// Creates a file or replaces its content, as [`MemFs::write`](crate::MemFs::write), but where
    /// the path is open under a lock it is `Busy` at once.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/stock", "12")?;
    /// fs.write("/sold", "30")?;
    /// let count = |text: String| text.parse::<u32>().map_err(arcfs::Error::other);
    /// fs.transaction(|tx| {
    ///     let stock = count(tx.read_to_string("/stock")?)?;
    ///     let sold = count(tx.read_to_string("/sold")?)?;
    ///     tx.write("/stock", (stock - 1).to_string())?;
    ///     tx.write("/sold", (sold + 1).to_string())
    /// })?;
    /// assert_eq!((fs.read("/stock")?, fs.read("/sold")?), (b"11".to_vec(), b"31".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `IsADirectory`; `NodeLimit`; `Busy`; `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
    pub fn write(&mut self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.put(path.as_ref(), Payload::Bytes(bytes.as_ref())).named("write", path.as_ref())
    }

    /// As [`write`](Self::write), with content that need not be copied; see
    /// [`MemFs::write_owned`](crate::MemFs::write_owned).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.transaction(|tx| {
    ///     tx.write_owned("/a", vec![1, 2, 3])?;
    ///     tx.write_owned("/b", String::from("text"))
    /// })?;
    /// assert_eq!((fs.read("/a")?, fs.read("/b")?), (vec![1, 2, 3], b"text".to_vec()));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_owned(&mut self, path: impl AsRef<str>, content: impl Into<Content>) -> Result<()> {
        self.put(path.as_ref(), Payload::Owned(content.into())).named("write_owned", path.as_ref())
    }

    /// Appends to a file or creates it, as [`MemFs::append`](crate::MemFs::append), but where the
    /// path is open under a lock it is `Busy` at once.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.transaction(|tx| {
    ///     tx.append("/log", b"one ")?;
    ///     tx.append("/log", b"two")
    /// })?;
    /// assert_eq!(fs.read("/log")?, b"one two");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn append(&mut self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        let clean = self.volume.file_path(path);
        self.at(clean, |volume, private, path| volume.append_on(private, path, bytes.as_ref()))
            .named("append", path)
    }

    /// Brings many files, all or none, as [`MemFs::import_tree`](crate::MemFs::import_tree).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/a/old", "zero")])?;
    /// fs.transaction(|tx| {
    ///     tx.remove_dir_all("/a")?;
    ///     tx.import_tree([("/a/1", "one"), ("/a/2", "two")])
    /// })?;
    /// assert_eq!(fs.glob("/a/*")?, ["/a/1", "/a/2"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`MemFs::import_tree`](crate::MemFs::import_tree), in the same order.
    pub fn import_tree<P: AsRef<str>, B: Into<Content>>(
        &mut self,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<()> {
        let import = |transaction: &mut Self| {
            let mut import = Import::of_files(&transaction.volume, files)?;
            import.check()?;
            import.files.iter().for_each(|file| transaction.note(&file.path, What::Node));
            let Self { volume, private, .. } = transaction;
            volume.at_once(volume.import_on(private, &mut import)).map(drop)
        };
        import(self).named("import_tree", "/")
    }

    fn put(&mut self, path: &str, mut payload: Payload<'_>) -> Result<()> {
        let path = self.volume.file_path(path);
        self.at(path, |volume, private, path| volume.write_on(private, path, &mut payload))
    }

    fn remove(&mut self, path: &str, what: Removal) -> Result<()> {
        let path = self.volume.normalize(path);
        self.at(path, |volume, private, path| volume.remove_on(private, path, what))
    }

    /// Runs an operation on one path.
    fn at<T>(
        &mut self,
        path: Result<Cow<'_, str>>,
        run: impl FnOnce(&Volume, &mut Private, &str) -> Result<T, Refusal>,
    ) -> Result<T> {
        let path = &*path?;
        self.note(path, What::Node);
        let outcome = run(&self.volume, &mut self.private, path);
        let outcome = self.volume.at_once(outcome);
        if let Err(error) = &outcome
            && error.kind() == &ErrorKind::DirectoryNotEmpty
        {
            self.note(path, What::Listing);
        }
        outcome.map_err(|error| error.on_exactly(path))
    }

    /// Runs an operation on two paths.
    fn between<T>(
        &mut self,
        operation: &'static str,
        paths: Result<(Box<str>, Box<str>)>,
        run: impl FnOnce(&Volume, &mut Private, &str, &str) -> Result<T, Refusal>,
    ) -> Result<T> {
        let (from, to) = &paths.map_err(|error| error.during(operation))?;
        self.note(from, What::Node);
        self.note(to, What::Node);
        let outcome = run(&self.volume, &mut self.private, from, to);
        let outcome = self.volume.at_once(outcome);
        match outcome.as_ref().map_err(Error::kind) {
            Err(ErrorKind::DirectoryNotEmpty) => self.note(to, What::Listing),
            Err(ErrorKind::InvalidPath) => {
                self.note(from, What::Subtree);
                self.note(to, What::Subtree);
            }
            _ => {}
        }
        outcome.map_err(|error| error.during(operation).on_both(from, to))
    }
}
