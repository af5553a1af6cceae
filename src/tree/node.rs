//! The nodes of the tree: directories, files, and what a subtree adds up to.
//!
//! Everything reachable from a published root is immutable and shared by count between versions.
//! Within one version a node has exactly one parent.

use std::cell::RefCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::dir_map::DirMap;
use super::meta::{DirMeta, FileMeta, Timestamp};
use super::name::Name;
use crate::charge::Charge;
use crate::content::Content;
use crate::sync::{model_has_failed, thread_local_const};

/// A file or a directory.
#[derive(Clone, Debug)]
pub enum Node {
    /// A directory.
    Dir(Arc<Dir>),
    /// A file.
    File(Arc<FileNode>),
}

/// A node at its place in a directory.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What stands there.
    pub node: Node,
    /// The version that put it there or last changed its content; the largest one on the way
    /// from the root is what a user sees, so that moving a directory need not touch what is below.
    pub placed: u64,
}

/// Equal are entries that hold the same node, by pointer, put there by the same version.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.placed == other.placed && self.node.ptr_eq(&other.node)
    }
}

impl Node {
    /// Whether both are the same node by pointer.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Node::Dir(a), Node::Dir(b)) => Arc::ptr_eq(a, b),
            (Node::File(a), Node::File(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// One version of a file. Its chunks own their receipts.
#[derive(Debug)]
pub struct FileNode {
    /// The bytes.
    pub content: Content,
    /// Times and counters.
    pub meta: FileMeta,
    /// What pays for this version of the node.
    pub paid: Paid,
}

const _: () = assert!(size_of::<FileNode>() <= 72, "what an empty file takes sets `node_overhead`");

/// What pays for one version of a file.
#[derive(Debug)]
pub enum Paid {
    /// A receipt of its own.
    Own(Charge),
    /// The receipt of an earlier version with the same content, which lives on for that. It is
    /// never one that is itself paid by another.
    By(Arc<FileNode>),
    /// Nothing yet: whatever pays for the version before, once it is known which that is. Only in
    /// edits that have not been applied.
    Previous,
}

impl FileNode {
    /// A version that owns its receipt.
    #[must_use]
    pub fn new(content: Content, meta: FileMeta, charge: Charge) -> Self {
        Self { content, meta, paid: Paid::Own(charge) }
    }

    /// What this version is charged, whichever owns the receipt.
    #[must_use]
    pub fn charged(&self) -> u64 {
        match &self.paid {
            Paid::Own(charge) => charge.amount(),
            Paid::By(payer) => payer.charged(),
            Paid::Previous => 0,
        }
    }

    /// What pays for a next version with the same content that brings no receipt.
    #[must_use]
    pub fn pays_next(self: &Arc<Self>) -> Paid {
        match &self.paid {
            Paid::Own(charge) if charge.amount() == 0 => Paid::Own(Charge::none()),
            Paid::Own(_) => Paid::By(Arc::clone(self)),
            Paid::By(payer) => Paid::By(Arc::clone(payer)),
            Paid::Previous => Paid::Previous,
        }
    }
}

/// One version of a directory.
#[derive(Clone)]
pub struct Dir {
    /// Its entries by name.
    pub entries: DirMap,
    /// Sums over everything below, this directory itself not included.
    pub totals: Totals,
    /// Times and counters.
    pub meta: DirMeta,
    /// Pays for the directory; shared by all its versions. `None` for the root, which is free.
    pub charge: Option<Arc<Charge>>,
}

/// What a subtree adds up to.
///
/// Invariant: `totals` of a directory is the sum of [`Totals::of`] over its entries, but for
/// `height`, which may be larger than the truth after removals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Bytes of the files, shared ones counted each time.
    pub bytes: u64,
    /// What the nodes, their names and their chunks are charged, shared chunks counted each time.
    /// A figure for people, so it wraps where shared chunks with absurd overheads are counted often.
    pub charged: u64,
    /// Chunks, shared ones counted each time.
    pub chunks: u64,
    /// Files.
    pub files: u32,
    /// Directories.
    pub dirs: u32,
    /// At least the number of components of the longest path below.
    pub height: u32,
}

impl Totals {
    /// What one entry adds to its directory.
    #[must_use]
    pub fn of(name: &Name, node: &Node) -> Self {
        Self::of_node(node).with_name_charged(name.charged())
    }

    /// The same, and what a name is charged.
    #[must_use]
    pub fn with_name_charged(mut self, charged: u64) -> Self {
        self.charged = self.charged.wrapping_add(charged);
        self
    }

    /// What a node adds to its directory, its name not included.
    #[must_use]
    pub fn of_node(node: &Node) -> Self {
        match node {
            Node::File(file) => Self {
                bytes: file.content.len(),
                charged: file.content.charged().wrapping_add(file.charged()),
                chunks: file.content.chunk_count(),
                files: 1,
                dirs: 0,
                height: 1,
            },
            Node::Dir(dir) => Self {
                charged: dir.totals.charged.wrapping_add(dir.charged()),
                dirs: dir.totals.dirs.saturating_add(1),
                height: dir.totals.height + 1,
                ..dir.totals
            },
        }
    }

    /// Files and directories.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        u64::from(self.files) + u64::from(self.dirs)
    }

    /// The sum without `removed` and with `added`; `None` if a sum would not fit.
    /// The height is left as it is.
    #[must_use]
    pub fn exchanged(&self, removed: &Totals, added: &Totals) -> Option<Totals> {
        let u64s = |own: u64, out: u64, into: u64| own.checked_sub(out)?.checked_add(into);
        let u32s = |own: u32, out: u32, into: u32| own.checked_sub(out)?.checked_add(into);
        Some(Totals {
            bytes: u64s(self.bytes, removed.bytes, added.bytes).filter(|sum| *sum < 1 << 63)?,
            charged: self.charged.wrapping_sub(removed.charged).wrapping_add(added.charged),
            chunks: u64s(self.chunks, removed.chunks, added.chunks)?,
            files: u32s(self.files, removed.files, added.files)?,
            dirs: u32s(self.dirs, removed.dirs, added.dirs)?,
            height: self.height,
        })
    }
}

/// Nodes and chunks that dropping an iterator, a snapshot or a handle may free at most. More than
/// that goes through the graves, which free a tree once nobody else holds it. So few in a model that
/// a directory with one file is a large tree.
pub const FREED_BY_READERS: u64 = if cfg!(arcfs_loom) { 2 } else { 1024 };

impl Dir {
    /// What a reader of this directory, found in `tree`, must hold beside it: the tree, if
    /// dropping the directory alone could free more than a reader may. Whoever holds the tree is
    /// seen by the graves, whoever holds a part of it is not.
    #[must_use]
    pub fn pin(&self, tree: &Arc<Dir>) -> Option<Arc<Dir>> {
        let heavy = self.totals.nodes().saturating_add(self.totals.chunks) > FREED_BY_READERS;
        heavy.then(|| Arc::clone(tree))
    }

    /// An empty directory.
    #[must_use]
    pub fn new(now: Timestamp, charge: Option<Arc<Charge>>) -> Self {
        Self { entries: DirMap::default(), totals: Totals::default(), meta: DirMeta::new(now), charge }
    }

    /// What the directory itself is charged.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.charge.as_ref().map_or(0, |charge| charge.amount())
    }
}

impl fmt::Debug for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dir")
            .field("entries", &self.entries.len())
            .field("totals", &self.totals)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

thread_local_const! {
    /// The entry maps of directories whose drop was met inside the drop of another.
    /// `None` while no directory is being dropped on this thread. Not dropped itself (it is empty
    /// when it could be), so that it is there for trees that go with the thread.
    static DROPPING: RefCell<ManuallyDrop<Option<Vec<DirMap>>>> = RefCell::new(ManuallyDrop::new(None))
}

/// Dropping a tree must not recurse by depth: a directory met while another is being dropped
/// hands its entries to that one, which drops them when it is done with its own.
impl Drop for Dir {
    fn drop(&mut self) {
        if self.totals.dirs == 0 || model_has_failed() {
            return; // only files below: nothing to descend into
        }
        let entries = std::mem::take(&mut self.entries);
        let outermost = DROPPING.with(|dropping| match &mut **dropping.borrow_mut() {
            Some(queue) => {
                queue.push(entries);
                None
            }
            idle @ None => {
                *idle = Some(Vec::new());
                Some(entries)
            }
        });
        let Some(mut next) = outermost else { return };
        loop {
            drop(next);
            let more = DROPPING.with(|dropping| {
                let mut dropping = dropping.borrow_mut();
                let more = dropping.as_mut().and_then(Vec::pop);
                if more.is_none() {
                    **dropping = None;
                }
                more
            });
            match more {
                Some(entries) => next = entries,
                None => return,
            }
        }
    }
}
