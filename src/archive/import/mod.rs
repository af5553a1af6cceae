//! Archives into a filesystem.
//!
//! | module | one idea |
//! |---|---|
//! | `options` | what users choose: conflicts, limits, names, who is told |
//! | `report` | what became of the entries |
//! | `course` | how far it is, and telling of it |
//! | `placing` | where an entry goes, if anywhere |
//! | `intake` | the bytes of one entry, into chunks that are paid for |
//! | `unpacking` | entries unpacked by many threads, dealt with in order |
//! | `atomic` | all at one instant |
//! | `streaming` | one after the other |

mod atomic;
mod course;
mod intake;
mod options;
mod placing;
mod report;
mod streaming;
mod unpacking;

pub use course::ImportProgress;
pub use options::{ImportLimits, ImportOptions, OnConflict};
pub use report::{ArchiveReport, EntryFate, EntryOutcome, SkippedEntry};

use std::sync::Arc;

use super::meter::Meter;
use super::{Archive, ArchiveSource};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::MemFs;
use crate::ops::Named;
use crate::volume::Volume;

/// Brings everything that is in an archive to the directory `dest`, at one instant, all or nothing.
///
/// Entries are unpacked straight into chunks that are charged before, beside what the filesystem
/// has, and published together at the end; until then nobody sees anything of them. Where others
/// have changed the destination meanwhile, only the last step is repeated. `dest` and missing
/// parents are created, what is there already stays: directories are merged, and files are what
/// [`OnConflict`] is about. Empty directories and modification times survive, generations are 0.
///
/// Symbolic and hard links, devices and names that are not UTF-8 are left out and listed in the
/// report. `.` and names without any component are passed over. With
/// [`OnConflict::Skip`], an entry is left out without unpacking it if a file stands in its place
/// when it is reached, and also if one has appeared by the time of the publication. The names of
/// what is left out are charged while the import runs, so it can fail with `QuotaExceeded` even
/// where there is nothing to write. A name with a drive, as `C:\x`, is taken as relative: `C:/x`.
///
/// The entries of a zip are unpacked by the threads of the current [`rayon`] pool.
///
/// ```
/// use arcfs::{ErrorKind, ImportOptions, MemFs, OnConflict, import_archive};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// for name in ["a", "b"] {
///     let mut header = tar::Header::new_gnu();
///     header.set_size(3);
///     tar.append_data(&mut header, name, &b"new"[..])?;
/// }
/// let tar = tar.into_inner()?;
///
/// let fs = MemFs::new();
/// fs.write("/b", b"old")?;
/// let error = import_archive(&fs, tar.clone(), "/", ImportOptions::new()).unwrap_err();
/// assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/b")));
/// assert!(!fs.exists("/a"));
///
/// let options = ImportOptions::new().on_conflict(OnConflict::Skip);
/// let report = import_archive(&fs, tar, "/", options)?;
/// assert_eq!((report.files, report.skipped.len()), (1, 1));
/// assert_eq!((fs.read("/a")?, fs.read("/b")?), (b"new".to_vec(), b"old".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Nothing is published then, and nothing stays charged. As [`Archive::open`] and
/// [`Archive::next_entry`]; and, naming the entry: `InvalidPath` for an absolute name, one with
/// `..` (but see [`ImportOptions::reroot`]), with NUL, with a component over 255 bytes or with too
/// many of them; `InvalidData` for bytes that are damaged; `Unsupported` if they are encrypted or
/// compressed in an unknown way; `InvalidInput` for what is over the [`ImportLimits`]. Naming the
/// path: `AlreadyExists` for what [`OnConflict::Error`] forbids; `IsADirectory` for a file where a
/// directory stands, in the filesystem or in the archive; `NotADirectory` below a file, or for a
/// directory in the place of one; `Busy` where a file to be replaced is held; `NodeLimit`,
/// `QuotaExceeded`, `MemoryGuard`, `AllocationFailed`.
pub fn import_archive(
    fs: &MemFs,
    source: impl Into<ArchiveSource>,
    dest: impl AsRef<str>,
    options: ImportOptions,
) -> Result<ArchiveReport> {
    bring(fs, source.into(), dest.as_ref(), options, "import_archive", atomic::import)
}

/// Brings what is in an archive to the directory `dest`, entry by entry.
///
/// As [`import_archive`], but each file is published when it is unpacked, and what was brought
/// stays where a later entry fails. It needs room for no more than one file beside those that it
/// replaces and the names of the directories that it makes, and conflicts are those of the instant
/// at which each file is published: what the archive brought itself counts as what was there. The
/// [`ImportOptions::on_entry`] is told of each entry as it is published. The
/// times of directories are set at the end, also where an entry fails; a directory that is locked
/// or gone by then goes without.
///
/// ```
/// use arcfs::{ImportOptions, MemFs, import_archive_streaming};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// for name in ["a", "b"] {
///     let mut header = tar::Header::new_gnu();
///     header.set_size(3);
///     tar.append_data(&mut header, name, &b"new"[..])?;
/// }
///
/// let fs = MemFs::new();
/// fs.write("/b", b"old")?;
/// let outcome = import_archive_streaming(&fs, tar.into_inner()?, "/", ImportOptions::new());
/// assert!(outcome.is_err());
/// assert_eq!(fs.read("/a")?, b"new"); // it came before the conflict
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`import_archive`]. Nothing of the entry that failed is there, and all before it.
pub fn import_archive_streaming(
    fs: &MemFs,
    source: impl Into<ArchiveSource>,
    dest: impl AsRef<str>,
    options: ImportOptions,
) -> Result<ArchiveReport> {
    bring(
        fs,
        source.into(),
        dest.as_ref(),
        options,
        "import_archive_streaming",
        |volume, archive, dest, options| streaming::import(volume, archive, dest, options),
    )
}

/// Checks the destination, opens the archive and imports it in one of the two ways.
fn bring(
    fs: &MemFs,
    source: ArchiveSource,
    dest: &str,
    options: ImportOptions,
    operation: &'static str,
    import: impl FnOnce(&Arc<Volume>, Archive, &str, &ImportOptions) -> Result<ArchiveReport>,
) -> Result<ArchiveReport> {
    let volume = fs.volume();
    let bring = || {
        let dest = volume.normalize(dest)?;
        // Long before the import finds it out.
        match volume.look_for_dir(&dest) {
            Err(error) if *error.kind() == ErrorKind::NotADirectory => return Err(error),
            _ => {}
        }
        let archive = Archive::opened(source, &options.formats, Meter::new(options.limits))?;
        import(volume, archive, &dest, &options)
    };
    let report = bring().named(operation, dest);
    drop(options);
    report
}

/// The error of an entry at a path of the filesystem.
fn conflict(kind: ErrorKind, path: &str, entry: &str, why: &str) -> Error {
    Error::at(kind, path).because(format!("the entry {entry:?} of the archive: {why}"))
}
