//! What the caller of an export asks for, and what is answered.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// How [`export_zip`](crate::Snapshot::export_zip) and [`export_tar`](crate::Snapshot::export_tar)
/// write an archive.
///
/// ```
/// use arcfs::{ArchiveOptions, Compression, MemFs};
///
/// let fs = MemFs::new();
/// fs.import_tree([("/src/lib.rs", "//! A crate."), ("/src/notes.txt", "to do"), ("/other", "")])?;
/// let options = ArchiveOptions::new()
///     .prefix("/src")
///     .filter(|path| path.ends_with(".rs"))
///     .compression(Compression::Deflate)
///     .level(9);
/// let summary = fs.export_tar(std::io::sink(), options)?;
/// assert_eq!((summary.files, summary.bytes), (1, 12));
/// # Ok::<(), arcfs::Error>(())
/// ```
#[must_use]
pub struct ArchiveOptions {
    pub(super) prefix: String,
    pub(super) only_dirty: bool,
    pub(super) filter: Option<Filter>,
    pub(super) progress: Option<Progress>,
    compression: Option<Compression>,
    level: Option<u32>,
    threads: usize,
}

pub(super) type Filter = Box<dyn FnMut(&str) -> bool + Send>;
pub(super) type Progress = Box<dyn FnMut(ArchiveProgress) + Send>;

/// How the bytes of an archive are compressed.
///
/// ```
/// use arcfs::{ArchiveOptions, Compression, ErrorKind, MemFs};
///
/// let fs = MemFs::new();
/// let zstd = || ArchiveOptions::new().compression(Compression::Zstd);
/// let mut tar = Vec::new();
/// fs.export_tar(&mut tar, zstd())?;
/// assert!(tar.starts_with(&0xFD2F_B528_u32.to_le_bytes()));
/// assert_eq!(fs.export_zip(std::io::sink(), zstd()).unwrap_err().kind(), &ErrorKind::Unsupported);
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Deflate, levels 1 to 9, 6 unless another is asked for: what every reader of zip knows, and
    /// for a tar gzip.
    Deflate,
    /// Zstandard, levels 1 to 22, 3 unless another is asked for: faster and smaller, for a tar. Few
    /// readers of zip know it, so it is refused there.
    Zstd,
}

/// How far an export has come; see [`ArchiveOptions::progress`].
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use arcfs::{ArchiveOptions, MemFs};
///
/// let fs = MemFs::new();
/// fs.import_tree([("/a", "123"), ("/d/b", "45")])?;
/// let last = Arc::new(Mutex::new(None));
/// let seen = Arc::clone(&last);
/// let options = ArchiveOptions::new().progress(move |done| *seen.lock().unwrap() = Some(done));
/// fs.export_zip(std::io::sink(), options)?;
/// let last = last.lock().unwrap().expect("called");
/// assert_eq!((last.entries, last.total_entries), (3, 3)); // the directory counts
/// assert_eq!((last.bytes, last.total_bytes), (5, 5));
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArchiveProgress {
    /// Files and directories done.
    pub entries: u64,
    /// Files and directories that the archive will have.
    pub total_entries: u64,
    /// Bytes of files done, before compression.
    pub bytes: u64,
    /// Bytes of files that the archive will have, before compression.
    pub total_bytes: u64,
}

/// What is in an archive that was written.
///
/// ```
/// let fs = arcfs::MemFs::new();
/// fs.import_tree([("/a", "123"), ("/d/b", "45")])?;
/// let mut archive = Vec::new();
/// let summary = fs.export_tar(&mut archive, Default::default())?;
/// assert_eq!((summary.files, summary.dirs, summary.bytes), (2, 1, 5));
/// assert_eq!(summary.written, archive.len() as u64);
/// # Ok::<(), arcfs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ArchiveSummary {
    /// Files in it.
    pub files: u64,
    /// Directories in it, the one that was exported not counted.
    pub dirs: u64,
    /// The sum of the lengths of the files.
    pub bytes: u64,
    /// Bytes of the archive itself.
    pub written: u64,
}

impl ArchiveOptions {
    /// Everything from the root on: a zip is deflated, a tar is plain.
    ///
    /// ```
    /// let fs = arcfs::MemFs::new();
    /// fs.write("/a", b"1")?;
    /// let summary = fs.export_zip(std::io::sink(), arcfs::ArchiveOptions::new())?;
    /// assert_eq!(summary.files, 1);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            prefix: "/".into(),
            only_dirty: false,
            filter: None,
            progress: None,
            compression: None,
            level: None,
            threads: 0,
        }
    }

    /// What to export: a directory with everything below it, or one file. Names in the archive are
    /// relative to it, as they are below the directory that
    /// [`export_dir`](crate::Snapshot::export_dir) writes to. `/` unless said otherwise.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, ErrorKind, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/src/lib.rs", ""), ("/notes", "")])?;
    /// let export = |prefix| fs.export_zip(std::io::sink(), ArchiveOptions::new().prefix(prefix));
    /// assert_eq!(export("/src")?.files, 1);
    /// assert_eq!(export("/notes")?.files, 1);
    /// assert_eq!(export("/scr").unwrap_err().kind(), &ErrorKind::NotFound); // not an empty archive
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn prefix(mut self, path: impl AsRef<str>) -> Self {
        self.prefix = path.as_ref().into();
        self
    }

    /// Only files written since they were created empty, imported or copied: those with a
    /// generation above 0, as in [`ExportOptions`](crate::ExportOptions). There are no entries
    /// for directories then, which are never dirty; unpacking makes those on the way to a file.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/d/kept", "as it came"), ("/d/changed", "as it came")])?;
    /// fs.append("/d/changed", " and more")?;
    /// let summary = fs.export_tar(std::io::sink(), ArchiveOptions::new().only_dirty(true))?;
    /// assert_eq!((summary.files, summary.dirs, summary.bytes), (1, 0, 19));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn only_dirty(mut self, only: bool) -> Self {
        self.only_dirty = only;
        self
    }

    /// Takes only entries for whose path in the filesystem `filter` gives `true`.
    ///
    /// It is asked once for each file and each directory, in tree order, by the calling thread,
    /// before anything is written. Each is judged on its own: what is below a directory that was
    /// refused is asked for too, and unpacking makes the directories on the way to a file.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/lib.rs", ""), ("/bin/main.rs", ""), ("/target/main", "")])?;
    /// let export = |filter: fn(&str) -> bool| {
    ///     fs.export_zip(std::io::sink(), ArchiveOptions::new().filter(filter))
    /// };
    /// let sources = export(|path| path.ends_with(".rs"))?;
    /// assert_eq!((sources.files, sources.dirs), (2, 0));
    /// let all_but_target = export(|path| !path.starts_with("/target"))?;
    /// assert_eq!((all_but_target.files, all_but_target.dirs), (2, 1));
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn filter(mut self, filter: impl FnMut(&str) -> bool + Send + 'static) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Calls `progress` on the calling thread: after each entry, and within large files about once
    /// for each 256 KiB. The last call is made when the whole archive has been written; if there is
    /// nothing to write, it is the only one.
    ///
    /// An entry is done when it has gone to the writer. In a compressed tar it is done when it has
    /// gone to the compressors, which may have a window of blocks before them.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.import_tree([("/a", "123"), ("/b", "45")])?;
    /// let (sender, receiver) = mpsc::channel();
    /// let options = ArchiveOptions::new().progress(move |done| sender.send(done.bytes).unwrap());
    /// fs.export_zip(std::io::sink(), options)?;
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [3, 5, 5]);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn progress(mut self, progress: impl FnMut(ArchiveProgress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// How to compress. Unless said otherwise a zip is deflated and a tar is plain.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, Compression, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/a", "again and ".repeat(1000))?;
    /// let size = |compression| {
    ///     let options = ArchiveOptions::new().compression(compression);
    ///     fs.export_zip(std::io::sink(), options).map(|summary| summary.written)
    /// };
    /// assert!(size(Compression::Deflate)? * 10 < size(Compression::None)?);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// How hard to compress; see [`Compression`] for the levels. Without compression it means
    /// nothing.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, ErrorKind, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.export_zip(std::io::sink(), ArchiveOptions::new().level(1))?;
    /// let error = fs.export_zip(std::io::sink(), ArchiveOptions::new().level(10)).unwrap_err();
    /// assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn level(mut self, level: u32) -> Self {
        self.level = Some(level);
        self
    }

    /// How many threads compress at once at most, the calling one included; 0, as at the start,
    /// stands for as many as the current [`rayon`] pool has. The others are that pool's, so there are
    /// never more than it has beside the calling one. With 1 the calling thread does everything. The
    /// archive does not depend on it.
    ///
    /// ```
    /// use arcfs::{ArchiveOptions, MemFs};
    ///
    /// let fs = MemFs::new();
    /// fs.write("/large", "some text. ".repeat(100_000))?;
    /// let export = |threads| {
    ///     let mut archive = Vec::new();
    ///     fs.export_zip(&mut archive, ArchiveOptions::new().threads(threads)).map(|_| archive)
    /// };
    /// assert_eq!(export(1)?, export(4)?);
    /// # Ok::<(), arcfs::Error>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ArchiveOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveOptions")
            .field("prefix", &self.prefix)
            .field("only_dirty", &self.only_dirty)
            .field("filter", &self.filter.as_ref().map(|_| ".."))
            .field("progress", &self.progress.as_ref().map(|_| ".."))
            .field("compression", &self.compression)
            .field("level", &self.level)
            .field("threads", &self.threads)
            .finish()
    }
}

/// How to compress, checked.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub compression: Compression,
    pub level: u32,
    /// At least 1.
    pub threads: usize,
}

impl Settings {
    /// Those for a zip.
    ///
    /// # Errors
    ///
    /// `Unsupported`, `InvalidInput`.
    pub fn for_zip(options: &ArchiveOptions) -> Result<Self> {
        let compression = options.compression.unwrap_or(Compression::Deflate);
        if compression == Compression::Zstd {
            let advice = "few readers of zip know Zstandard; use Deflate, or write a tar";
            return Err(Error::new(ErrorKind::Unsupported).because(advice));
        }
        Self::new(options, compression)
    }

    /// Those for a tar.
    ///
    /// # Errors
    ///
    /// `InvalidInput`.
    pub fn for_tar(options: &ArchiveOptions) -> Result<Self> {
        Self::new(options, options.compression.unwrap_or(Compression::None))
    }

    fn new(options: &ArchiveOptions, compression: Compression) -> Result<Self> {
        let (levels, usual) = match compression {
            Compression::None => (0..=u32::MAX, 0),
            Compression::Deflate => (1..=9, 6),
            Compression::Zstd => (1..=22, 3),
        };
        let level = options.level.unwrap_or(usual);
        if !levels.contains(&level) {
            let detail = format!("level {level}; {compression:?} has {} to {}", levels.start(), levels.end());
            return Err(Error::new(ErrorKind::InvalidInput).because(detail));
        }
        let threads = match options.threads {
            _ if compression == Compression::None => 1,
            1 => 1,
            0 => rayon::current_num_threads(),
            threads => threads.min(rayon::current_num_threads() + 1),
        };
        Ok(Self { compression, level, threads })
    }
}
