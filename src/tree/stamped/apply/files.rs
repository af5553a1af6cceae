//! Edits that bind a file, or its next version.

use std::ptr::NonNull;

use super::entry::{Change, Way};
use super::{Done, Work};
use crate::content::Content;
use crate::path;
use crate::tree::edit::{Hold, PutRule};
use crate::tree::examine::{Effect, Refusal, admit_put, is_held, missed};
use crate::tree::lookup::find;
use crate::tree::meta::{FileMeta, Timestamp};
use crate::tree::node::{NodeRef, Totals};
use crate::tree::stamped::new::{NewFile, Paid, PaidName};
use crate::tree::stamped::node::{FileNode, FileParts, make_file};
use crate::tree::versioned::{OutOfMemory, Value};

/// What [`Work::put`] binds, and how.
pub(super) struct Put<'a> {
    /// The name of the file, if it is long and new.
    pub name: Option<&'a PaidName>,
    /// The file.
    pub file: &'a mut NewFile,
    /// What may stand there.
    pub rule: &'a PutRule,
    /// The time of the change.
    pub now: Timestamp,
}

impl Work<'_> {
    /// Binds a file, in place of an older version of it or of nothing, in one descent: what stands in the way is
    /// examined once it was found. `minds_holds` says whether a hold at the path does.
    pub(super) fn put(&mut self, path: &str, put: Put<'_>, minds_holds: bool) -> Done {
        let Put { name, file, rule, now } = put;
        file.used = false;
        let (parent, text) = path::split_last(path).expect("no file is the root");
        let mut way = Way::new();
        self.own_way(parent, &mut way)?.map_err(|miss| missed(miss, path))?;
        let (amount, version) = (file.amount(), self.root.version);
        let content = file.content.clone();
        let parts =
            FileParts { placed: version, content, meta: FileMeta::default(), charged: amount, owes: true };
        let mut object = make_file(self.store.arena_mut(), self.birth, parts)?;
        let (value, dir) = (Value::file(object), way.last_mut().expect("begins with the root"));
        // SAFETY: the directory is of this version, and so is the file.
        let replaced = unsafe { dir.as_mut().entries.map_mut().insert(&mut self.store.edit(), text, value) };
        let replaced = replaced.inspect_err(|_| self.disown(value))?;
        // From here on the file is reachable, so a refusal gives it up with the version.
        let old = admit_put(path, name, rule, replaced.map(|value| self.lent(value)))?;
        if minds_holds && is_held(&self.root, path) {
            return Err(Refusal::Held(path.into()));
        }
        if !matches!(rule, PutRule::Keep) {
            let before = old.map(|old| (old.meta, rule.writes(old.content.is_empty(), &file.content)));
            file.meta = rule.next_meta(before, file.content.is_empty(), now);
        }
        // SAFETY: it is of this version.
        unsafe { object.as_mut() }.meta = file.meta;
        let added = Totals::of_node(self.lent(value));
        match old {
            Some(old) => {
                let removed = Totals::of_node(NodeRef::File(old));
                self.sum_up(path, &way, &removed, &added)?;
                self.heavy += removed.bytes;
                // SAFETY: this version did reach it.
                unsafe { self.store.kill(replaced.expect("that is the old one"))? };
            }
            None => {
                let added = added.with_name_charged(self.name_cost(text));
                self.sum_up(path, &way, &Totals::default(), &added)?;
                // SAFETY: it is of this version.
                unsafe { way.last_mut().expect("begins with the root").as_mut() }.list(version, now);
                self.names.extend(name.cloned());
            }
        }
        file.used = true;
        Ok(())
    }

    pub(super) fn set_modified(&mut self, path: &str, file: Option<&mut NewFile>, time: Timestamp) -> Done {
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

    /// Publishes the next version of a held file, ends the hold, or both.
    pub(super) fn release(
        &mut self,
        path: &str,
        name: Option<&PaidName>,
        publish: Option<&mut NewFile>,
        keep: bool,
        now: Timestamp,
    ) -> Done {
        if self.root.holds.at(path).is_none() {
            return Err(Refusal::Stale);
        }
        if let Some(file) = publish {
            self.put(path, Put { name, file, rule: &PutRule::Write, now }, false)?;
            self.root.holds.use_reserved_node(path);
        }
        if !keep {
            self.root.holds.end(path);
        }
        Ok(())
    }

    /// Holds a file that is created or else emptied, both at once: in one descent.
    pub(super) fn hold_emptied(&mut self, hold: &mut Hold) -> Done {
        let blank = hold.blank.as_mut().ok_or(Refusal::Stale)?;
        let put = Put { name: hold.name.as_ref(), file: blank, rule: &PutRule::Write, now: hold.now };
        hold.base = Some(put.file.content.clone());
        self.put(&hold.path, put, false)?;
        if !self.root.holds.admits(&hold.path, hold.shared) {
            return Err(Refusal::Held((*hold.path).into()));
        }
        self.root.holds.add(&hold.path, hold.shared, false);
        Ok(())
    }

    pub(super) fn hold(&mut self, hold: &mut Hold, effect: Effect) -> Done {
        hold.base = None;
        let missing = effect.gains > 0;
        let reserves_node = missing && hold.atomic;
        if let Some(blank) = &mut hold.blank {
            blank.used = false;
        }
        if !hold.atomic && (missing || hold.truncate) {
            let blank = hold.blank.as_mut().ok_or(Refusal::Stale)?;
            let rule = if missing { PutRule::Create } else { PutRule::Write };
            let put = Put { name: hold.name.as_ref(), file: blank, rule: &rule, now: hold.now };
            self.put(&hold.path, put, false)?;
        }
        self.root.holds.add(&hold.path, hold.shared, reserves_node);
        hold.base = match find(&self.root.tree, &hold.path).map(|at| at.found) {
            Ok(NodeRef::File(file)) => Some(file.content.clone()),
            _ => None,
        };
        Ok(())
    }

    /// The next version of a file that is older than this one, and brings no receipt; the one before dies,
    /// and owes nothing any more.
    pub(super) fn next_file(
        &mut self,
        value: Value,
        placed: u64,
        content: Content,
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
}
