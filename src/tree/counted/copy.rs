//! Copying a tree: new nodes over shared content.

use std::sync::Arc;

use super::dir_map::{self, DirMap};
use super::node::{Dir, Entry, NewFile, NewTree, Node};
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
use crate::tree::name::Name;
use crate::tree::node::{EntryRef, NodeRef, Totals};

/// A directory whose copy is being made.
struct Level<'a> {
    /// Its name in the directory above; `None` for the first.
    name: Option<&'a Name>,
    src: dir_map::Iter<'a>,
    copied: DirMap,
    totals: Totals,
}

impl<'a> Level<'a> {
    fn new(name: Option<&'a Name>, dir: &'a Dir) -> Self {
        Self { name, src: dir.entries.iter(), copied: DirMap::default(), totals: Totals::default() }
    }

    fn add(&mut self, name: Name, node: Node) -> Result<()> {
        let added = Totals::of_entry(name.charged(), node.as_ref());
        let sum = self.totals.exchanged(&Totals::default(), &added).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput).because("the sums of the copy would be too large")
        })?;
        self.totals = Totals { height: self.totals.height.max(added.height), ..sum };
        self.copied.insert(name, Entry { node, placed: 0 });
        Ok(())
    }
}

/// A copy of `src` with everything below it: new nodes, as of `now`, generation 0.
///
/// `pay` splits a receipt of the amount that it is asked for from what was reserved,
/// [`copy_cost`] in all. `content` gives the content of the copy of a file: the same one to
/// share it, or another with the same bytes. O(nodes × log entries); no bytes are touched here.
///
/// # Errors
///
/// Those of `content`; the receipts spent so far are given back.
pub fn copy_tree(
    src: &Dir,
    node_overhead: u64,
    chunk_overhead: u64,
    now: Timestamp,
    pay: &mut dyn FnMut(u64) -> Charge,
    content: &mut dyn FnMut(&Content) -> Result<Content>,
) -> Result<NewTree> {
    let mut levels = Vec::new();
    let mut level = Level::new(None, src);
    loop {
        match level.src.next() {
            Some((name, EntryRef { node: NodeRef::Dir(dir), .. })) => {
                levels.push(std::mem::replace(&mut level, Level::new(Some(name), dir)));
            }
            Some((name, EntryRef { node: NodeRef::File(file), .. })) => {
                let content = content(&file.content)?;
                let file = NewFile::copied(content, FileMeta::new(now), pay(node_overhead));
                level.add(copy_name(name, chunk_overhead, pay), file.to_node())?;
            }
            None => {
                let dir = NewTree::new(Dir {
                    entries: level.copied,
                    totals: level.totals,
                    meta: DirMeta::new(now),
                    charge: Some(Arc::new(pay(node_overhead))),
                });
                let (Some(above), Some(name)) = (levels.pop(), level.name) else { return Ok(dir) };
                level = above;
                level.add(copy_name(name, chunk_overhead, pay), dir.to_node())?;
            }
        }
    }
}

/// The same name, with a receipt of its own where it needs one.
fn copy_name(name: &Name, chunk_overhead: u64, pay: &mut dyn FnMut(u64) -> Charge) -> Name {
    if name.is_long() {
        let text = name.as_str();
        Name::new(text, pay(Name::cost(text, chunk_overhead)))
    } else {
        name.clone()
    }
}
