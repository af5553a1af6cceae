//! One instant of a tree, written below a directory of the host.
//!
//! One thread walks the tree, from the top down: it opens each directory once, in the one above it,
//! and makes the directories in it. Many threads write the files. Whoever is the last to write into
//! a directory gives it its time, which writing has changed.
//!
//! The walk enters the directory with the most directories below it last, when nothing else of
//! the one above is left to do, and closes that one then. What it keeps open on its way has
//! another subtree to come that is at least as large as the one it is in, so it is never more than
//! the logarithm of all directories, however deep they are; nothing is opened twice, and no path
//! is looked up again from the top. To that come at most [`BUSY`] directories for each thread whose
//! files are still being written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rayon::Scope;
use rayon::prelude::*;

use super::directory::{HostDir, Identity, unusable};
use super::options::{Course, FileCourse, HostOptions};
use super::report::{ExportReport, SkipReason, Skipped, sort};
use super::{Standing, host_error};
use crate::error::{Error, Result};
use crate::ops::usage_of;
use crate::path;
use crate::snapshot::Snapshot;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::tree::lookup::find;
use crate::tree::node::{Dir, FileNode, NodeRef};

/// See `Snapshot::export_dir_with`.
///
/// # Errors
///
/// As documented there.
pub fn export_dir(
    snapshot: &Snapshot,
    src: &str,
    host: &Path,
    options: &HostOptions,
) -> Result<ExportReport> {
    let src = path::normalize(src, snapshot.max_depth())?;
    let at = find(snapshot.tree(), &src).map_err(|miss| Error::at(miss.into(), &src))?;
    let top = open_top(host).map_err(|error| host_error(host, error))?;
    let usage = usage_of(&at);
    let course = Course::new(options, usage.files, usage.bytes);
    let (report, most_busy) = (Mutex::default(), BUSY * rayon::current_num_threads());
    let mut export = Export { host, report, course, busy: AtomicUsize::new(0), most_busy };
    match at.found {
        NodeRef::Dir(dir) => rayon::scope(|scope| export.walk(scope, top, dir)),
        NodeRef::File(file) => {
            let (_, name) = path::split_last(&src).expect("a file is not the root");
            let files = vec![(name, file)];
            let place = Place::new(&export, Arc::new(top), Way::default(), None);
            place.write(&Batch { serial: 0, files });
        }
    }
    export.course.end();
    let mut report = std::mem::take(export.report.get_mut());
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

struct Export<'e> {
    host: &'e Path,
    report: Mutex<ExportReport>,
    course: Course,
    /// Directories that are kept open for the threads which write their files.
    ///
    /// Ordering: relaxed; it bounds a number, and publishes nothing.
    busy: AtomicUsize,
    /// How many of them there may be.
    most_busy: usize,
}

/// Files that one thread writes without being asked.
const BATCH: usize = 32;

/// Directories for each thread whose files are being written while the walk goes on: the one that it
/// writes to and the next. Those of one more are written before the walk goes on.
const BUSY: usize = 2;

/// Some files of one directory.
struct Batch<'t> {
    /// The number of its first file among all files.
    serial: usize,
    files: Vec<(&'t str, &'t FileNode)>,
}

/// Where the walk is.
#[derive(Default)]
struct Walk<'t> {
    /// Directories on the way to the one that it is in, which it comes back to.
    pending: Vec<Level<'t>>,
    /// Files so far.
    serial: usize,
}

/// A directory with some below it that the walk has not been in.
struct Level<'t> {
    host: Arc<HostDir>,
    way: Way,
    /// At least one; the first has the most directories below it.
    left: Vec<(&'t str, &'t Dir)>,
}

impl Export<'_> {
    fn walk<'s>(&'s self, scope: &Scope<'s>, top: HostDir, dir: &'s Dir) {
        let mut walk = Walk::default();
        self.visit(scope, &mut walk, Arc::new(top), Way::default(), dir);
        while !self.course.is_broken()
            && let Some(mut level) = walk.pending.pop()
        {
            let Some((name, dir)) = level.left.pop() else { continue };
            let way = level.way.below(name);
            let opened = level.host.child(name);
            if !level.left.is_empty() {
                walk.pending.push(level);
            } else {
                drop(level); // closed before the next one is visited
            }
            match opened {
                Ok(host) => {
                    self.report.lock().dirs += 1;
                    self.visit(scope, &mut walk, Arc::new(host), way, dir);
                }
                Err(error) => self.skip_dir(&way, dir, not_written(error)),
            }
        }
    }

    /// Makes the directories in one, and has its files written.
    fn visit<'s>(
        &'s self,
        scope: &Scope<'s>,
        walk: &mut Walk<'s>,
        host: Arc<HostDir>,
        way: Way,
        dir: &'s Dir,
    ) {
        let (mut files, mut left) = (Vec::new(), Vec::new());
        // One that another entry has become is not used for a name that only the host takes for the
        // same.
        let mut made = HashSet::new();
        for (name, entry) in dir.entries.iter() {
            match entry.node {
                NodeRef::File(file) => files.push((name.as_str(), file)),
                NodeRef::Dir(below) => match make_dir(&host, name.as_str(), &mut made) {
                    Ok(()) => left.push((name.as_str(), below)),
                    Err(reason) => self.skip_dir(&way.below(name.as_str()), below, reason),
                },
            }
        }
        if let Some(largest) = (0..left.len()).max_by_key(|&at| left[at].1.totals.dirs) {
            left.swap(0, largest);
            walk.pending.push(Level { host: Arc::clone(&host), way: way.clone(), left });
        }
        let place = Place::new(self, host, way, Some(dir));
        let mut files = files.into_iter();
        let mut next_batch = || {
            let batch = Batch { serial: walk.serial, files: files.by_ref().take(BATCH).collect() };
            walk.serial += batch.files.len();
            (!batch.files.is_empty()).then_some(batch)
        };
        let batches = std::iter::from_fn(&mut next_batch);
        let Some(busy) = Busy::start(&self.busy, self.most_busy) else {
            batches.collect::<Vec<_>>().par_iter().for_each(|batch| place.write(batch));
            return place.finish();
        };
        let place = Arc::new((place, busy));
        for batch in batches {
            let place = Arc::clone(&place);
            scope.spawn(move |_| {
                place.0.write(&batch);
                Place::finish_last(place);
            });
        }
        Place::finish_last(place);
    }

    /// A directory cannot be written, nor anything in it.
    fn skip_dir(&self, way: &Way, dir: &Dir, reason: SkipReason) {
        self.skip(way, reason);
        self.course.leave_out(u64::from(dir.totals.files), dir.totals.bytes);
    }

    fn skip(&self, way: &Way, reason: SkipReason) {
        let path = way.on(self.host);
        self.report.lock().skipped.push(Skipped { path, reason });
    }
}

/// Makes one directory, or finds it there.
fn make_dir(parent: &HostDir, name: &str, made: &mut HashSet<Identity>) -> Result<(), SkipReason> {
    if let Some(why) = unusable(name) {
        return Err(SkipReason::InvalidName(Cow::Borrowed(why)));
    }
    match parent.make_dir(name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(not_written(error)),
        _ => {}
    }
    match parent.look(name).map_err(not_written)? {
        Some((Standing::Dir, identity)) => made.insert(identity).then_some(()).ok_or(SkipReason::Collision),
        Some((Standing::Link, _)) => Err(SkipReason::SymbolicLink),
        _ => Err(SkipReason::NotADirectory),
    }
}

/// A directory that is there on the host.
struct Place<'e> {
    export: &'e Export<'e>,
    host: Arc<HostDir>,
    way: Way,
    /// What it is made of; `None` where only one file is exported.
    dir: Option<&'e Dir>,
    /// The files written there so far. A file that another entry has become is not replaced by
    /// one with a name that only the host takes for the same.
    written: Mutex<HashSet<Identity>>,
}

impl<'e> Place<'e> {
    fn new(export: &'e Export<'e>, host: Arc<HostDir>, way: Way, dir: Option<&'e Dir>) -> Self {
        Self { export, host, way, dir, written: Mutex::default() }
    }

    fn write(&self, batch: &Batch<'_>) {
        let mut report = ExportReport::default();
        let there = self.host.look_again();
        for (number, (name, file)) in batch.files.iter().enumerate() {
            if self.export.course.is_broken() {
                break; // the panic that ends the export is on its way
            }
            let mut course = self.export.course.file(file.content.len());
            let wrote = match &there {
                Ok(()) => write_file(self, name, file, batch.serial + number, &mut course),
                Err(error) => Err(not_written(io::Error::new(error.kind(), error.to_string()))),
            };
            let mut note = |reason| {
                let path = self.way.below(name).on(self.export.host);
                report.skipped.push(Skipped { path, reason });
            };
            match wrote {
                Ok(timed) => {
                    report.files += 1;
                    report.bytes += file.content.len();
                    timed.unwrap_or_else(|error| note(SkipReason::TimeNotKept(error)));
                    course.end();
                }
                Err(reason) => {
                    note(reason);
                    course.leave_out();
                }
            }
        }
        let mut sum = self.export.report.lock();
        sum.files += report.files;
        sum.bytes += report.bytes;
        sum.skipped.append(&mut report.skipped);
    }

    /// Gives the directory the time that it had, once everything is in it.
    fn finish(self) {
        let Some(dir) = &self.dir else { return };
        let time = SystemTime::from(dir.meta.modified);
        if let Err(error) = self.host.look_again().and_then(|()| self.host.set_modified(time)) {
            self.export.skip(&self.way, SkipReason::TimeNotKept(error));
        }
    }

    /// As [`finish`](Self::finish), for the last of those who share the place.
    fn finish_last(shared: Arc<(Self, Busy<'e>)>) {
        if let Some((place, _busy)) = Arc::into_inner(shared) {
            place.finish();
        }
    }
}

/// One of the directories that may be kept open beside the walk.
struct Busy<'e>(&'e AtomicUsize);

impl<'e> Busy<'e> {
    /// `None` if there are as many as may be.
    fn start(count: &'e AtomicUsize, most: usize) -> Option<Self> {
        let busy = Self(count); // counts down if there are too many
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The way to an entry from the top of an export. Many share what is above them, so that a deep
/// chain takes no more than its names; the path is written down where it is told to somebody.
#[derive(Clone, Default)]
struct Way(Option<Arc<Step>>);

struct Step {
    above: Way,
    name: Box<str>,
}

impl Way {
    fn below(&self, name: &str) -> Self {
        Self(Some(Arc::new(Step { above: self.clone(), name: name.into() })))
    }

    fn on(&self, host: &Path) -> PathBuf {
        let steps = std::iter::successors(self.0.as_deref(), |step| step.above.0.as_deref());
        let names: Vec<&str> = steps.map(|step| &*step.name).collect();
        let mut path = host.to_owned();
        path.extend(names.iter().rev());
        path
    }
}

/// Dropping must not recurse by depth.
impl Drop for Step {
    fn drop(&mut self) {
        let mut above = self.above.0.take();
        while let Some(mut step) = above.and_then(Arc::into_inner) {
            above = step.above.0.take();
        }
    }
}

/// Writes one file under a temporary name and puts it in its place; says whether the host took
/// the time.
fn write_file(
    place: &Place<'_>,
    name: &str,
    file: &FileNode,
    serial: usize,
    course: &mut FileCourse<'_>,
) -> Result<io::Result<()>, SkipReason> {
    if let Some(why) = unusable(name) {
        return Err(SkipReason::InvalidName(Cow::Borrowed(why)));
    }
    // Before the bytes are written: names that the host cannot hold, and directories in the way.
    let dir = &*place.host;
    if let Some((Standing::Dir, _)) = dir.look(name).map_err(not_written)? {
        return Err(SkipReason::IsADirectory);
    }
    let (mut temporary, mut out) = create_temporary(place, serial).map_err(not_written)?;
    write_content(&mut out, file, course).map_err(not_written)?;
    let timed = out.set_modified(SystemTime::from(file.meta.modified));
    drop(out);
    put_in_place(place, &mut temporary, name)?;
    Ok(timed)
}

/// A file under a temporary name; removed where it does not get its own one, by an error or a panic of
/// whoever is told how far it is.
struct Temporary<'p> {
    dir: &'p HostDir,
    name: String,
    in_place: bool,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            let _ = self.dir.remove_file(&self.name); // the first error is the one that is told
        }
    }
}

/// Creates a file under a name that nothing has, neither there nor in what is exported.
fn create_temporary<'p>(place: &'p Place<'_>, serial: usize) -> io::Result<(Temporary<'p>, File)> {
    let process = std::process::id();
    for attempt in 0..u32::MAX {
        let name = format!(".arcfs-{process:x}-{serial:x}-{attempt:x}.tmp");
        if place.dir.as_ref().is_some_and(|dir| dir.entries.get(&name).is_some()) {
            continue;
        }
        match place.host.create_new(&name) {
            Ok(file) => return Ok((Temporary { dir: &place.host, name, in_place: false }, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn write_content(out: &mut File, file: &FileNode, course: &mut FileCourse<'_>) -> io::Result<()> {
    let mut done = 0;
    for chunk in file.content.chunks() {
        let chunk = chunk?;
        out.write_all(&chunk)?;
        done += chunk.len() as u64;
        course.reach(done);
    }
    Ok(())
}

/// Renames a complete file to its own name, unless that is where this export put another one.
fn put_in_place(place: &Place<'_>, temporary: &mut Temporary<'_>, name: &str) -> Result<(), SkipReason> {
    let dir = &*place.host;
    let mut written = place.written.lock();
    match dir.look(name).map_err(not_written)? {
        Some((_, identity)) if written.contains(&identity) => return Err(SkipReason::Collision),
        Some((Standing::Dir, _)) => return Err(SkipReason::IsADirectory),
        _ => {}
    }
    dir.rename(&temporary.name, name).map_err(not_written)?;
    temporary.in_place = true;
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

#[cfg(all(test, unix, not(arcfs_host = "pathname")))]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::descriptor::count::{EVER, MOST, NOW};
    use super::BUSY;
    use crate::MemFs;

    #[test]
    fn each_directory_is_opened_once_and_few_stay_open() {
        const LEVELS: usize = 100;
        const THREADS: usize = 2;
        let (fs, host) = (MemFs::new(), tempfile::tempdir().unwrap());
        let level = |depth: usize| "/d".repeat(depth);
        // A long chain whose every level has a file and two more directories, one of them deeper.
        fs.transaction(|tx| {
            for depth in 0..LEVELS {
                let dir = level(depth);
                tx.import_tree(
                    [("/f", 1), ("/a/f", 2), ("/z/y/f", 3)]
                        .map(|(name, byte)| (format!("{dir}{name}"), vec![byte; 10])),
                )?;
                tx.create_dir(level(depth + 1))?;
            }
            Ok(())
        })
        .unwrap();
        // And what has to be come back to most often: each half as large as the one beside it.
        fs.create_dir_all("/t/0").unwrap();
        for doubling in 1..=6 {
            fs.copy_dir_all("/t", "/copy").unwrap();
            fs.move_path("/copy", format!("/t/{doubling}")).unwrap();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap();
        let report = pool.install(|| fs.export_dir("/", host.path())).unwrap();
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        let dirs = fs.stats().dir_count as usize;
        assert_eq!((report.files as usize, report.dirs as usize), (3 * LEVELS, dirs - 1));
        assert_eq!((EVER.load(Ordering::Relaxed), NOW.load(Ordering::Relaxed)), (dirs, 0));
        let (most, logarithm) = (MOST.load(Ordering::Relaxed), dirs.ilog2() as usize);
        assert!(most <= BUSY * THREADS + logarithm + 3, "{most} open at once, of {dirs}");
        let bottom = host.path().join(&level(LEVELS - 1)[1..]).join("z/y/f");
        assert_eq!(std::fs::read(bottom).unwrap(), [3; 10]);
    }
}
