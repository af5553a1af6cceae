//! An archive at one instant.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use super::conflict;
use super::intake::Intake;
use super::options::{ImportOptions, OnConflict};
use super::placing::{Placing, place};
use super::report::{ArchiveReport, EntryFate, Telling};
use super::unpacking::{Turn, Unpacking};
use crate::archive::{Archive, EntryInfo, error_of};
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{ErrorKind, Result};
use crate::host::SkipReason;
use crate::ops::import::{Import, ImportFile};
use crate::path;
use crate::tree::lookup::find_deepest;
use crate::tree::meta::Timestamp;
use crate::tree::node::NodeRef;
use crate::volume::Volume;

/// Reads all of an archive, then publishes it.
///
/// # Errors
///
/// See [`import_archive`](super::import_archive).
pub fn import(
    volume: &Arc<Volume>,
    mut archive: Archive,
    dest: &str,
    options: &ImportOptions,
) -> Result<ArchiveReport> {
    let telling = Telling::new(&archive, volume, options);
    let mut building = Building {
        volume,
        options,
        places: BTreeMap::new(),
        prepaid: Charge::none(),
        unpacking: Unpacking::new(volume, &telling.course),
        telling,
    };
    let taken = building.take_all(&mut archive, dest);
    // Entries before the one that failed come first, and so do their errors.
    building.settle_all().and(taken)?;
    building.telling.course.end();
    building.publish(dest)
}

/// A path in tree order, so that what is below a directory comes right after it.
#[derive(PartialEq, Eq)]
struct TreePath(String);

impl Ord for TreePath {
    fn cmp(&self, other: &Self) -> Ordering {
        path::compare(&self.0, &other.0)
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What the archive puts somewhere.
enum Brought {
    Dir(Option<Timestamp>),
    File { entry: String, content: Content, modified: Option<Timestamp> },
}

/// What has been read of an archive.
struct Building<'a> {
    volume: &'a Volume,
    options: &'a ImportOptions,
    places: BTreeMap<TreePath, Brought>,
    /// What nodes and names will cost, so that they are bounded by the quota from the start.
    prepaid: Charge,
    unpacking: Unpacking,
    telling: Telling<'a>,
}

/// Whether something comes to a place.
enum Admitted {
    New,
    /// In place of a file, or as a directory that is there already.
    There,
    /// In place of an earlier entry.
    Again,
    /// Not at all: a file stands there.
    Not,
}

impl Building<'_> {
    fn take_all(&mut self, archive: &mut Archive, dest: &str) -> Result<()> {
        while let Some(info) = archive.reader.next_entry().map_err(error_of)? {
            archive.meter.count(info.name())?;
            let placing = place(self.volume, dest, self.options, &info)?;
            self.take(archive, info, placing)?;
            while self.settle_next(self.unpacking.is_full())? {}
        }
        Ok(())
    }

    fn take(&mut self, archive: &mut Archive, info: EntryInfo, placing: Placing) -> Result<()> {
        let modified = info.modified().map(Timestamp::from);
        match placing {
            Placing::Pass => self.unpacking.follow(Turn::Passed),
            Placing::Skip(reason) => self.skip(&info, reason),
            Placing::Dir(path) => {
                match self.admit_dir(&path, &info)? {
                    Admitted::New => self.prepay(&path, "", true)?,
                    Admitted::There => self.prepay(&path, "", false)?,
                    _ => {}
                }
                self.unpacking.follow(Turn::Dir { name: info.name().to_owned(), path: path.clone() });
                self.places.insert(TreePath(path), Brought::Dir(modified));
            }
            Placing::File(path) => match self.admit_file(&path, &info)? {
                Admitted::Not => self.skip(&info, SkipReason::Exists),
                admitted => {
                    // The name is told only of what is left out at the very end.
                    let skips = self.options.on_conflict == OnConflict::Skip;
                    let entry = if skips { info.name() } else { "" };
                    if let Admitted::Again = admitted {
                        self.settle_all()?; // so that the earlier one does not come after it
                        self.telling.report.overwritten += 1;
                    } else {
                        self.prepay(&path, entry, matches!(admitted, Admitted::New))?;
                    }
                    let (entry, content) = (entry.to_owned(), Content::default());
                    let brought = Brought::File { entry, content, modified };
                    self.places.insert(TreePath(path.clone()), brought);
                    let overwrites = !matches!(admitted, Admitted::New);
                    self.unpack(archive, info, path, overwrites)?;
                }
            },
        }
        Ok(())
    }

    fn skip(&mut self, info: &EntryInfo, reason: SkipReason) {
        self.unpacking.follow(Turn::Skipped { name: info.name().to_owned(), reason });
    }

    /// Whether a file can come to `path`: by what the archive has brought, and by what is there now.
    fn admit_file(&self, path: &str, info: &EntryInfo) -> Result<Admitted> {
        let refuse = |kind, why| Err(conflict(kind, path, info.name(), why));
        if let Some(earlier) = self.not_below_a_file(path, info)? {
            return match (earlier, self.options.on_conflict) {
                (Brought::Dir(_), _) => refuse(ErrorKind::IsADirectory, "an earlier entry is a directory"),
                (_, OnConflict::Error) => refuse(ErrorKind::AlreadyExists, "an earlier entry has this path"),
                (_, OnConflict::Overwrite) => Ok(Admitted::Again),
                (_, OnConflict::Skip) => Ok(Admitted::Not),
            };
        }
        let here = TreePath(path.to_owned());
        let after = self.places.range((Excluded(&here), Unbounded)).next();
        if after.is_some_and(|(after, _)| path::starts_with(&after.0, path)) {
            return refuse(ErrorKind::IsADirectory, "earlier entries are below it");
        }
        match find_deepest(&self.volume.load().tree, path) {
            (NodeRef::Dir(_), "") => refuse(ErrorKind::IsADirectory, "a directory stands there"),
            (NodeRef::File(_), "") => match self.options.on_conflict {
                OnConflict::Error => refuse(ErrorKind::AlreadyExists, "overwrite or skip what exists"),
                OnConflict::Overwrite => Ok(Admitted::There),
                OnConflict::Skip => Ok(Admitted::Not),
            },
            (NodeRef::File(_), _) => refuse(ErrorKind::NotADirectory, "a file stands on the way"),
            (NodeRef::Dir(_), _) => Ok(Admitted::New),
        }
    }

    /// As [`admit_file`](Self::admit_file), for a directory.
    fn admit_dir(&self, path: &str, info: &EntryInfo) -> Result<Admitted> {
        let refuse = |why| Err(conflict(ErrorKind::NotADirectory, path, info.name(), why));
        match self.not_below_a_file(path, info)? {
            Some(Brought::Dir(_)) => return Ok(Admitted::Again),
            Some(Brought::File { .. }) => return refuse("an earlier entry is a file"),
            None => {}
        }
        match find_deepest(&self.volume.load().tree, path) {
            (NodeRef::File(_), _) => refuse("a file stands there, or on the way"),
            (NodeRef::Dir(_), "") => Ok(Admitted::There),
            (NodeRef::Dir(_), _) => Ok(Admitted::New),
        }
    }

    /// What the archive has brought to `path`, once it is not below a file of the archive.
    fn not_below_a_file(&self, path: &str, info: &EntryInfo) -> Result<Option<&Brought>> {
        let here = TreePath(path.to_owned());
        // A file has nothing below it, so if one is above, it is right before.
        match self.places.range(..=&here).next_back() {
            Some((before, brought)) if before.0 == path => Ok(Some(brought)),
            Some((before, Brought::File { .. })) if path::starts_with(path, &before.0) => {
                let why = "an earlier entry is a file on the way";
                Err(conflict(ErrorKind::NotADirectory, path, info.name(), why))
            }
            _ => Ok(None),
        }
    }

    /// Pays for a node and its name, as far as they are new, or for what is kept of the entry until
    /// there is a node, if that is more: names may be far longer than what is made of them.
    fn prepay(&mut self, path: &str, entry: &str, is_new: bool) -> Result<()> {
        let kept = (path.len() + entry.len()) as u64;
        let cost = match is_new {
            true => self.volume.config.node_overhead.max(kept).saturating_add(self.volume.name_cost(path)),
            // The next version of a file is paid for when it is published.
            false => kept,
        };
        self.prepaid.merge(self.volume.reserve(cost).map_err(|error| error.on(path))?);
        Ok(())
    }

    /// Has a file unpacked by other threads, or unpacks it now if it cannot be unpacked beside others.
    fn unpack(
        &mut self,
        archive: &mut Archive,
        info: EntryInfo,
        path: String,
        overwrites: bool,
    ) -> Result<()> {
        match archive.reader.detach() {
            Some(bytes) => self.unpacking.unpack(info, path, overwrites, bytes),
            None => {
                self.settle_all()?; // if one of those fails, this one does not matter
                let intake = Intake { volume: self.volume, course: &self.telling.course };
                let content = intake.read(&mut archive.reader, &info, &path)?;
                self.settle(Turn::File { info, path, overwrites, content })?;
            }
        }
        Ok(())
    }

    /// Deals with all entries that were taken. The error of the first is the one that is told.
    fn settle_all(&mut self) -> Result<()> {
        while self.settle_next(true)? {}
        Ok(())
    }

    /// Deals with the entry that is next in line, if its bytes are there or it may `wait` for them;
    /// returns whether there was one. If it fails, the line ends before it.
    fn settle_next(&mut self, wait: bool) -> Result<bool> {
        let Some(turn) = self.unpacking.next(wait) else { return Ok(false) };
        let settled = turn.and_then(|turn| self.settle(turn));
        if settled.is_err() {
            self.unpacking.give_up();
        }
        settled.map(|()| true)
    }

    /// Deals with an entry in its turn.
    fn settle(&mut self, turn: Turn) -> Result<()> {
        match turn {
            Turn::File { info, path, overwrites, content: unpacked } => {
                self.telling.file(info.name(), &path, overwrites, unpacked.len());
                if let Some(Brought::File { content, .. }) = self.places.get_mut(&TreePath(path)) {
                    *content = unpacked;
                }
            }
            Turn::Dir { name, path } => self.telling.dir(&name, &path),
            Turn::Skipped { name, reason } => self.telling.skipped(&name, reason)?,
            Turn::Passed => self.telling.entry(),
        }
        Ok(())
    }

    fn publish(self, dest: &str) -> Result<ArchiveReport> {
        let Self { volume, options, places, prepaid, telling, .. } = self;
        let mut import = Import { existing: options.on_conflict.into(), prepaid, ..Import::default() };
        // What the files came from, in tree order, in case some are not brought after all.
        let mut origins = Vec::new();
        for (path, brought) in places {
            match brought {
                Brought::Dir(time) => import.dirs.push((path.0, time)),
                Brought::File { entry, content, modified } => {
                    if options.on_conflict == OnConflict::Skip {
                        origins.push((path.0.clone(), entry, content.len()));
                    }
                    import.files.push(ImportFile { path: path.0, content, modified });
                }
            }
        }
        if dest != "/" {
            import.dirs.push((dest.to_owned(), None));
        }
        let imported = volume.import(import)?;
        let mut telling = telling;
        let report = &mut telling.report;
        report.overwritten += imported.replaced;
        for path in imported.kept {
            if let Ok(at) = origins.binary_search_by(|(origin, ..)| path::compare(origin, &path)) {
                telling.report.leave_out(&origins[at].1, origins[at].2);
                telling.outcome(&origins[at].1, None, EntryFate::Skipped);
            }
        }
        Ok(telling.report)
    }
}
