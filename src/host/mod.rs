//! Trees of the host's own filesystem, in and out.
//!
//! | module | one idea |
//! |---|---|
//! | `import` | a directory of the host, brought in at one instant |
//! | `export` | one instant of a tree, written below a directory of the host |
//! | `options` | who is told how far it is, and how far that is |
//! | `report` | what became of it, and what was left out |
//! | `descriptor`, `pathname` | a directory of the host that nothing is written outside of |
//!
//! Directories are found by descriptor where the host has them, else by path; with
//! `--cfg arcfs_host="pathname"` by path everywhere, so that this can be checked on any host.
//!
//! The only place that touches the host's files. It knows nothing of roots and commits: it imports
//! through one operation of the volume and exports from a snapshot.

#[cfg(all(unix, not(arcfs_host = "pathname")))]
mod descriptor;
mod export;
mod import;
mod options;
#[cfg(any(test, not(unix), arcfs_host = "pathname"))]
mod pathname;
mod report;

#[cfg(all(unix, not(arcfs_host = "pathname")))]
use descriptor as directory;
#[cfg(any(not(unix), arcfs_host = "pathname"))]
use pathname as directory;

pub use options::{HostOptions, HostProgress};
pub use report::{ExportReport, ImportReport, SkipReason, Skipped};

use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::MemFs;
use crate::ops::Named;
use crate::snapshot::Snapshot;

impl MemFs {
    /// Brings a directory of the host with everything below it to `dest`, at one instant.
    ///
    /// Missing parents of `dest` are created. What is there already stays: directories are merged,
    /// files are replaced and keep their `created`. Modification times of files and of directories
    /// that are new are those of the host; generations are 0. Files are read by the threads of the
    /// current [`rayon`] pool, each straight into the chunks that it becomes, for which quota was
    /// reserved before: a file that does not fit is not read.
    ///
    /// Entries that cannot be brought do not end the import, they are listed in the report:
    /// symbolic links, which are not followed (but `host` itself may be one), sockets, pipes and
    /// devices, what the host does not let be read or what has vanished, names that are not UTF-8,
    /// contain `\` or have more than 255 bytes, and what lies deeper than `max_depth`. The host is
    /// not stopped meanwhile: each file is as it was when it was read, and one that grows while it
    /// is read has the length that it had before.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// std::fs::create_dir(host.join("src"))?;
    /// std::fs::write(host.join("src/lib.rs"), "//! A crate.")?;
    ///
    /// let fs = arcfs::MemFs::new();
    /// let report = fs.import_dir(host, "/project")?;
    /// assert_eq!((report.files, report.dirs, report.bytes), (1, 1, 12));
    /// assert!(report.skipped.is_empty());
    /// assert_eq!(fs.read("/project/src/lib.rs")?, b"//! A crate.");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Nothing is published then, and nothing stays charged. `NotFound`, `NotADirectory` or `Other`
    /// if `host` cannot be listed, naming it, with the host's error as the source; `NotADirectory`,
    /// `IsADirectory` where a file meets a directory; `Busy` where a file to be replaced is held;
    /// `NodeLimit`, `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
    pub fn import_dir(&self, host: impl AsRef<Path>, dest: impl AsRef<str>) -> Result<ImportReport> {
        self.import_dir_with(host, dest, HostOptions::new())
    }

    /// As [`import_dir`](Self::import_dir), with options: who is told how far it is.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use std::sync::mpsc;
    /// use arcfs::{HostOptions, MemFs};
    ///
    /// std::fs::write(host.join("large"), vec![1; 1 << 20])?;
    /// let (sender, receiver) = mpsc::channel();
    /// let options = HostOptions::new().progress(move |done| {
    ///     let _ = sender.send(done.bytes * 100 / done.total_bytes);
    /// });
    /// MemFs::new().import_dir_with(host, "/", options)?;
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [25, 50, 75, 100, 100, 100]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn import_dir_with(
        &self,
        host: impl AsRef<Path>,
        dest: impl AsRef<str>,
        options: HostOptions,
    ) -> Result<ImportReport> {
        let dest = dest.as_ref();
        let report = import::import_dir(self.volume(), host.as_ref(), dest, &options);
        drop(options); // and with them what tells whoever listens that there is no more to come
        report.named("import_dir", dest)
    }

    /// Writes what is at and below `src`, as of one instant, to the directory `host`.
    ///
    /// As [`Snapshot::export_dir`] on a snapshot taken now.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// let fs = arcfs::MemFs::new();
    /// fs.import_tree([("/out/a", "one"), ("/out/sub/b", "two")])?;
    /// let report = fs.export_dir("/out", host.join("result"))?;
    /// assert_eq!((report.files, report.dirs, report.bytes), (2, 1, 6));
    /// assert_eq!(std::fs::read(host.join("result/sub/b"))?, b"two");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn export_dir(&self, src: impl AsRef<str>, host: impl AsRef<Path>) -> Result<ExportReport> {
        self.snapshot().export_dir(src, host)
    }

    /// As [`export_dir`](Self::export_dir), with options: who is told how far it is.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use std::sync::{Arc, Mutex};
    /// use arcfs::{HostOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/out/a", "one"), ("/out/sub/b", "two")])?;
    /// let last = Arc::new(Mutex::new(None));
    /// let seen = Arc::clone(&last);
    /// let options = HostOptions::new().progress(move |done| *seen.lock().unwrap() = Some(done));
    /// fs.export_dir_with("/out", host, options)?;
    /// let last = last.lock().unwrap().expect("called");
    /// assert_eq!((last.files, last.total_files, last.bytes, last.total_bytes), (2, 2, 6, 6));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn export_dir_with(
        &self,
        src: impl AsRef<str>,
        host: impl AsRef<Path>,
        options: HostOptions,
    ) -> Result<ExportReport> {
        self.snapshot().export_dir_with(src, host, options)
    }
}

impl Snapshot {
    /// Writes what is at and below `src` to the directory `host`, which is created if it is
    /// missing, with its parents. If `src` is a file, it is written into `host` under its name.
    ///
    /// What is in `host` already stays: directories are merged, files are replaced. A file is
    /// written under a temporary name beside its place and then renamed, so that whoever reads
    /// the host finds the old one or the new one. Modification times are kept; permissions are
    /// those that the host gives to new files. Nothing is flushed to the disk. Files are written
    /// by the threads of the current [`rayon`] pool.
    ///
    /// Nothing is ever written through a symbolic link below `host`, wherever it leads: one in the
    /// place of a file is replaced, one in the place of a directory is left alone and listed (`host`
    /// itself may be one). On Unix this holds also against others who change `host` meanwhile;
    /// elsewhere each directory is looked at right before it is used.
    ///
    /// Entries that cannot be written do not end the export, they are listed in the report:
    /// names that the host cannot hold or does not tell apart, a directory where a file stands and
    /// the other way round, and whatever else the host refuses.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"of then")?;
    /// let snapshot = fs.snapshot();
    /// fs.write("/a", b"of now")?;
    /// snapshot.export_dir("/", host)?;
    /// assert_eq!(std::fs::read(host.join("a"))?, b"of then");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidPath`; `NotFound` or `NotADirectory` if nothing stands at `src`, or if `host` cannot be
    /// made a directory, naming it; `Other` with the host's error as the source.
    pub fn export_dir(&self, src: impl AsRef<str>, host: impl AsRef<Path>) -> Result<ExportReport> {
        self.export_dir_with(src, host, HostOptions::new())
    }

    /// As [`export_dir`](Self::export_dir), with options: who is told how far it is.
    ///
    /// ```
    /// # let host = tempfile::tempdir()?;
    /// # let host = host.path();
    /// use std::sync::mpsc;
    /// use arcfs::{HostOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/large", vec![1; 1 << 20])?;
    /// let (sender, receiver) = mpsc::channel();
    /// let options = HostOptions::new().progress(move |done| {
    ///     let _ = sender.send(done.bytes * 100 / done.total_bytes);
    /// });
    /// fs.snapshot().export_dir_with("/", host, options)?;
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [25, 50, 75, 100, 100, 100]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As there.
    pub fn export_dir_with(
        &self,
        src: impl AsRef<str>,
        host: impl AsRef<Path>,
        options: HostOptions,
    ) -> Result<ExportReport> {
        let src = src.as_ref();
        let report = export::export_dir(self, src, host.as_ref(), &options);
        drop(options); // and with them what tells whoever listens that there is no more to come
        report.named("export_dir", src)
    }
}

/// The error of a call that cannot use the directory of the host that it was given.
fn host_error(host: &Path, error: io::Error) -> Error {
    Error::of_host(error, "a directory of the host").on(&host.to_string_lossy())
}

/// What stands at a name of a directory of the host, the name itself looked at, not what it may
/// point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Dir,
    Link,
    Other,
}
