//! Memory for the objects of the tree: pools by size, cut from slabs, with one owner.
//!
//! Invariants:
//!
//! * **A1** A slab is [`SLAB`] aligned, so the slab of a block is found from the block's address. [`Slab::new`]
//!   makes it so; the pointer of every block is derived from the slab's own, so it may reach the header.
//! * **A2** A block is in exactly one place: with its user, in a magazine of its class, in the free list of its
//!   slab, or behind the slab's `cut`. [`Arena::alloc`] and [`Arena::free`] move it.
//! * **A3** `live` of a slab counts its blocks that are with users or in magazines; at zero the slab belongs to no
//!   class. [`Arena::alloc`] and `flush` keep it.
//! * **A4** A slab is in the list of its class iff it has a block to give; an empty one is in the list of spares or
//!   given back.
//!
//! Freed blocks are handed out again newest first, since they are still in the cache: each class has two
//! magazines, short lists of blocks that went through no slab. What falls out of the older one goes home.

use std::alloc::{Layout, alloc, dealloc};
use std::fmt;
use std::mem::{needs_drop, size_of};
use std::ptr::NonNull;

/// Bytes of a slab's address range; see A1.
pub const SLAB: usize = 32 * 1024;
/// Blocks are multiples of this and aligned to it.
pub const GRAIN: usize = 16;
/// The largest block that is cut from a slab. Larger ones come from the system one by one.
pub const LARGEST: usize = 2048;
/// The largest block that is. With `--cfg arcfs_arena="system"` none: sanitizers then see each object.
const POOLED: usize = if cfg!(arcfs_arena = "system") { 0 } else { LARGEST };
/// Empty slabs that are kept for the next classes in need.
pub const KEPT: usize = 16;
/// With fewer empty slabs than this, a commit might have to ask the system.
pub const WATERMARK: usize = 4;

const CLASSES: usize = LARGEST / GRAIN;
/// Less than [`SLAB`], so that allocators that put a header in front of an allocation can still put the next
/// slab right behind.
const LAYOUT: Layout = match Layout::from_size_align(SLAB - 64, SLAB) {
    Ok(layout) => layout,
    Err(_) => panic!("the layout of a slab is valid"),
};
const HEAD: usize = size_of::<Head>();
const BLOCKS: usize = LAYOUT.size() - HEAD;
/// Bytes of one magazine.
const MAGAZINE: usize = 16 * 1024;

/// The system has no memory left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system has no memory left for the directory tree")
    }
}

impl std::error::Error for OutOfMemory {}

impl From<std::collections::TryReserveError> for OutOfMemory {
    fn from(_: std::collections::TryReserveError) -> Self {
        Self
    }
}

/// The first word of a free block.
struct Free(Option<NonNull<Free>>);

type Link = Option<NonNull<Head>>;

/// In front of the blocks of a slab.
#[repr(C, align(64))]
struct Head {
    next: Link,
    prev: Link,
    free: Option<NonNull<Free>>,
    /// Blocks in use or in magazines (A3).
    live: u32,
    /// Blocks that were ever handed out; those behind were never touched.
    cut: u32,
    room: u32,
    size: u32,
    listed: bool,
}

const _: () = assert!(!needs_drop::<Head>() && HEAD == 64);

/// An empty slab that belongs to nobody yet; made without the lock, taken in by [`Arena::add`].
pub struct Slab(NonNull<Head>);

// SAFETY: it is the only pointer to its memory, which no thread owns.
unsafe impl Send for Slab {}

impl Slab {
    /// Asks the system. Its pages are touched, so that who uses it later has no page fault.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new() -> Result<Self, OutOfMemory> {
        let slab = Self::untouched()?;
        for page in (HEAD..LAYOUT.size()).step_by(4096) {
            // SAFETY: `page` is inside the allocation, which nobody else knows.
            unsafe { slab.0.cast::<u8>().add(page).write_volatile(0) };
        }
        Ok(slab)
    }

    fn untouched() -> Result<Self, OutOfMemory> {
        // SAFETY: the layout is not of size 0.
        let memory = unsafe { alloc(LAYOUT) };
        let slab = NonNull::new(memory).ok_or(OutOfMemory)?.cast::<Head>();
        let head =
            Head { next: None, prev: None, free: None, live: 0, cut: 0, room: 0, size: 0, listed: false };
        // SAFETY: the allocation is large enough and aligned (A1).
        unsafe { slab.write(head) };
        Ok(Self(slab))
    }

    fn into_raw(self) -> NonNull<Head> {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        // SAFETY: it came from `alloc` with this layout, and no block of it is in use.
        unsafe { dealloc(self.0.as_ptr().cast(), LAYOUT) };
    }
}

impl fmt::Debug for Slab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slab")
    }
}

#[derive(Clone, Copy, Default)]
struct Class {
    /// Newest first, of less than [`MAGAZINE`] bytes.
    fresh: Option<NonNull<Free>>,
    fresh_size: usize,
    /// As `fresh` was when it was full.
    older: Option<NonNull<Free>>,
    older_size: usize,
    /// Slabs of this class that have a block to give (A4).
    slabs: Link,
}

/// The pools. Its owner is whoever may edit the tree, one at a time.
pub struct Arena {
    classes: Box<[Class; CLASSES]>,
    spares: Link,
    spare_len: usize,
    slabs: usize,
    large: usize,
    live: usize,
    objects: usize,
    #[cfg(test)]
    pub(in crate::tree) fails_in: Option<u64>,
}

// SAFETY: what its pointers lead to is used through `&mut Arena` alone.
unsafe impl Send for Arena {}
// SAFETY: `&Arena` only reads its counters.
unsafe impl Sync for Arena {}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An arena that has taken nothing from the system but its own table of classes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            classes: Box::new([Class::default(); CLASSES]),
            spares: None,
            spare_len: 0,
            slabs: 0,
            large: 0,
            live: 0,
            objects: 0,
            #[cfg(test)]
            fails_in: None,
        }
    }

    /// Bytes in use, each block rounded up to its class.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live
    }

    /// Blocks in use.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Bytes taken from the system: those in use, those free in slabs, and empty slabs.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.slabs * SLAB + self.large
    }

    /// Whether fewer than [`WATERMARK`] empty slabs are left: time to [`add`](Self::add) one.
    #[must_use]
    pub fn low(&self) -> bool {
        self.spare_len < WATERMARK
    }

    /// Takes an empty slab in. O(1).
    pub fn add(&mut self, slab: Slab) {
        self.slabs += 1;
        // SAFETY: it is empty and, from here on, in no other place (A4).
        unsafe { self.spare(slab.into_raw()) };
    }

    /// A block of at least `size` bytes, uninitialised, aligned to [`GRAIN`]. O(1).
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]; nothing has changed then.
    #[inline]
    pub fn alloc(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        #[cfg(test)]
        self.may_fail()?;
        let size = round(size);
        let block = if size > POOLED {
            self.alloc_large(size)?
        } else {
            let class = &mut self.classes[class_of(size)];
            if let Some(block) = class.fresh {
                // SAFETY: a block in a magazine is free and begins with its link (A2).
                class.fresh = unsafe { block.read() }.0;
                class.fresh_size -= size;
                block.cast()
            } else {
                self.alloc_slow(size)?
            }
        };
        self.live += size;
        self.objects += 1;
        Ok(block)
    }

    /// Takes back a block. O(1), but for moving a magazine home once in as many calls.
    ///
    /// # Safety
    ///
    /// * `block` came from [`alloc`](Self::alloc) of this arena with a size of the same class, and was not freed since;
    /// * nobody uses it any more.
    #[inline]
    pub unsafe fn free(&mut self, block: NonNull<u8>, size: usize) {
        let size = round(size);
        self.live -= size;
        self.objects -= 1;
        if size > POOLED {
            self.large -= size;
            // SAFETY: `alloc_large` allocated it with this layout, as the caller warrants.
            return unsafe { dealloc(block.as_ptr(), large_layout(size)) };
        }
        let block = block.cast::<Free>();
        let class = &mut self.classes[class_of(size)];
        // SAFETY: the block is ours now, large enough and aligned for a link.
        unsafe { block.write(Free(class.fresh)) };
        class.fresh = Some(block);
        class.fresh_size += size;
        if class.fresh_size >= MAGAZINE {
            let evicted = class.older.replace(block);
            class.older_size = std::mem::take(&mut class.fresh_size);
            class.fresh = None;
            // SAFETY: the list was a magazine of this class and is in no other place now.
            unsafe { self.flush(evicted) };
        }
    }

    /// Gives all memory that holds no object back to the system. O(free blocks in magazines + empty slabs).
    pub fn trim(&mut self) {
        for class in 0..CLASSES {
            let (fresh, older) = (self.classes[class].fresh.take(), self.classes[class].older.take());
            self.classes[class].fresh_size = 0;
            // SAFETY: both were magazines of this class and are in no other place now.
            unsafe {
                self.flush(fresh);
                self.flush(older);
            }
        }
        while let Some(slab) = self.take_spare() {
            self.slabs -= 1;
            drop(Slab(slab));
        }
    }

    fn alloc_large(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        if size > isize::MAX as usize - GRAIN {
            return Err(OutOfMemory);
        }
        // SAFETY: the size is not 0.
        let block = NonNull::new(unsafe { alloc(large_layout(size)) }).ok_or(OutOfMemory)?;
        self.large += size;
        Ok(block)
    }

    /// From the older magazine, or from a slab.
    #[cold]
    #[inline(never)]
    fn alloc_slow(&mut self, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let class = &mut self.classes[class_of(size)];
        if let Some(block) = class.older.take() {
            // SAFETY: as in `alloc`.
            class.fresh = unsafe { block.read() }.0;
            class.fresh_size = class.older_size - size;
            return Ok(block.cast());
        }
        let slab = match class.slabs {
            Some(slab) => slab,
            None => self.open_slab(size)?,
        };
        // SAFETY: a listed slab is alive, has a block to give (A4) and its header is used by the arena alone.
        unsafe {
            let head = slab.as_ptr();
            let block = match (*head).free {
                Some(block) => {
                    (*head).free = block.read().0;
                    block.cast()
                }
                None => {
                    (*head).cut += 1;
                    slab.cast::<u8>().add(HEAD + ((*head).cut as usize - 1) * size)
                }
            };
            (*head).live += 1;
            if (*head).free.is_none() && (*head).cut == (*head).room {
                self.unlist(slab);
            }
            Ok(block)
        }
    }

    /// An empty slab for this class, from the spares or from the system.
    fn open_slab(&mut self, size: usize) -> Result<NonNull<Head>, OutOfMemory> {
        let slab = match self.take_spare() {
            Some(slab) => slab,
            None => {
                let slab = Slab::untouched()?.into_raw();
                self.slabs += 1;
                slab
            }
        };
        let (room, size) = ((BLOCKS / size) as u32, size as u32);
        // SAFETY: an empty slab of ours; nobody else uses its header.
        unsafe {
            slab.write(Head {
                next: None,
                prev: None,
                free: None,
                live: 0,
                cut: 0,
                room,
                size,
                listed: false,
            });
            self.list(slab);
        }
        Ok(slab)
    }

    /// Moves the blocks of a list home to their slabs.
    ///
    /// # Safety
    ///
    /// The list was a magazine and is in no other place now.
    unsafe fn flush(&mut self, mut list: Option<NonNull<Free>>) {
        while let Some(block) = list {
            // SAFETY: free blocks begin with their link (A2); the slab of a block is alive and found by its
            // address (A1), and its header is used by the arena alone.
            unsafe {
                list = block.read().0;
                let slab = slab_of(block);
                let head = slab.as_ptr();
                block.write(Free((*head).free));
                (*head).free = Some(block);
                (*head).live -= 1;
                if (*head).live == 0 {
                    if (*head).listed {
                        self.unlist(slab);
                    }
                    if self.spare_len < KEPT {
                        self.spare(slab);
                    } else {
                        self.slabs -= 1;
                        drop(Slab(slab));
                    }
                } else if !(*head).listed {
                    self.list(slab);
                }
            }
        }
    }

    /// Puts a slab in front of the list of its class.
    ///
    /// # Safety
    ///
    /// It is a slab of this arena with a class, and in no list.
    unsafe fn list(&mut self, slab: NonNull<Head>) {
        // SAFETY: slabs in lists are alive, and their headers are used by the arena alone.
        unsafe {
            let head = slab.as_ptr();
            let first = &mut self.classes[class_of((*head).size as usize)].slabs;
            (*head).listed = true;
            (*head).prev = None;
            (*head).next = first.replace(slab);
            if let Some(next) = (*head).next {
                (*next.as_ptr()).prev = Some(slab);
            }
        }
    }

    /// Takes a slab out of the list of its class.
    ///
    /// # Safety
    ///
    /// It is in that list.
    unsafe fn unlist(&mut self, slab: NonNull<Head>) {
        // SAFETY: as in `list`.
        unsafe {
            let head = slab.as_ptr();
            (*head).listed = false;
            match (*head).prev {
                Some(prev) => (*prev.as_ptr()).next = (*head).next,
                None => self.classes[class_of((*head).size as usize)].slabs = (*head).next,
            }
            if let Some(next) = (*head).next {
                (*next.as_ptr()).prev = (*head).prev;
            }
        }
    }

    /// Keeps an empty slab.
    ///
    /// # Safety
    ///
    /// It is a slab of this arena without a live block, and in no list.
    unsafe fn spare(&mut self, slab: NonNull<Head>) {
        // SAFETY: its header is used by the arena alone.
        unsafe { (*slab.as_ptr()).next = self.spares };
        self.spares = Some(slab);
        self.spare_len += 1;
    }

    fn take_spare(&mut self) -> Link {
        let slab = self.spares?;
        // SAFETY: spares are alive, and their headers are used by the arena alone.
        self.spares = unsafe { (*slab.as_ptr()).next };
        self.spare_len -= 1;
        Some(slab)
    }

    /// Lets the allocation fail that a test has chosen.
    #[cfg(test)]
    fn may_fail(&mut self) -> Result<(), OutOfMemory> {
        match &mut self.fails_in {
            Some(0) => Err(OutOfMemory),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Drop for Arena {
    /// Slabs with objects in them are leaked, not freed: what still points there stays valid.
    fn drop(&mut self) {
        self.trim();
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("live", &self.live)
            .field("objects", &self.objects)
            .field("reserved", &self.reserved())
            .field("spares", &self.spare_len)
            .finish_non_exhaustive()
    }
}

/// The size of the class of `size`.
#[inline]
#[must_use]
pub const fn round(size: usize) -> usize {
    let size = if size == 0 { 1 } else { size };
    size.saturating_add(GRAIN - 1) & !(GRAIN - 1)
}

#[inline]
const fn class_of(rounded: usize) -> usize {
    rounded / GRAIN - 1
}

fn large_layout(size: usize) -> Layout {
    Layout::from_size_align(size, GRAIN).expect("large blocks are smaller than half of the address space")
}

#[inline]
fn slab_of(block: NonNull<Free>) -> NonNull<Head> {
    let slab: *mut Head = block.as_ptr().map_addr(|address| address & !(SLAB - 1)).cast();
    debug_assert!(!slab.is_null());
    // SAFETY: no slab is at address 0 (A1).
    unsafe { NonNull::new_unchecked(slab) }
}
