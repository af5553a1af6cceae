//! Edits as data: what a commit shall change, and under which conditions.
//!
//! An edit names paths and carries everything that its result needs: nodes already built and paid
//! for, and the time. It can be applied, refused and applied again to another root; what depends
//! on the root that it finally replaces is filled in by [`apply`](super::apply::apply).

use std::sync::Arc;

use smallstr::SmallString;
use smallvec::SmallVec;

use super::held::Tree;
use super::holds::Holds;
use super::meta::{DirMeta, FileMeta, Timestamp};
use super::node::{FileNode, NewDir, NewFile, NewTree, PaidName};
use crate::charge::Charge;
use crate::content::Content;
use crate::path::{self, Components};

/// A path that takes no allocation if it is short.
pub type ShortPath = SmallString<[u8; 64]>;

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
        path: ShortPath,
        /// What was read.
        seen: Seen,
    },
    /// Makes directories, each in the one before it, where nothing stands.
    MakeDirs {
        /// Where the last one goes.
        path: ShortPath,
        /// One for each level, from the top; at least one.
        new: SmallVec<[NewDir; 1]>,
        /// The time of the change.
        now: Timestamp,
    },
    /// Binds a file, in place of an older version of it or of nothing.
    Put {
        /// Where.
        path: ShortPath,
        /// Its name, if it is long and new.
        name: Option<PaidName>,
        /// The file, its content in place.
        file: NewFile,
        /// What may stand there, and what becomes of times and generation.
        rule: PutRule,
        /// The time of the change.
        now: Timestamp,
    },
    /// Binds a directory tree that was built elsewhere, where nothing stands.
    Graft {
        /// Where.
        path: ShortPath,
        /// Its name, if it is long.
        name: Option<PaidName>,
        /// The tree.
        tree: NewTree,
        /// The time of the change.
        now: Timestamp,
    },
    /// Unbinds a node.
    Remove {
        /// Where.
        path: ShortPath,
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
        name: Option<PaidName>,
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
        path: ShortPath,
        /// The next version of the node, if it is a file: empty, and filled when applied.
        file: Option<NewFile>,
        /// The time.
        time: Timestamp,
    },
    /// Replaces the whole tree.
    Restore {
        /// By this.
        tree: Tree,
        #[cfg_attr(
            arcfs_tree = "counted",
            allow(dead_code, reason = "counted nodes are shared instead of made anew")
        )]
        /// Pays for nodes that have to be made anew, as far as it goes: the limit stops no restore.
        purse: Charge,
    },
    /// Begins a hold: a handle is being opened under a lock.
    Hold(Hold),
    /// Publishes the content of a held file, ends the hold, or both.
    Release {
        /// The held path.
        path: Arc<str>,
        /// Its name, if the file has none yet and it is long.
        name: Option<PaidName>,
        /// The next version of the file, if there is anything to publish.
        publish: Option<NewFile>,
        /// Whether the hold goes on.
        keep: bool,
        /// The time of the change.
        now: Timestamp,
    },
}

/// What [`Edit::Hold`] carries.
#[derive(Debug)]
pub struct Hold {
    /// The file to hold.
    pub path: Arc<str>,
    /// Its name, if it is created and long.
    pub name: Option<PaidName>,
    /// Whether other shared holds may stand beside this one.
    pub shared: bool,
    /// What may stand there.
    pub create: Create,
    /// Whether an existing file is emptied.
    pub truncate: bool,
    /// Whether creating and emptying wait for the first publication.
    pub atomic: bool,
    /// An empty file, paid for: needed to create or to empty one now.
    pub blank: Option<NewFile>,
    /// The time of the change.
    pub now: Timestamp,
    /// Set when applied: the content of the file as the hold found it, or as it made it.
    pub base: Option<Content>,
}

impl Hold {
    /// Whether the file is there, and empty, once it is held, whatever was there before.
    #[must_use]
    pub fn starts_empty(&self) -> bool {
        self.truncate && self.create == Create::IfMissing && !self.atomic
    }
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

impl PutRule {
    /// Whether bytes are written to a file that gets this content, or taken away from it.
    #[must_use]
    pub fn writes(&self, was_empty: bool, content: &Content) -> bool {
        match self {
            PutRule::Append { base: Some(base) } => !base.ptr_eq(content),
            _ => !(was_empty && content.is_empty()),
        }
    }

    /// Times and generation of a file's next version. With the old ones comes whether anything was
    /// written: bytes, or that there are none any more.
    #[must_use]
    pub fn next_meta(&self, old: Option<(FileMeta, bool)>, empty: bool, now: Timestamp) -> FileMeta {
        let fresh = FileMeta::new(now);
        match (self, old) {
            (PutRule::Write | PutRule::Append { .. }, Some((old, wrote))) => FileMeta {
                created: old.created,
                modified: if wrote { old.modified.max(now) } else { old.modified },
                generation: old.generation + u64::from(wrote),
            },
            (PutRule::Write | PutRule::Append { .. }, None) => {
                FileMeta { generation: u64::from(!empty), ..fresh }
            }
            (PutRule::Import { modified, .. }, old) => FileMeta {
                created: old.map_or(now, |(old, _)| old.created),
                modified: *modified,
                generation: 0,
            },
            (PutRule::Create | PutRule::Keep, _) => fresh,
        }
    }
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

/// What a transaction, or an operation that copies, has read at a path. Directories are compared by
/// pointer; what is kept alive here cannot be confused with something newer.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nothing stands there.
    Absent,
    /// This version of a file.
    File(SeenFile),
    /// A directory, whatever its entries.
    IsDir,
    /// A directory with these times and this listing version.
    DirMeta(DirMeta),
    /// A directory with the entries that it has at the path in this tree: same names, same files,
    /// same kinds.
    Listing(Tree, Box<str>),
    /// The directory at the path in this tree and everything below it.
    Subtree(Tree, Box<str>),
}

/// A version of a file: nothing that can be read of two with equal ones differs.
#[derive(Debug, Clone)]
pub struct SeenFile {
    content: Content,
    meta: FileMeta,
}

impl SeenFile {
    /// That of `file`.
    #[must_use]
    pub fn of(file: &FileNode) -> Self {
        Self { content: file.content.clone(), meta: file.meta }
    }

    /// Its bytes.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether `file` is this version, or reads like it.
    #[must_use]
    pub fn is(&self, file: &FileNode) -> bool {
        self.meta == file.meta && self.content.ptr_eq(&file.content)
    }
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
    /// The held path that stands in the way of this edit.
    #[must_use]
    pub fn held_path<'a>(&'a self, holds: &'a Holds) -> &'a str {
        let (first, second) = match self {
            Edit::Move { from, to, .. } => (&**from, &**to),
            Edit::Exchange { a, b, .. } => (&**a, &**b),
            Edit::MakeDirs { path, new, .. } => (new_levels(path, new.len()).0, &**path),
            _ => (self.path(), self.path()),
        };
        let held = holds.at_or_below(first).or_else(|| holds.at_or_below(second));
        held.unwrap_or(self.path())
    }

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
