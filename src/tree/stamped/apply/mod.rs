//! Applying edits to a root: the one place where trees change.
//!
//! A change descends once from the root and copies the directories on its way that are not of the version
//! under construction yet; so a commit of many edits copies each directory once. Sums and heights are kept on
//! the way down, because what an edit adds and takes is known before it starts.
//!
//! * **W1** All that the version under construction made is reachable from its root or was killed, whenever a
//!   step returns, also with an error. So dropping the work gives all of it up (I13).
//! * **W2** Edits keep what they brought until the version is published.
//!
//! | module | what |
//! |---|---|
//! | `entry` | the change of one entry, and of the sums of all directories above it |
//! | `dirs` | edits that make directories, bind a tree or clear the root |
//! | `files` | edits that bind a file, or its next version |
//! | `moves` | edits that give nodes another place |

mod dirs;
mod entry;
mod files;
mod moves;

use std::ptr::NonNull;

use files::Put;

use super::graft;
use super::new::PaidName;
use super::node::{FileNode, Objects, node};
use super::versions::Root;
use crate::tree::edit::Edit;
use crate::tree::examine::Refusal;
use crate::tree::node::{NodeRef, Totals};
use crate::tree::root::Limits;
use crate::tree::versioned::{Name, OutOfMemory, Store, Value};
use entry::Change;

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
        match edit {
            Edit::Put { path, name, file, rule, now } => {
                return self.put(path, Put { name: name.as_ref(), file, rule, now: *now }, true);
            }
            Edit::Hold(hold) if hold.starts_empty() => return self.hold_emptied(hold),
            Edit::Release { path, name, publish, keep, now } => {
                return self.release(path, name.as_ref(), publish.as_mut(), *keep, *now);
            }
            _ => {}
        }
        let effect = edit.examine(&self.root, self.limits)?;
        if effect.held {
            return Err(Refusal::Held(edit.held_path(&self.root.holds).into()));
        }
        match edit {
            Edit::Expect { .. } => Ok(()),
            Edit::MakeDirs { path, new, now } => self.make_dirs(path, new, *now),
            Edit::Put { .. } | Edit::Release { .. } => unreachable!("done above"),
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
        }
    }

    /// The node that a value leads to.
    pub(super) fn lent<'n>(&self, value: Value) -> NodeRef<'n> {
        // SAFETY: it is in the tree, or was made by this version; what is lent is used before either ends.
        unsafe { node(value) }
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
