//! What edits bring into a tree, with what pays for it.
//!
//! An edit keeps all of it until its version is published, so that a commit that is refused leaves the
//! edit as it was. Then the receipts are *absorbed*: from there on the objects owe what they are charged.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use super::node::{Dir, FileNode};
use super::tree::Tree;
use crate::charge::Charge;
use crate::content::Content;
use crate::error::{Error, Result};
use crate::tree::copy::CopyContent;
use crate::tree::edit::Edit;
use crate::tree::lookup::find_dir;
use crate::tree::meta::{FileMeta, Timestamp};
use crate::tree::node::NodeRef;

/// A version of a file that is in no tree yet.
#[derive(Debug)]
pub struct NewFile {
    pub(super) content: Content,
    pub(super) meta: FileMeta,
    pub(super) paid: Paid,
    /// Whether it was made an object, by the version that was tried last.
    pub(super) used: bool,
}

/// What pays for a version of a file.
#[derive(Debug)]
pub enum Paid {
    /// A receipt, or nothing where that was absorbed, and the amount.
    Own(Charge, u64),
    /// Whatever pays for the version before.
    Previous,
}

impl NewFile {
    /// One whose times are those of its place, once that is known.
    #[must_use]
    pub fn new(content: Content, charge: Charge) -> Self {
        let amount = charge.amount();
        Self { content, meta: FileMeta::default(), paid: Paid::Own(charge, amount), used: false }
    }

    /// The next version of a file with the content that this one has by then, paid for by `charge`
    /// or, without one, by what pays for the version before.
    #[must_use]
    pub fn same_content(charge: Option<Charge>) -> Self {
        let mut file = Self::new(Content::default(), charge.unwrap_or_default());
        if matches!(file.paid, Paid::Own(_, 0)) {
            file.paid = Paid::Previous;
        }
        file
    }

    /// What its object is charged; nothing, if what pays for the version before does.
    pub(super) fn amount(&self) -> u64 {
        match self.paid {
            Paid::Own(_, amount) => amount,
            Paid::Previous => 0,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Its times and counters, filled in when it is applied.
    #[must_use]
    pub fn meta(&self) -> FileMeta {
        self.meta
    }
}

/// The name of an entry that has to be paid for, because it is long: what pays for it. Clones share that.
#[derive(Clone, Debug)]
pub struct PaidName(Arc<Mutex<Charge>>);

impl PaidName {
    /// The name of this text, paid.
    #[must_use]
    pub fn new(_text: &str, charge: Charge) -> Self {
        Self(Arc::new(Mutex::new(charge)))
    }

    /// What it is charged.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.0.lock().amount()
    }
}

/// A directory that is to be made.
#[derive(Debug)]
pub struct NewDir {
    /// Its name, if it is long.
    pub name: Option<PaidName>,
    pub(super) charge: Charge,
    pub(super) amount: u64,
}

impl NewDir {
    /// One that `charge` pays for.
    #[must_use]
    pub fn new(name: Option<PaidName>, charge: Charge) -> Self {
        let amount = charge.amount();
        Self { name, charge, amount }
    }
}

/// A copy of a directory with everything below it that is still to be made.
pub struct NewTree {
    dir: NonNull<Dir>,
    /// Keeps the directory alive.
    source: Tree,
    /// The contents of the files, in the order of [`files_below`], where they are not shared.
    pub(super) contents: Option<Vec<Content>>,
    pub(super) node_overhead: u64,
    pub(super) chunk_overhead: u64,
    pub(super) now: Timestamp,
    pub(super) charge: Charge,
}

// SAFETY: what `dir` leads to is only read, and kept alive by `source`.
unsafe impl Send for NewTree {}
// SAFETY: as above.
unsafe impl Sync for NewTree {}

impl NewTree {
    /// A copy of the directory at `path` of `source`, as of `now`, generation 0. `charge` pays for its nodes
    /// and names. `content` gives the content of the copy of a file; without it, both share it.
    ///
    /// # Errors
    ///
    /// Those of `content`; that there is no directory.
    pub fn copy_of(
        source: &Tree,
        path: &str,
        (node_overhead, chunk_overhead): (u64, u64),
        now: Timestamp,
        charge: Charge,
        content: Option<CopyContent<'_>>,
    ) -> Result<Self> {
        let source = source.clone();
        let dir = find_dir(&source, path).map_err(|miss| Error::new(miss.into()))?;
        let contents = match content {
            None => None,
            Some(content) => {
                Some(files_below(dir).map(|file| content(&file.content)).collect::<Result<_>>()?)
            }
        };
        let dir = NonNull::from(dir);
        Ok(Self { dir, source, contents, node_overhead, chunk_overhead, now, charge })
    }
}

impl Deref for NewTree {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        let _ = &self.source;
        // SAFETY: the source keeps it alive.
        unsafe { self.dir.as_ref() }
    }
}

impl fmt::Debug for NewTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewTree").field("of", &**self).finish_non_exhaustive()
    }
}

/// All files below a directory, in an order that depends on nothing but the directory.
pub(super) fn files_below(dir: &Dir) -> impl Iterator<Item = &FileNode> {
    let mut levels = vec![dir.entries.iter()];
    std::iter::from_fn(move || {
        loop {
            match levels.last_mut()?.next() {
                None => drop(levels.pop()),
                Some((_, entry)) => match entry.node {
                    NodeRef::File(file) => return Some(file),
                    NodeRef::Dir(below) => levels.push(below.entries.iter()),
                },
            }
        }
    })
}

impl NewFile {
    /// Ends the receipt, if an object owes what it was for.
    fn absorb(&mut self) {
        if let Paid::Own(charge, _) = &mut self.paid
            && self.used
        {
            std::mem::take(charge).absorb();
        }
    }
}

/// Ends the receipts of what was made by a version that is published, of these names, and of what a restore took.
pub(super) fn absorb(edits: &mut [Edit], names: Vec<PaidName>, spent: u64) {
    for PaidName(charge) in names {
        std::mem::take(&mut *charge.lock()).absorb();
    }
    for edit in edits {
        match edit {
            Edit::MakeDirs { new, .. } => {
                new.iter_mut().for_each(|new| std::mem::take(&mut new.charge).absorb());
            }
            Edit::Put { file, .. } => file.absorb(),
            Edit::Graft { tree, .. } => std::mem::take(&mut tree.charge).absorb(),
            Edit::SetModified { file, .. } => file.iter_mut().for_each(NewFile::absorb),
            Edit::Hold(hold) => hold.blank.iter_mut().for_each(NewFile::absorb),
            Edit::Release { publish, .. } => publish.iter_mut().for_each(NewFile::absorb),
            Edit::Expect { .. }
            | Edit::Remove { .. }
            | Edit::Clear { .. }
            | Edit::Move { .. }
            | Edit::Exchange { .. } => {}
            Edit::Restore { purse, .. } => purse.split(spent).absorb(),
        }
    }
}
