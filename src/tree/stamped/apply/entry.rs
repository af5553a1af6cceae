//! The change of one entry, and of the sums of all directories above it.

use std::ptr::NonNull;

use smallvec::SmallVec;

use super::{Done, Work};
use crate::error::{Error, ErrorKind};
use crate::path;
use crate::tree::examine::{Refusal, Sums};
use crate::tree::lookup::{Miss, find_dir, occupant};
use crate::tree::meta::Timestamp;
use crate::tree::name::Name as Text;
use crate::tree::node::Totals;
use crate::tree::stamped::node::{Dir, copy_dir};
use crate::tree::stamped::versions::DirRef;
use crate::tree::versioned::{OutOfMemory, Value};

/// Directories of the version under construction, from the root down.
pub(super) type Way = SmallVec<[NonNull<Dir>; 8]>;

/// What becomes of the entry at a path.
#[derive(Clone, Copy)]
pub(super) enum Change {
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

impl Work<'_> {
    /// Changes one entry and, on the way to it, the sums of the directories above. `added` is what the new
    /// entry adds, where that is not what its node does under the name that is there. Gives the node that
    /// goes elsewhere, if one does.
    pub(super) fn change(
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
    pub(super) fn change_known(
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
        let listed = matches!(change, Change::Insert(_) | Change::Remove | Change::Take);
        let mut way = Way::new();
        let mut dir = self.own_existing(parent, &mut way)?;
        self.sum_up(at, &way, &removed, &added)?;
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
            dir.list(version, now);
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

    /// What to answer where a sum would not fit.
    pub(super) fn too_large(&self, at: &str, added: &Totals) -> Refusal {
        let current = self.root.nodes();
        if current.saturating_add(added.nodes()) > u64::from(u32::MAX) {
            let limit = self.limits.max_nodes;
            return Refusal::Failed(Error::at(ErrorKind::NodeLimit { current, limit }, at));
        }
        let error = Error::at(ErrorKind::InvalidInput, at);
        Refusal::Failed(error.because("the sum of all files would pass 2^63 bytes"))
    }

    /// As [`own_way`](Self::own_way), to a directory that exists; gives it.
    fn own_existing(&mut self, at: &str, way: &mut Way) -> Result<NonNull<Dir>, OutOfMemory> {
        self.own_way(at, way)?.expect("examined");
        Ok(*way.last().expect("begins with the root"))
    }

    /// Goes down to a directory and makes all on the way this version's own, noting them, as far as they exist.
    pub(super) fn own_way(&mut self, at: &str, way: &mut Way) -> Result<Result<(), Miss>, OutOfMemory> {
        let mut dir = self.top()?;
        way.push(dir);
        for component in path::components(at) {
            // SAFETY: the directory is of this version.
            let slot = unsafe { dir.as_mut().entries.map_mut().get_mut(&mut self.store.edit(), component)? };
            let Some(slot) = slot else { return Ok(Err(Miss::NotFound)) };
            if !slot.is_directory() {
                return Ok(Err(Miss::NotADirectory));
            }
            // SAFETY: as above.
            dir = unsafe { self.own_at(slot)? };
            way.push(dir);
        }
        Ok(Ok(()))
    }

    /// Makes the directory that a slot leads to this version's own.
    ///
    /// # Safety
    ///
    /// The slot is of this version, and leads to a directory.
    unsafe fn own_at(&mut self, slot: &mut Value) -> Result<NonNull<Dir>, OutOfMemory> {
        let below = *slot;
        let object = below.object::<Dir>();
        // SAFETY: it is in the tree, and the version goes on with the copy.
        unsafe {
            if object.cast::<u64>().read() == self.birth {
                return Ok(object);
            }
            let copy = copy_dir(self.store.arena_mut(), self.birth, object)?;
            *slot = Value::directory(copy);
            self.store.kill(below)?;
            Ok(copy)
        }
    }

    /// Exchanges what one entry adds to the sums of the directories above it.
    pub(super) fn sum_up(&self, at: &str, way: &Way, removed: &Totals, added: &Totals) -> Done {
        // What fits at the root fits everywhere below it.
        if self.root.tree.totals.exchanged(removed, added).is_none() {
            return Err(self.too_large(at, added));
        }
        for (dir, levels) in way.iter().rev().zip(0..) {
            // SAFETY: the directories are of this version.
            let totals = unsafe { &mut (*dir.as_ptr()).totals };
            *totals = totals.exchanged(removed, added).expect("fits at the root");
            if added.height > 0 {
                totals.height = totals.height.max(added.height + levels);
            }
        }
        Ok(())
    }

    /// The root directory, this version's own.
    pub(in crate::tree::stamped) fn top(&mut self) -> Result<NonNull<Dir>, OutOfMemory> {
        let top = self.root.tree.0;
        let own = self.own(Value::directory(top))?;
        self.root.tree = DirRef(own);
        Ok(own)
    }

    /// A directory as this version's own: a copy, which replaces it, unless it is of this version already.
    pub(in crate::tree::stamped) fn own(&mut self, value: Value) -> Result<NonNull<Dir>, OutOfMemory> {
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
    pub(super) fn relist(&mut self, at: &str, now: Timestamp) -> Done {
        let version = self.root.version;
        let mut dir = self.dir_mut(at)?;
        // SAFETY: it is of this version.
        unsafe { dir.as_mut() }.list(version, now);
        Ok(())
    }

    /// A directory that exists, for a change that leaves all sums as they are.
    pub(super) fn dir_mut(&mut self, at: &str) -> Result<NonNull<Dir>, OutOfMemory> {
        self.own_existing(at, &mut Way::new())
    }

    /// The value at a path that leads to a node.
    pub(super) fn value_at(&self, path: &str) -> Value {
        let (parent, name) = path::split_last(path).expect("the root is in no directory");
        let parent = find_dir(&self.root.tree, parent).expect("examined");
        parent.entries.map().get(name).expect("examined").1
    }

    /// What the name at the end of a path is charged.
    pub(super) fn name_cost_at(&self, path: &str) -> u64 {
        path::split_last(path).map_or(0, |(_, name)| self.name_cost(name))
    }

    pub(super) fn name_cost(&self, name: &str) -> u64 {
        Text::cost(name, self.limits.chunk_overhead)
    }
}
