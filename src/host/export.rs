//! One instant of a tree, written below a directory of the host.
//!
//! First the directories are made, then the files are written by many threads, then the
//! directories get their times, which writing into them has changed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rayon::prelude::*;

#[cfg(unix)]
use super::descriptor::{Identity, unusable};
#[cfg(not(unix))]
use super::pathname::{Identity, unusable};
use super::report::{ExportReport, SkipReason, Skipped, sort};
use super::{HostDir, Standing, host_error};
use crate::charge::Charge;
use crate::error::{Error, Result};
use crate::path;
use crate::snapshot::Snapshot;
use crate::sync::Mutex;
use crate::tree::lookup::{Found, find};
use crate::tree::name::Name;
use crate::tree::node::{Dir, FileNode, Node};

/// See `Snapshot::export_dir`.
///
/// # Errors
///
/// As documented there.
pub fn export_dir(snapshot: &Snapshot, src: &str, host: &Path) -> Result<ExportReport> {
    let src = path::normalize(src, snapshot.max_depth())?;
    let at = find(snapshot.tree(), &src).map_err(|miss| Error::at(miss.into(), &src))?;
    let top = open_top(host).map_err(|error| host_error(host, error))?;
    let mut export = Export { host, top, places: Vec::new(), skipped: Vec::new() };
    let batches = match at.found {
        Found::Dir(dir) => export.make_dirs(dir),
        Found::File(file) => {
            let (_, name) = path::split_last(&src).expect("a file is not the root");
            export.places.push(Place::new("/".into(), None));
            let name = Name::new(name, Charge::none());
            vec![Batch { place: 0, serial: 0, files: vec![(name, Arc::clone(file))] }]
        }
    };
    let dirs = export.places.len() as u64 - 1;
    let mut report = batches.par_iter().map(|batch| export.write_batch(batch)).reduce(
        ExportReport::default,
        |mut sum, batch| {
            sum.files += batch.files;
            sum.bytes += batch.bytes;
            sum.skipped.extend(batch.skipped);
            sum
        },
    );
    report.dirs = dirs;
    export.set_times();
    report.skipped.append(&mut export.skipped);
    sort(&mut report.skipped);
    Ok(report)
}

/// Opens the directory to write to, which is made if it is missing.
fn open_top(host: &Path) -> io::Result<HostDir> {
    if let Err(error) = fs::create_dir_all(host) {
        let stands = fs::metadata(host).is_ok_and(|metadata| !metadata.is_dir());
        return Err(if stands { io::ErrorKind::NotADirectory.into() } else { error });
    }
    HostDir::open(host)
}

struct Export<'a> {
    host: &'a Path,
    top: HostDir,
    places: Vec<Place>,
    skipped: Vec<Skipped>,
}

/// A directory that is there on the host.
struct Place {
    /// Its path below the one that is exported to.
    path: String,
    /// What it is made of; `None` where only one file is exported.
    dir: Option<Arc<Dir>>,
    /// The files written there so far. A file that another entry has become is not replaced by
    /// one with a name that only the host takes for the same.
    written: Mutex<HashSet<Identity>>,
}

/// Some files of one directory.
struct Batch {
    place: usize,
    /// The number of its first file among all files.
    serial: usize,
    files: Vec<(Name, Arc<FileNode>)>,
}

/// Files that one thread writes without being asked.
const BATCH: usize = 32;

impl Place {
    fn new(path: String, dir: Option<Arc<Dir>>) -> Self {
        Self { path, dir, written: Mutex::new(HashSet::new()) }
    }
}

impl Export<'_> {
    /// Makes all directories that can be made, and groups the files that go there.
    fn make_dirs(&mut self, dir: &Arc<Dir>) -> Vec<Batch> {
        let (mut batches, mut serial) = (Vec::new(), 0);
        let mut made = HashSet::new();
        let mut todo = vec![("/".to_owned(), Arc::clone(dir))];
        while let Some((path, dir)) = todo.pop() {
            if let Some((parent, name)) = path::split_last(&path)
                && let Err(reason) = self.make_dir(parent, name, &mut made)
            {
                self.skipped.push(self.skip(&path, reason));
                continue;
            }
            let (mut files, mut below) = (Vec::new(), Vec::new());
            for (name, entry) in dir.entries.iter() {
                match &entry.node {
                    Node::File(file) => files.push((name.clone(), Arc::clone(file))),
                    Node::Dir(dir) => below.push((path::join(&path, name.as_str()), Arc::clone(dir))),
                }
            }
            todo.extend(below.into_iter().rev());
            let place = self.places.len();
            for files in files.chunks(BATCH) {
                batches.push(Batch { place, serial, files: files.to_vec() });
                serial += files.len();
            }
            self.places.push(Place::new(path, Some(dir)));
        }
        batches
    }

    /// Makes one directory, or finds it there.
    fn make_dir(&self, parent: &str, name: &str, made: &mut HashSet<Identity>) -> Result<(), SkipReason> {
        if let Some(why) = unusable(name) {
            return Err(SkipReason::InvalidName(Cow::Borrowed(why)));
        }
        let parent = self.top.below(parent).map_err(not_written)?;
        match parent.make_dir(name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(not_written(error)),
            _ => {}
        }
        match parent.look(name).map_err(not_written)? {
            Some((Standing::Dir, identity)) if made.insert(identity) => Ok(()),
            Some((Standing::Dir, _)) => Err(SkipReason::Collision),
            Some((Standing::Link, _)) => Err(SkipReason::SymbolicLink),
            _ => Err(SkipReason::NotADirectory),
        }
    }

    fn skip(&self, path: &str, reason: SkipReason) -> Skipped {
        let mut host: PathBuf = self.host.to_owned();
        host.extend(path::components(path));
        Skipped { path: host, reason }
    }

    fn write_batch(&self, batch: &Batch) -> ExportReport {
        let mut report = ExportReport::default();
        let place = &self.places[batch.place];
        let dir = self.top.below(&place.path);
        for (number, (name, file)) in batch.files.iter().enumerate() {
            let wrote = match &dir {
                Ok(dir) => write_file(dir, place, name.as_str(), file, batch.serial + number),
                Err(error) => Err(not_written(io::Error::new(error.kind(), error.to_string()))),
            };
            let mut note = |reason| {
                let path = path::join(&place.path, name.as_str());
                report.skipped.push(self.skip(&path, reason));
            };
            match wrote {
                Ok(timed) => {
                    report.files += 1;
                    report.bytes += file.content.len();
                    timed.unwrap_or_else(|error| note(SkipReason::TimeNotKept(error)));
                }
                Err(reason) => note(reason),
            }
        }
        report
    }

    /// Gives all directories the times that they had.
    fn set_times(&mut self) {
        for place in &self.places {
            let Some(dir) = &place.dir else { continue };
            let time = SystemTime::from(dir.meta.modified);
            let set = self.top.below(&place.path).and_then(|dir| dir.set_modified(time));
            if let Err(error) = set {
                self.skipped.push(self.skip(&place.path, SkipReason::TimeNotKept(error)));
            }
        }
    }
}

/// Writes one file under a temporary name and puts it in its place; says whether the host took
/// the time.
fn write_file(
    dir: &HostDir,
    place: &Place,
    name: &str,
    file: &FileNode,
    serial: usize,
) -> Result<io::Result<()>, SkipReason> {
    if let Some(why) = unusable(name) {
        return Err(SkipReason::InvalidName(Cow::Borrowed(why)));
    }
    // Before the bytes are written: names that the host cannot hold, and directories in the way.
    if let Some((Standing::Dir, _)) = dir.look(name).map_err(not_written)? {
        return Err(SkipReason::IsADirectory);
    }
    let (temporary, mut out) = create_temporary(dir, place, serial).map_err(not_written)?;
    let done = write_content(&mut out, file).map_err(not_written).and_then(|()| {
        let timed = out.set_modified(SystemTime::from(file.meta.modified));
        drop(out);
        put_in_place(dir, place, &temporary, name)?;
        Ok(timed)
    });
    if done.is_err() {
        let _ = dir.remove_file(&temporary); // the first error is the one that is told
    }
    done
}

/// Creates a file under a name that nothing has, neither there nor in what is exported.
fn create_temporary(dir: &HostDir, place: &Place, serial: usize) -> io::Result<(String, File)> {
    let process = std::process::id();
    for attempt in 0..u32::MAX {
        let name = format!(".arcfs-{process:x}-{serial:x}-{attempt:x}.tmp");
        if place.dir.as_ref().is_some_and(|dir| dir.entries.get(&name).is_some()) {
            continue;
        }
        match dir.create_new(&name) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn write_content(out: &mut File, file: &FileNode) -> io::Result<()> {
    for chunk in file.content.chunks() {
        out.write_all(&chunk?)?;
    }
    Ok(())
}

/// Renames a complete file to its own name, unless that is where this export put another one.
fn put_in_place(dir: &HostDir, place: &Place, temporary: &str, name: &str) -> Result<(), SkipReason> {
    let mut written = place.written.lock();
    match dir.look(name).map_err(not_written)? {
        Some((_, identity)) if written.contains(&identity) => return Err(SkipReason::Collision),
        Some((Standing::Dir, _)) => return Err(SkipReason::IsADirectory),
        _ => {}
    }
    dir.rename(temporary, name).map_err(not_written)?;
    if let Ok(Some((_, identity))) = dir.look(name) {
        written.insert(identity);
    }
    Ok(())
}

/// Why an entry is left out that the host would not let be written.
fn not_written(error: io::Error) -> SkipReason {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::ILSEQ.raw_os_error()) {
        return SkipReason::InvalidName(Cow::Owned(error.to_string()));
    }
    match error.kind() {
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => {
            SkipReason::InvalidName(Cow::Owned(error.to_string()))
        }
        _ => SkipReason::Unwritable(error),
    }
}
