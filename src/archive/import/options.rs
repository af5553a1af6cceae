//! What users choose of an import.

use std::fmt;
use std::sync::Arc;

use super::course::ImportProgress;
use super::report::EntryOutcome;
use crate::archive::ArchiveFormats;
use crate::listener::Tell;
use crate::ops::import::Existing;

/// What an import does where a file stands in the place of one that it brings.
///
/// What stands there may have been in the filesystem, or come from an earlier entry of the same
/// archive: an archive may have several entries of one name. A directory in the place of a file is
/// always an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnConflict {
    /// The import fails with `AlreadyExists`.
    #[default]
    Error,
    /// The file is replaced, and keeps the time at which it was created. Of several entries the
    /// last wins.
    Overwrite,
    /// The file stays, and the entry is listed as skipped. Of several entries the first wins.
    Skip,
}

impl From<OnConflict> for Existing {
    fn from(on_conflict: OnConflict) -> Self {
        match on_conflict {
            OnConflict::Error => Self::Refuse,
            OnConflict::Overwrite => Self::Replace,
            OnConflict::Skip => Self::Keep,
        }
    }
}

/// How much an archive may bring. What is over a limit is `InvalidInput`.
///
/// Bytes are bounded by the quota anyway; these limits are for archives of strangers in a
/// filesystem that has room for more. `u64::MAX` is no limit.
///
/// ```
/// use arcfs::{ImportLimits, ImportOptions, MemFs, import_archive};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// let mut header = tar::Header::new_gnu();
/// header.set_size(1000);
/// tar.append_data(&mut header, "a", &[0; 1000][..])?;
///
/// let limits = ImportLimits { entry_bytes: 999, ..ImportLimits::default() };
/// let options = ImportOptions::new().limits(limits);
/// let error = import_archive(&MemFs::new(), tar.into_inner()?, "/", options).unwrap_err();
/// assert_eq!((error.kind(), error.path()), (&arcfs::ErrorKind::InvalidInput, Some("a")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// Bytes of all files together, as they are unpacked, and those of
    /// [`passed_bytes`](Self::passed_bytes). No limit by default.
    pub total_bytes: u64,
    /// Bytes of one file. No limit by default.
    pub entry_bytes: u64,
    /// Bytes of a compressed tar that are unpacked only to be passed over: of entries that are left
    /// out for whatever reason, and of extended headers. 1 GiB by default, because no quota stops
    /// them. Entries of a zip and of a plain tar are passed over without being read.
    pub passed_bytes: u64,
    /// Entries of any kind, also those that are left out. Of the extended headers of a tar, all
    /// before one entry but the first four count as entries, too. 1,048,576 by default, because the
    /// report of what was left out is not charged.
    pub entries: u64,
    /// Bytes that come out for each byte of the archive: of each entry of a zip, and of all that
    /// was read so far of a compressed tar. What comes to less than 64 KiB is not looked at. No
    /// limit by default: deflate makes up to 1032 of one, the other methods far more, also of
    /// innocent bytes.
    pub ratio: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            total_bytes: u64::MAX,
            entry_bytes: u64::MAX,
            passed_bytes: 1 << 30,
            entries: 1 << 20,
            ratio: u64::MAX,
        }
    }
}

/// Which entries are wanted.
type Filter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who is told of each entry.
type TellEntry = Arc<dyn Fn(&EntryOutcome<'_>) + Send + Sync>;

/// How an archive is brought into a filesystem.
///
/// ```
/// use arcfs::{ImportLimits, ImportOptions, OnConflict};
///
/// let options = ImportOptions::new()
///     .on_conflict(OnConflict::Overwrite)
///     .limits(ImportLimits { total_bytes: 64 << 20, ..ImportLimits::default() })
///     .strip_components(1)
///     .filter(|path| path.ends_with(".rs"))
///     .progress(|so_far| println!("{} entries", so_far.entries));
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct ImportOptions {
    pub(super) on_conflict: OnConflict,
    pub(super) limits: ImportLimits,
    pub(super) strip: usize,
    pub(super) reroot: bool,
    pub(super) filter: Option<Filter>,
    pub(super) progress: Option<Tell<ImportProgress>>,
    pub(super) on_entry: Option<TellEntry>,
    pub(super) formats: ArchiveFormats,
}

impl ImportOptions {
    /// Conflicts and names that lead elsewhere are errors, everything is brought.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What happens where a file stands already.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// How much the archive may bring.
    #[must_use]
    pub fn limits(mut self, limits: ImportLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes so many components off the front of each name. Entries that have no more of them are
    /// passed over.
    #[must_use]
    pub fn strip_components(mut self, count: usize) -> Self {
        self.strip = count;
        self
    }

    /// Brings only entries for which `filter` is true, asked with the path that each would have in
    /// the filesystem. All others are passed over, in a compressed tar at the expense of
    /// [`ImportLimits::passed_bytes`]. A directory that is not wanted still appears where something
    /// below it is.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Whether absolute names, and names with `..`, are taken relative to the destination instead
    /// of being refused. `/etc/passwd` is then `etc/passwd`, and `..` ends at the destination.
    #[must_use]
    pub fn reroot(mut self, reroot: bool) -> Self {
        self.reroot = reroot;
        self
    }

    /// Calls `progress` after each entry, and within large ones about once for each 256 KiB. The
    /// last call is made when all entries have been dealt with; if there are none, it is the only
    /// one. [`import_archive`](crate::import_archive) publishes after it.
    ///
    /// Within large entries of a zip it is called on the threads that unpack them, else on the
    /// thread that imports; never by two at once. What it does takes the
    /// time of the import. It may call the filesystem: nothing of it is held. If it panics, it is not
    /// called again, and the import ends with that panic: that of
    /// [`import_archive`](crate::import_archive) without a trace, the other with what it has
    /// published by then.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use arcfs::{ImportOptions, MemFs, import_archive};
    ///
    /// let mut tar = tar::Builder::new(Vec::new());
    /// for name in ["a", "b"] {
    ///     let mut header = tar::Header::new_gnu();
    ///     header.set_size(3);
    ///     tar.append_data(&mut header, name, &b"new"[..])?;
    /// }
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let options = ImportOptions::new().progress(move |done| {
    ///     let _ = sender.send((done.entries, done.bytes));
    /// });
    /// import_archive(&MemFs::new(), tar.into_inner()?, "/", options)?;
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [(1, 3), (2, 6), (2, 6)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn progress(mut self, progress: impl Fn(ImportProgress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Calls `on_entry` with what became of each entry, on the thread that imports, in the order of
    /// the archive. What a filter does not want, and what has no name left, is not told of.
    ///
    /// [`import_archive_streaming`](crate::import_archive_streaming) calls it when the entry is
    /// published, so that whoever listens knows what is there even if a later entry fails.
    /// [`import_archive`](crate::import_archive) calls it when the entry is unpacked: nothing of it
    /// is there before that returns, nor if it fails. A file told of as written that is not
    /// published, because with [`OnConflict::Skip`] another has appeared in its place meanwhile, is
    /// told of once more at the end, as skipped.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use arcfs::{EntryFate, ImportOptions, MemFs, import_archive_streaming};
    ///
    /// let mut tar = tar::Builder::new(Vec::new());
    /// for name in ["a", "b"] {
    ///     let mut header = tar::Header::new_gnu();
    ///     header.set_size(3);
    ///     tar.append_data(&mut header, name, &b"new"[..])?;
    /// }
    ///
    /// let fs = MemFs::new();
    /// fs.write("/b", b"old")?; // a conflict
    /// let written = Arc::new(Mutex::new(Vec::new()));
    /// let list = Arc::clone(&written);
    /// let options = ImportOptions::new().on_entry(move |entry| {
    ///     if entry.fate == EntryFate::Written {
    ///         list.lock().unwrap().extend(entry.path.map(String::from));
    ///     }
    /// });
    /// assert!(import_archive_streaming(&fs, tar.into_inner()?, "/", options).is_err());
    /// assert_eq!(*written.lock().unwrap(), ["/a"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_entry(mut self, on_entry: impl Fn(&EntryOutcome<'_>) + Send + Sync + 'static) -> Self {
        self.on_entry = Some(Arc::new(on_entry));
        self
    }

    /// The formats that the archive may be in.
    #[must_use]
    pub fn formats(mut self, formats: ArchiveFormats) -> Self {
        self.formats = formats;
        self
    }
}

impl fmt::Debug for ImportOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportOptions")
            .field("on_conflict", &self.on_conflict)
            .field("limits", &self.limits)
            .field("strip_components", &self.strip)
            .field("reroot", &self.reroot)
            .field("filter", &self.filter.is_some())
            .field("progress", &self.progress.is_some())
            .field("on_entry", &self.on_entry.is_some())
            .field("formats", &self.formats)
            .finish()
    }
}
