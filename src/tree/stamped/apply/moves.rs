//! Edits that give nodes another place.

use super::entry::Change;
use super::{Done, Work};
use crate::path;
use crate::tree::examine::Refusal;
use crate::tree::height::exact_height;
use crate::tree::lookup::occupant;
use crate::tree::meta::Timestamp;
use crate::tree::node::{NodeRef, Totals};
use crate::tree::stamped::new::PaidName;
use crate::tree::stamped::node::FileNode;
use crate::tree::versioned::Value;

impl Work<'_> {
    pub(super) fn shift(&mut self, from: &str, to: &str, name: Option<&PaidName>, now: Timestamp) -> Done {
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

    pub(super) fn exchange(&mut self, a: &str, b: &str, now: Timestamp) -> Done {
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
}
