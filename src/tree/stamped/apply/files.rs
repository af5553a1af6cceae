//! Edits that bind a file, or its next version.

use std::ptr::NonNull;

use super::entry::Change;
use super::{Done, Work};
use crate::content::Content;
use crate::tree::edit::{Hold, PutRule};
use crate::tree::examine::{Effect, OldFile, Refusal};
use crate::tree::lookup::find;
use crate::tree::meta::{FileMeta, Timestamp};
use crate::tree::node::{NodeRef, Totals};
use crate::tree::stamped::new::{NewFile, Paid, PaidName};
use crate::tree::stamped::node::{FileNode, FileParts, make_file};
use crate::tree::versioned::{OutOfMemory, Value};

impl Work<'_> {
    pub(super) fn put(
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
            self.put(&hold.path, hold.name.as_ref(), blank, &rule, hold.now, effect.old)?;
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
