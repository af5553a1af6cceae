//! Counts what the process allocates: bytes as asked for, and blocks.
//!
//! The binary declares [`Counting`] as its global allocator; the library does not, so that whoever uses
//! the library keeps their own. Counting is off until [`start`]. Off, a call costs one relaxed load of a
//! flag that nobody writes, which was not to be seen beside the 20 to 35 ns that an allocation and its
//! release take; on, two or three uncontended atomic additions, 5 to 10 ns for both together. Workloads
//! that measure memory therefore run in a process of their own ([`isolate`](crate::isolate)), start to
//! count before anything else that they do, and stop before they measure a time. Nobody else counts.
//!
//! Counted is what was asked for, not what the system's allocator rounds it up to. What is mapped without
//! asking an allocator is not seen, so blocks that contents of arcfs have in memory that it maps itself
//! are added when somebody looks ([`live`]), and are no part of the peak. A block that grows counts as its new size, though the system may
//! hold both while it copies. This module does not know resident memory.

#![allow(unsafe_code, reason = "a global allocator is unsafe to implement; this one only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Whether allocations are counted.
///
/// Ordering: all accesses here are relaxed. The flag and the counters publish nothing; each counter is
/// exact by its read-modify-writes alone, and whoever reads them has joined the threads that allocated.
static ON: AtomicBool = AtomicBool::new(false);
/// Bytes in live blocks. Signed: a block from before [`start`] may be freed after it.
static BYTES: AtomicI64 = AtomicI64::new(0);
/// The highest that `BYTES` was since [`start`] or [`restart_peak`].
static PEAK: AtomicI64 = AtomicI64::new(0);
/// Live blocks.
static BLOCKS: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted after [`start`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What is allocated at one moment, relative to an arbitrary origin: only differences mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Bytes in live blocks.
    pub bytes: i64,
    /// The highest number of bytes since [`start`] or [`restart_peak`], contents of arcfs left out. While threads
    /// allocate at once it may miss a few of their blocks.
    pub peak: i64,
    /// Live blocks.
    pub blocks: i64,
}

/// Starts to count, and tells whether this process counts at all: not where [`Counting`] is not its
/// global allocator.
#[must_use = "without the allocator nothing is counted"]
pub fn start() -> bool {
    if !ON.swap(true, Ordering::Relaxed) {
        restart_peak();
    }
    // Another thread may free as many blocks as it likes meanwhile, but not of this size in total.
    const PROBE: usize = 1 << 20;
    let before = live().bytes;
    let probe = black_box(Vec::<u8>::with_capacity(PROBE));
    let counted = live().bytes - before >= PROBE as i64 / 2;
    drop(probe);
    restart_peak();
    counted
}

/// Brings the system's allocator to where a program that has run for a while has it.
///
/// The one of glibc learns: each large block that is given back for the first time raises the size from
/// which blocks are mapped one by one, up to 32 MiB, and how much free memory it keeps. Until then it hands
/// memory back to the kernel again and again, and gets it back as pages that have to be cleared. Without
/// this, a store that never gives back a large block is the slower the fewer others ran before it in the
/// process, by far more than stores differ. Where the allocator is another one, it costs nothing.
pub fn settle() {
    // The largest block that glibc learns from, with its header; nobody touches its pages.
    const LARGEST: usize = (32 << 20) - (64 << 10);
    drop(black_box(Vec::<u8>::with_capacity(LARGEST)));
}

/// Stops counting. What is allocated or freed until the next [`start`] is never counted.
pub fn stop() {
    ON.store(false, Ordering::Relaxed);
}

/// Makes the present number of bytes the peak.
pub fn restart_peak() {
    PEAK.store(BYTES.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// What is allocated now, blocks of contents of arcfs included.
pub fn live() -> Live {
    // Elsewhere they are cut from what the allocator gave, which was counted.
    let mapped = cfg!(all(target_os = "linux", not(arcfs_blocks = "portable")));
    let contents = if mapped { arcfs::ContentMemory::now().used() as i64 } else { 0 };
    Live {
        bytes: BYTES.load(Ordering::Relaxed) + contents,
        peak: PEAK.load(Ordering::Relaxed),
        blocks: BLOCKS.load(Ordering::Relaxed),
    }
}

fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

fn grown(bytes: i64) {
    let now = BYTES.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if now > PEAK.load(Ordering::Relaxed) {
        PEAK.fetch_max(now, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to the system's allocator as it came, and its answer handed back;
// counting touches atomics only and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let block = unsafe { System.alloc(layout) };
        if on() && !block.is_null() {
            grown(layout.size() as i64);
            BLOCKS.fetch_add(1, Ordering::Relaxed);
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let block = unsafe { System.alloc_zeroed(layout) };
        if on() && !block.is_null() {
            grown(layout.size() as i64);
            BLOCKS.fetch_add(1, Ordering::Relaxed);
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if on() {
            BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
            BLOCKS.fetch_sub(1, Ordering::Relaxed);
        }
        // SAFETY: as the caller of this promises.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller of this promises.
        let moved = unsafe { System.realloc(block, layout, size) };
        if on() && !moved.is_null() {
            grown(size as i64 - layout.size() as i64);
        }
        moved
    }
}
