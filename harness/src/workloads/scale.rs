//! Scale: what operations cost as the number of files grows.
//!
//! All files are small and in directories of a thousand, so what grows is the tree and not the content.
//! Paths are built outside the clock. Operations that are done once take the time they take; those that
//! may be below what the clock resolves are repeated until they are well above it.
//!
//! A round runs in a process of its own, so that each begins with the same heap: the files of `create` get
//! memory that nobody used before, copies after the first get what the one before gave back.
//!
//! The maps have no directories, and list one by looking at all keys; that is their cost here, and the
//! reason not to use them where names are listed.

mod tree;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use self::tree::{PER_DIR, SIZE, Tree};
use crate::backend::{Backend, Setup};
use crate::load::{Choice, Keys, Payload};
use crate::store::{Answer, Failure, Store};
use crate::workload::{Extent, Isolation, Metric, Params, Round, Scope, Workload};

/// The time to create one file of 64 bytes, the mean over all files.
const CREATE: Metric = Metric::time("create");
/// The time to ask for the size of one existing file chosen at random, the mean.
const LOOKUP: Metric = Metric::time("lookup");
/// The time to list a directory of up to a thousand files, for each entry.
const LIST: Metric = Metric::time("list");
/// The time to take one view of the whole store and to give it back.
const SNAPSHOT: Metric = Metric::time("snapshot");
/// The time to copy the directory with everything, as a whole.
const COPY_TREE: Metric = Metric::time("copy-tree");
/// The time to remove the directory with everything, as a whole, until the call returns: a store may go on freeing
/// memory later.
const REMOVE_TREE: Metric = Metric::time("remove-tree");

/// Operations are repeated until they take so long together.
const ENOUGH: Duration = Duration::from_millis(2);
/// Copies are repeated no oftener, because each must be removed again.
const MOST_COPIES: u32 = 64;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Scale;

impl Workload for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn about(&self) -> &'static str {
        "What create, lookup, list, a snapshot, copying and removing a tree cost as the files grow from 1,000 to 1,000,000"
    }

    fn metrics(&self) -> &'static [Metric] {
        &[CREATE, LOOKUP, LIST, SNAPSHOT, COPY_TREE, REMOVE_TREE]
    }

    fn cells(&self, scope: &Scope) -> Vec<Params> {
        let sizes: &[u64] = match scope.extent {
            Extent::Smoke => &[100, 300],
            Extent::Quick => &[],
            Extent::Default | Extent::Full => &[1_000, 10_000, 100_000, 1_000_000],
        };
        sizes.iter().map(|&files| Params::new().number("files", files)).collect()
    }

    fn left_out(&self, backend: &Backend, params: &Params, scope: &Scope) -> Option<&'static str> {
        let (files, full) = (params.get("files"), scope.extent == Extent::Full);
        let million = files >= 1_000_000;
        match backend.name {
            "vfs-memory" if million => Some(
                "looks at all files for each directory that it copies or removes: a round is far over a minute",
            ),
            _ if full => None,
            "tempfile-disk" if files >= 100_000 => {
                Some("so many files on a disk take minutes; --full has them")
            }
            "tempfile-memory" if million => Some("a million files of the host take minutes; --full has them"),
            "arcfs-handles" if million => {
                Some("has the tree of arcfs-calls; so many files are asked of it in a full run only")
            }
            "map-rwlock" if million => {
                Some("has the map of map-mutex; so many files are asked of it in a full run only")
            }
            _ => None,
        }
    }

    fn isolation(&self, _params: &Params) -> Isolation {
        Isolation::Process
    }

    fn round(&self, backend: &Backend, params: &Params) -> Answer<Round> {
        let store = (backend.make)(&Setup::default())?;
        let store = &*store;
        let tree = Tree::new("/data", params.get("files"));
        let mut round = Round::default();
        add(&mut round, CREATE, create(store, &tree))?;
        round.checks += tree.check_sample(store)? + tree.check_names(store)?;
        add(&mut round, LOOKUP, lookup(store, &tree))?;
        add(&mut round, LIST, list(store, &tree))?;
        if add(&mut round, SNAPSHOT, snapshot(store))? {
            round.checks += check_view(store, &tree)?;
        }
        if add(&mut round, COPY_TREE, copy(store, &tree))? {
            round.checks += check_copy(store, &tree)?;
        }
        if add(&mut round, REMOVE_TREE, timed(|| store.remove_dir_all(tree.root())))? {
            round.checks += tree.check_gone(store)?;
        }
        Ok(round)
    }
}

/// Adds a value, or the reason why the store has none. Tells whether there is one.
fn add(round: &mut Round, metric: Metric, answer: Answer<f64>) -> Answer<bool> {
    match answer {
        Ok(value) => round.values.push((metric.name, value)),
        Err(Failure::Cannot(reason)) => {
            round.cannot.push((metric.name, reason));
            return Ok(false);
        }
        Err(failure) => return Err(failure),
    }
    Ok(true)
}

/// Nanoseconds of one call.
fn timed(call: impl FnOnce() -> Answer<()>) -> Answer<f64> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_nanos() as f64)
}

/// Nanoseconds of one call, the mean of so many calls that they take long enough together.
fn repeated(mut call: impl FnMut(u64) -> Answer<()>) -> Answer<f64> {
    let mut calls = 1_u64;
    loop {
        let start = Instant::now();
        (0..calls).try_for_each(&mut call)?;
        let took = start.elapsed();
        if took >= ENOUGH {
            return Ok(took.as_nanos() as f64 / calls as f64);
        }
        calls *= 4;
    }
}

fn create(store: &dyn Store, tree: &Tree) -> Answer<f64> {
    let mut payload = Payload::new(SIZE);
    let mut time = Duration::ZERO;
    let mut paths = Vec::new();
    for dir in 0..tree.dirs() {
        store.create_dir_all(&tree.dir(dir))?;
        let files = tree.files_of(dir);
        tree.fill_paths(files.clone(), &mut paths);
        let start = Instant::now();
        for (file, path) in files.zip(&paths) {
            store.write(path, payload.stamp(file, 0))?;
        }
        time += start.elapsed();
    }
    Ok(time.as_nanos() as f64 / tree.files() as f64)
}

fn lookup(store: &dyn Store, tree: &Tree) -> Answer<f64> {
    let blocks = (tree.files() * 20 / PER_DIR).clamp(2, 20);
    let mut keys = Keys::new(Choice::Uniform, tree.files(), 1);
    let mut time = Duration::ZERO;
    let mut paths = Vec::new();
    for _ in 0..blocks {
        tree.fill_paths((0..PER_DIR).map(|_| keys.next_key()), &mut paths);
        let start = Instant::now();
        for path in &paths {
            let size = store.size(path)?;
            if size != SIZE as u64 {
                return Err(Failure::failed(format!("{path} has {size} bytes, not {SIZE}")));
            }
        }
        time += start.elapsed();
    }
    Ok(time.as_nanos() as f64 / (blocks * PER_DIR) as f64)
}

fn list(store: &dyn Store, tree: &Tree) -> Answer<f64> {
    // The last directory may have fewer files than the others.
    let full = tree.files() / PER_DIR;
    let dirs: Vec<_> =
        (0..full.clamp(1, 64)).map(|index| tree.dir(index * full / full.clamp(1, 64))).collect();
    let entries = tree.files_of(0).count();
    let time = repeated(|call| {
        let dir = &dirs[(call % dirs.len() as u64) as usize];
        let mut listed = 0;
        store.list(dir, &mut |name| listed += usize::from(!name.is_empty()))?;
        if listed != entries {
            return Err(Failure::failed(format!("{dir} lists {listed} entries, not {entries}")));
        }
        Ok(())
    })?;
    Ok(time / entries as f64)
}

fn snapshot(store: &dyn Store) -> Answer<f64> {
    repeated(|_| store.view().map(drop))
}

/// Checks that a view shows all files and not one that was written after it was taken.
fn check_view(store: &dyn Store, tree: &Tree) -> Answer<u64> {
    // Long enough for a write that does not wait for the view to be given back.
    const PATIENCE: Duration = Duration::from_millis(20);
    let later = &format!("{}/later", tree.dir(0));
    let (mut files, mut shown) = (0, false);
    thread::scope(|scope| {
        let view = store.view()?;
        let (done, written) = mpsc::channel();
        // From another thread: the view may be a held lock.
        let writer = scope.spawn(move || {
            let answer = store.write(later, Payload::new(SIZE).stamp(0, 0));
            let _ = done.send(()); // whoever waited may have lost patience
            answer
        });
        let _ = written.recv_timeout(PATIENCE); // either way the view must not show it
        let walked = view.walk(&mut |_, name| {
            files += 1;
            shown |= name == "later";
        });
        drop(view);
        writer.join().expect("a write does not panic")?;
        walked
    })?;
    store.remove(later)?;
    if files != tree.files() || shown {
        let must = tree.files();
        return Err(Failure::failed(format!("a view shows {files} files, not the {must} of its instant")));
    }
    Ok(1)
}

fn copy(store: &dyn Store, tree: &Tree) -> Answer<f64> {
    let copy = tree.at("/copy");
    let (mut time, mut copies) = (0.0, 0);
    // The last copy stays for the check.
    loop {
        time += timed(|| store.copy_dir_all(tree.root(), copy.root()))?;
        copies += 1;
        if time >= ENOUGH.as_nanos() as f64 || copies == MOST_COPIES {
            return Ok(time / f64::from(copies));
        }
        match store.remove_dir_all(copy.root()) {
            Ok(()) => {}
            Err(Failure::Cannot(_)) => return Ok(time / f64::from(copies)),
            Err(failure) => return Err(failure),
        }
    }
}

/// Checks the copy, that it is independent of the original, and removes it.
fn check_copy(store: &dyn Store, tree: &Tree) -> Answer<u64> {
    let copy = tree.at("/copy");
    let mut checks = copy.check_sample(store)? + copy.check_names(store)?;
    let mut path = Vec::new();
    copy.fill_paths([0], &mut path);
    store.write(&path[0], &[1; SIZE])?;
    checks += tree.check_sample(store)?;
    match store.remove_dir_all(copy.root()) {
        Ok(()) => checks += copy.check_gone(store)? + tree.check_sample(store)?,
        Err(Failure::Cannot(_)) => {}
        Err(failure) => return Err(failure),
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::super::planted::{Fault, assert_caught, assert_smoke, smoke};
    use super::*;

    #[test]
    fn every_backend_gives_right_answers() {
        assert_smoke(&Scale);
    }

    #[test]
    fn several_directories_with_a_part_of_one_work() {
        let params = Params::new().number("files", 2_500);
        let round = Scale.round(&Fault::None.backend(), &params).expect("right answers");
        assert_eq!(round.values.len(), Scale.metrics().len());
    }

    #[test]
    fn wrong_answers_are_caught() {
        for (fault, why) in [
            (Fault::SizeWrong, "has 65 bytes"),
            (Fault::ListMissesOne, "does not list"),
            (Fault::WalkMissesOne, "a view shows 99 files"),
            (Fault::ViewLive, "a view shows 101 files"),
            (Fault::CopyMixes, "has the content of file"),
            (Fault::CopyShares, "has the content of file"),
            (Fault::RemoveDirForgets, "was removed"),
        ] {
            assert_caught(&Scale, fault, &smoke(&Scale)[0], why);
        }
    }

    #[test]
    fn what_a_store_cannot_do_stays_empty() {
        let round = Scale.round(&Fault::NoViews.backend(), &smoke(&Scale)[0]).expect("the rest");
        assert_eq!(round.cannot.len(), 1);
        assert!(round.values.iter().all(|(metric, _)| *metric != SNAPSHOT.name));
    }

    #[test]
    fn a_million_files_are_left_out_where_they_take_minutes() {
        let scope = |extent| Scope { extent, large: false };
        let disk = Backend { name: "tempfile-disk", ..Fault::None.backend() };
        let handles = Backend { name: "arcfs-handles", ..Fault::None.backend() };
        let vfs = Backend { name: "vfs-memory", ..Fault::None.backend() };
        for params in Scale.cells(&scope(Extent::Default)) {
            let million = params.get("files") == 1_000_000;
            let many = params.get("files") >= 100_000;
            assert_eq!(Scale.left_out(&disk, &params, &scope(Extent::Default)).is_some(), many);
            assert_eq!(Scale.left_out(&handles, &params, &scope(Extent::Default)).is_some(), million);
            assert_eq!(Scale.left_out(&disk, &params, &scope(Extent::Full)), None);
            assert_eq!(Scale.left_out(&handles, &params, &scope(Extent::Full)), None);
            assert_eq!(Scale.left_out(&vfs, &params, &scope(Extent::Full)).is_some(), million);
            assert_eq!(Scale.left_out(&Fault::None.backend(), &params, &scope(Extent::Default)), None);
        }
    }

    #[test]
    fn a_call_is_repeated_until_the_clock_can_tell() {
        let mut calls = 0;
        let time = repeated(|_| {
            calls += 1;
            Ok(())
        });
        assert!(time.expect("no failure") > 0.0 && calls > 1);
        assert!(repeated(|_| Err(Failure::Full)).is_err());
    }
}
