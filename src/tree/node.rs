//! The nodes of the tree, as they are lent to who reads, and what a subtree adds up to.

pub use super::engine::node::{Dir, FileNode, NewDir, NewFile, NewTree, PaidName};

/// A file or a directory, borrowed from a tree.
#[derive(Debug, Clone, Copy)]
pub enum NodeRef<'a> {
    /// A directory.
    Dir(&'a Dir),
    /// A file.
    File(&'a FileNode),
}

/// A node at its place in a directory, borrowed from a tree.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    /// What stands there.
    pub node: NodeRef<'a>,
    /// The version that put it there or last changed its content; the largest one on the way
    /// from the root is what a user sees, so that moving a directory need not touch what is below.
    pub placed: u64,
}

impl<'a> NodeRef<'a> {
    /// The directory, if it is one.
    #[must_use]
    pub fn as_dir(self) -> Option<&'a Dir> {
        match self {
            NodeRef::Dir(dir) => Some(dir),
            NodeRef::File(_) => None,
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn as_file(self) -> Option<&'a FileNode> {
        match self {
            NodeRef::File(file) => Some(file),
            NodeRef::Dir(_) => None,
        }
    }
}

/// What pays for a node, as who saves it has to know.
#[cfg(feature = "image")]
#[derive(Debug, Clone, Copy)]
pub struct Payment<'a> {
    /// Where it is kept: the same in all versions that share it.
    pub kept_at: usize,
    /// The version that it came into being with, where objects know that.
    pub birth: u64,
    /// Whether it gives back itself what it is charged, or something else does.
    pub is_owed: bool,
    /// That something, where it is known.
    pub payer: Option<&'a FileNode>,
}

/// What a subtree adds up to.
///
/// Invariant: `totals` of a directory is the sum of [`Totals::of_entry`] over its entries, but for
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
    /// What an entry adds to its directory whose name is charged so much.
    #[must_use]
    pub fn of_entry(name_charged: u64, node: NodeRef<'_>) -> Self {
        Self::of_node(node).with_name_charged(name_charged)
    }

    /// The same, and what a name is charged.
    #[must_use]
    pub fn with_name_charged(mut self, charged: u64) -> Self {
        self.charged = self.charged.wrapping_add(charged);
        self
    }

    /// What a node adds to its directory, its name not included.
    #[must_use]
    pub fn of_node(node: NodeRef<'_>) -> Self {
        match node {
            NodeRef::File(file) => Self {
                bytes: file.content.len(),
                charged: file.content.charged().wrapping_add(file.charged()),
                chunks: file.content.chunk_count(),
                files: 1,
                dirs: 0,
                height: 1,
            },
            NodeRef::Dir(dir) => Self {
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
#[cfg(arcfs_tree = "counted")]
pub const FREED_BY_READERS: u64 = if cfg!(arcfs_loom) { 2 } else { 1024 };
