//! A directory of the host, brought in at one instant.
//!
//! First the directories are listed, then the files are read by many threads into chunks that are
//! paid for, then everything is published at once. What goes wrong with one entry of the host is
//! noted in the report; what goes wrong here ends the import, and all charges go back with what
//! they paid for.

use std::borrow::Cow;
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;

use super::host_error;
use super::options::{Course, FileCourse, HostOptions};
use super::report::{ImportReport, SkipReason, Skipped, sort};
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::import::{Import, ImportFile};
use crate::path::{self, MAX_NAME};
use crate::tree::meta::Timestamp;
use crate::volume::Volume;

/// See `MemFs::import_dir_with`.
///
/// # Errors
///
/// As documented there.
pub fn import_dir(volume: &Volume, host: &Path, dest: &str, options: &HostOptions) -> Result<ImportReport> {
    let dest = volume.normalize(dest)?;
    let mut listing = Listing::of(host, &dest, volume.config.max_depth, options.progress.is_some())?;
    // Long before the import finds it out.
    match volume.look_for_dir(&dest) {
        Err(error) if *error.kind() == ErrorKind::NotADirectory => return Err(error),
        _ => {}
    }

    let candidates = std::mem::take(&mut listing.files);
    let bytes = candidates.iter().map(|file| file.len).fold(0, u64::saturating_add);
    let course = Course::new(options, candidates.len() as u64, bytes);
    let mut reading = Reading { volume, course, failure: OnceLock::new() };
    let read: Vec<_> = candidates.into_par_iter().map(|file| reading.take(file)).while_some().collect();
    if let Some(error) = reading.failure.take() {
        return Err(error);
    }

    let mut report = ImportReport { dirs: listing.dirs.len() as u64 - 1, ..ImportReport::default() };
    let mut import =
        Import { files: Vec::with_capacity(read.len()), dirs: listing.dirs, ..Import::default() };
    import.dirs.retain(|(path, _)| path != "/");
    for outcome in read {
        match outcome {
            Ok(file) => {
                report.files += 1;
                report.bytes += file.content.len();
                import.files.push(file);
            }
            Err(skipped) => listing.skipped.push(skipped),
        }
    }
    reading.course.end();
    volume.import(import)?;
    report.skipped = listing.skipped;
    sort(&mut report.skipped);
    Ok(report)
}

/// What is to be read.
#[derive(Default)]
struct Listing {
    files: Vec<Candidate>,
    /// Directories with their times, the imported one first.
    dirs: Vec<(String, Option<Timestamp>)>,
    skipped: Vec<Skipped>,
    /// Directories still to be listed.
    todo: Vec<Candidate>,
    /// Whether the host is asked how long each file is.
    measures: bool,
}

/// An entry of the host, and where it goes.
struct Candidate {
    host: PathBuf,
    path: String,
    /// How long the file is as far as is known, 0 if nobody wants to know.
    len: u64,
}

impl Listing {
    /// Lists `host` and everything below it.
    fn of(host: &Path, dest: &str, max_depth: usize, measures: bool) -> Result<Self> {
        let mut listing = Self { measures, ..Self::default() };
        let top = Candidate { host: host.to_owned(), path: dest.to_owned(), len: 0 };
        // Where the caller names a link, what it points to is meant.
        let metadata = fs::metadata(host).map_err(|error| host_error(host, error))?;
        listing.list(&top, &metadata, max_depth).map_err(|error| host_error(host, error))?;
        while let Some(dir) = listing.todo.pop() {
            let listed =
                fs::symlink_metadata(&dir.host).and_then(|metadata| listing.list(&dir, &metadata, max_depth));
            if let Err(error) = listed {
                listing.skip(dir.host, not_read(error));
            }
        }
        Ok(listing)
    }

    fn list(&mut self, dir: &Candidate, metadata: &fs::Metadata, max_depth: usize) -> io::Result<()> {
        if metadata.is_symlink() {
            self.skip(dir.host.clone(), SkipReason::SymbolicLink); // it has become one
            return Ok(());
        }
        if !metadata.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let entries = fs::read_dir(&dir.host)?;
        self.dirs.push((dir.path.clone(), metadata.modified().ok().map(Timestamp::from)));
        let fits = path::depth(&dir.path) < max_depth;
        for entry in entries {
            match entry {
                Ok(entry) if fits => self.note(dir, &entry),
                Ok(entry) => self.skip(entry.path(), SkipReason::TooDeep),
                Err(error) => {
                    self.skip(dir.host.clone(), not_read(error));
                    break;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, dir: &Candidate, entry: &DirEntry) {
        let host = entry.path();
        let name = entry.file_name();
        let (name, kind) = match (usable(name.to_str()), entry.file_type()) {
            (Ok(name), Ok(kind)) => (name, kind),
            (Err(reason), _) => return self.skip(host, reason),
            (_, Err(error)) => return self.skip(host, not_read(error)),
        };
        let path = path::join(&dir.path, name);
        if kind.is_symlink() {
            self.skip(host, SkipReason::SymbolicLink);
        } else if kind.is_dir() {
            self.todo.push(Candidate { host, path, len: 0 });
        } else if kind.is_file() {
            let len = if self.measures { entry.metadata().map_or(0, |metadata| metadata.len()) } else { 0 };
            self.files.push(Candidate { host, path, len });
        } else {
            self.skip(host, SkipReason::Special);
        }
    }

    fn skip(&mut self, path: PathBuf, reason: SkipReason) {
        self.skipped.push(Skipped { path, reason });
    }
}

/// A name that a filesystem can hold as it is, or why it cannot.
fn usable(name: Option<&str>) -> Result<&str, SkipReason> {
    let name = name.ok_or(SkipReason::NotUtf8)?;
    if name.contains('\\') {
        return Err(SkipReason::InvalidName(Cow::Borrowed(r"it contains `\`, which separates components")));
    }
    if name.len() > MAX_NAME {
        let why = format!("it has {} bytes, and {MAX_NAME} are allowed", name.len());
        return Err(SkipReason::InvalidName(Cow::Owned(why)));
    }
    Ok(name)
}

/// The threads that read files, and what ended their work.
struct Reading<'a> {
    volume: &'a Volume,
    course: Course,
    /// The first error that is not one of a single entry.
    failure: OnceLock<Error>,
}

/// Why a file was not read.
enum Trouble {
    /// It is left out.
    Skip(SkipReason),
    /// The whole import ends.
    Fail(Error),
    /// It has ended already, or is about to, with a panic of whoever is told.
    Stopped,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Skip(not_read(error))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Fail(error)
    }
}

impl Reading<'_> {
    /// Reads one file; `None` once the import has failed.
    fn take(&self, file: Candidate) -> Option<Result<ImportFile, Skipped>> {
        let mut course = self.course.file(file.len);
        match self.read(&file.host, &mut course) {
            Ok((content, modified)) => {
                course.end();
                Some(Ok(ImportFile { path: file.path, content, modified }))
            }
            Err(Trouble::Skip(reason)) => {
                course.leave_out();
                Some(Err(Skipped { path: file.host, reason }))
            }
            Err(Trouble::Fail(error)) => {
                let _ = self.failure.set(error.on(&file.path)); // the first one is told
                None
            }
            Err(Trouble::Stopped) => None,
        }
    }

    /// The content of a file, paid for, and its time.
    ///
    /// It is as long as the file was when it was opened, or shorter if that shrinks meanwhile. A
    /// file of no length may be one that the host makes up when it is read: such a one is read to
    /// its end.
    fn read(
        &self,
        host: &Path,
        course: &mut FileCourse<'_>,
    ) -> Result<(Content, Option<Timestamp>), Trouble> {
        let mut file = open_file(host)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Trouble::Skip(SkipReason::Special));
        }
        let len = Some(metadata.len()).filter(|len| *len > 0);
        let content = self.volume.take_in(&mut file, len, |done| {
            if self.failure.get().is_some() || self.course.is_broken() {
                return Err(Trouble::Stopped);
            }
            course.reach(done);
            Ok(())
        })?;
        Ok((content, metadata.modified().ok().map(Timestamp::from)))
    }
}

/// Opens a file for reading: not through a link, and without waiting if it has become a pipe.
fn open_file(host: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    options.open(host)
}

/// Why an entry is left out that the host would not let be read.
fn not_read(error: io::Error) -> SkipReason {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return SkipReason::SymbolicLink; // it has become one since its directory was listed
    }
    match error.kind() {
        io::ErrorKind::NotFound => SkipReason::Vanished,
        _ => SkipReason::Unreadable(error),
    }
}
