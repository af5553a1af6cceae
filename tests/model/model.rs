//! The naive model: filesystems as maps of paths, what each call must answer, what it then changes.
//!
//! Written from the contract. `expect_*` says how a call must end without changing anything;
//! the method of the same name without the prefix is what it does if it succeeds.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::SystemTime;

use arcfs::{ErrorKind, Storage};

use crate::handles::Handle;
use crate::ops::Config;
use crate::paths::{ancestors, as_named, at_or_below, depth, is_below, name, normalise, parent};
use crate::value::{CHUNK, Data, Item, Kind, Ledger, Mint, Node, Range, Tree, Version, subtree};

/// One way for a call to fail.
#[derive(Debug, Clone)]
pub enum Why {
    Kind(ErrorKind),
    Busy,
    NodeLimit { current: Range, limit: u64 },
    Quota { requested: Range, available: u64 },
}

/// How a call must fail.
#[derive(Debug, Clone)]
pub struct Fail {
    /// One of these; several where the contract leaves it open.
    pub whys: Vec<Why>,
    /// What `path()` may be; anything if there is none.
    pub paths: Vec<String>,
    pub other: Option<String>,
}

impl Fail {
    fn new(why: Why, path: &str) -> Self {
        Self { whys: vec![why], paths: vec![path.to_owned()], other: None }
    }

    pub fn kind(kind: ErrorKind, path: &str) -> Self {
        Self::new(Why::Kind(kind), path)
    }

    /// One that is too deep may be named as it was given.
    pub fn invalid_path(raw: &str) -> Self {
        Self::kind(ErrorKind::InvalidPath, &as_named(raw)).or_path(raw)
    }

    pub fn or(mut self, why: Why) -> Self {
        self.whys.push(why);
        self
    }

    pub fn or_path(mut self, path: &str) -> Self {
        self.paths.push(path.to_owned());
        self
    }

    fn somewhere(mut self) -> Self {
        self.paths.clear();
        self
    }
}

/// What a call that is not refused will do.
#[derive(Debug)]
pub struct Plan<P> {
    pub what: P,
    /// What it reserves at once.
    pub need: Range,
    /// It may also fail like this.
    pub unless: Option<Fail>,
}

pub type Expected<P> = Result<Plan<P>, Fail>;

fn plan<P>(what: P, need: Range) -> Expected<P> {
    Ok(Plan { what, need, unless: None })
}

/// How a path is open under a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    Shared(usize),
    Exclusive { reserves_node: bool },
}

#[derive(Debug)]
pub struct Fs {
    pub config: Config,
    pub tree: Tree,
    pub holds: BTreeMap<String, Hold>,
    pub handles: Vec<Handle>,
    pub version: u64,
}

#[derive(Debug, Clone)]
pub struct Snap {
    pub fs: usize,
    pub tree: Tree,
    pub version: u64,
}

#[derive(Debug)]
pub struct World {
    pub mint: Mint,
    pub fss: Vec<Fs>,
    pub snaps: [Option<Snap>; 3],
    pub contents: [Option<Data>; 2],
    /// Lineages whose bytes are charged nobody knows where.
    pub mixed: BTreeSet<u64>,
    pub now: SystemTime,
    /// What forks grew from, which they keep as long as they live.
    pub bases: Vec<Tree>,
}

/// Whether the tree under test frees its objects by version.
pub const VERSIONED: bool = cfg!(not(arcfs_tree = "counted"));

/// Chunks that are no longer are never written anew in part, and of others at most half is.
pub const UNCUT: u64 = 16_384;

/// Bytes with what their chunks cost on top, in one write.
pub fn cost(config: &Config, len: u64) -> u64 {
    len.saturating_add(len.div_ceil(CHUNK).saturating_mul(config.chunk_overhead))
}

/// The same for bytes that may be cut in any way.
pub fn loose_cost(config: &Config, len: u64) -> Range {
    Range { lo: cost(config, len), hi: len.saturating_add(len.saturating_mul(config.chunk_overhead)) }
}

/// What the name at the end of a path is charged.
pub fn name_cost(config: &Config, path: &str) -> u64 {
    let len = name(path).len() as u64;
    if len > 23 { len + config.chunk_overhead } else { 0 }
}

impl Fs {
    fn norm(&self, raw: &str) -> Result<String, Fail> {
        normalise(raw, self.config.depth).ok_or_else(|| Fail::invalid_path(raw))
    }

    /// What stands at a path, or why nothing can.
    pub fn slot(&self, path: &str) -> Result<Option<&Node>, ErrorKind> {
        slot(&self.tree, path)
    }

    fn held(&self, path: &str) -> Option<&String> {
        self.holds.keys().find(|held| at_or_below(held, path))
    }

    fn busy(&self, touched: &[&str], mut fail: Fail) -> Result<(), Fail> {
        let held: Vec<&String> = touched.iter().filter_map(|path| self.held(path)).collect();
        if held.is_empty() {
            return Ok(());
        }
        fail.whys = vec![Why::Busy];
        if fail.other.is_none() {
            for path in self.holds.keys().filter(|held| touched.iter().any(|path| at_or_below(held, path))) {
                fail.paths.push(path.clone());
            }
        }
        Err(fail)
    }

    pub fn over_node_limit(&self, gains: u64) -> Option<Why> {
        let nodes = self.tree.len() as u64;
        let reserved = self
            .holds
            .values()
            .filter(|hold| matches!(hold, Hold::Exclusive { reserves_node: true }))
            .count() as u64;
        (gains > 0 && nodes + reserved + gains > self.config.nodes).then_some(Why::NodeLimit {
            current: Range { lo: nodes, hi: nodes + reserved },
            limit: self.config.nodes,
        })
    }

    fn node_limit(&self, gains: u64, mut fail: Fail) -> Result<(), Fail> {
        match self.over_node_limit(gains) {
            None => Ok(()),
            Some(why) => {
                fail.whys = vec![why];
                Err(fail)
            }
        }
    }

    /// The directories of `path`, itself included, that are missing; why there can be none.
    fn missing_dirs(&self, path: &str) -> Result<Vec<String>, ErrorKind> {
        let mut missing = Vec::new();
        for dir in ancestors(path).into_iter().chain([path.to_owned()]) {
            match self.tree.get(&dir) {
                None => missing.push(dir),
                Some(node) if node.is_dir() => {}
                Some(_) if dir == path => return Err(ErrorKind::AlreadyExists),
                Some(_) => return Err(ErrorKind::NotADirectory),
            }
        }
        Ok(missing)
    }

    fn dirs_cost(&self, dirs: &[String]) -> u64 {
        dirs.iter().map(|dir| self.config.node_overhead + name_cost(&self.config, dir)).sum()
    }

    /// Where the deepest node of a tree at `from` would be if it were moved to `to`.
    fn too_deep(&self, tree: &Tree, from: &str, to: &str) -> bool {
        subtree(tree, from).iter().any(|path| depth(path) - depth(from) + depth(to) > self.config.depth)
    }

    /// Both paths of a call on two, and the error without its reason.
    fn two(&self, a: &str, b: &str) -> Result<(String, String, Fail), Fail> {
        self.two_within(self.config.depth, a, b)
    }

    /// The same where the first has a depth of its own.
    fn two_within(&self, depth: usize, a: &str, b: &str) -> Result<(String, String, Fail), Fail> {
        let (norm_a, norm_b) = (normalise(a, depth), normalise(b, self.config.depth));
        let mut fail = Fail {
            whys: vec![Why::Kind(ErrorKind::InvalidPath)],
            paths: vec![as_named(a)],
            other: Some(as_named(b)),
        };
        let (Some(a), Some(b)) = (norm_a, norm_b) else { return Err(fail) };
        fail.whys.clear();
        Ok((a, b, fail))
    }

    pub fn expect_create_dir(&self, raw: &str) -> Expected<String> {
        let path = self.norm(raw)?;
        if path == "/" {
            return Err(Fail::kind(ErrorKind::AlreadyExists, "/"));
        }
        match self.slot(&path) {
            Err(kind) => return Err(Fail::kind(kind, &path)),
            Ok(Some(_)) => return Err(Fail::kind(ErrorKind::AlreadyExists, &path)),
            Ok(None) => {}
        }
        let fail = Fail::kind(ErrorKind::Other, &path);
        self.node_limit(1, fail.clone())?;
        self.busy(&[&path], fail)?;
        let need = self.config.node_overhead + name_cost(&self.config, &path);
        plan(path, Range::exactly(need))
    }

    pub fn expect_create_dir_all(&self, raw: &str) -> Expected<Vec<String>> {
        let path = self.norm(raw)?;
        let missing = self.missing_dirs(&path).map_err(|kind| Fail::kind(kind, &path))?;
        let fail = Fail::kind(ErrorKind::Other, &path);
        self.node_limit(missing.len() as u64, fail.clone())?;
        self.busy(&missing.iter().map(String::as_str).collect::<Vec<_>>(), fail)?;
        let need = self.dirs_cost(&missing);
        plan(missing, Range::exactly(need))
    }

    pub fn expect_remove(&self, raw: &str, of_file: bool, with_all: bool) -> Expected<String> {
        let path = self.norm(raw)?;
        if path == "/" {
            // The contract says `InvalidInput` of `remove_*`, `IsADirectory` of file calls.
            let fail = Fail::kind(ErrorKind::InvalidInput, "/");
            return Err(if of_file { fail.or(Why::Kind(ErrorKind::IsADirectory)) } else { fail });
        }
        let kind = match self.slot(&path) {
            Err(kind) => Some(kind),
            Ok(None) => Some(ErrorKind::NotFound),
            Ok(Some(node)) if of_file => node.is_dir().then_some(ErrorKind::IsADirectory),
            Ok(Some(node)) if !node.is_dir() => Some(ErrorKind::NotADirectory),
            Ok(Some(_)) => {
                let empty = !self.tree.keys().any(|other| is_below(other, &path));
                (!empty && !with_all).then_some(ErrorKind::DirectoryNotEmpty)
            }
        };
        if let Some(kind) = kind {
            return Err(Fail::kind(kind, &path));
        }
        self.busy(&[&path], Fail::kind(ErrorKind::Other, &path))?;
        plan(path, Range::default())
    }

    pub fn expect_clear(&self) -> Expected<()> {
        self.busy(&["/"], Fail::kind(ErrorKind::Other, "/"))?;
        plan((), Range::default())
    }

    pub fn expect_rename(&self, a: &str, b: &str, replace: bool) -> Expected<(String, String)> {
        let (from, to, mut fail) = self.two(a, b)?;
        let kind = if from == "/" || to == "/" || is_below(&to, &from) {
            Some(ErrorKind::InvalidInput)
        } else {
            match (self.slot(&from), self.slot(&to)) {
                (Err(kind), _) => Some(kind),
                (Ok(None), _) => Some(ErrorKind::NotFound),
                (Ok(Some(_)), Ok(Some(_))) if from == to && replace => {
                    return plan((from, to), Range::default());
                }
                (Ok(Some(_)), Err(kind)) => Some(kind),
                (Ok(Some(_)), Ok(Some(_))) if !replace => Some(ErrorKind::AlreadyExists),
                (Ok(Some(old)), Ok(Some(new))) => match (old.is_dir(), new.is_dir()) {
                    (true, false) => Some(ErrorKind::NotADirectory),
                    (false, true) => Some(ErrorKind::IsADirectory),
                    (true, true) if self.tree.keys().any(|path| is_below(path, &to)) => {
                        Some(ErrorKind::DirectoryNotEmpty)
                    }
                    _ => None,
                },
                (Ok(Some(_)), Ok(None)) => None,
            }
        };
        fail.whys.extend(kind.clone().map(Why::Kind));
        if kind != Some(ErrorKind::InvalidInput) && self.too_deep(&self.tree, &from, &to) {
            fail.whys.push(Why::Kind(ErrorKind::InvalidPath));
        }
        if !fail.whys.is_empty() {
            return Err(fail);
        }
        self.busy(&[&from, &to], fail)?;
        // What is replaced has a name already.
        let need = if self.tree.contains_key(&to) { 0 } else { name_cost(&self.config, &to) };
        plan((from, to), Range::exactly(need))
    }

    pub fn expect_exchange(&self, a: &str, b: &str) -> Expected<(String, String)> {
        let (a, b, mut fail) = self.two(a, b)?;
        let kind = if a == "/" || b == "/" || is_below(&a, &b) || is_below(&b, &a) {
            Some(ErrorKind::InvalidInput)
        } else {
            [&a, &b].into_iter().find_map(|path| match self.slot(path) {
                Err(kind) => Some(kind),
                Ok(None) => Some(ErrorKind::NotFound),
                Ok(Some(_)) => None,
            })
        };
        fail.whys.extend(kind.map(Why::Kind));
        if !fail.whys.is_empty() {
            return Err(fail);
        }
        if a != b {
            if self.too_deep(&self.tree, &a, &b) || self.too_deep(&self.tree, &b, &a) {
                fail.whys.push(Why::Kind(ErrorKind::InvalidPath));
                return Err(fail);
            }
            self.busy(&[&a, &b], fail)?;
        }
        plan((a, b), Range::default())
    }

    pub fn expect_move_path(&self, a: &str, b: &str) -> Expected<(String, String, Vec<String>)> {
        let (from, to, mut fail) = self.two(a, b)?;
        if from == "/" || to == "/" || is_below(&to, &from) {
            fail.whys.push(Why::Kind(ErrorKind::InvalidInput));
            return Err(fail);
        }
        let missing = self.missing_dirs(parent(&to));
        let kind = match (self.slot(&from), &missing) {
            (Err(kind), _) => Some(kind),
            (Ok(None), _) => Some(ErrorKind::NotFound),
            (Ok(Some(_)), Err(_)) => Some(ErrorKind::NotADirectory),
            (Ok(Some(_)), Ok(_)) if self.tree.contains_key(&to) => Some(ErrorKind::AlreadyExists),
            (Ok(Some(_)), Ok(_)) => None,
        };
        fail.whys.extend(kind.map(Why::Kind));
        if self.too_deep(&self.tree, &from, &to) {
            fail.whys.push(Why::Kind(ErrorKind::InvalidPath));
        }
        let missing = match missing {
            Ok(missing) if fail.whys.is_empty() => missing,
            _ => return Err(fail),
        };
        self.node_limit(missing.len() as u64, fail.clone())?;
        let touched: Vec<&str> = missing.iter().chain([&from, &to]).map(String::as_str).collect();
        self.busy(&touched, fail)?;
        let need = self.dirs_cost(&missing) + name_cost(&self.config, &to);
        plan((from, to, missing), Range::exactly(need))
    }

    pub fn expect_set_modified(&self, raw: &str) -> Expected<String> {
        let path = self.norm(raw)?;
        find(&self.tree, &path).map_err(|kind| Fail::kind(kind, &path))?;
        plan(path, Range::default())
    }

    /// The checks that all calls share which put a file at a path.
    fn expect_file_at(&self, raw: &str) -> Result<(String, bool), Fail> {
        let path = self.norm(raw)?;
        if path == "/" {
            return Err(Fail::kind(ErrorKind::IsADirectory, "/"));
        }
        let missing = match self.slot(&path) {
            Err(kind) => return Err(Fail::kind(kind, &path)),
            Ok(Some(node)) if node.is_dir() => return Err(Fail::kind(ErrorKind::IsADirectory, &path)),
            Ok(old) => old.is_none(),
        };
        Ok((path, missing))
    }

    fn admit_file(&self, path: &str, missing: bool) -> Result<(), Fail> {
        let mut fail = Fail::kind(ErrorKind::Other, path);
        if missing && let Some(why) = self.over_node_limit(1) {
            fail.whys = vec![why];
            // Whoever waits for a path that has a node reserved may also be told so.
            return Err(if self.holds.contains_key(path) { fail.or(Why::Busy) } else { fail });
        }
        self.busy(&[path], fail)
    }

    /// `bytes` is what the bytes themselves are charged.
    pub fn expect_write(&self, raw: &str, bytes: Range) -> Expected<String> {
        let (path, missing) = self.expect_file_at(raw)?;
        self.admit_file(&path, missing)?;
        let new_name = if missing { name_cost(&self.config, &path) } else { 0 };
        let need = bytes.plus(Range::exactly(self.config.node_overhead + new_name));
        plan(path, need)
    }

    pub fn expect_append(&self, raw: &str, len: u64) -> Expected<String> {
        let (path, missing) = self.expect_file_at(raw)?;
        let admitted = self.admit_file(&path, missing);
        if len == 0 && !missing {
            // Nothing is to be done, whether or not it is held.
            return Ok(Plan { what: path, need: Range::default(), unless: admitted.err() });
        }
        admitted?;
        let new_name = if missing { name_cost(&self.config, &path) } else { 0 };
        plan(path, Range::exactly(cost(&self.config, len) + self.config.node_overhead + new_name))
    }

    pub fn expect_import(&self, files: &[(String, u64)]) -> Expected<(Vec<String>, Vec<String>)> {
        let mut paths = Vec::new();
        for (raw, _) in files {
            paths.push(self.norm(raw)?);
        }
        let offends = |kind, offenders: Vec<&String>| match offenders.is_empty() {
            true => Ok(()),
            false => Err(Fail {
                whys: vec![Why::Kind(kind)],
                paths: offenders.into_iter().cloned().collect(),
                other: None,
            }),
        };
        let count = |path: &String| paths.iter().filter(|other| *other == path).count();
        offends(ErrorKind::AlreadyExists, paths.iter().filter(|path| count(path) > 1).collect())?;
        let below_file = |path: &String| {
            paths.iter().any(|other| is_below(path, other))
                || ancestors(path).iter().any(|dir| self.tree.get(dir).is_some_and(|node| !node.is_dir()))
        };
        offends(ErrorKind::NotADirectory, paths.iter().filter(|path| below_file(path)).collect())?;
        let is_dir = |path: &String| self.tree.get(path).is_some_and(Node::is_dir);
        offends(ErrorKind::IsADirectory, paths.iter().filter(|path| is_dir(path)).collect())?;

        let mut dirs: Vec<String> = paths.iter().flat_map(|path| ancestors(path)).collect();
        dirs.retain(|dir| !self.tree.contains_key(dir));
        dirs.sort_by(|a, b| crate::paths::tree_order(a, b));
        dirs.dedup();
        let anywhere = Fail::kind(ErrorKind::Other, "").somewhere();
        let touched: Vec<&str> = dirs.iter().chain(&paths).map(String::as_str).collect();
        self.busy(&touched, anywhere.clone()).map_err(Fail::somewhere)?;
        let new_files: Vec<&String> = paths.iter().filter(|path| !self.tree.contains_key(*path)).collect();
        self.node_limit((dirs.len() + new_files.len()) as u64, anywhere)?;
        let of_files: u64 =
            files.iter().map(|(_, len)| cost(&self.config, *len) + self.config.node_overhead).sum();
        let of_names: u64 = new_files.iter().map(|path| name_cost(&self.config, path)).sum();
        let need = self.dirs_cost(&dirs) + of_files + of_names;
        plan((paths, dirs), Range::exactly(need))
    }
}

pub fn slot<'a>(tree: &'a Tree, path: &str) -> Result<Option<&'a Node>, ErrorKind> {
    for dir in ancestors(path) {
        match tree.get(&dir) {
            None => return Err(ErrorKind::NotFound),
            Some(node) if !node.is_dir() => return Err(ErrorKind::NotADirectory),
            Some(_) => {}
        }
    }
    Ok(tree.get(path))
}

pub fn find<'a>(tree: &'a Tree, path: &str) -> Result<&'a Node, ErrorKind> {
    slot(tree, path)?.ok_or(ErrorKind::NotFound)
}

/// What a copy of a tree costs, and whether its bytes are shared.
#[derive(Debug)]
pub struct Copying {
    pub from: String,
    pub to: String,
    pub source: Tree,
    /// Whether bytes of other filesystems are copied.
    pub foreign: bool,
    pub bytes: u64,
}

/// What may be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    File,
    Dir,
    Any,
}

impl World {
    pub fn expect_copy(
        &self,
        at: usize,
        (source, origin): (&Tree, usize),
        (a, b): (&str, &str),
        wanted: Wanted,
    ) -> Expected<Copying> {
        let fs = &self.fss[at];
        let foreign = origin != at;
        let (from, to, mut fail) = fs.two_within(self.fss[origin].config.depth, a, b)?;
        let kind = match find(source, &from) {
            Err(kind) => Some(kind),
            Ok(node) if node.is_dir() && wanted == Wanted::File => Some(ErrorKind::IsADirectory),
            Ok(node) if !node.is_dir() && wanted == Wanted::Dir => Some(ErrorKind::NotADirectory),
            Ok(_) => match fs.slot(&to) {
                Err(kind) => Some(kind),
                Ok(Some(_)) => Some(ErrorKind::AlreadyExists),
                Ok(None) => None,
            },
        };
        fail.whys.extend(kind.map(Why::Kind));
        if fs.too_deep(source, &from, &to) {
            fail.whys.push(Why::Kind(ErrorKind::InvalidPath));
        }
        if !fail.whys.is_empty() {
            return Err(fail);
        }
        let copied = subtree(source, &from);
        fs.node_limit(copied.len() as u64, fail.clone())?;
        fs.busy(&[&to], fail)?;
        let mut need = Range::exactly(name_cost(&fs.config, &to));
        let (mut bytes, mut seen) = (0, BTreeSet::new());
        for path in &copied {
            let below = if *path == from { 0 } else { name_cost(&fs.config, path) };
            need = need.plus(Range::exactly(fs.config.node_overhead + below));
            if let Some(data) = source[path].data() {
                bytes += data.bytes.len() as u64;
                if foreign {
                    let adopted = self.adoption(at, data);
                    let again = !seen.insert(data.item.0.uid);
                    need = need.plus(if again { Range::up_to(adopted.hi) } else { adopted });
                }
            }
        }
        plan(Copying { from, to, source: source.clone(), foreign, bytes }, need)
    }

    /// What content costs that is handed to a filesystem, and shared if it is charged there.
    pub fn adoption(&self, at: usize, data: &Data) -> Range {
        let loose = loose_cost(&self.fss[at].config, data.bytes.len() as u64);
        match () {
            () if self.mixed.contains(&data.item.0.lineage) => Range::up_to(loose.hi),
            () if data.item.0.fs == at => Range::default(),
            () => loose,
        }
    }

    /// What bytes that are cut in any way are charged, wherever their chunks come from. Of chunks of more than
    /// 16 KiB a part may have been written anew, half of each at most.
    pub fn range(&self, at: usize, len: u64) -> Range {
        let anew = if len > UNCUT / 2 { len } else { 0 };
        let most = |fs: &Fs| loose_cost(&fs.config, len).hi.saturating_add(anew);
        Range { lo: cost(&self.fss[at].config, len), hi: self.fss.iter().map(most).max().unwrap_or(len) }
    }

    fn adopt(&mut self, at: usize, data: &Data) -> Data {
        let range = self.range(at, data.bytes.len() as u64);
        let item = if self.mixed.contains(&data.item.0.lineage) {
            self.mint.related(data.item.0.lineage, at, range)
        } else if data.item.0.fs == at {
            data.item.clone()
        } else {
            self.mint.item(at, range)
        };
        Data { item, ..data.clone() }
    }

    /// What everything alive is charged to one filesystem.
    pub fn charged(&self, at: usize) -> Range {
        let mut ledger = Ledger::default();
        self.fss.iter().for_each(|fs| ledger.add_tree(&fs.tree));
        self.snaps.iter().flatten().for_each(|snap| ledger.add_tree(&snap.tree));
        self.bases.iter().for_each(|base| ledger.add_tree(base));
        self.contents.iter().flatten().for_each(|data| ledger.add(&data.item));
        let mut extra = Range::default();
        for (owner, fs) in self.fss.iter().enumerate() {
            for handle in &fs.handles {
                handle.enter(&mut ledger, &self.mint, owner, self.range(owner, handle.bytes().len() as u64));
                if owner == at {
                    extra = extra.plus(handle.reserved(fs));
                }
            }
        }
        ledger.charged_to(at, &self.mixed).plus(extra)
    }

    pub fn new_name(&self, at: usize, path: &str) -> Option<Item> {
        let cost = name_cost(&self.fss[at].config, path);
        (cost > 0).then(|| self.mint.item(at, Range::exactly(cost)))
    }

    fn file_version(&self, at: usize) -> Item {
        self.mint.item(at, Range::exactly(self.fss[at].config.node_overhead))
    }

    /// Bytes written in one go.
    pub fn new_data(&self, at: usize, bytes: Vec<u8>) -> Data {
        let config = &self.fss[at].config;
        let item = self.mint.item(at, Range::exactly(cost(config, bytes.len() as u64)));
        let random = (config.storage != Storage::RandomAccess).then_some(false);
        Data { item, bytes: Rc::new(bytes), random }
    }

    fn touch_dir(&mut self, at: usize, path: &str) {
        let now = self.now;
        let dir = self.fss[at].tree.get_mut(path).expect("a parent exists");
        dir.modified = dir.modified.max(now);
        dir.version = Version::Current;
    }

    fn link(&mut self, at: usize, path: &str, node: Node) {
        self.fss[at].tree.insert(path.to_owned(), node);
        self.touch_dir(at, parent(path));
    }

    /// Takes out a subtree; its paths relative to `path`.
    fn unlink(&mut self, at: usize, path: &str) -> Vec<(String, Node)> {
        let tree = &mut self.fss[at].tree;
        let paths = subtree(tree, path);
        let taken =
            paths.iter().map(|p| (p[path.len()..].to_owned(), tree.remove(p).expect("listed"))).collect();
        self.touch_dir(at, parent(path));
        taken
    }

    fn relink(&mut self, at: usize, path: &str, name: Option<&Item>, nodes: Vec<(String, Node)>) {
        for (below, mut node) in nodes {
            if below.is_empty() {
                node.name = name.cloned();
                if let Kind::File { item, .. } = &node.kind
                    && VERSIONED
                {
                    // Versions that differ in their place share a charge, which goes with the newest.
                    self.mixed.insert(item.0.lineage);
                }
            }
            node.version = Version::Current;
            self.fss[at].tree.insert(format!("{path}{below}"), node);
        }
        self.touch_dir(at, parent(path));
    }

    pub fn create_dir(&mut self, at: usize, path: &str) {
        let node = Node {
            name: self.new_name(at, path),
            version: Version::Current,
            created: self.now,
            modified: self.now,
            kind: Kind::Dir { item: self.file_version(at) },
        };
        self.link(at, path, node);
    }

    pub fn remove(&mut self, at: usize, path: &str) {
        self.unlink(at, path);
    }

    pub fn clear(&mut self, at: usize) {
        let tree = &mut self.fss[at].tree;
        if tree.len() > 1 {
            tree.retain(|path, _| path == "/");
            self.touch_dir(at, "/");
        }
    }

    pub fn rename(&mut self, at: usize, from: &str, to: &str) {
        if from == to {
            return;
        }
        let moved = self.unlink(at, from);
        let name = match self.fss[at].tree.remove(to) {
            Some(replaced) => replaced.name,
            None => self.new_name(at, to),
        };
        self.relink(at, to, name.as_ref(), moved);
    }

    pub fn exchange(&mut self, at: usize, a: &str, b: &str) {
        if a == b {
            return;
        }
        let (from_a, from_b) = (self.unlink(at, a), self.unlink(at, b));
        let (name_a, name_b) = (from_a[0].1.name.clone(), from_b[0].1.name.clone());
        self.relink(at, a, name_a.as_ref(), from_b);
        self.relink(at, b, name_b.as_ref(), from_a);
    }

    pub fn copy(&mut self, at: usize, copying: &Copying) {
        let Copying { from, to, source, foreign, .. } = copying;
        let mut adopted: BTreeMap<u64, u64> = BTreeMap::new();
        for path in subtree(source, from) {
            let node = &source[&path];
            let kind = match &node.kind {
                Kind::Dir { .. } => Kind::Dir { item: self.file_version(at) },
                Kind::File { data, .. } => {
                    let mut copy = if *foreign { self.adopt(at, data) } else { data.clone() };
                    if copy.item.0.uid != data.item.0.uid {
                        // Copies of what was shared may be shared again.
                        let lineage = *adopted.entry(data.item.0.uid).or_insert(copy.item.0.lineage);
                        let Item(made) = &copy.item;
                        let range = Range { lo: made.lo, hi: made.hi };
                        copy.item = self.mint.related(lineage, at, range);
                    }
                    Kind::File { item: self.file_version(at), data: copy, generation: 0 }
                }
            };
            let target = format!(
                "{to}{}",
                if from == "/" && path == "/" {
                    ""
                } else if from == "/" {
                    &path
                } else {
                    &path[from.len()..]
                }
            );
            let node = Node {
                name: self.new_name(at, &target),
                version: Version::Current,
                created: self.now,
                modified: self.now,
                kind,
            };
            self.fss[at].tree.insert(target, node);
        }
        self.touch_dir(at, parent(to));
    }

    pub fn set_modified(&mut self, at: usize, path: &str, time: SystemTime) {
        // Where there may be no room for the next version, the one before may pay for both.
        let old = self.fss[at].tree.get(path).and_then(|node| match &node.kind {
            Kind::Dir { .. } => None,
            Kind::File { item, .. } => Some(item.clone()),
        });
        let (overhead, quota) = (self.fss[at].config.node_overhead, self.fss[at].config.quota);
        let item = match old {
            Some(old) if self.charged(at).hi.saturating_add(overhead) > quota => {
                if old.0.fs != at || VERSIONED {
                    self.mixed.insert(old.0.lineage);
                }
                self.mint.related(old.0.lineage, at, Range::exactly(overhead))
            }
            _ => self.file_version(at),
        };
        let node = self.fss[at].tree.get_mut(path).expect("expected");
        node.modified = time;
        if let Kind::File { item: version, .. } = &mut node.kind {
            *version = item;
        }
    }

    /// Puts content into a file, new or not. What holds nothing before and after was not written.
    pub fn put(&mut self, at: usize, path: &str, mut data: Data, name: Option<Item>) {
        let now = self.now;
        let item = self.file_version(at);
        let empty = data.bytes.is_empty();
        let Some(node) = self.fss[at].tree.get_mut(path) else {
            let kind = Kind::File { item, data, generation: u64::from(!empty) };
            let node = Node { name, version: Version::Current, created: now, modified: now, kind };
            self.link(at, path, node);
            return;
        };
        let Kind::File { item: old_item, data: old, generation } = &mut node.kind else {
            panic!("a directory is not written")
        };
        let wrote = !(empty && old.bytes.is_empty());
        node.version = match &node.version {
            _ if wrote => Version::Current,
            Version::Known(old) => Version::CurrentOr(vec![*old]),
            other => other.clone(),
        };
        if old.random == Some(true) && old.item.0.uid != data.item.0.uid && data.random == Some(false) {
            data.random = None;
        }
        (*old_item, *old) = (item, data);
        *generation += u64::from(wrote);
        if wrote {
            node.modified = node.modified.max(now);
        }
    }

    pub fn write(&mut self, at: usize, path: &str, data: Data) {
        let name = self.new_name(at, path);
        self.put(at, path, data, name);
    }

    pub fn write_content(&mut self, at: usize, path: &str, data: &Data) {
        let mut data = self.adopt(at, data);
        data.random = None;
        self.write(at, path, data);
    }

    pub fn append(&mut self, at: usize, path: &str, bytes: &[u8]) {
        let old = self.fss[at].tree.get(path).and_then(|node| node.data().cloned());
        match old {
            Some(_) if bytes.is_empty() => {}
            Some(old) if !old.bytes.is_empty() => {
                let all = [&old.bytes[..], bytes].concat();
                let data = self.derived(at, &old, all, old.random);
                self.write(at, path, data);
            }
            _ => {
                let data = self.new_data(at, bytes.to_vec());
                self.write(at, path, data);
            }
        }
    }

    /// Bytes that may share chunks with others.
    pub fn derived(&mut self, at: usize, base: &Data, bytes: Vec<u8>, random: Option<bool>) -> Data {
        let lineage = base.item.0.lineage;
        if base.item.0.fs != at {
            self.mixed.insert(lineage);
        }
        let range = self.range(at, bytes.len() as u64);
        Data { item: self.mint.related(lineage, at, range), bytes: Rc::new(bytes), random }
    }

    pub fn import(&mut self, at: usize, (paths, dirs): &(Vec<String>, Vec<String>), files: Vec<Vec<u8>>) {
        dirs.iter().for_each(|dir| self.create_dir(at, dir));
        for (path, bytes) in paths.iter().zip(files) {
            let data = self.new_data(at, bytes);
            self.write(at, path, data);
            let now = self.now;
            let node = self.fss[at].tree.get_mut(path).expect("written");
            node.modified = now;
            if let Kind::File { generation, .. } = &mut node.kind {
                *generation = 0;
            }
        }
    }

    pub fn expect_restore(&self, at: usize, snap: &Snap) -> Expected<()> {
        if snap.fs != at {
            return Err(Fail::kind(ErrorKind::InvalidInput, "/").somewhere());
        }
        let fs = &self.fss[at];
        fs.busy(&["/"], Fail::kind(ErrorKind::Other, "/").somewhere()).map_err(Fail::somewhere)?;
        // Room for what it brings back, if it is made anew.
        let nodes = fs.config.node_overhead * snap.tree.len() as u64;
        plan((), Range::up_to(nodes))
    }

    pub fn restore(&mut self, at: usize, snap: &Snap) {
        let before = std::mem::take(&mut self.fss[at].tree);
        for (path, node) in &snap.tree {
            let mut node = node.clone();
            let old = before.get(path);
            let same = old.is_some_and(|old| old.version == node.version && old.is_dir() == node.is_dir());
            if !same {
                let mut versions: Vec<u64> = Vec::new();
                for version in [Some(&node.version), old.map(|old| &old.version)].into_iter().flatten() {
                    if let Version::Known(version) = version {
                        versions.push(*version);
                    }
                }
                node.version = Version::CurrentOr(versions);
            }
            if self.fss[at].config.node_overhead > 0 {
                // Brought back as it was, or made anew.
                let (Kind::Dir { item } | Kind::File { item, .. }) = &mut node.kind;
                self.mixed.insert(item.0.lineage);
                *item = self.mint.related(item.0.lineage, at, Range { lo: item.0.lo, hi: item.0.hi });
            }
            if let Some(name) = node.name.as_ref().filter(|_| VERSIONED) {
                self.mixed.insert(name.0.lineage);
                let range = Range { lo: name.0.lo, hi: name.0.hi };
                node.name = Some(self.mint.related(name.0.lineage, at, range));
            }
            self.fss[at].tree.insert(path.clone(), node);
        }
    }
}
