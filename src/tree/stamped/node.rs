//! The objects that entries lead to.
//!
//! * **O1** An object is written only by the version that made it, before that is published. The
//!   exception is [`FileNode::owes`], an atomic of whoever holds the commit lock.
//! * **O2** Every value of the entries of a directory is an object of this module.
//! * **O3** All versions of a directory lead to one receipt, which is older than the eldest of them or
//!   as old; so the receipt lives exactly as long as some version of the directory does.
//! * **O4** Versions of a file that differ only in their place, or in a time that was set without room for a
//!   charge, share one charge, which the newest of them owes. So while a snapshot keeps an older one beside it, one
//!   object is not charged; and once the newest is gone, neither is the older. What a restore makes beside what the
//!   snapshot keeps is charged if there is room. What a fork shares is owed where it came from.

use std::fmt;
use std::mem::size_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

use super::dir_map::DirMap;
pub use super::new::{NewDir, NewFile, NewTree, PaidName};
use crate::content::Content;
use crate::tree::meta::{DirMeta, FileMeta, Timestamp};
#[cfg(feature = "image")]
use crate::tree::node::Payment;
use crate::tree::node::{NodeRef, Totals};
use crate::tree::versioned::{Arena, Directory, Kinds, Map, Object, OutOfMemory, Value};

/// One version of a file.
#[repr(C)]
pub struct FileNode {
    birth: u64,
    /// See `EntryRef::placed`.
    pub placed: u64,
    /// The bytes.
    pub content: Content,
    /// Times and counters.
    pub meta: FileMeta,
    charged: u64,
    /// Whether it gives that back when it is freed (O4). Ordering: relaxed; used by whoever has the commit lock.
    owes: AtomicBool,
}

const _: () = assert!(size_of::<FileNode>() <= 80, "what an empty file takes sets `node_overhead`");

impl FileNode {
    /// What this version is charged, whichever object gives that back.
    #[must_use]
    pub fn charged(&self) -> u64 {
        self.charged
    }

    /// The version that it came into being with.
    #[must_use]
    pub fn birth(&self) -> u64 {
        self.birth
    }

    /// What pays for it.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn payment(&self) -> Payment<'_> {
        let kept_at = std::ptr::from_ref(self).addr();
        Payment { kept_at, birth: self.birth, is_owed: self.owes(), payer: None }
    }

    /// Whether it gives back what it is charged.
    pub(super) fn owes(&self) -> bool {
        self.owes.load(Ordering::Relaxed)
    }

    /// Leaves what it owes to an heir. By whoever has the commit lock.
    pub(super) fn leave(&self) {
        self.owes.store(false, Ordering::Relaxed);
    }

    /// Checks that it is paid, for tests.
    ///
    /// # Errors
    ///
    /// None: what it is charged may be owed by another version of the file, or by nobody (O4).
    #[cfg(any(test, feature = "internals"))]
    pub fn check_paid(&self, _first: &mut dyn FnMut(*const ()) -> bool) -> Result<(), String> {
        Ok(())
    }
}

impl fmt::Debug for FileNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileNode")
            .field("content", &self.content)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

/// One version of a directory.
#[repr(C)]
pub struct Dir {
    birth: u64,
    /// See `EntryRef::placed`.
    pub placed: u64,
    /// Its entries by name.
    pub entries: DirMap,
    /// Sums over everything below, this directory itself not included.
    pub totals: Totals,
    /// Times and counters.
    pub meta: DirMeta,
    /// What pays for it (O3); `None` for the root, which is free.
    receipt: Option<NonNull<FileNode>>,
}

// SAFETY: who has a `&Dir` can only read what it leads to, which does not change (O1).
unsafe impl Send for Dir {}
// SAFETY: as above.
unsafe impl Sync for Dir {}

impl Dir {
    /// What the directory itself is charged.
    #[must_use]
    pub fn charged(&self) -> u64 {
        // SAFETY: the receipt lives as long as the directory (O3).
        self.receipt.map_or(0, |receipt| unsafe { receipt.as_ref() }.charged)
    }

    /// Notes that its entries changed, not just their contents.
    pub(super) fn list(&mut self, version: u64, now: Timestamp) {
        self.meta.modified = self.meta.modified.max(now);
        self.meta.listed = version;
    }

    /// What pays for it; `None` for the root.
    #[cfg(feature = "image")]
    #[must_use]
    pub fn payment(&self) -> Option<Payment<'_>> {
        // SAFETY: the receipt lives as long as the directory (O3).
        self.receipt.map(|receipt| unsafe { receipt.as_ref() }.payment())
    }

    /// The object that pays for it.
    pub(super) fn receipt_object(&self) -> Option<NonNull<FileNode>> {
        self.receipt
    }

    /// Where its receipt is, which no other directory shares; `None` for the root.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn receipt(&self) -> Option<*const ()> {
        self.receipt.map(|receipt| receipt.as_ptr().cast_const().cast())
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

/// The node that a value leads to.
///
/// # Safety
///
/// It is a value of the entries of a directory, and what it leads to is not freed during `'a`.
#[inline]
pub(super) unsafe fn node<'a>(value: Value) -> NodeRef<'a> {
    // SAFETY: as the caller warrants; O2.
    unsafe {
        if value.is_directory() {
            NodeRef::Dir(value.object::<Dir>().as_ref())
        } else {
            NodeRef::File(value.object::<FileNode>().as_ref())
        }
    }
}

/// The sorts of objects in the store of a filesystem.
#[derive(Debug)]
pub enum Objects {}

/// What freed objects leave behind: it is disposed of outside of the commit lock.
#[derive(Debug, Default)]
pub struct Remains {
    /// What goes back to the account.
    pub owed: u64,
    /// Contents of files. A commit that frees at once mostly frees one.
    pub contents: SmallVec<[Content; 2]>,
}

impl Remains {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owed == 0 && self.contents.is_empty()
    }
}

impl Kinds for Objects {
    type File = FileNode;
    type Directory = Dir;
    type Remains = Remains;

    #[inline]
    fn name_freed(charged: u64, remains: &mut Remains) {
        remains.owed += charged;
    }
}

// SAFETY: `repr(C)` with the birth in front; `free` gives back the block that `make_file` took.
unsafe impl Object<Remains> for FileNode {
    #[inline]
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, remains: &mut Remains) {
        // SAFETY: nobody uses it any more, so it can be moved out; its block is then raw memory again.
        unsafe {
            let Self { content, charged, owes, .. } = this.read();
            if owes.into_inner() {
                remains.owed += charged;
            }
            if !content.is_empty() {
                remains.contents.push(content);
            }
            arena.free(this.cast(), size_of::<Self>());
        }
    }
}

// SAFETY: as above, with `make_dir`.
unsafe impl Object<Remains> for Dir {
    #[inline]
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, _: &mut Remains) {
        // SAFETY: nobody uses it any more, and it owns nothing.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: O2.
unsafe impl Directory<Remains> for Dir {
    fn entries(&self) -> &Map {
        self.entries.map()
    }

    fn receipt(&self) -> Option<Value> {
        self.receipt.map(Value::file)
    }
}

/// What a new file object is made of.
pub(super) struct FileParts {
    pub placed: u64,
    pub content: Content,
    pub meta: FileMeta,
    pub charged: u64,
    pub owes: bool,
}

/// A new file object of the version under construction.
///
/// # Errors
///
/// [`OutOfMemory`]; the content is dropped then.
#[inline]
pub(super) fn make_file(
    arena: &mut Arena,
    birth: u64,
    parts: FileParts,
) -> Result<NonNull<FileNode>, OutOfMemory> {
    let object = arena.alloc(size_of::<FileNode>())?.cast::<FileNode>();
    let FileParts { placed, content, meta, charged, owes } = parts;
    let owes = AtomicBool::new(owes);
    // SAFETY: the block is ours, large enough and aligned to 16 bytes.
    unsafe { object.write(FileNode { birth, placed, content, meta, charged, owes }) };
    Ok(object)
}

/// A new directory object, empty, of the version under construction.
///
/// # Errors
///
/// [`OutOfMemory`].
pub(super) fn make_dir(
    arena: &mut Arena,
    birth: u64,
    placed: u64,
    now: Timestamp,
    receipt: Option<NonNull<FileNode>>,
) -> Result<NonNull<Dir>, OutOfMemory> {
    let object = arena.alloc(size_of::<Dir>())?.cast::<Dir>();
    let (entries, totals, meta) = (DirMap::default(), Totals::default(), DirMeta::new(now));
    // SAFETY: the block is ours, large enough and aligned to 16 bytes.
    unsafe { object.write(Dir { birth, placed, entries, totals, meta, receipt }) };
    Ok(object)
}

/// The receipt of a new directory: an object without bytes that is charged so much.
///
/// # Errors
///
/// [`OutOfMemory`].
pub(super) fn make_receipt(
    arena: &mut Arena,
    birth: u64,
    charged: u64,
    owes: bool,
) -> Result<NonNull<FileNode>, OutOfMemory> {
    let (content, meta) = (Content::default(), FileMeta::default());
    make_file(arena, birth, FileParts { placed: 0, content, meta, charged, owes })
}

/// A copy of a directory object for the version under construction, which alone may change it.
///
/// # Errors
///
/// [`OutOfMemory`].
///
/// # Safety
///
/// The object is not freed, and the version under construction goes on with the copy instead.
#[inline]
pub(super) unsafe fn copy_dir(
    arena: &mut Arena,
    birth: u64,
    dir: NonNull<Dir>,
) -> Result<NonNull<Dir>, OutOfMemory> {
    let object = arena.alloc(size_of::<Dir>())?.cast::<Dir>();
    // SAFETY: the block is ours; the map of the original is not edited any more.
    unsafe {
        let Dir { placed, totals, meta, receipt, ref entries, .. } = *dir.as_ref();
        object.write(Dir { birth, placed, entries: entries.alias(), totals, meta, receipt });
    }
    Ok(object)
}
