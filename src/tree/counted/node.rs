//! Nodes that are shared by count between versions.
//!
//! Everything reachable from a published root is immutable. Within one version a node has exactly one
//! parent.

use std::cell::RefCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::Arc;

use super::copy::copy_tree;
use super::dir_map::DirMap;
use super::tree::Tree;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, Result};
use crate::sync::{model_has_failed, thread_local_const};
use crate::tree::copy::CopyContent;
use crate::tree::lookup::find_dir;
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
use crate::tree::name::Name;
#[cfg(feature = "image")]
use crate::tree::node::Payment;
use crate::tree::node::{EntryRef, NodeRef, Totals};

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

impl Entry {
    /// The entry, borrowed.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_> {
        EntryRef { node: self.node.as_ref(), placed: self.placed }
    }
}

/// Equal are entries that hold the same node, by pointer, put there by the same version.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.placed == other.placed && self.node.ptr_eq(&other.node)
    }
}

impl Node {
    /// The node, borrowed.
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> NodeRef<'_> {
        match self {
            Node::Dir(dir) => NodeRef::Dir(dir),
            Node::File(file) => NodeRef::File(file),
        }
    }

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

    /// What pays for it.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn payment(&self) -> Payment<'_> {
        let payer = match &self.paid {
            Paid::By(payer) => Some(&**payer),
            Paid::Own(_) | Paid::Previous => None,
        };
        let kept_at = std::ptr::from_ref(self).addr();
        Payment { kept_at, birth: 0, is_owed: payer.is_none(), payer }
    }

    /// Checks that it is paid, for tests; `first` says whether it was never asked about that address.
    ///
    /// # Errors
    ///
    /// What is wrong.
    #[cfg(any(test, feature = "internals"))]
    pub fn check_paid(&self, first: &mut dyn FnMut(*const ()) -> bool) -> Result<(), String> {
        match &self.paid {
            Paid::Own(_) => Ok(()),
            Paid::Previous => Err("is not paid".to_owned()),
            Paid::By(payer) if !first(Arc::as_ptr(payer).cast()) => {
                Err("is paid by what pays for another".to_owned())
            }
            Paid::By(payer) if matches!(payer.paid, Paid::Own(_)) && payer.content.ptr_eq(&self.content) => {
                Ok(())
            }
            Paid::By(_) => Err("is paid by what cannot pay for it".to_owned()),
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

/// A version of a file that is in no tree yet.
#[derive(Clone, Debug)]
pub struct NewFile(Arc<FileNode>);

impl NewFile {
    /// One whose times are those of its place, once that is known.
    #[must_use]
    pub fn new(content: Content, charge: Charge) -> Self {
        Self(Arc::new(FileNode::new(content, FileMeta::default(), charge)))
    }

    /// One with times of its own.
    #[must_use]
    pub fn copied(content: Content, meta: FileMeta, charge: Charge) -> Self {
        Self(Arc::new(FileNode::new(content, meta, charge)))
    }

    /// The next version of a file with the content that this one has by then, paid for by `charge`
    /// or, without one, by what pays for the version before.
    #[must_use]
    pub fn same_content(charge: Option<Charge>) -> Self {
        let paid = charge.map_or(Paid::Previous, Paid::Own);
        Self(Arc::new(FileNode { content: Content::default(), meta: FileMeta::default(), paid }))
    }

    /// Its times and counters, filled in when it is applied.
    #[must_use]
    pub fn meta(&self) -> FileMeta {
        self.0.meta
    }

    /// Its bytes.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.0.content
    }

    /// The file, to be filled in; `None` if a tree has it already.
    pub fn get_mut(&mut self) -> Option<&mut FileNode> {
        Arc::get_mut(&mut self.0)
    }

    /// It as the node of an entry.
    #[must_use]
    pub fn to_node(&self) -> Node {
        Node::File(Arc::clone(&self.0))
    }
}

impl Deref for NewFile {
    type Target = FileNode;

    fn deref(&self) -> &FileNode {
        &self.0
    }
}

/// The name of an entry that has to be paid for, because it is long, with what pays for it.
#[derive(Clone, Debug)]
pub struct PaidName(Name);

impl PaidName {
    /// The name of this text, paid.
    #[must_use]
    pub fn new(text: &str, charge: Charge) -> Self {
        Self(Name::new(text, charge))
    }

    /// What it is charged.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.charged()
    }

    /// The name as it is stored.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.0
    }
}

/// A directory that is to be made.
#[derive(Debug)]
pub struct NewDir {
    /// Its name, if it is long.
    pub name: Option<PaidName>,
    /// Pays for it.
    pub charge: Arc<Charge>,
}

impl NewDir {
    /// One that `charge` pays for.
    #[must_use]
    pub fn new(name: Option<PaidName>, charge: Charge) -> Self {
        Self { name, charge: Arc::new(charge) }
    }
}

/// A directory with everything below it that is in no tree yet.
#[derive(Clone, Debug)]
pub struct NewTree(Arc<Dir>);

impl NewTree {
    /// One with this at its top.
    #[must_use]
    pub fn new(top: Dir) -> Self {
        Self(Arc::new(top))
    }

    /// A copy of the directory at `path` of `source`, as of `now`, generation 0. `charge` pays for its nodes
    /// and names. `content` gives the content of the copy of a file; without it, both share it.
    ///
    /// # Errors
    ///
    /// Those of `content`; that there is no directory; `InvalidInput` if the sums would be too large.
    pub fn copy_of(
        source: &Tree,
        path: &str,
        (node_overhead, chunk_overhead): (u64, u64),
        now: Timestamp,
        mut charge: Charge,
        content: Option<CopyContent<'_>>,
    ) -> Result<Self> {
        let dir = find_dir(source, path).map_err(|miss| Error::new(miss.into()))?;
        let pay = &mut |amount| charge.split(amount);
        let share: CopyContent<'_> = match content {
            Some(content) => content,
            None => &mut |content: &Content| Ok(content.clone()),
        };
        copy_tree(dir, node_overhead, chunk_overhead, now, pay, share)
    }

    /// It as the node of an entry.
    #[must_use]
    pub fn to_node(&self) -> Node {
        Node::Dir(Arc::clone(&self.0))
    }
}

impl Deref for NewTree {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        &self.0
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

impl Dir {
    /// An empty directory.
    #[must_use]
    pub fn new(now: Timestamp, charge: Option<Arc<Charge>>) -> Self {
        Self { entries: DirMap::default(), totals: Totals::default(), meta: DirMeta::new(now), charge }
    }

    /// What pays for it; `None` for the root.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn payment(&self) -> Option<Payment<'_>> {
        let charge = self.charge.as_ref()?;
        Some(Payment { kept_at: Arc::as_ptr(charge).addr(), birth: 0, is_owed: true, payer: None })
    }

    /// Where its receipt is, which no other directory shares; `None` for the root.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn receipt(&self) -> Option<*const ()> {
        self.charge.as_ref().map(|charge| Arc::as_ptr(charge).cast())
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
