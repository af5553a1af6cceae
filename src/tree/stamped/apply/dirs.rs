//! Edits that make directories, bind a tree that comes from elsewhere, or clear the root.

use smallvec::SmallVec;

use super::entry::Change;
use super::{Done, Work};
use crate::tree::edit::new_levels;
use crate::tree::meta::Timestamp;
use crate::tree::node::{NewDir, Totals};
use crate::tree::stamped::graft;
use crate::tree::stamped::new::{NewTree, PaidName};
use crate::tree::stamped::node::{Dir, make_dir, make_receipt};
use crate::tree::versioned::{OutOfMemory, Value};

impl Work<'_> {
    /// Builds a chain of directories from the bottom and binds it as one.
    pub(super) fn make_dirs(&mut self, path: &str, new: &[NewDir], now: Timestamp) -> Done {
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

    pub(super) fn graft(
        &mut self,
        path: &str,
        name: Option<&PaidName>,
        tree: &NewTree,
        now: Timestamp,
    ) -> Done {
        let copy = graft::copy(self, tree)?;
        // SAFETY: it is of this version.
        unsafe { copy.object::<Dir>().as_mut() }.placed = self.root.version;
        let added = Totals::of_entry(self.name_cost_at(path), self.lent(copy));
        self.change(path, Change::Insert(copy), Some(added), now)?;
        self.names.extend(name.cloned());
        Ok(())
    }

    pub(super) fn clear(&mut self, now: Timestamp) -> Done {
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
}
