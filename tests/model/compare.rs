//! Comparing what the engine answers with what the model says.

use std::collections::HashMap;
use std::rc::Rc;

use arcfs::{Change, ErrorKind, Metadata, Snapshot};

use crate::handles::admits;
use crate::model::{Expected, Fail, UNCUT, Why, World};
use crate::paths;
use crate::subject::MemFs;
use crate::value::{Node, Range, Tree, Version, children, subtree};

/// The steps so far agree, or this is what differs.
pub type Agreed<T = ()> = Result<T, String>;

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Agreed {
    ensure!(got == expected, "{what}: got {got:?}, expected {expected:?}");
    Ok(())
}

/// What an error about the quota must name, and what was free.
#[derive(Debug, Clone)]
pub struct Circumstances {
    pub path: Option<String>,
    pub other: Option<String>,
    pub available: u64,
}

/// Compares how a call ended with how it had to. What it did, if it succeeded.
pub fn settle<T, P>(
    expected: Expected<P>,
    got: Result<T, arcfs::Error>,
    around: &Circumstances,
) -> Agreed<Option<(P, T)>> {
    let available = around.available;
    match (expected, got) {
        (Err(fail), Ok(_)) => Err(format!("succeeded, expected {fail:?}")),
        (Err(fail), Err(error)) => matches_fail(&fail, &error).map(|()| None),
        (Ok(plan), Ok(answer)) => {
            let Range { lo, .. } = plan.need;
            ensure!(lo == 0 || lo <= available, "succeeded, but {lo} bytes are needed of {available}");
            Ok(Some((plan.what, answer)))
        }
        (Ok(plan), Err(error)) => {
            if let Some(unless) = &plan.unless
                && matches_fail(unless, &error).is_ok()
            {
                return Ok(None);
            }
            ensure!(plan.need.hi > available, "failed, expected success: {error:?}");
            let fail = Fail {
                whys: vec![Why::Quota { requested: plan.need, available }],
                paths: around.path.iter().cloned().collect(),
                other: around.other.clone(),
            };
            matches_fail(&fail, &error).map(|()| None)
        }
    }
}

fn matches_fail(fail: &Fail, error: &arcfs::Error) -> Agreed {
    let within = |range: Range, n: u64| range.lo <= n && n <= range.hi;
    let matches = |why: &Why| match (why, error.kind()) {
        (Why::Kind(kind), got) => kind == got,
        (Why::Busy, ErrorKind::Busy { .. }) => true,
        (Why::NodeLimit { current, limit }, ErrorKind::NodeLimit { current: got, limit: got_limit }) => {
            within(*current, *got) && limit == got_limit
        }
        (
            Why::Quota { requested, available },
            ErrorKind::QuotaExceeded { requested: got, available: free },
        ) => within(*requested, *got) && available == free && got > free,
        _ => false,
    };
    ensure!(fail.whys.iter().any(matches), "failed with {error:?}, expected {fail:?}");
    ensure!(!error.operation().is_empty(), "an error without an operation: {error:?}");
    if let Some(path) = error.path() {
        ensure!(
            fail.paths.is_empty() || fail.paths.iter().any(|expected| expected == path),
            "the error names {path:?}, expected one of {:?}: {error:?}",
            fail.paths
        );
    } else {
        ensure!(fail.paths.is_empty(), "the error names no path: {error:?}");
    }
    ensure!(
        error.other_path() == fail.other.as_deref(),
        "the error's other path is {:?}, expected {:?}: {error:?}",
        error.other_path(),
        fail.other
    );
    Ok(())
}

/// The calls that the filesystem and a snapshot share.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    Live(&'a MemFs),
    Old(&'a Snapshot),
}

macro_rules! view {
    ($view:expr, $call:ident($($argument:expr),*)) => {
        match $view {
            crate::compare::View::Live(fs) => fs.$call($($argument),*),
            crate::compare::View::Old(snapshot) => snapshot.$call($($argument),*),
        }
    };
}
pub(crate) use view;

pub fn metadata_is(path: &str, got: &Metadata, node: &Node, current: u64) -> Agreed {
    ensure!(got.is_dir() == node.is_dir() && got.is_file() != got.is_dir(), "{path:?} is {got:?}");
    let expected = (node.len(), node.created, node.modified, node.generation());
    same(
        &format!("len, created, modified, generation of {path:?}"),
        &(got.len(), got.created(), got.modified(), got.generation()),
        &expected,
    )?;
    let version = got.version();
    ensure!(
        admits(&node.version, version, current),
        "{path:?} has version {version}, expected {:?} of {current}",
        node.version
    );
    Ok(())
}

/// What stood at a path in a version: at one path it never repeats with other content.
#[derive(Debug, PartialEq)]
enum Content {
    Dir(Vec<(String, bool)>),
    File(Rc<Vec<u8>>),
}

/// What was seen of one filesystem.
#[derive(Debug, Default)]
pub struct History {
    contents: HashMap<(String, u64), Content>,
    /// Contents that were compared byte by byte.
    compared: HashMap<String, u64>,
}

impl History {
    /// Compares everything that can be seen of a filesystem, and notes which versions there are.
    pub fn compare(&mut self, fs: &MemFs, world: &mut World, at: usize, thoroughly: bool) -> Agreed {
        fs.check_consistent()?;
        let current = fs.version();
        let mut visited = 0;
        for dir in fs.walk("/").map_err(|error| error.to_string())? {
            let tree = &world.fss[at].tree;
            let listed: Vec<_> = fs.read_dir(&dir.path).map_err(|error| error.to_string())?.collect();
            let names: Vec<&str> = listed.iter().map(arcfs::DirEntry::name).collect();
            same(&format!("entries of {:?}", dir.path), &names, &as_strs(&children(tree, &dir.path)))?;
            let mut listing = Vec::new();
            for entry in &listed {
                let node = &tree[entry.path()];
                metadata_is(entry.path(), &entry.metadata(), node, current)?;
                let asked = fs.metadata(entry.path()).map_err(|error| error.to_string())?;
                same("metadata", &asked, &entry.metadata())?;
                listing.push((entry.name().to_owned(), node.is_dir()));
                if let Some(data) = node.data() {
                    let known = self.compared.insert(entry.path().to_owned(), data.item.0.uid);
                    if thoroughly || data.bytes.len() < 1024 || known != Some(data.item.0.uid) {
                        let bytes = fs.read(entry.path()).map_err(|error| error.to_string())?;
                        ensure!(bytes == *data.bytes, "the bytes of {:?} differ", entry.path());
                    }
                    let bytes = Rc::clone(&data.bytes);
                    self.note(entry.path(), asked.version(), Content::File(bytes))?;
                }
            }
            let metadata = fs.metadata(&dir.path).map_err(|error| error.to_string())?;
            metadata_is(&dir.path, &metadata, &tree[&dir.path], current)?;
            self.note(&dir.path, metadata.version(), Content::Dir(listing))?;
            visited += 1 + dir.files.len();
        }
        same("nodes", &visited, &world.fss[at].tree.len())?;
        // What was one of several is known now.
        for (path, node) in &mut world.fss[at].tree {
            if !matches!(node.version, Version::Known(_)) {
                let metadata = fs.metadata(path).map_err(|error| error.to_string())?;
                node.version = Version::Known(metadata.version());
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &str, version: u64, content: Content) -> Agreed {
        let key = (path.to_owned(), version);
        if let Some(before) = self.contents.get(&key) {
            ensure!(*before == content, "version {version} of {path:?} comes again with other content");
            return Ok(());
        }
        self.contents.insert(key, content);
        Ok(())
    }
}

fn as_strs(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

/// The figures of a filesystem.
pub fn compare_stats(fs: &MemFs, world: &World, at: usize) -> Agreed {
    let (stats, model) = (fs.stats(), &world.fss[at]);
    let payload: u64 = model.tree.values().map(Node::len).sum();
    let files = model.tree.values().filter(|node| !node.is_dir()).count() as u64;
    let dirs = model.tree.len() as u64 - files;
    let snapshots = world.snaps.iter().flatten().filter(|snap| snap.fs == at).count() as u64;
    let config = &model.config;
    same(
        "payload, files, dirs, handles, snapshots",
        &(stats.payload_bytes, stats.file_count, stats.dir_count, stats.open_handles, stats.snapshots),
        &(payload, files, dirs, model.handles.len() as u64, snapshots),
    )?;
    same(
        "quota, free, overheads",
        &(stats.quota_bytes, stats.free_bytes, stats.chunk_overhead, stats.node_overhead),
        &(
            config.quota,
            config.quota.saturating_sub(stats.used_bytes),
            config.chunk_overhead,
            config.node_overhead,
        ),
    )?;
    let used = world.charged(at);
    ensure!(
        used.lo <= stats.used_bytes && stats.used_bytes <= used.hi,
        "{} bytes are used, expected {used:?}; {stats:?}",
        stats.used_bytes
    );
    // A fork may have nodes that were charged by another one.
    let free_nodes = world.fss.iter().all(|fs| fs.config.chunk_overhead == 0 && fs.config.node_overhead == 0);
    if free_nodes && model.handles.iter().all(|handle| handle.draft().is_none()) {
        // Nothing is charged but bytes and long names, and there are no drafts.
        let names: usize =
            model.tree.keys().map(|path| paths::name(path).len()).filter(|len| *len > 23).sum();
        let pinned = stats.used_bytes.saturating_sub(payload + names as u64);
        // What a file keeps of chunks that were written anew in part is its own.
        let kept = model.tree.values().filter(|node| !node.is_dir()).map(Node::len);
        let kept: u64 = kept.filter(|len| *len > UNCUT / 2).sum();
        ensure!(
            stats.pinned_bytes <= pinned && pinned - stats.pinned_bytes <= kept,
            "{} bytes are pinned, expected {pinned}, less at most {kept}",
            stats.pinned_bytes
        );
    }
    let usage = fs.usage("/").map_err(|error| error.to_string())?;
    same("usage of the root", &(usage.bytes, usage.files, usage.dirs), &(payload, files, dirs))
}

/// Compares a whole snapshot with what it is of.
pub fn compare_snapshot(snapshot: &Snapshot, tree: &Tree, version: u64) -> Agreed {
    same("version of a snapshot", &snapshot.version(), &version)?;
    let mut visited = 0;
    for dir in snapshot.walk("/").map_err(|error| error.to_string())? {
        visited += 1 + dir.files.len();
        for name in &dir.files {
            let path = paths::child(&dir.path, name.as_ref());
            let node = tree.get(&path).ok_or_else(|| format!("{path:?} is not in the snapshot"))?;
            let metadata = snapshot.metadata(&path).map_err(|error| error.to_string())?;
            metadata_is(&path, &metadata, node, version)?;
            let bytes = snapshot.read(&path).map_err(|error| error.to_string())?;
            ensure!(node.data().is_some_and(|data| *data.bytes == bytes), "bytes of {path:?} in a snapshot");
        }
    }
    same("nodes of a snapshot", &visited, &tree.len())
}

/// What a difference must say; whether it may be left out.
pub fn diff(newer: &Tree, older: &Tree) -> Vec<(Change, bool)> {
    let mut changes = Vec::new();
    diff_dir(newer, older, "/", &mut changes);
    changes
}

fn diff_dir(newer: &Tree, older: &Tree, dir: &str, changes: &mut Vec<(Change, bool)>) {
    let mut names = children(newer, dir);
    names.extend(children(older, dir));
    names.sort();
    names.dedup();
    for name in names {
        let path = paths::child(dir, &name);
        match (older.get(&path), newer.get(&path)) {
            (Some(old), Some(new)) if old.is_dir() && new.is_dir() => diff_dir(newer, older, &path, changes),
            (Some(old), Some(new)) if !old.is_dir() && !new.is_dir() => {
                let (old, new) = (old.data().expect("a file"), new.data().expect("a file"));
                let both_empty = old.bytes.is_empty() && new.bytes.is_empty();
                if old.item.0.uid != new.item.0.uid && !both_empty {
                    // What was added and cut off again may be the same chunk as before.
                    let related = old.item.0.lineage == new.item.0.lineage && old.bytes == new.bytes;
                    changes.push((Change::Modified(path), related));
                }
            }
            (old, new) => {
                if old.is_some() {
                    changes.extend(subtree(older, &path).into_iter().map(|p| (Change::Removed(p), false)));
                }
                if new.is_some() {
                    changes.extend(subtree(newer, &path).into_iter().map(|p| (Change::Created(p), false)));
                }
            }
        }
    }
}
