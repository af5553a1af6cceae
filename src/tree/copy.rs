//! Copying a tree: new nodes over shared content.

use std::sync::Arc;

use super::dir_map::{self, DirMap};
use super::meta::{DirMeta, FileMeta, Timestamp};
use super::name::Name;
use super::node::{Dir, Entry, FileNode, Node, Totals};
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, ErrorKind, Result};

/// What the nodes and names of a copy of `src` are charged, `src` itself included, its own name
/// and all content not. O(nodes).
#[must_use]
pub fn copy_cost(src: &Dir, node_overhead: u64, chunk_overhead: u64) -> u64 {
    let mut names = 0_u64;
    let mut pending = vec![src];
    while let Some(dir) = pending.pop() {
        for (name, entry) in dir.entries.iter() {
            if name.is_long() {
                names = names.saturating_add(Name::cost(name.as_str(), chunk_overhead));
            }
            if let Node::Dir(below) = &entry.node {
                pending.push(below);
            }
        }
    }
    (1 + src.totals.nodes()).saturating_mul(node_overhead).saturating_add(names)
}

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
        let added = Totals::of(&name, &node);
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
    src: &Arc<Dir>,
    node_overhead: u64,
    chunk_overhead: u64,
    now: Timestamp,
    pay: &mut dyn FnMut(u64) -> Charge,
    content: &mut dyn FnMut(&Content) -> Result<Content>,
) -> Result<Arc<Dir>> {
    let mut levels = Vec::new();
    let mut level = Level::new(None, src);
    loop {
        match level.src.next() {
            Some((name, Entry { node: Node::Dir(dir), .. })) => {
                levels.push(std::mem::replace(&mut level, Level::new(Some(name), dir)));
            }
            Some((name, Entry { node: Node::File(file), .. })) => {
                let content = content(&file.content)?;
                let file = FileNode::new(content, FileMeta::new(now), pay(node_overhead));
                level.add(copy_name(name, chunk_overhead, pay), Node::File(Arc::new(file)))?;
            }
            None => {
                let dir = Arc::new(Dir {
                    entries: level.copied,
                    totals: level.totals,
                    meta: DirMeta::new(now),
                    charge: Some(Arc::new(pay(node_overhead))),
                });
                let (Some(above), Some(name)) = (levels.pop(), level.name) else { return Ok(dir) };
                level = above;
                level.add(copy_name(name, chunk_overhead, pay), Node::Dir(dir))?;
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
