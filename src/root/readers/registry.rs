//! All lines of the process: a list of blocks that only grows, without a lock.
#![allow(unsafe_code, reason = "the list of blocks, which are never deallocated")]

use std::ptr;

use super::place::{Announcement, Place, StoreId};
use crate::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};
use crate::sync::broken;

/// Places of a line: with the claim they fill one cache line of 64 bytes.
const PLACES: usize = if cfg!(arcfs_loom) { 2 } else { 3 };

/// Lines that are made at once. Models grow at every step.
const LINES: usize = if cfg!(arcfs_loom) { 1 } else { 32 };

/// What one thread writes and nobody else does, apart from those who want an unclaimed one. Two cache
/// lines long, because processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub struct Line {
    places: [Place; PLACES],
    /// Ordering: giving back releases and claiming acquires what was done in the places (R1): an idle word
    /// is then the last one, not one from before. Model: `readers::a_line_is_reused_after_its_thread`.
    claimed: AtomicBool,
}

impl Line {
    fn new() -> Self {
        Self { places: std::array::from_fn(|_| Place::new()), claimed: AtomicBool::new(false) }
    }

    /// The place that is free in all but nested pins.
    #[inline]
    pub fn first(&self) -> Option<&Place> {
        let place = &self.places[0];
        (place.is_free() || broken!(NestedReaderTakesThePlace)).then_some(place)
    }

    /// Any place that is free.
    pub fn place(&self) -> Option<&Place> {
        self.places.iter().find(|place| place.is_free())
    }

    /// Makes it the caller's. One in which a pin lives on without its thread is left alone.
    fn claim(&self) -> bool {
        if self.claimed.load(Ordering::Relaxed) {
            return false;
        }
        if broken!(LineClaimedInTwoSteps) {
            self.claimed.store(true, Ordering::Relaxed);
            return true;
        }
        let order = if broken!(LineClaimedRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        if self.claimed.swap(true, order) {
            return false;
        }
        let idle = self.places.iter().all(Place::is_free);
        if !idle {
            self.give_back();
        }
        idle
    }

    /// Lets the next one claim it. Pins that still live in it keep their places.
    pub fn give_back(&self) {
        self.claimed.store(false, Ordering::Release);
    }
}

/// Lines that were made together, and the way to those that were made later.
#[derive(Debug)]
struct Block {
    lines: [Line; LINES],
    next: Link,
}

/// The way to a block, or null.
///
/// Invariant: what is not null points to a block that lives as long as the process, and never changes.
///
/// Ordering: release where it is set and acquire where it is followed, for the lines of a new block.
/// Model: `readers::a_line_is_found_by_whoever_counts_it`.
#[derive(Debug)]
struct Link(AtomicPtr<Block>);

impl Link {
    fn get(&self) -> Option<&'static Block> {
        let order = if broken!(BlockPublishedRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        let block = self.0.load(order);
        // SAFETY: the invariant of `Link`; the acquire makes what it points to visible.
        (!block.is_null()).then(|| unsafe { &*block })
    }

    /// The block, made if there is none.
    fn get_or_make(&self) -> &'static Block {
        self.get().unwrap_or_else(|| {
            let made = Box::into_raw(Box::new(Block {
                lines: std::array::from_fn(|_| Line::new()),
                next: Link(AtomicPtr::new(ptr::null_mut())),
            }));
            let order = if broken!(BlockPublishedRelaxed) { Ordering::Relaxed } else { Ordering::AcqRel };
            match self.0.compare_exchange(ptr::null_mut(), made, order, Ordering::Acquire) {
                // SAFETY: made above, and from here on never deallocated.
                Ok(_) => unsafe { &*made },
                Err(theirs) => {
                    // SAFETY: made above by `Box::into_raw`, and nobody else has seen it.
                    drop(unsafe { Box::from_raw(made) });
                    // SAFETY: the invariant of `Link`; the failed exchange acquires.
                    unsafe { &*theirs }
                }
            }
        })
    }
}

/// The lines of a process.
#[derive(Debug)]
struct Registry {
    first: Link,
    /// Lines from the first to the last that was ever claimed: those that are looked at.
    ///
    /// Ordering: counted before the first announcement in the line, and so before its fence (R3);
    /// releases the way to its block. Model: `readers::a_line_is_found_by_whoever_counts_it`.
    count: AtomicUsize,
}

impl Registry {
    /// As `claim`, in this registry.
    fn claim(&self) -> &'static Line {
        let (mut link, mut before) = (&self.first, 0);
        loop {
            let block = link.get_or_make();
            if let Some(index) = block.lines.iter().position(Line::claim) {
                if !broken!(LineNotCounted) {
                    self.count.fetch_max(before + index + 1, Ordering::AcqRel);
                }
                return &block.lines[index];
            }
            (link, before) = (&block.next, before + LINES);
        }
    }

    /// As `announcements`, in this registry.
    #[inline]
    fn announcements(&self, store: StoreId, mut each: impl FnMut(Announcement)) {
        if !broken!(ScanWithoutFence) {
            fence(Ordering::SeqCst);
        }
        let mut left = self.count.load(Ordering::Acquire);
        let mut link = &self.first;
        while left > 0
            && let Some(block) = link.get()
        {
            let here = left.min(LINES);
            block.lines[..here].iter().flat_map(|line| &line.places).for_each(|place| {
                if let Some(announcement) = place.look(store) {
                    each(announcement);
                }
            });
            (link, left) = (&block.next, left - here);
        }
    }
}

#[cfg(not(arcfs_loom))]
fn registry() -> &'static Registry {
    static REGISTRY: Registry =
        Registry { first: Link(AtomicPtr::new(ptr::null_mut())), count: AtomicUsize::new(0) };
    &REGISTRY
}

/// The registry of the running execution of a model. Threads that end may outlive loom's variables, so
/// it is leaked, as its blocks are.
#[cfg(arcfs_loom)]
fn registry() -> &'static Registry {
    loom::lazy_static! {
        static ref REGISTRY: &'static Registry = Box::leak(Box::new(Registry {
            first: Link(AtomicPtr::new(ptr::null_mut())),
            count: AtomicUsize::new(0),
        }));
    }
    &REGISTRY
}

/// A line that nobody else has, until it is given back. Lock-free; O(lines), allocates a block when all
/// are taken.
pub fn claim() -> &'static Line {
    registry().claim()
}

/// Fences, and calls `each` with what the readers of `store` announce. A reader that is missed loads a
/// root that was published before the fence, or a newer one (R2, R3). O(lines).
#[inline]
pub fn announcements(store: StoreId, each: impl FnMut(Announcement)) {
    registry().announcements(store, each);
}

/// Lines that are looked at: as many as there were threads that read at a time.
#[cfg(any(test, feature = "internals", not(arcfs_tree = "counted")))]
#[must_use]
pub fn lines() -> usize {
    registry().count.load(Ordering::Relaxed)
}
