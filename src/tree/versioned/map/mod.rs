//! The entries of a directory: a copy-on-write B+tree from names to values, without counts.
//!
//! | module | what |
//! |---|---|
//! | `node` | one node and the search in it, with the invariants M1 to M4 |
//! | `path` | the way from the root to a slot |
//! | `build`, `slots` | nodes from slots; one slot more or less |
//! | `edit` | inserting, removing, splitting, merging |
//! | `bulk` | a map from names in order; the end of a map |
//! | `iter`, `changes` | reading in order; comparing two versions |
//! | `check` | the invariants, for tests |
//!
//! Invariants of the whole, besides those of a node:
//!
//! * **M5** A node whose birth is not the version under construction is never written: an edit copies it, puts the
//!   copy in its place and kills it. (`slots::own`, `slots::add`, `slots::cut`)
//! * **M6** The birth of a node is at least that of everything below it: who copies a node copies what is above it.
//! * **M7** No node is empty, a root that is an inner node has two children or more, and all leaves have level 0. A
//!   node that falls below half is joined with a neighbour if both together leave a quarter free.
//! * **M8** When an edit fails because memory is short, the map is as before to everybody who reads it; some of its
//!   nodes may have been copied.

mod build;
mod bulk;
mod changes;
#[cfg(any(test, feature = "internals"))]
mod check;
mod edit;
mod iter;
mod node;
mod path;
mod slots;

use super::dead::{Dead, Kind, Value};
use super::name::Name;

pub(super) use bulk::below;
pub use changes::{Change, Changes};
#[cfg(any(test, feature = "internals"))]
pub use check::Tally;
pub use iter::Iter;
use node::Raw;
pub(super) use node::{FAN, Node};
use path::Path;

/// Names in bytewise order, each with a value.
///
/// It owns nothing: dropping it frees nothing. Nodes are freed by who decides that nobody reads them any
/// more; see [`Store`](super::Store).
#[derive(Default)]
#[repr(C)]
pub struct Map {
    root: Option<Raw>,
    len: u32,
}

// SAFETY: what is reachable through `&Map` is only read; what edits it needs `&mut Map` and the arena (M5).
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// A map without entries. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { root: None, len: 0 }
    }

    /// Number of entries. O(1).
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no entry.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether both are the same version of one map: never true for different entries. O(1).
    #[must_use]
    #[inline]
    pub fn same(&self, other: &Self) -> bool {
        self.root == other.root
    }

    /// The same map once more, as the copy of a directory object needs it.
    ///
    /// # Safety
    ///
    /// One of both is not used any more, or both are only read, or the other one belongs to an earlier version
    /// that is never edited again; either is read only while nothing that it reaches is freed.
    #[must_use]
    #[inline]
    pub unsafe fn alias(&self) -> Self {
        Self { root: self.root, len: self.len }
    }

    /// The entry of that name. O(log n); allocates nothing.
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Option<(&Name, Value)> {
        let mut node = self.root()?;
        let text = name.as_bytes();
        let mut unsure = 0;
        while !node.is_leaf() {
            unsure = unsure.max(node.head().run_prefix);
            node = node.child(node.child_of(text, false));
        }
        match node.slot_of(text) {
            Some(slot) => Some((node.name(slot), node.value(slot))),
            None if node.may_mislead(text, unsure) => self.get_exact(text),
            None => None,
        }
    }

    /// As `get`, when a run of an inner node may have led astray.
    #[cold]
    fn get_exact(&self, text: &[u8]) -> Option<(&Name, Value)> {
        let mut node = self.root()?;
        while !node.is_leaf() {
            node = node.child(node.child_of(text, true));
        }
        let slot = node.slot_of(text)?;
        Some((node.name(slot), node.value(slot)))
    }

    /// All entries, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.root().map(Path::first))
    }

    /// The entries after `name`, in order. O(log n) to start.
    #[must_use]
    pub fn iter_after(&self, name: &str) -> Iter<'_> {
        Iter::new(self.root().and_then(|root| Path::after(root, name.as_bytes())))
    }

    /// The entries from `name` on, in order. O(log n) to start.
    #[must_use]
    pub fn iter_from(&self, name: &str) -> Iter<'_> {
        Iter::new(self.root().and_then(|root| Path::from(root, name.as_bytes())))
    }

    /// The names at which this map differs from `older`, in order, with what stands there in `older` and here.
    ///
    /// Nodes that both maps share are skipped: O(differences × log n) between versions of one map.
    #[must_use]
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Changes<'a> {
        Changes::new(older.root(), self.root())
    }

    /// The root with everything below it, as something that dies; `None` if there is nothing.
    pub(super) fn whole(&self) -> Option<Dead> {
        self.root.map(|root| Dead::new(Kind::Nodes, root.cast()))
    }

    fn root(&self) -> Option<Node<'_>> {
        // SAFETY: M1 to M4 hold for what a map reaches. It is written through `&mut Map` alone, and what a map
        // that is in use reaches is not freed: `Cx::new` and `Store` make that the duty of their callers.
        self.root.map(|root| unsafe { Node::new(root) })
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Name, Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Map {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
