//! What a copy of a tree costs, and what becomes of contents in it.

use super::name::Name;
use super::node::{Dir, NodeRef};
use crate::content::Content;
use crate::error::Result;

/// Gives the content of the copy of a file.
pub type CopyContent<'a> = &'a mut dyn FnMut(&Content) -> Result<Content>;

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
            if let NodeRef::Dir(below) = entry.node {
                pending.push(below);
            }
        }
    }
    (1 + src.totals.nodes()).saturating_mul(node_overhead).saturating_add(names)
}
