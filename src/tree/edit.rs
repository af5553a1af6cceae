//! Edits as data: what a commit shall change, and under which conditions.
//!
//! An edit names paths and carries everything that its result needs: nodes already built and paid
//! for, and the time. It can be applied, refused and applied again to another root; what depends
//! on the root that it finally replaces is filled in by [`apply`](super::apply::apply).

use std::sync::Arc;

use smallvec::SmallVec;

use super::meta::{DirMeta, Timestamp};
use super::name::Name;
use super::node::{Dir, FileNode};
use crate::charge::Charge;
use crate::content::Content;
use crate::path::{self, Components};

/// One change of the tree or of its holds.
///
/// `name` is the name of a new entry and is given only where it is longer than 23 bytes and was
/// absent when the edit was planned: such a name must be paid for. Every path is normalised, and
/// none but that of [`Edit::Expect`] and [`Edit::SetModified`] may be the root.
#[derive(Debug)]
pub enum Edit {
    /// Changes nothing, but refuses unless what was read at `path` still stands there.
    Expect {
        /// Where.
        path: Box<str>,
        /// What was read.
        seen: Seen,
    },
    /// Makes directories, each in the one before it, where nothing stands.
    MakeDirs {
        /// Where the last one goes.
        path: Box<str>,
        /// One for each level, from the top; at least one.
        new: SmallVec<[NewDir; 1]>,
        /// The time of the change.
        now: Timestamp,
    },
    /// Binds a file, in place of an older version of it or of nothing.
    Put {
        /// Where.
        path: Box<str>,
        /// Its name, if it is long and new.
        name: Option<Name>,
        /// The file, its content in place.
        file: Arc<FileNode>,
        /// What may stand there, and what becomes of times and generation.
        rule: PutRule,
        /// The time of the change.
        now: Timestamp,
    },
    /// Binds a directory tree that was built elsewhere, where nothing stands.
    Graft {
        /// Where.
        path: Box<str>,
        /// Its name, if it is long.
        name: Option<Name>,
        /// The tree.
        tree: Arc<Dir>,
        /// The time of the change.
        now: Timestamp,
    },
    /// Unbinds a node.
    Remove {
        /// Where.
        path: Box<str>,
        /// What may be removed.
        what: Removal,
        /// The time of the change.
        now: Timestamp,
    },
    /// Unbinds everything but the root.
    Clear {
        /// The time of the change.
        now: Timestamp,
    },
    /// Moves a node of any kind.
    Move {
        /// From where.
        from: Box<str>,
        /// To where.
        to: Box<str>,
        /// Its new name, if that is long and new.
        name: Option<Name>,
        /// Whether a file may replace a file and a directory an empty directory.
        replace: bool,
        /// The time of the change.
        now: Timestamp,
    },
    /// Swaps two nodes of any kind.
    Exchange {
        /// One.
        a: Box<str>,
        /// The other.
        b: Box<str>,
        /// The time of the change.
        now: Timestamp,
    },
    /// Sets the modification time of a node.
    SetModified {
        /// Which.
        path: Box<str>,
        /// The next version of the node, if it is a file: empty, and filled when applied.
        file: Option<Arc<FileNode>>,
        /// The time.
        time: Timestamp,
    },
    /// Replaces the whole tree.
    Restore {
        /// By this.
        tree: Arc<Dir>,
    },
    /// Begins a hold: a handle is being opened under a lock.
    Hold(Hold),
    /// Publishes the content of a held file, ends the hold, or both.
    Release {
        /// The held path.
        path: Arc<str>,
        /// Its name, if the file has none yet and it is long.
        name: Option<Name>,
        /// The next version of the file, if there is anything to publish.
        publish: Option<Arc<FileNode>>,
        /// Whether the hold goes on.
        keep: bool,
        /// The time of the change.
        now: Timestamp,
    },
}

/// A directory that [`Edit::MakeDirs`] makes.
#[derive(Debug)]
pub struct NewDir {
    /// Its name, if it is long.
    pub name: Option<Name>,
    /// Pays for it.
    pub charge: Arc<Charge>,
}

/// What [`Edit::Hold`] carries.
#[derive(Debug)]
pub struct Hold {
    /// The file to hold.
    pub path: Arc<str>,
    /// Its name, if it is created and long.
    pub name: Option<Name>,
    /// Whether other shared holds may stand beside this one.
    pub shared: bool,
    /// What may stand there.
    pub create: Create,
    /// Whether an existing file is emptied.
    pub truncate: bool,
    /// Whether creating and emptying wait for the first publication.
    pub atomic: bool,
    /// An empty file, paid for: needed to create or to empty one now.
    pub blank: Option<Arc<FileNode>>,
    /// The time of the change.
    pub now: Timestamp,
    /// Set when applied: the file as the hold found it, or as it made it.
    pub base: Option<Arc<FileNode>>,
}

/// What a hold asks of the file that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It exists.
    Never,
    /// It exists, or is created.
    IfMissing,
    /// It does not exist, and is created.
    New,
}

/// What may stand where a file is put, and what becomes of its times and generation.
#[derive(Debug, Clone)]
pub enum PutRule {
    /// Nothing stands there; a new file, generation 0.
    Create,
    /// A file or nothing; keeps `created`, counts the publication if it changed anything.
    Write,
    /// As `Write`, but only onto the content that the new one was built from.
    Append {
        /// That content; `None` if the file was absent.
        base: Option<Content>,
    },
    /// A file or nothing; keeps `created`; generation 0; `modified` as given.
    Import {
        /// When it was modified.
        modified: Timestamp,
        /// Whether a file may stand there.
        replace: bool,
    },
    /// A file or nothing; times and generation are those that the file carries.
    Keep,
}

/// What may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// A file.
    File,
    /// A directory without entries.
    EmptyDir,
    /// A directory with everything below it.
    Tree,
}

/// What a transaction, or an operation that copies, has read at a path. Compared by pointer where
/// there is one; what is kept alive here cannot be confused with something newer.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nothing stands there.
    Absent,
    /// This version of a file.
    File(Arc<FileNode>),
    /// A directory, whatever its entries.
    IsDir,
    /// A directory with these times and this listing version.
    DirMeta(DirMeta),
    /// A directory with these entries: same names, same files, same kinds.
    Listing(Arc<Dir>),
    /// A directory and everything below it.
    Subtree(Arc<Dir>),
}

/// The topmost of the directories that [`Edit::MakeDirs`] makes, and the names of all of them.
///
/// # Panics
///
/// If the path does not have so many components, or none is asked for.
#[must_use]
pub fn new_levels(path: &str, count: usize) -> (&str, Components<'_>) {
    let top = path::ancestor(path, count - 1);
    let (_, name) = path::split_last(top).expect("the root is not made");
    (top, path::components(&path[top.len() - name.len() - 1..]))
}

impl Default for Edit {
    /// An edit that changes nothing: what is left behind where one is moved out.
    fn default() -> Self {
        Edit::Expect { path: "/".into(), seen: Seen::IsDir }
    }
}

impl Edit {
    /// The path that an error of this edit names first.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Edit::Expect { path, .. }
            | Edit::MakeDirs { path, .. }
            | Edit::Put { path, .. }
            | Edit::Graft { path, .. }
            | Edit::Remove { path, .. }
            | Edit::SetModified { path, .. } => path,
            Edit::Move { from, .. } => from,
            Edit::Exchange { a, .. } => a,
            Edit::Hold(hold) => &hold.path,
            Edit::Release { path, .. } => path,
            Edit::Clear { .. } | Edit::Restore { .. } => "/",
        }
    }
}
