//! Memory from the system, in one piece.
//!
//! On Linux it is mapped, and large pages are asked for where the length is one, aligned to it. Elsewhere, in Miri, and
//! with `--cfg arcfs_blocks="portable"`, it comes from the allocator of the process.

#![allow(unsafe_code, reason = "memory of the system is handed over as pointers")]

use std::ops::Range;
use std::ptr::NonNull;

/// The length of a large page, and of a slab.
pub const LARGE: usize = 2 << 20;

/// Memory that nobody else has; it goes back when this is dropped.
///
/// Invariant: `start..start + len` is one allocation of [`system`] that lives exactly as long as this, aligned to
/// a page, and to a large one if it is as long.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is memory that no thread is bound to, and this type lets nobody read or write it.
unsafe impl Send for Region {}

impl Region {
    /// `len` bytes, a power of two of at least a page; `None` where the system has none.
    #[must_use]
    pub fn new(len: usize) -> Option<Self> {
        assert!(len.is_power_of_two() && len >= 4096, "a region is whole pages");
        system::allocate(len).map(|start| Self { start, len })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Has the system provide the memory of a range now, at once, instead of page by page when it is first
    /// written. No byte changes. Where the system does not know that, nothing happens.
    ///
    /// # Panics
    ///
    /// If the range is not whole pages of the region.
    pub fn touch(&self, range: Range<usize>) {
        let is_whole = [range.start, range.end].iter().all(|at| at.is_multiple_of(4096));
        assert!(is_whole && range.start <= range.end && range.end <= self.len, "no pages of the region");
        // SAFETY: by the invariant and the check the range is a part of an allocation of `system`.
        unsafe { system::touch(self.start.add(range.start), range.len()) }
    }

    /// Where it starts.
    #[must_use]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: by the invariant this is one allocation of `system`, of this length, and it is given
        // back once, because `self` is not used again.
        unsafe { system::free(self.start, self.len) }
    }
}

#[cfg(all(target_os = "linux", not(miri), not(arcfs_blocks = "portable")))]
mod system {
    use std::ffi::c_void;
    use std::ptr::{NonNull, null_mut};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    use super::LARGE;

    /// Of a large page it maps twice the length and gives back what is before and after the aligned part.
    pub fn allocate(len: usize) -> Option<NonNull<u8>> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        if len < LARGE {
            // SAFETY: the address is left to the system, so nothing that is mapped is replaced.
            return NonNull::new(unsafe { mmap_anonymous(null_mut(), len, access, flags) }.ok()?.cast());
        }
        // SAFETY: the address is left to the system, so nothing that is mapped is replaced.
        let mapped: *mut c_void = unsafe { mmap_anonymous(null_mut(), 2 * len, access, flags) }.ok()?;
        let before = mapped.align_offset(len);
        let start = mapped.wrapping_byte_add(before);
        // SAFETY: both ends are parts of what was mapped above, whole pages, and nobody has seen them.
        unsafe {
            if before > 0 {
                let _ = munmap(mapped, before);
            }
            let _ = munmap(start.wrapping_byte_add(len), len - before);
        }
        // SAFETY: an advice on memory that was mapped above; it changes no byte. Where it is
        // refused, pages are small.
        let _ = unsafe { madvise(start, len, Advice::LinuxHugepage) };
        NonNull::new(start.cast())
    }

    /// # Safety
    ///
    /// `start..start + len` is whole pages of an allocation of [`allocate`].
    pub unsafe fn touch(start: NonNull<u8>, len: usize) {
        // SAFETY: the caller promises that this is mapped. The pages are provided as by a write that changes
        // no byte. Where the advice is not known, they are provided later.
        let _ = unsafe { madvise(start.as_ptr().cast(), len, Advice::LinuxPopulateWrite) };
    }

    /// # Safety
    ///
    /// `start` is from `allocate(len)`, is given back for the first time, and nobody uses the memory.
    pub unsafe fn free(start: NonNull<u8>, len: usize) {
        // SAFETY: the caller promises that these are whole pages of a mapping that nobody uses.
        let _ = unsafe { munmap(start.as_ptr().cast(), len) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(arcfs_blocks = "portable"))))]
mod system {
    use std::alloc::{Layout, alloc, dealloc};
    use std::ptr::NonNull;

    /// Does nothing.
    ///
    /// # Safety
    ///
    /// None is needed.
    pub unsafe fn touch(_: NonNull<u8>, _: usize) {}

    fn layout(len: usize) -> Option<Layout> {
        Layout::from_size_align(len, len).ok().filter(|layout| layout.size() > 0)
    }

    pub fn allocate(len: usize) -> Option<NonNull<u8>> {
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { alloc(layout(len)?) })
    }

    /// # Safety
    ///
    /// `start` is from `allocate(len)`, is given back for the first time, and nobody uses the memory.
    pub unsafe fn free(start: NonNull<u8>, len: usize) {
        if let Some(layout) = layout(len) {
            // SAFETY: the caller promises that this is an allocation of this layout.
            unsafe { dealloc(start.as_ptr(), layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_aligned_and_can_be_written() {
        for len in [4096, 256 << 10, LARGE, 2 * LARGE] {
            let region = Region::new(len).unwrap();
            let align = if len < LARGE { 4096 } else { LARGE };
            assert_eq!((region.len(), region.start().as_ptr().addr() % align), (len, 0));
            region.touch(0..(len / 2).next_multiple_of(4096));
            for at in (0..len).step_by(4096).chain([len - 1]) {
                // SAFETY: the byte lies in the region, which nobody else has.
                unsafe { region.start().add(at).write(at as u8) };
            }
        }
        assert!(cfg!(miri) || Region::new(1 << 62).is_none()); // Miri knows no such alignment
    }
}
