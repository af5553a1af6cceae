//! An archive entry by entry.

use super::conflict;
use super::intake::Intake;
use super::options::{ImportOptions, OnConflict};
use super::placing::{Placing, place};
use super::report::{ArchiveReport, Telling};
use crate::archive::{Archive, EntryInfo, error_of};
use crate::charge::Charge;
use crate::error::{Error, ErrorKind, Result};
use crate::host::SkipReason;
use crate::ops::import::{Existing, Import, ImportFile};
use crate::tree::lookup::{Found, find_deepest};
use crate::tree::meta::Timestamp;
use crate::volume::Volume;

/// Publishes each entry as it comes.
///
/// # Errors
///
/// See [`import_archive_streaming`](super::import_archive_streaming).
pub fn import(
    volume: &Volume,
    mut archive: Archive,
    dest: &str,
    options: &ImportOptions,
) -> Result<ArchiveReport> {
    let telling = Telling::new(archive.format(), volume, options);
    let charge = Charge::none();
    let mut stream = Streaming { volume, options, telling, times: Vec::new(), charge };
    if dest != "/" {
        stream.make_dir(dest.to_owned(), None)?;
    }
    while let Some(info) = archive.reader.next_entry().map_err(error_of)? {
        archive.meter.count(info.name())?;
        match place(volume, dest, options, &info)? {
            Placing::Pass => stream.telling.entry(),
            Placing::Skip(reason) => stream.telling.skipped(info.name(), reason)?,
            Placing::Dir(path) => stream.dir(path, &info)?,
            Placing::File(path) => stream.file(&mut archive, &path, &info)?,
        }
    }
    stream.set_times()?;
    Ok(stream.telling.report)
}

struct Streaming<'a> {
    volume: &'a Volume,
    options: &'a ImportOptions,
    telling: Telling<'a>,
    /// The times of new directories, which appearing entries would change.
    times: Vec<(String, Timestamp)>,
    /// What those take until they are set.
    charge: Charge,
}

impl Streaming<'_> {
    fn make_dir(&self, path: String, time: Option<Timestamp>) -> Result<()> {
        self.volume.import(Import { dirs: vec![(path, time)], ..Import::default() }).map(drop)
    }

    fn dir(&mut self, path: String, info: &EntryInfo) -> Result<()> {
        let is_new = matches!(find_deepest(&self.volume.load().tree, &path), (Found::Dir(_), rest) if !rest.is_empty());
        self.make_dir(path.clone(), None).map_err(|error| of_entry(error, &path, info))?;
        if let Some(time) = info.modified().filter(|_| is_new) {
            self.charge.merge(self.volume.reserve(path.len() as u64).map_err(|error| error.on(&path))?);
            self.times.push((path, time.into()));
        }
        self.telling.report.dirs += 1;
        self.telling.entry();
        Ok(())
    }

    fn file(&mut self, archive: &mut Archive, path: &str, info: &EntryInfo) -> Result<()> {
        if !self.is_wanted(path, info)? {
            return self.telling.skipped(info.name(), SkipReason::Exists);
        }
        let Archive { reader, meter, .. } = archive;
        let content = Intake { volume: self.volume, meter }.read(reader, info, path)?;
        let len = content.len();
        let modified = info.modified().map(Timestamp::from);
        let import = Import {
            files: vec![ImportFile { path: path.to_owned(), content, modified }],
            existing: match self.options.on_conflict {
                OnConflict::Error => Existing::Refuse,
                OnConflict::Overwrite => Existing::Replace,
                OnConflict::Skip => Existing::Keep,
            },
            ..Import::default()
        };
        let imported = self.volume.import(import).map_err(|error| of_entry(error, path, info))?;
        self.telling.report.overwritten += imported.replaced;
        if imported.kept.is_empty() {
            self.telling.file(len);
        } else {
            self.telling.skipped(info.name(), SkipReason::Exists)?;
        }
        Ok(())
    }

    /// Whether a file is worth unpacking, as things stand.
    fn is_wanted(&self, path: &str, info: &EntryInfo) -> Result<bool> {
        let kind = match (find_deepest(&self.volume.load().tree, path), self.options.on_conflict) {
            ((Found::Dir(_), ""), _) => ErrorKind::IsADirectory,
            ((Found::File(_), ""), OnConflict::Error) => ErrorKind::AlreadyExists,
            ((Found::File(_), ""), conflict) => return Ok(conflict == OnConflict::Overwrite),
            ((Found::File(_), _), _) => ErrorKind::NotADirectory,
            ((Found::Dir(_), _), _) => return Ok(true),
        };
        Err(of_entry(Error::at(kind, path), path, info))
    }

    /// Gives new directories their times, the last that the archive names where it names several.
    fn set_times(&mut self) -> Result<()> {
        for (path, time) in self.times.drain(..) {
            match self.volume.set_modified(&path, time.into()) {
                // It has gone again, or is something else.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                done => done?,
            }
        }
        Ok(())
    }
}

/// Says which entry could not be brought, where a conflict is what is wrong.
fn of_entry(error: Error, path: &str, info: &EntryInfo) -> Error {
    let why = match error.kind() {
        ErrorKind::AlreadyExists => "overwrite or skip what exists",
        ErrorKind::IsADirectory => "a directory stands there",
        ErrorKind::NotADirectory => "a file stands there, or on the way",
        _ => return error.on(path),
    };
    conflict(error.kind().clone(), path, info.name(), why)
}
