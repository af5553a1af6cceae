//! Calls that make, remove, move and copy nodes. None of them waits: where a path that they would
//! bind, unbind or overwrite is open under a lock, or one below it, they answer `Busy` at once.

use super::MemFs;
use crate::error::{Error, Result};
use crate::ops::{Named, for_error};
use crate::snapshot::Snapshot;
use crate::tree::edit::Removal;

impl MemFs {
    /// Makes one directory.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/d")?;
    /// assert_eq!(fs.create_dir("/d").unwrap_err().kind(), &arcfs::ErrorKind::AlreadyExists);
    /// assert_eq!(fs.create_dir("/x/y").unwrap_err().kind(), &arcfs::ErrorKind::NotFound);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `AlreadyExists`; `NotFound` for the parent; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn create_dir(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        self.volume.create_dir(path).named("create_dir", path)
    }

    /// Makes a directory with all its parents; one that exists is fine. All or nothing.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b/c")?;
    /// fs.create_dir_all("/a/b")?;
    /// assert!(fs.is_dir("/a/b/c"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if `path` is a file; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn create_dir_all(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        self.volume.create_dir_all(path).map_err(|error| one(error, "create_dir_all", path))
    }

    /// Removes a file. Never needs quota.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// fs.remove_file("/a")?;
    /// assert!(!fs.exists("/a"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `Busy`; `InvalidInput` for the root.
    pub fn remove_file(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        self.volume.remove(path, Removal::File).named("remove_file", path)
    }

    /// Removes an empty directory. Never needs quota.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b")?;
    /// assert_eq!(fs.remove_dir("/a").unwrap_err().kind(), &arcfs::ErrorKind::DirectoryNotEmpty);
    /// fs.remove_dir("/a/b")?;
    /// fs.remove_dir("/a")?;
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `DirectoryNotEmpty`, `Busy`; `InvalidInput` for the root.
    pub fn remove_dir(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        self.volume.remove(path, Removal::EmptyDir).map_err(|error| one(error, "remove_dir", path))
    }

    /// Removes a directory with everything below it, at one instant. Never needs quota.
    ///
    /// The removal is O(depth); freeing what nobody holds any more is O(nodes) and done before
    /// this returns.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir_all("/a/b/c")?;
    /// fs.remove_dir_all("/a")?;
    /// assert!(!fs.exists("/a"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `Busy`; `InvalidInput` for the root: see
    /// [`clear`](Self::clear).
    pub fn remove_dir_all(&self, path: impl AsRef<str>) -> Result<()> {
        let path = path.as_ref();
        self.volume.remove(path, Removal::Tree).map_err(|error| one(error, "remove_dir_all", path))
    }

    /// Removes everything but the root, at one instant. Never needs quota.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.clear()?;
    /// assert_eq!(fs.stats().used_bytes, 0);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Busy` while anything is held.
    pub fn clear(&self) -> Result<()> {
        self.volume.clear().map_err(|error| one(error, "clear", "/"))
    }

    /// Moves a file or directory; never replaces anything. O(depth).
    ///
    /// Times and generation stay. Needs quota only for a new name over 23 bytes.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.rename("/a", "/b")?;
    /// assert_eq!(fs.read("/b")?, b"1");
    /// assert_eq!(fs.rename("/b", "/b").unwrap_err().kind(), &arcfs::ErrorKind::AlreadyExists);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `AlreadyExists`, `Busy`; `InvalidInput` for the root and for a directory into
    /// its own subtree; `InvalidPath` if something would become deeper than allowed.
    pub fn rename(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.rename(from, to, false).map_err(|error| both(error, "rename", from, to))
    }

    /// As [`rename`](Self::rename), but an existing file is replaced by a file and an empty
    /// directory by a directory, at one instant. Onto itself it does nothing.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/new", b"2")?;
    /// fs.write("/current", b"1")?;
    /// fs.replace("/new", "/current")?;
    /// assert_eq!(fs.read("/current")?, b"2");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rename`](Self::rename); `DirectoryNotEmpty`, `IsADirectory`, `NotADirectory`.
    pub fn replace(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.rename(from, to, true).map_err(|error| both(error, "replace", from, to))
    }

    /// Swaps two nodes of any kind at one instant. With itself it does nothing.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.create_dir("/b")?;
    /// fs.exchange("/a", "/b")?;
    /// assert!(fs.is_dir("/a") && fs.is_file("/b"));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `Busy`; `InvalidInput` for the root and where one is below the other.
    pub fn exchange(&self, a: impl AsRef<str>, b: impl AsRef<str>) -> Result<()> {
        let (a, b) = (a.as_ref(), b.as_ref());
        self.volume.exchange(a, b).map_err(|error| both(error, "exchange", a, b))
    }

    /// As [`rename`](Self::rename), and makes the missing parents of the destination. All or
    /// nothing.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// fs.move_path("/a", "/x/y/a")?;
    /// assert_eq!(fs.read("/x/y/a")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`rename`](Self::rename); `NodeLimit`, `QuotaExceeded` for the parents.
    pub fn move_path(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.move_path(from, to).map_err(|error| both(error, "move_path", from, to))
    }

    /// Copies a file, sharing its bytes; returns its length. The copy has new times and
    /// generation 0, and costs one node.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", [7; 100_000])?;
    /// let used = fs.stats().used_bytes;
    /// assert_eq!(fs.copy("/a", "/b")?, 100_000);
    /// assert_eq!(fs.stats().used_bytes, used + fs.stats().node_overhead);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`, `AlreadyExists`; `NodeLimit`, `Busy`, `QuotaExceeded`.
    pub fn copy(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<u64> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.copy(from, to).map_err(|error| both(error, "copy", from, to))
    }

    /// Copies a directory with everything below it at one instant, sharing all bytes. At most
    /// O(nodes). Into its own subtree works.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.create_dir("/a")?;
    /// fs.write("/a/f", b"1")?;
    /// fs.copy_dir_all("/a", "/a/again")?;
    /// assert_eq!(fs.glob("/**/f")?, ["/a/again/f", "/a/f"]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, `AlreadyExists`; `NodeLimit`, `Busy`, `QuotaExceeded`;
    /// `InvalidPath` if something would become deeper than allowed.
    pub fn copy_dir_all(&self, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.copy_dir_all(from, to).map_err(|error| both(error, "copy_dir_all", from, to))
    }

    /// Copies a file or directory out of a snapshot and returns the bytes copied. What is of this
    /// filesystem is shared; the rest is copied and charged here.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let snapshot = fs.snapshot();
    /// fs.remove_file("/a")?;
    /// fs.copy_from(&snapshot, "/a", "/rescued")?;
    /// assert_eq!(fs.read("/rescued")?, b"1");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`copy`](Self::copy) and [`copy_dir_all`](Self::copy_dir_all).
    pub fn copy_from(&self, snapshot: &Snapshot, from: impl AsRef<str>, to: impl AsRef<str>) -> Result<u64> {
        let (from, to) = (from.as_ref(), to.as_ref());
        self.volume.copy_from(snapshot, from, to).map_err(|error| both(error, "copy_from", from, to))
    }
}

/// Names the operation and the path, also where it failed on one below or above it.
fn one(error: Error, operation: &'static str, path: &str) -> Error {
    error.during(operation).on_exactly(&for_error(path))
}

/// Names the operation and both paths, in the order of the arguments.
fn both(error: Error, operation: &'static str, from: &str, to: &str) -> Error {
    error.during(operation).on_both(&for_error(from), &for_error(to))
}
