//! Applying edits to a root: the one place where trees change.
//!
//! A change descends once from the root and copies the directories on its way that are not of the version
//! under construction yet; so a commit of many edits copies each directory once. Sums and heights are kept on
//! the way down, because what an edit adds and takes is known before it starts.
//!
//! * **W1** All that the version under construction made is reachable from its root or was killed, whenever a
//!   step returns, also with an error. So dropping the work gives all of it up (I13).
//! * **W2** Edits keep what they brought until the version is published.

use std::ptr::NonNull;

use smallvec::SmallVec;

use super::graft;
use super::new::{NewFile, NewTree, Paid, PaidName};
use super::node::{Dir, FileNode, FileParts, Objects, copy_dir, make_dir, make_file, make_receipt, node};
use super::versions::{DirRef, Root};
use crate::error::{Error, ErrorKind};
use crate::path;
use crate::tree::edit::{Edit, Hold, PutRule, new_levels};
use crate::tree::examine::{Effect, OldFile, Refusal, Sums};
use crate::tree::height::exact_height;
use crate::tree::lookup::{find, occupant};
use crate::tree::meta::{FileMeta, Timestamp};
use crate::tree::name::Name as Text;
use crate::tree::node::{NewDir, NodeRef, Totals};
use crate::tree::root::Limits;
use crate::tree::versioned::{Name, OutOfMemory, Store, Value};

/// A version under construction. Dropped, it is given up.
pub(super) struct Work<'a> {
    pub(super) store: &'a mut Store<Objects>,
    root: Root,
    limits: &'a Limits,
    /// What long names were paid with that are in the tree now.
    names: Vec<PaidName>,
    /// The version under construction, in the store's count.
    pub(super) birth: u64,
    /// Bytes of the files that died.
    heavy: u64,
    /// Older objects whose debt goes over to one of this version, once it is published.
    heirs: Vec<NonNull<FileNode>>,
    /// What is left to pay for what a restore makes anew, and what that took.
    purse: u64,
    spent: u64,
    finished: bool,
}

/// A version that is complete.
pub(super) struct Next {
    pub root: Root,
    pub names: Vec<PaidName>,
    /// Bytes of the files that died.
    pub heavy: u64,
    /// What was taken from the purse of a restore.
    pub spent: u64,
}

/// What becomes of the entry at a path.
#[derive(Clone, Copy)]
enum Change {
    /// A new entry.
    Insert(Value),
    /// Another node in the place of one, which dies with all below it.
    Replace(Value),
    /// Another node in the place of one, which goes elsewhere or was replaced already.
    Swap(Value),
    /// No entry; the node dies with all below it.
    Remove,
    /// No entry; the node goes elsewhere.
    Take,
}

type Done = Result<(), Refusal>;

impl<'a> Work<'a> {
    /// Begins the version after `current`, as number `version`.
    ///
    /// # Safety
    ///
    /// `current` is the root of the last published version of the store, and is not freed before the work is.
    pub unsafe fn new(
        store: &'a mut Store<Objects>,
        current: &Root,
        version: u64,
        limits: &'a Limits,
    ) -> Self {
        let birth = store.version() + 1;
        let root = Root { tree: current.tree, holds: current.holds.clone(), version, birth };
        Self {
            store,
            root,
            limits,
            names: Vec::new(),
            birth,
            heavy: 0,
            heirs: Vec::new(),
            purse: 0,
            spent: 0,
            finished: false,
        }
    }

    /// The root as far as it is built.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Makes sure that the version can be published: its root directory is its own, and there is room to note
    /// what died.
    ///
    /// # Errors
    ///
    /// `AllocationFailed`.
    #[inline]
    pub fn prepare(&mut self) -> Done {
        self.top()?;
        self.store.prepare()?;
        Ok(())
    }

    /// Gives the version out, to be published.
    pub fn finish(mut self) -> Next {
        self.finished = true;
        for older in self.heirs.drain(..) {
            // SAFETY: it is in the tree that is replaced.
            unsafe { older.as_ref() }.leave();
        }
        let holds = std::mem::take(&mut self.root.holds);
        let Root { tree, version, birth, .. } = self.root;
        let root = Root { tree, holds, version, birth };
        let names = std::mem::take(&mut self.names);
        Next { root, names, heavy: self.heavy, spent: self.spent }
    }

    /// Applies one edit.
    ///
    /// # Errors
    ///
    /// Its refusal.
    pub fn step(&mut self, edit: &mut Edit) -> Done {
        let effect = edit.examine(&self.root, self.limits)?;
        if effect.held {
            return Err(Refusal::Held(edit.held_path(&self.root.holds).into()));
        }
        match edit {
            Edit::Expect { .. } => Ok(()),
            Edit::MakeDirs { path, new, now } => self.make_dirs(path, new, *now),
            Edit::Put { path, name, file, rule, now } => {
                self.put(path, name.as_ref(), file, rule, *now, effect.old)
            }
            Edit::Graft { path, name, tree, now } => self.graft(path, name.as_ref(), tree, *now),
            Edit::Remove { path, now, .. } => self.change(path, Change::Remove, None, *now).map(drop),
            Edit::Clear { now } => self.clear(*now),
            Edit::Move { from, to, name, now, .. } => self.shift(from, to, name.as_ref(), *now),
            Edit::Exchange { a, b, now } => self.exchange(a, b, *now),
            Edit::SetModified { path, file, time } => self.set_modified(path, file.as_mut(), *time),
            Edit::Restore { tree, purse } => {
                self.purse = purse.amount();
                let top = self.top()?;
                graft::restore(self, top, tree)?;
                self.spent = purse.amount() - self.purse;
                Ok(())
            }
            Edit::Hold(hold) => self.hold(hold, effect),
            Edit::Release { path, name, publish, keep, now } => {
                if let Some(file) = publish {
                    self.put(path, name.as_ref(), file, &PutRule::Write, *now, effect.old)?;
                    self.root.holds.use_reserved_node(path);
                }
                if !*keep {
                    self.root.holds.end(path);
                }
                Ok(())
            }
        }
    }

    /// Builds a chain of directories from the bottom and binds it as one.
    fn make_dirs(&mut self, path: &str, new: &[NewDir], now: Timestamp) -> Done {
        let (top, names) = new_levels(path, new.len());
        let names: SmallVec<[&str; 1]> = names.collect();
        let mut below: Option<(&str, Value)> = None;
        for (text, new) in names.iter().zip(new).rev() {
            let made = self.new_dir(new.amount, now, below);
            if let (Err(_), Some((_, chain))) = (&made, below) {
                self.disown(chain);
            }
            below = Some((text, made?));
        }
        for (_, new) in names.iter().zip(new) {
            self.names.extend(new.name.clone());
        }
        let (_, chain) = below.expect("at least one is made");
        let sums = Totals::of_entry(self.name_cost(names[0]), self.lent(chain));
        self.change(top, Change::Insert(chain), Some(sums), now).map(drop)
    }

    /// A directory with one entry in it, or none.
    fn new_dir(
        &mut self,
        charged: u64,
        now: Timestamp,
        below: Option<(&str, Value)>,
    ) -> Result<Value, OutOfMemory> {
        let (birth, version) = (self.birth, self.root.version);
        let added = below.map(|(name, value)| Totals::of_entry(self.name_cost(name), self.lent(value)));
        let receipt = make_receipt(self.store.arena_mut(), birth, charged, true)?;
        let dir = match make_dir(self.store.arena_mut(), birth, version, now, Some(receipt)) {
            Ok(dir) => dir,
            Err(error) => {
                self.disown(Value::file(receipt));
                return Err(error);
            }
        };
        if let (Some((name, value)), Some(added)) = (below, added) {
            // SAFETY: the directory is ours.
            let made = unsafe { &mut *dir.as_ptr() };
            (made.totals, made.meta.listed) = (added, version);
            // SAFETY: the map is of this version.
            let inserted = made.entries.map_mut().insert(&mut unsafe { self.store.edit() }, name, value);
            if let Err(error) = inserted {
                self.disown(Value::directory(dir));
                return Err(error);
            }
        }
        Ok(Value::directory(dir))
    }

    fn put(
        &mut self,
        path: &str,
        name: Option<&PaidName>,
        file: &mut NewFile,
        rule: &PutRule,
        now: Timestamp,
        old: Option<OldFile>,
    ) -> Done {
        file.used = false;
        let sums = old.map(|old| old.sums);
        let old = old.map(|old| {
            let wrote = match rule {
                PutRule::Append { base: Some(base) } => !base.ptr_eq(&file.content),
                _ => !(old.empty && file.content.is_empty()),
            };
            (old.meta, wrote)
        });
        if !matches!(rule, PutRule::Keep) {
            file.meta = rule.next_meta(old, file.content.is_empty(), now);
        }
        let amount = match &file.paid {
            Paid::Own(_, amount) => *amount,
            Paid::Previous => 0,
        };
        let parts = FileParts {
            placed: self.root.version,
            content: file.content.clone(),
            meta: file.meta,
            charged: amount,
            owes: true,
        };
        let object = Value::file(make_file(self.store.arena_mut(), self.birth, parts)?);
        match (old, sums) {
            (Some(_), Some(sums)) => {
                let added = Totals::of_node(self.lent(object)).with_name_charged(sums.name_charged);
                self.change_known(path, Change::Replace(object), sums.totals, added, now)?;
            }
            _ => {
                let added = Totals::of_entry(self.name_cost_at(path), self.lent(object));
                self.change_known(path, Change::Insert(object), Totals::default(), added, now)?;
                self.names.extend(name.cloned());
            }
        }
        file.used = true;
        Ok(())
    }

    fn graft(&mut self, path: &str, name: Option<&PaidName>, tree: &NewTree, now: Timestamp) -> Done {
        let copy = graft::copy(self, tree)?;
        // SAFETY: it is of this version.
        unsafe { copy.object::<Dir>().as_mut() }.placed = self.root.version;
        let added = Totals::of_entry(self.name_cost_at(path), self.lent(copy));
        self.change(path, Change::Insert(copy), Some(added), now)?;
        self.names.extend(name.cloned());
        Ok(())
    }

    fn clear(&mut self, now: Timestamp) -> Done {
        let version = self.root.version;
        let mut top = self.top()?;
        // SAFETY: the top is of this version.
        let root = unsafe { top.as_mut() };
        if !root.entries.is_empty() {
            self.heavy += root.totals.bytes;
            // SAFETY: the map is of this version.
            root.entries.map_mut().clear(&mut unsafe { self.store.edit() })?;
            root.totals = Totals::default();
            root.meta.modified = root.meta.modified.max(now);
            root.meta.listed = version;
        }
        Ok(())
    }

    fn shift(&mut self, from: &str, to: &str, name: Option<&PaidName>, now: Timestamp) -> Done {
        if from == to {
            return Ok(());
        }
        let replaces = occupant(&self.root.tree, to).is_ok_and(|occupant| occupant.is_some());
        let value = self.change(from, Change::Take, None, now)?.expect("it was there");
        let moved = match self.placed_anew(value, to) {
            Ok(moved) => moved,
            Err(error) => {
                self.disown(value);
                return Err(error);
            }
        };
        if replaces {
            // The entry keeps its name: a long one is paid for already and comes with no edit.
            self.change(to, Change::Replace(moved), None, now)?;
            let (parent, _) = path::split_last(to).expect("not the root");
            return self.relist(parent, now);
        }
        let added = Totals::of_entry(self.name_cost_at(to), self.lent(moved));
        self.change(to, Change::Insert(moved), Some(added), now)?;
        self.names.extend(name.cloned());
        Ok(())
    }

    fn exchange(&mut self, a: &str, b: &str, now: Timestamp) -> Done {
        if a == b {
            return Ok(());
        }
        let (from_a, from_b) = (self.value_at(a), self.value_at(b));
        let to_b = self.placed_anew(from_a, b)?;
        let to_a = match self.placed_anew(from_b, a) {
            Ok(to_a) => to_a,
            Err(error) => {
                self.disown_alone(to_b, from_a);
                return Err(error);
            }
        };
        if let Err(error) = self.change(a, Change::Swap(to_a), None, now) {
            self.disown_alone(to_a, from_b);
            self.disown_alone(to_b, from_a);
            return Err(error);
        }
        if let Err(error) = self.change(b, Change::Swap(to_b), None, now) {
            self.disown_alone(to_b, from_a);
            return Err(error);
        }
        for path in [a, b] {
            let (parent, _) = path::split_last(path).expect("not the root");
            self.relist(parent, now)?;
        }
        Ok(())
    }

    /// The node for its new place at `to`: put there by this version, and where the recorded height of a
    /// directory would be refused there, with the exact one. The node itself is replaced by it.
    fn placed_anew(&mut self, value: Value, to: &str) -> Result<Value, Refusal> {
        let version = self.root.version;
        match self.lent(value) {
            NodeRef::File(file) => {
                if file.birth() == self.birth {
                    // SAFETY: it is of this version.
                    unsafe { value.object::<FileNode>().as_mut() }.placed = version;
                    return Ok(value);
                }
                let (content, meta) = (file.content.clone(), file.meta);
                Ok(self.next_file(value, version, content, meta)?)
            }
            NodeRef::Dir(dir) => {
                let (height, depth) = (dir.totals.height, path::depth(to));
                let too_high = depth + height as usize > self.limits.max_depth;
                let exact = if too_high { exact_height(dir) } else { height };
                let mut own = self.own(value)?;
                // SAFETY: it is of this version.
                let own_dir = unsafe { own.as_mut() };
                (own_dir.placed, own_dir.totals.height) = (version, exact);
                Ok(Value::directory(own))
            }
        }
    }

    /// The next version of a file that is older than this one, and brings no receipt; the one before dies,
    /// and owes nothing any more.
    fn next_file(
        &mut self,
        value: Value,
        placed: u64,
        content: crate::content::Content,
        meta: FileMeta,
    ) -> Result<Value, OutOfMemory> {
        let old = value.object::<FileNode>();
        // SAFETY: the node is in the tree; the version goes on with the next one.
        let charged = unsafe { old.as_ref() }.charged();
        let next = self.heir_of(old, FileParts { placed, content, meta, charged, owes: true })?;
        // SAFETY: as above. It is older than this version, so it is not freed now.
        unsafe { self.store.kill(value)? };
        Ok(Value::file(next))
    }

    fn set_modified(&mut self, path: &str, file: Option<&mut NewFile>, time: Timestamp) -> Done {
        let at = find(&self.root.tree, path).expect("examined");
        let NodeRef::File(old) = at.found else {
            let mut dir = self.dir_mut(path)?;
            // SAFETY: it is of this version.
            unsafe { dir.as_mut() }.meta.modified = time;
            return Ok(());
        };
        let new = file.ok_or(Refusal::Stale)?;
        new.used = false;
        let (content, placed) = (old.content.clone(), old.placed);
        let meta = FileMeta { modified: time, ..old.meta };
        (new.content, new.meta) = (content.clone(), meta);
        let value = self.value_at(path);
        if old.birth() == self.birth {
            // SAFETY: it is of this version.
            unsafe { value.object::<FileNode>().as_mut() }.meta = meta;
            return Ok(());
        }
        let next = match &new.paid {
            Paid::Previous => self.next_file(value, placed, content, meta)?,
            Paid::Own(_, amount) => {
                let parts = FileParts { placed, content, meta, charged: *amount, owes: true };
                let next = Value::file(make_file(self.store.arena_mut(), self.birth, parts)?);
                // SAFETY: the version goes on with the next one.
                if let Err(error) = unsafe { self.store.kill(value) } {
                    self.disown(next);
                    return Err(error.into());
                }
                new.used = true;
                next
            }
        };
        if let Err(error) = self.change(path, Change::Swap(next), None, time) {
            self.disown(next);
            return Err(error);
        }
        Ok(())
    }

    fn hold(&mut self, hold: &mut Hold, effect: Effect) -> Done {
        hold.base = None;
        let missing = effect.gains > 0;
        let reserves_node = missing && hold.atomic;
        if let Some(blank) = &mut hold.blank {
            blank.used = false;
        }
        if !hold.atomic && (missing || hold.truncate) {
            let blank = hold.blank.as_mut().ok_or(Refusal::Stale)?;
            let rule = if missing { PutRule::Create } else { PutRule::Write };
            self.put(&hold.path, hold.name.as_ref(), blank, &rule, hold.now, effect.old)?;
        }
        self.root.holds.add(&hold.path, hold.shared, reserves_node);
        hold.base = match find(&self.root.tree, &hold.path).map(|at| at.found) {
            Ok(NodeRef::File(file)) => Some(file.content.clone()),
            _ => None,
        };
        Ok(())
    }

    /// What to answer where a sum would not fit.
    fn too_large(&self, at: &str, added: &Totals) -> Refusal {
        let current = self.root.nodes();
        if current.saturating_add(added.nodes()) > u64::from(u32::MAX) {
            let limit = self.limits.max_nodes;
            return Refusal::Failed(Error::at(ErrorKind::NodeLimit { current, limit }, at));
        }
        let error = Error::at(ErrorKind::InvalidInput, at);
        Refusal::Failed(error.because("the sum of all files would pass 2^63 bytes"))
    }

    /// Changes one entry and, on the way to it, the sums of the directories above. `added` is what the new
    /// entry adds, where that is not what its node does under the name that is there. Gives the node that
    /// goes elsewhere, if one does.
    fn change(
        &mut self,
        at: &str,
        change: Change,
        added: Option<Totals>,
        now: Timestamp,
    ) -> Result<Option<Value>, Refusal> {
        let occupant = occupant(&self.root.tree, at).ok().flatten();
        let old =
            occupant.map_or_else(Sums::default, |(name, entry)| Sums::of(name, entry.node, self.limits));
        let added = added.unwrap_or_else(|| match &change {
            Change::Insert(node) | Change::Replace(node) | Change::Swap(node) => {
                Totals::of_node(self.lent(*node)).with_name_charged(old.name_charged)
            }
            Change::Remove | Change::Take => Totals::default(),
        });
        self.change_known(at, change, old.totals, added, now)
    }

    /// As [`change`](Self::change), where the sums are known. A node that was to be bound is disowned if
    /// that fails, but for [`Change::Swap`].
    fn change_known(
        &mut self,
        at: &str,
        change: Change,
        removed: Totals,
        added: Totals,
        now: Timestamp,
    ) -> Result<Option<Value>, Refusal> {
        let bound = match &change {
            Change::Insert(value) | Change::Replace(value) => Some(*value),
            _ => None,
        };
        let changed = self.try_change(at, change, removed, added, now);
        if let (Err(_), Some(value)) = (&changed, bound) {
            self.disown(value);
        }
        changed
    }

    fn try_change(
        &mut self,
        at: &str,
        change: Change,
        removed: Totals,
        added: Totals,
        now: Timestamp,
    ) -> Result<Option<Value>, Refusal> {
        let (parent, name) = path::split_last(at).expect("the root is not an entry");
        // What fits at the root fits everywhere below it.
        if self.root.tree.totals.exchanged(&removed, &added).is_none() {
            return Err(self.too_large(at, &added));
        }
        let listed = matches!(change, Change::Insert(_) | Change::Remove | Change::Take);
        let mut levels = path::depth(at) as u32;
        let mut dir = self.descend(parent, |dir| {
            dir.totals = dir.totals.exchanged(&removed, &added).expect("fits at the root");
            levels -= 1;
            if added.height > 0 {
                dir.totals.height = dir.totals.height.max(added.height + levels);
            }
        })?;
        // SAFETY: it is of this version.
        let dir = unsafe { dir.as_mut() };
        let version = self.root.version;
        let entries = dir.entries.map_mut();
        // SAFETY: the map is of this version, and only nodes of it are put there.
        let mut cx = unsafe { self.store.edit() };
        let gone = match change {
            Change::Insert(value) => entries.insert(&mut cx, name, value)?,
            Change::Replace(value) | Change::Swap(value) => {
                let slot = entries.get_mut(&mut cx, name)?.expect("replaces something");
                Some(std::mem::replace(slot, value))
            }
            Change::Remove | Change::Take => entries.remove(&mut cx, name)?,
        };
        if dir.entries.is_empty() {
            dir.totals.height = 0;
        }
        if listed {
            dir.meta.modified = dir.meta.modified.max(now);
            dir.meta.listed = version;
        }
        match change {
            Change::Replace(_) | Change::Remove => {
                self.heavy += removed.bytes;
                // SAFETY: this version did reach it, with all that is below it.
                unsafe { self.store.kill_whole(gone.expect("it was there"))? };
                Ok(None)
            }
            Change::Take => Ok(gone),
            Change::Insert(_) | Change::Swap(_) => Ok(None),
        }
    }

    /// Goes down to a directory that exists, and makes all on the way this version's own; `visit` sees each
    /// of them from the top.
    pub(super) fn descend(
        &mut self,
        at: &str,
        mut visit: impl FnMut(&mut Dir),
    ) -> Result<NonNull<Dir>, OutOfMemory> {
        let mut dir = self.top()?;
        // SAFETY: each directory on the way is of this version once it is reached.
        unsafe {
            visit(dir.as_mut());
            for component in path::components(at) {
                let slot = dir.as_mut().entries.map_mut().get_mut(&mut self.store.edit(), component)?;
                let slot = slot.expect("examined");
                let below = *slot;
                debug_assert!(below.is_directory(), "examined: a file has nothing below it");
                let object = below.object::<Dir>();
                dir = if object.cast::<u64>().read() == self.birth {
                    object
                } else {
                    let copy = copy_dir(self.store.arena_mut(), self.birth, object)?;
                    *slot = Value::directory(copy);
                    self.store.kill(below)?;
                    copy
                };
                visit(dir.as_mut());
            }
        }
        Ok(dir)
    }

    /// The root directory, this version's own.
    fn top(&mut self) -> Result<NonNull<Dir>, OutOfMemory> {
        let top = self.root.tree.0;
        let own = self.own(Value::directory(top))?;
        self.root.tree = DirRef(own);
        Ok(own)
    }

    /// A directory as this version's own: a copy, which replaces it, unless it is of this version already.
    pub(super) fn own(&mut self, value: Value) -> Result<NonNull<Dir>, OutOfMemory> {
        let object = value.object::<Dir>();
        // SAFETY: it is in the tree, and the version goes on with the copy.
        unsafe {
            if object.cast::<u64>().read() == self.birth {
                return Ok(object);
            }
            let copy = copy_dir(self.store.arena_mut(), self.birth, object)?;
            if let Err(error) = self.store.kill(value) {
                self.disown_alone(Value::directory(copy), value);
                return Err(error);
            }
            Ok(copy)
        }
    }

    /// Notes that the entries of a directory changed their names, though not their number.
    fn relist(&mut self, at: &str, now: Timestamp) -> Done {
        let version = self.root.version;
        let mut dir = self.dir_mut(at)?;
        // SAFETY: it is of this version.
        let dir = unsafe { dir.as_mut() };
        dir.meta.modified = dir.meta.modified.max(now);
        dir.meta.listed = version;
        Ok(())
    }

    /// A directory that exists, for a change that leaves all sums as they are.
    fn dir_mut(&mut self, at: &str) -> Result<NonNull<Dir>, OutOfMemory> {
        self.descend(at, |_| {})
    }

    /// The value at a path that leads to a node.
    fn value_at(&self, path: &str) -> Value {
        let (parent, name) = path::split_last(path).expect("the root is in no directory");
        let parent = crate::tree::lookup::find_dir(&self.root.tree, parent).expect("examined");
        parent.entries.map().get(name).expect("examined").1
    }

    /// The node that a value leads to.
    pub(super) fn lent<'n>(&self, value: Value) -> NodeRef<'n> {
        // SAFETY: it is in the tree, or was made by this version; what is lent is used before either ends.
        unsafe { node(value) }
    }

    /// What the name at the end of a path is charged.
    fn name_cost_at(&self, path: &str) -> u64 {
        path::split_last(path).map_or(0, |(_, name)| self.name_cost(name))
    }

    pub(super) fn name_cost(&self, name: &str) -> u64 {
        Text::cost(name, self.limits.chunk_overhead)
    }

    /// Makes the object that goes on instead of `of` (O4).
    pub(super) fn heir_of(
        &mut self,
        of: NonNull<FileNode>,
        mut parts: FileParts,
    ) -> Result<NonNull<FileNode>, OutOfMemory> {
        // SAFETY: it is in a tree that is held, or in this one.
        let before = unsafe { of.as_ref() };
        parts.owes = before.birth() > self.store.floor() && before.owes();
        if parts.owes {
            self.heirs.push(of);
        }
        make_file(self.store.arena_mut(), self.birth, parts)
    }

    /// Pays for something that a restore makes anew; whether there was enough.
    pub(super) fn pay(&mut self, charged: u64) -> bool {
        let enough = self.purse >= charged;
        if enough {
            self.purse -= charged;
        }
        enough
    }

    /// Pays for the name of an entry that a restore makes anew.
    pub(super) fn pay_name(&mut self, name: &Name) {
        if name.is_long() && !self.pay(name.charged()) {
            name.owes_nothing();
        }
    }

    /// Kills a node that the version under construction reached, with all that is below it.
    pub(super) fn bury(&mut self, value: Value) -> Result<(), OutOfMemory> {
        self.heavy += Totals::of_node(self.lent(value)).bytes;
        // SAFETY: the version did reach it, and does so no more.
        unsafe { self.store.kill_whole(value) }
    }

    /// Gives a node up that this version made and that is in no tree, with all that is below it.
    pub(super) fn disown(&mut self, value: Value) {
        // SAFETY: nobody else knows it. Where there is no memory to note it, it is left to the end.
        let _ = unsafe { self.store.kill_whole(value) };
    }

    /// Gives a copy of a directory up, but not what is below it; of a file, all.
    fn disown_alone(&mut self, copy: Value, of: Value) {
        if copy != of {
            // SAFETY: nobody else knows it.
            let _ = unsafe { self.store.kill(copy) };
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let top = self.root.tree.0;
        // SAFETY: what this version made is reachable from its root or was killed (W1); nobody else knows it.
        unsafe {
            let is_own = top.cast::<u64>().read() == self.birth;
            self.store.abort(is_own.then(|| Value::directory(top)));
        }
        // Edits still have the receipts (W2).
        let remains = std::mem::take(&mut self.store.remains);
        drop(remains.contents);
    }
}
