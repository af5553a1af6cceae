//! An archive entry by entry.

use std::collections::BTreeMap;

use super::conflict;
use super::intake::Intake;
use super::options::{ImportOptions, OnConflict};
use super::placing::{Placing, place};
use super::report::{ArchiveReport, Telling};
use crate::archive::{Archive, EntryInfo, error_of};
use crate::charge::Charge;
use crate::error::{Error, ErrorKind, Result};
use crate::host::SkipReason;
use crate::ops::import::{Import, ImportFile};
use crate::path;
use crate::tree::lookup::find_deepest;
use crate::tree::meta::Timestamp;
use crate::tree::node::NodeRef;
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
    let telling = Telling::new(&archive, volume, options);
    let mut stream = Streaming { volume, options, telling, made: BTreeMap::new(), charge: Charge::none() };
    let done = stream.all(&mut archive, dest);
    stream.set_times();
    done.map(|()| stream.telling.report)
}

struct Streaming<'a> {
    volume: &'a Volume,
    options: &'a ImportOptions,
    telling: Telling<'a>,
    /// The directories that the import made, with the times that the archive gives them: they are
    /// set at the end, because entries that appear change them, and because a directory may be
    /// listed after what is in it.
    made: BTreeMap<String, Option<Timestamp>>,
    /// What those take until they are set.
    charge: Charge,
}

impl Streaming<'_> {
    fn all(&mut self, archive: &mut Archive, dest: &str) -> Result<()> {
        if dest != "/" {
            self.make_dir(dest.to_owned())?;
        }
        while let Some(info) = archive.reader.next_entry().map_err(error_of)? {
            archive.meter.count(info.name())?;
            match place(self.volume, dest, self.options, &info)? {
                Placing::Pass => self.telling.entry(),
                Placing::Skip(reason) => self.telling.skipped(info.name(), reason)?,
                Placing::Dir(path) => self.dir(&path, &info)?,
                Placing::File(path) => self.file(archive, &path, &info)?,
            }
        }
        self.telling.course.end();
        Ok(())
    }

    fn make_dir(&self, path: String) -> Result<()> {
        self.volume.import(Import { dirs: vec![(path, None)], ..Import::default() }).map(drop)
    }

    fn dir(&mut self, path: &str, info: &EntryInfo) -> Result<()> {
        self.remember_missing(path, path.len())?;
        self.make_dir(path.to_owned()).map_err(|error| of_entry(error, path, info))?;
        if let Some(time) = self.made.get_mut(path) {
            *time = info.modified().map(Timestamp::from);
        }
        self.telling.dir(info.name(), path);
        Ok(())
    }

    fn file(&mut self, archive: &mut Archive, path: &str, info: &EntryInfo) -> Result<()> {
        if !self.is_wanted(path, info)? {
            return self.telling.skipped(info.name(), SkipReason::Exists);
        }
        let intake = Intake { volume: self.volume, course: &self.telling.course };
        let content = intake.read(&mut archive.reader, info, path)?;
        let len = content.len();
        let parent = path::split_last(path).map_or(0, |(parent, _)| parent.len());
        self.remember_missing(path, parent)?;
        let modified = info.modified().map(Timestamp::from);
        let import = Import {
            files: vec![ImportFile { path: path.to_owned(), content, modified }],
            existing: self.options.on_conflict.into(),
            ..Import::default()
        };
        let imported = self.volume.import(import).map_err(|error| of_entry(error, path, info))?;
        self.telling.report.overwritten += imported.replaced;
        if imported.kept.is_empty() {
            self.telling.file(info.name(), path, imported.replaced > 0, len);
        } else {
            self.telling.skipped(info.name(), SkipReason::Exists)?;
        }
        Ok(())
    }

    /// Whether a file is worth unpacking, as things stand.
    fn is_wanted(&self, path: &str, info: &EntryInfo) -> Result<bool> {
        let kind = match (find_deepest(&self.volume.load().tree, path), self.options.on_conflict) {
            ((NodeRef::Dir(_), ""), _) => ErrorKind::IsADirectory,
            ((NodeRef::File(_), ""), OnConflict::Error) => ErrorKind::AlreadyExists,
            ((NodeRef::File(_), ""), conflict) => return Ok(conflict == OnConflict::Overwrite),
            ((NodeRef::File(_), _), _) => ErrorKind::NotADirectory,
            ((NodeRef::Dir(_), _), _) => return Ok(true),
        };
        Err(of_entry(Error::at(kind, path), path, info))
    }

    /// Remembers which directories on the way to `path`, up to its first `end` bytes, are about to
    /// be made.
    fn remember_missing(&mut self, path: &str, end: usize) -> Result<()> {
        let (found, rest) = match find_deepest(&self.volume.load().tree, path) {
            (NodeRef::Dir(_), rest) => (path.len() - rest.len(), rest),
            (NodeRef::File(_), _) => return Ok(()), // which is an error soon
        };
        let slashes = rest.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| found + at);
        for len in slashes.chain([path.len()]).filter(|len| *len > found && *len <= end) {
            let dir = &path[..len];
            if !self.made.contains_key(dir) {
                let cost = (size_of::<(String, Option<Timestamp>)>() + len) as u64;
                self.charge.merge(self.volume.reserve(cost).map_err(|error| error.on(path))?);
                self.made.insert(dir.to_owned(), None);
            }
        }
        Ok(())
    }

    /// Gives new directories their times, the last that the archive names where it names several.
    /// All that it lists has been brought by then: what cannot be given its time goes without, for
    /// example because it has been removed or locked meanwhile.
    fn set_times(&mut self) {
        for (path, time) in std::mem::take(&mut self.made) {
            if let Some(time) = time {
                let _ = self.volume.set_dir_modified(&path, time);
            }
        }
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
