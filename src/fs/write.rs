//! Calls that write files.

use std::time::SystemTime;

use super::MemFs;
use crate::content::Content;
use crate::error::Result;
use crate::file::File;
use crate::open_options::OpenOptions;
use crate::ops::{Named, Payload};

impl MemFs {
    /// Creates a file, or replaces its whole content at one instant; keeps `created`.
    ///
    /// Needs room for the new bytes beside the old ones, which come back when the call returns.
    /// Waits where the path is open under a lock.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"first")?;
    /// fs.write("/a", "second")?;
    /// assert_eq!(fs.read("/a")?, b"second");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `IsADirectory`; `NodeLimit`; `Busy` after the lock timeout; `QuotaExceeded`, `MemoryGuard`,
    /// `AllocationFailed`.
    pub fn write(&self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        self.volume.write(path, Payload::Bytes(bytes.as_ref())).named("write", path)
    }

    /// As [`write`](Self::write), with content that need not be copied: a `Vec` that fits one
    /// chunk is taken over, and content of this filesystem is shared.
    ///
    /// Whoever hands over a slice or a `&str` has it copied on the way into a [`Content`], before
    /// this call begins and so before any quota is asked; [`write`](Self::write) reserves first.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write_owned("/a", vec![1, 2, 3])?;
    /// fs.write_owned("/b", fs.content("/a")?)?;
    /// assert_eq!(fs.read("/b")?, [1, 2, 3]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_owned(&self, path: impl AsRef<str>, content: impl Into<Content>) -> Result<()> {
        let path = path.as_ref();
        self.volume.write(path, Payload::Owned(content.into())).named("write_owned", path)
    }

    /// Appends to a file at one instant, or creates it. No bytes change nothing but may create.
    ///
    /// What is there already is shared, not copied, but for small pieces at the end that are
    /// joined: amortised O(bytes × log(64 KiB / bytes)).
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.append("/log", b"one ")?;
    /// fs.append("/log", b"two")?;
    /// assert_eq!(fs.read("/log")?, b"one two");
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn append(&self, path: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        self.volume.append(path, bytes.as_ref()).named("append", path)
    }

    /// Sets when a file or directory was modified; its generation stays.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"")?;
    /// let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    /// fs.set_modified("/a", time)?;
    /// assert_eq!(fs.metadata("/a")?.modified(), time);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`. It never needs quota.
    pub fn set_modified(&self, path: impl AsRef<str>, time: SystemTime) -> Result<()> {
        let path = path.as_ref();
        self.volume.set_modified(path, time).named("set_modified", path)
    }

    /// Opens a file for reading: its content as it is now, for ever. Takes no lock, never waits.
    ///
    /// ```
    /// use std::io::Read;
    ///
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"now")?;
    /// let mut file = fs.open("/a")?;
    /// fs.write("/a", b"later")?;
    /// let mut text = String::new();
    /// file.read_to_string(&mut text)?;
    /// assert_eq!(text, "now");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound`, `IsADirectory`.
    pub fn open(&self, path: impl AsRef<str>) -> Result<File> {
        OpenOptions::new().read(true).open(self, path)
    }

    /// Opens a file for writing: creates it, or empties it at once.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// let fs = arcfs::MemFs::new();
    /// let mut file = fs.create("/a")?;
    /// file.write_all(b"text")?;
    /// file.close()?;
    /// assert_eq!(fs.read("/a")?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `IsADirectory`; `NodeLimit`; `Busy` after the lock timeout; `QuotaExceeded`, `MemoryGuard`.
    pub fn create(&self, path: impl AsRef<str>) -> Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(self, path)
    }
}
