//! Open files in the model.

use std::rc::Rc;

use arcfs::{ErrorKind, Storage};

use crate::model::{Expected, Fail, Fs, Hold, Plan, Why, World, cost, loose_cost, name_cost};
use crate::ops::{Options, SeekTo};
use crate::value::{Data, Item, Kind, Ledger, Mint, Node, Range, Version};

/// No file is longer.
pub const MAX_LEN: u64 = (1 << 63) - 1;

#[derive(Debug)]
pub struct Handle {
    pub path: String,
    pub cursor: u64,
    pub readable: bool,
    pub state: State,
}

#[derive(Debug)]
pub enum State {
    Reading { data: Data, node: Node, locked: bool },
    Writing(Box<Draft>),
}

#[derive(Debug)]
pub struct Draft {
    /// What was published last, or started from.
    pub base: Data,
    pub bytes: Vec<u8>,
    pub random: Option<bool>,
    pub changed: bool,
    /// That the file exists, or is empty, is still to be published.
    pub owes: bool,
    pub append: bool,
    pub atomic: bool,
    /// The name of a file that has none yet.
    pub name: Option<Item>,
    pub preallocated: u64,
    /// What may be reserved for growth.
    pub spare: Range,
    /// Whether writes up to what was preallocated cannot lack quota.
    pub promised: bool,
    /// Uid and lineage of what is in the draft alone.
    pub uid: Item,
}

impl Handle {
    pub fn draft(&self) -> Option<&Draft> {
        match &self.state {
            State::Reading { .. } => None,
            State::Writing(draft) => Some(draft),
        }
    }

    pub fn draft_mut(&mut self) -> Option<&mut Draft> {
        match &mut self.state {
            State::Reading { .. } => None,
            State::Writing(draft) => Some(draft),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.state {
            State::Reading { data, .. } => &data.bytes,
            State::Writing(draft) => &draft.bytes,
        }
    }

    /// What it keeps alive.
    pub fn enter(&self, ledger: &mut Ledger, mint: &Mint, owner: usize, range: Range) {
        match &self.state {
            State::Reading { data, .. } => ledger.add(&data.item),
            State::Writing(draft) => {
                draft.name.iter().for_each(|name| ledger.add(name));
                if draft.changed {
                    ledger.add(&mint.related(draft.uid.0.lineage, owner, range));
                } else {
                    ledger.add(&draft.base.item);
                }
            }
        }
    }

    /// What is reserved and belongs to no bytes.
    pub fn reserved(&self, fs: &Fs) -> Range {
        let Some(draft) = self.draft() else { return Range::default() };
        draft.spare.plus(Range::up_to(fs.config.node_overhead))
    }
}

/// How a file is to be opened.
#[derive(Debug)]
pub struct Opening {
    pub path: String,
    missing: bool,
    options: Options,
}

impl Fs {
    pub fn expect_open(&self, raw: &str, options: &Options) -> Expected<Opening> {
        let Options { read, write, append, truncate, create, create_new, atomic, shared_lock, preallocate } =
            *options;
        let writes = write || append;
        let mismatched = (!read && !writes)
            || (truncate && append)
            || (shared_lock && writes)
            || (!writes && (create || create_new || truncate || atomic || preallocate > 0));
        let path = crate::paths::normalise(raw, self.config.depth);
        if mismatched {
            return Err(Fail::kind(ErrorKind::InvalidInput, raw).or_path(&crate::paths::as_named(raw)));
        }
        let Some(path) = path else {
            return Err(Fail::invalid_path(raw));
        };
        if path == "/" {
            return Err(Fail::kind(ErrorKind::IsADirectory, "/"));
        }
        let missing = match self.slot(&path) {
            Err(kind) => return Err(Fail::kind(kind, &path)),
            Ok(Some(node)) if node.is_dir() => {
                let fail = Fail::kind(ErrorKind::IsADirectory, &path);
                return Err(if create_new { fail.or(Why::Kind(ErrorKind::AlreadyExists)) } else { fail });
            }
            Ok(Some(_)) if create_new => return Err(Fail::kind(ErrorKind::AlreadyExists, &path)),
            Ok(None) if !create && !create_new => return Err(Fail::kind(ErrorKind::NotFound, &path)),
            Ok(old) => old.is_none(),
        };
        let fail = |whys| Fail { whys, paths: vec![path.clone()], other: None };
        let held = match self.holds.get(&path) {
            None => false,
            Some(Hold::Shared(_)) => writes,
            Some(Hold::Exclusive { .. }) => writes || shared_lock,
        };
        if missing && let Some(why) = self.over_node_limit(1) {
            return Err(fail(if held { vec![why, Why::Busy] } else { vec![why] }));
        }
        if held {
            return Err(fail(vec![Why::Busy]));
        }
        let base = if missing || truncate { 0 } else { self.tree[&path].len() };
        let spare = spare(self, base, preallocate);
        let mut need = Range::default();
        if missing || truncate {
            need = need.plus(Range::exactly(self.config.node_overhead));
        }
        if missing {
            need = need.plus(Range::exactly(name_cost(&self.config, &path)));
        }
        if preallocate > 0 {
            need = need.plus(spare).plus(Range::up_to(self.config.node_overhead));
        }
        Ok(Plan {
            what: Opening { path: path.clone(), missing, options: options.clone() },
            need,
            unless: None,
        })
    }

    /// Where a write goes and why it may not.
    pub fn expect_write_handle(&self, index: usize, at: Option<u64>, len: u64) -> Expected<u64> {
        let handle = &self.handles[index];
        let fail = |kind| Fail::kind(kind, &handle.path);
        let Some(draft) = handle.draft() else { return Err(fail(ErrorKind::Unsupported)) };
        let now = draft.bytes.len() as u64;
        let offset = if draft.append { now } else { at.unwrap_or(handle.cursor) };
        if len == 0 {
            return Ok(Plan { what: offset, need: Range::default(), unless: None });
        }
        let end = match offset.checked_add(len) {
            Some(end) if end <= MAX_LEN => end,
            _ => return Err(fail(ErrorKind::InvalidInput)),
        };
        let mut unless = None;
        if offset != now {
            match self.config.storage {
                Storage::RandomAccess => {}
                Storage::Sequential => return Err(fail(ErrorKind::Unsupported)),
                Storage::Auto if now <= self.config.promotion_limit => {}
                Storage::Auto => match draft.random {
                    Some(true) => {}
                    Some(false) => return Err(fail(ErrorKind::Unsupported)),
                    None => unless = Some(fail(ErrorKind::Unsupported)),
                },
            }
        }
        let need = if draft.promised && end <= draft.preallocated {
            Range::default()
        } else {
            let growth = end.saturating_sub(now);
            let covered = draft.spare.hi;
            let most = loose_cost(&self.config, end.max(now)).hi.saturating_add(self.config.node_overhead);
            Range { lo: growth.saturating_sub(covered), hi: most }
        };
        Ok(Plan { what: offset, need, unless })
    }

    pub fn expect_set_len(&self, index: usize, len: u64) -> Expected<()> {
        let handle = &self.handles[index];
        let fail = |kind| Fail::kind(kind, &handle.path);
        let Some(draft) = handle.draft() else { return Err(fail(ErrorKind::Unsupported)) };
        if len > MAX_LEN {
            return Err(fail(ErrorKind::InvalidInput));
        }
        let now = draft.bytes.len() as u64;
        let need = if len == now {
            Range::default()
        } else {
            let most = loose_cost(&self.config, len.max(now)).hi.saturating_add(self.config.node_overhead);
            Range { lo: len.saturating_sub(now).saturating_sub(draft.spare.hi), hi: most }
        };
        Ok(Plan { what: (), need, unless: None })
    }

    pub fn expect_seek(&self, index: usize, to: SeekTo) -> Expected<u64> {
        let handle = &self.handles[index];
        let (from, by) = match to {
            SeekTo::Start(offset) => (0, i128::from(offset)),
            SeekTo::Current(by) => (i128::from(handle.cursor), i128::from(by)),
            SeekTo::End(by) => (handle.bytes().len() as i128, i128::from(by)),
        };
        let target = u64::try_from(from + by).ok().filter(|target| *target <= MAX_LEN);
        match target {
            Some(target) => Ok(Plan { what: target, need: Range::default(), unless: None }),
            None => Err(Fail::kind(ErrorKind::InvalidInput, &handle.path)),
        }
    }
}

/// What is reserved for growth to `to` bytes, beside what `base` bytes already are.
fn spare(fs: &Fs, base: u64, to: u64) -> Range {
    if to == 0 {
        return Range::default();
    }
    let growth = to.saturating_sub(base);
    if base == 0 {
        return Range::exactly(cost(&fs.config, to));
    }
    Range { lo: growth, hi: loose_cost(&fs.config, to.max(base)).hi }
}

impl World {
    pub fn open(&mut self, at: usize, opening: &Opening) -> &Handle {
        let Opening { path, missing, options } = opening;
        let writes = options.write || options.append;
        if !writes {
            let node = self.fss[at].tree[path].clone();
            if options.shared_lock {
                let hold = self.fss[at].holds.entry(path.clone()).or_insert(Hold::Shared(0));
                if let Hold::Shared(count) = hold {
                    *count += 1;
                }
            }
            let data = node.data().expect("a file").clone();
            let state = State::Reading { data, node, locked: options.shared_lock };
            let handle = Handle { path: path.clone(), cursor: 0, readable: true, state };
            self.fss[at].handles.push(handle);
            return self.fss[at].handles.last().expect("pushed");
        }
        let empty = self.new_data(at, Vec::new());
        let old = self.fss[at].tree.get(path).and_then(|node| node.data().cloned());
        let empties = old.as_ref().is_some_and(|old| !old.bytes.is_empty()) && options.truncate;
        let name = if *missing { self.new_name(at, path) } else { None };
        if !options.atomic && (*missing || options.truncate) {
            let mut empty = empty.clone();
            if old.as_ref().is_some_and(|old| old.random != Some(false)) {
                empty.random = None;
            }
            self.put(at, path, empty, name.clone());
        }
        let base = match old {
            Some(old) if !options.truncate => old,
            Some(old) if old.random != Some(false) => Data { random: None, ..empty },
            _ => empty,
        };
        let spare = spare(&self.fss[at], base.bytes.len() as u64, options.preallocate);
        let draft = Draft {
            bytes: base.bytes.to_vec(),
            random: base.random,
            changed: false,
            owes: options.atomic && (*missing || empties),
            append: options.append,
            atomic: options.atomic,
            name: name.filter(|_| options.atomic),
            preallocated: options.preallocate,
            spare,
            promised: options.preallocate > 0,
            uid: match base.bytes.is_empty() {
                true => self.mint.item(at, Range::default()), // there is nothing to share
                false => self.mint.related(base.item.0.lineage, at, Range::default()),
            },
            base,
        };
        let reserves_node = options.atomic && *missing;
        self.fss[at].holds.insert(path.clone(), Hold::Exclusive { reserves_node });
        let state = State::Writing(Box::new(draft));
        self.fss[at].handles.push(Handle { path: path.clone(), cursor: 0, readable: options.read, state });
        self.fss[at].handles.last().expect("pushed")
    }

    fn changing(&mut self, at: usize, index: usize) {
        let draft = self.fss[at].handles[index].draft_mut().expect("it writes");
        draft.changed = true;
        let foreign = draft.base.item.0.fs != at && !draft.base.bytes.is_empty();
        let lineage = draft.uid.0.lineage;
        // How far what was reserved is used up depends on the layout.
        draft.spare.lo = 0;
        if foreign {
            self.mixed.insert(lineage);
        }
    }

    pub fn write_handle(&mut self, at: usize, index: usize, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        self.changing(at, index);
        let storage = self.fss[at].config.storage;
        let draft = self.fss[at].handles[index].draft_mut().expect("it writes");
        if offset != draft.bytes.len() as u64 && storage == Storage::Auto {
            draft.random = Some(true);
        }
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        if draft.bytes.len() < end {
            draft.bytes.resize(end, 0);
        }
        draft.bytes[start..end].copy_from_slice(bytes);
    }

    pub fn set_len(&mut self, at: usize, index: usize, len: u64) {
        let draft = self.fss[at].handles[index].draft().expect("it writes");
        let now = draft.bytes.len() as u64;
        if len == now {
            return;
        }
        self.changing(at, index);
        let draft = self.fss[at].handles[index].draft_mut().expect("it writes");
        if len < now {
            draft.promised = false; // what was cut is given back
        }
        draft.bytes.resize(len as usize, 0);
    }

    /// Publishes the draft of a handle, if there is anything to publish.
    pub fn publish(&mut self, at: usize, index: usize) {
        let fs = &self.fss[at];
        let path = fs.handles[index].path.clone();
        let Some(draft) = fs.handles[index].draft() else { return };
        if !draft.changed && !draft.owes {
            return;
        }
        let (base, bytes, random) = (draft.base.clone(), draft.bytes.clone(), draft.random);
        let (changed, name) = (draft.changed, draft.name.clone());
        let mut data = base;
        if changed {
            data = self.derived_in_handle(at, index, bytes, random);
        }
        self.put(at, &path, data.clone(), name);
        // The hold may say more than the draft about how it is laid out.
        if let Some(Node { kind: Kind::File { data: put, .. }, .. }) = self.fss[at].tree.get_mut(&path) {
            put.random = data.random;
        }
        let uid = self.mint.related(data.item.0.lineage, at, Range::default());
        let draft = self.fss[at].handles[index].draft_mut().expect("it writes");
        (draft.base, draft.changed, draft.owes) = (data, false, false);
        (draft.name, draft.uid, draft.promised) = (None, uid, false);
        if let Some(Hold::Exclusive { reserves_node }) = self.fss[at].holds.get_mut(&path) {
            *reserves_node = false;
        }
    }

    fn derived_in_handle(&mut self, at: usize, index: usize, bytes: Vec<u8>, random: Option<bool>) -> Data {
        let lineage = self.fss[at].handles[index].draft().expect("it writes").uid.0.lineage;
        let range = self.range(at, bytes.len() as u64);
        Data { item: self.mint.related(lineage, at, range), bytes: Rc::new(bytes), random }
    }

    /// Lets go of a handle, with or without its draft.
    pub fn close(&mut self, at: usize, index: usize, publish: bool) {
        if publish {
            self.publish(at, index);
        }
        let fs = &mut self.fss[at];
        let handle = fs.handles.remove(index);
        match handle.state {
            State::Reading { locked: false, .. } => {}
            State::Reading { .. } => match fs.holds.get_mut(&handle.path) {
                Some(Hold::Shared(count)) if *count > 1 => *count -= 1,
                _ => {
                    fs.holds.remove(&handle.path);
                }
            },
            State::Writing(_) => {
                fs.holds.remove(&handle.path);
            }
        }
    }

    /// What a handle says of the version published last.
    pub fn published(&self, at: usize, index: usize) -> Option<Node> {
        let handle = &self.fss[at].handles[index];
        match &handle.state {
            State::Reading { node, .. } => Some(node.clone()),
            State::Writing(_) => self.fss[at].tree.get(&handle.path).cloned(),
        }
    }
}

/// Whether a version is one that may be seen, `current` being that of the last publication.
pub fn admits(version: &Version, seen: u64, current: u64) -> bool {
    match version {
        Version::Known(version) => seen == *version,
        Version::Current => seen == current,
        Version::CurrentOr(versions) => seen == current || versions.contains(&seen),
    }
}
