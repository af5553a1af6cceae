//! A map from names in order; a map taken apart.

use std::ptr::NonNull;

use super::super::arena::OutOfMemory;
use super::super::cx::Cx;
use super::super::dead::{Dead, Kind, Value};
use super::super::name::{MAX_NAME, NamePtr};
use super::Map;
use super::build::{Item, Items, build};
use super::node::{FAN, Node, Raw};
use super::path::HIGHEST;

impl Map {
    /// A map of these entries, whose names ascend. Its nodes are full. O(n).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing is left then. The values are the caller's again.
    ///
    /// # Panics
    ///
    /// If the names do not ascend, or one is empty or longer than [`MAX_NAME`] bytes.
    pub fn from_sorted<'n>(
        cx: &mut Cx<'_>,
        entries: impl IntoIterator<Item = (&'n str, Value)>,
    ) -> Result<Self, OutOfMemory> {
        let mut rows = Rows { rows: Vec::new(), last: None, len: 0 };
        match rows.fill(cx, entries).and_then(|()| rows.finish(cx)) {
            Ok(root) => Ok(Self { root, len: rows.len }),
            Err(error) => {
                rows.discard(cx);
                Err(error)
            }
        }
    }

    /// Frees the nodes and names of a map that nobody has, and leaves its values alone.
    ///
    /// # Safety
    ///
    /// All of it was made by the version under construction, and nobody else knows it.
    pub unsafe fn dissolve(&mut self, cx: &mut Cx<'_>) {
        if let Some(root) = std::mem::take(self).root {
            // SAFETY: as the caller warrants.
            unsafe { discard(cx, root) };
        }
    }

    /// Takes all entries out, with everything below them: they die as one.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; the map is as before then.
    pub fn clear(&mut self, cx: &mut Cx<'_>) -> Result<(), OutOfMemory> {
        cx.reserve(1)?;
        if let Some(whole) = self.whole() {
            *self = Self::new();
            // SAFETY: this map reached it, and there is room.
            unsafe { cx.kill(whole) };
        }
        Ok(())
    }
}

#[cfg(any(test, feature = "internals"))]
impl Map {
    /// Frees its nodes and names, whatever its values are.
    ///
    /// # Safety
    ///
    /// They came from this arena, and nobody else uses them.
    pub unsafe fn free(self, cx: &mut Cx<'_>) {
        if let Some(root) = self.root {
            // SAFETY: as the caller warrants.
            unsafe { discard(cx, root) };
        }
    }
}

/// The nodes that are being filled, one of each level.
struct Rows {
    rows: Vec<Items>,
    last: Option<NamePtr>,
    len: u32,
}

impl Rows {
    fn fill<'n>(
        &mut self,
        cx: &mut Cx<'_>,
        entries: impl IntoIterator<Item = (&'n str, Value)>,
    ) -> Result<(), OutOfMemory> {
        self.rows.try_reserve(HIGHEST)?;
        for (text, value) in entries {
            // SAFETY: the last name is ours.
            let ascends = self.last.is_none_or(|last| unsafe { last.text() } < text.as_bytes());
            assert!(ascends, "the names of a map ascend");
            let version = cx.version();
            self.len = self.len.checked_add(1).ok_or(OutOfMemory)?;
            let name = {
                let overhead = cx.overhead;
                NamePtr::new(cx.arena(), version, text, overhead)?
            };
            if let Err(error) = self.push(cx, Item::entry(name, value)) {
                // SAFETY: nobody has got it.
                unsafe { name.free(cx.arena()) };
                return Err(error);
            }
            self.last = Some(name);
        }
        Ok(())
    }

    /// Adds a slot to the lowest row, after passing full rows upwards.
    fn push(&mut self, cx: &mut Cx<'_>, item: Item) -> Result<(), OutOfMemory> {
        match self.rows.first() {
            None => self.rows.push(Items::new()),
            Some(row) if row.as_slice().len() == FAN => self.close(cx, 0)?,
            Some(_) => {}
        }
        self.rows[0].push(item);
        Ok(())
    }

    /// Makes a row a node, a slot of the row above. Recurses by level.
    fn close(&mut self, cx: &mut Cx<'_>, level: usize) -> Result<(), OutOfMemory> {
        assert!(level + 2 < HIGHEST, "a map of 2^32 entries is not so high");
        match self.rows.get(level + 1) {
            None => self.rows.push(Items::new()),
            Some(above) if above.as_slice().len() == FAN => self.close(cx, level + 1)?,
            Some(_) => {}
        }
        // SAFETY: the row has slots of this level, in order, all of them ours.
        let node = unsafe { build(cx, level as u8, self.rows[level].as_slice(), MAX_NAME, 0)? };
        self.rows[level] = Items::new();
        self.rows[level + 1].push(Item::child(node));
        Ok(())
    }

    fn finish(&mut self, cx: &mut Cx<'_>) -> Result<Option<Raw>, OutOfMemory> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        for level in 0.. {
            let only = match self.rows[level].as_slice() {
                [only] if level > 0 && level + 1 == self.rows.len() => Some(only.link.cast()),
                _ => None,
            };
            if only.is_some() {
                return Ok(only);
            }
            if !self.rows[level].as_slice().is_empty() {
                self.close(cx, level)?;
            }
        }
        unreachable!("a row above the others has one slot at last");
    }

    fn discard(&mut self, cx: &mut Cx<'_>) {
        for (level, row) in self.rows.iter().enumerate() {
            for item in row.as_slice() {
                // SAFETY: all of it is ours, and nobody else knows it.
                unsafe {
                    match level {
                        0 => NamePtr::from_raw(item.link).free(cx.arena()),
                        _ => discard(cx, item.link.cast()),
                    }
                }
            }
        }
    }
}

/// Frees nodes and names below and including a node. Recurses by level, of which there are few.
///
/// # Safety
///
/// All of it is ours, and nobody else knows it.
unsafe fn discard(cx: &mut Cx<'_>, raw: Raw) {
    // SAFETY: as the caller warrants.
    unsafe {
        let node = Node::new(raw);
        for slot in 0..node.len() {
            if node.is_leaf() {
                NamePtr::from_raw(node.link(slot)).free(cx.arena());
            } else {
                discard(cx, node.child(slot).raw());
            }
        }
        Node::free(raw, cx.arena());
    }
}

/// Calls `visit` with everything directly below a node: children with all that is below them, names, files, and
/// directories with all that is below them.
///
/// # Safety
///
/// A node that was not freed is there, `visit` does not free it, and its values are objects.
pub unsafe fn below(node: NonNull<u8>, mut visit: impl FnMut(Dead)) {
    // SAFETY: as the caller warrants.
    let node = unsafe { Node::new(node.cast()) };
    for slot in 0..node.len() {
        if node.is_leaf() {
            visit(Dead::new(Kind::Name, node.link(slot)));
            visit(node.value(slot).whole());
        } else {
            visit(Dead::new(Kind::Nodes, node.link(slot)));
        }
    }
}
