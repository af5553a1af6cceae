//! What became of the entries of an archive.

use std::fmt;
use std::sync::Arc;

use super::course::Course;
use super::options::ImportOptions;
use crate::archive::Archive;
use crate::charge::Charge;
use crate::error::Result;
use crate::host::SkipReason;
use crate::volume::Volume;

/// What [`import_archive`](crate::import_archive) brought, and what it left out.
///
/// Entries are counted, not paths: of two with one name both are in the sums if the second
/// replaced the first.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ArchiveReport {
    /// The name of the archive's format, for example `tar.gz`.
    pub format: String,
    /// Files written.
    pub files: u64,
    /// Directories that the archive lists; also those that existed.
    pub dirs: u64,
    /// The sum of the lengths of the files written.
    pub bytes: u64,
    /// Files that took the place of one that stood there already.
    pub overwritten: u64,
    /// What was left out, in the order of the archive; what a filter did not want is not listed.
    pub skipped: Vec<SkippedEntry>,
}

/// One entry of an archive that was left out.
///
/// ```
/// use arcfs::{ImportOptions, MemFs, SkipReason, import_archive};
///
/// let mut tar = tar::Builder::new(Vec::new());
/// let mut header = tar::Header::new_gnu();
/// header.set_entry_type(tar::EntryType::Symlink);
/// header.set_size(0);
/// tar.append_link(&mut header, "link", "target")?;
///
/// let report = import_archive(&MemFs::new(), tar.into_inner()?, "/", ImportOptions::new())?;
/// assert_eq!(report.skipped[0].name, "link");
/// assert!(matches!(report.skipped[0].reason, SkipReason::SymbolicLink));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct SkippedEntry {
    /// Its name as the archive has it.
    pub name: String,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// What became of one entry of an archive. See [`ImportOptions::on_entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryOutcome<'a> {
    /// Its name as the archive has it.
    pub name: &'a str,
    /// Where it is in the filesystem; `None` if it was left out.
    pub path: Option<&'a str>,
    /// What became of it.
    pub fate: EntryFate,
}

/// What can become of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryFate {
    /// It is a new file.
    Written,
    /// It is a file in the place of another.
    Overwritten,
    /// It is a directory, new or there already.
    Directory,
    /// It was left out. [`ArchiveReport::skipped`] says why.
    Skipped,
}

impl fmt::Display for SkippedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.name, self.reason)
    }
}

impl ArchiveReport {
    /// A file that was counted as written has not been after all.
    pub(super) fn leave_out(&mut self, name: &str, len: u64) {
        self.files -= 1;
        self.bytes -= len;
        self.skipped.push(SkippedEntry { name: name.to_owned(), reason: SkipReason::Exists });
    }
}

/// A report that is being made, and told of.
pub struct Telling<'a> {
    pub report: ArchiveReport,
    pub course: Arc<Course>,
    volume: &'a Volume,
    options: &'a ImportOptions,
    /// What the names in the report take, charged until it is handed out.
    charge: Charge,
}

impl<'a> Telling<'a> {
    /// Nothing has happened yet.
    pub fn new(archive: &Archive, volume: &'a Volume, options: &'a ImportOptions) -> Self {
        let report = ArchiveReport { format: archive.format.clone(), ..ArchiveReport::default() };
        let course = Arc::new(Course::new(archive, options));
        Self { report, course, volume, options, charge: Charge::none() }
    }

    /// A file was unpacked.
    pub fn file(&mut self, name: &str, path: &str, overwrites: bool, len: u64) {
        self.report.files += 1;
        self.report.bytes += len;
        let fate = if overwrites { EntryFate::Overwritten } else { EntryFate::Written };
        self.outcome(name, Some(path), fate);
        self.entry();
    }

    /// A directory is there.
    pub fn dir(&mut self, name: &str, path: &str) {
        self.report.dirs += 1;
        self.outcome(name, Some(path), EntryFate::Directory);
        self.entry();
    }

    /// Tells what became of an entry.
    pub fn outcome(&self, name: &str, path: Option<&str>, fate: EntryFate) {
        if let Some(on_entry) = &self.options.on_entry {
            on_entry(&EntryOutcome { name, path, fate });
        }
    }

    /// An entry was left out.
    ///
    /// # Errors
    ///
    /// `QuotaExceeded`, `MemoryGuard`: an archive may not fill the memory with names either.
    pub fn skipped(&mut self, name: &str, reason: SkipReason) -> Result<()> {
        let bytes = (size_of::<SkippedEntry>() + name.len()) as u64;
        self.charge.merge(self.volume.reserve(bytes).map_err(|error| error.on(name))?);
        self.report.skipped.push(SkippedEntry { name: name.to_owned(), reason });
        self.outcome(name, None, EntryFate::Skipped);
        self.entry();
        Ok(())
    }

    /// An entry was dealt with.
    pub fn entry(&self) {
        self.course.entry();
    }
}
