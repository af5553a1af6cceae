//! The published pointer of a store whose objects are freed by version.
//!
//! [`VersionCell`] holds the root that was published last, and its version. A reader [pins](VersionCell::pin)
//! it: two stores in its thread's own line and a fence, one load, one store to leave. There is no count to
//! increase, so readers write nothing that another thread reads unless it wants to free something. The
//! committer publishes with plain stores and asks, as often as it likes, what may be freed:
//! [`low_watermark`](VersionCell::low_watermark) or [`announcements`](VersionCell::announcements). The
//! memory is the committer's; this cell knows nothing of it.
//!
//! The rules R1 to R8 that it rests on, and their proof, are in [`readers`](super::readers).
#![allow(unsafe_code, reason = "readers borrow from what the committer keeps for them")]

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crossbeam_utils::CachePadded;

use super::readers::{Announcement, Seat, StoreId, announcements};
use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::sync::{broken, model_has_failed};

/// A root that knows the version that it was published as.
pub trait Versioned {
    /// That version.
    fn version(&self) -> u64;
}

/// The root that was published last, for any number of readers.
#[derive(Debug)]
pub struct VersionCell<T> {
    line: CachePadded<Published<T>>,
    /// Readers share what the pointer points to.
    shares: PhantomData<*const T>,
}

#[derive(Debug)]
struct Published<T> {
    /// Ordering: release to publish what it points to, acquire to load it.
    root: AtomicPtr<T>,
    /// The version of `root` or of an older one. Ordering: written after `root` with release, read before
    /// it with acquire (R4). Model: `readers::what_is_announced_is_not_freed`.
    version: AtomicU64,
    store: StoreId,
}

// SAFETY: a thread that has the cell can do no more with `T` than share it.
unsafe impl<T: Sync> Send for VersionCell<T> {}
// SAFETY: as above; everything in the cell itself is atomic or constant.
unsafe impl<T: Sync> Sync for VersionCell<T> {}

impl<T> VersionCell<T> {
    /// A cell in which `root` is published as `version`.
    ///
    /// # Safety
    ///
    /// As for [`publish`](Self::publish).
    #[must_use]
    pub unsafe fn new(root: NonNull<T>, version: u64) -> Self {
        let root = AtomicPtr::new(root.as_ptr());
        let published = Published { root, version: AtomicU64::new(version), store: StoreId::next() };
        Self { line: published.into(), shares: PhantomData }
    }

    /// Publishes `root` as `version`. Two plain stores.
    ///
    /// # Safety
    ///
    /// * Of any two calls one happens before the other, as under a lock, and its version is smaller.
    ///   Versions are below 2⁶³ - 1.
    /// * `root` points to a `T` that is initialised, and of which nothing that a shared reference shows
    ///   changes from now on.
    /// * It stays so, with everything that `T` lets its readers reach, at least until an object that was born
    ///   in version `b` and replaced by version `d` is nobody's any more: a call of
    ///   [`low_watermark`](Self::low_watermark) after version `d` was published returns `d` or more, or
    ///   [`is_read`] says no to `b`, `d` and what a call of [`announcements`](Self::announcements) after
    ///   that gave; or the cell is gone.
    /// * No object is reachable from a version before its `b`, or from one at or after its `d`, if exact
    ///   announcements are used; and then [`Versioned::version`] of `root` is `version`.
    #[inline]
    pub unsafe fn publish(&self, root: NonNull<T>, version: u64) {
        debug_assert!(version > self.version(), "versions only grow");
        if broken!(VersionBeforeRoot) {
            self.line.version.store(version, Ordering::Release);
        }
        self.line.root.store(root.as_ptr(), Ordering::Release);
        self.line.version.store(version, Ordering::Release);
    }

    /// The version that was published last.
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.line.version.load(Ordering::Acquire)
    }

    /// The root that was published last. Nothing keeps it alive: for whoever publishes.
    #[inline]
    #[must_use]
    pub fn root(&self) -> NonNull<T> {
        non_null(self.line.root.load(Ordering::Acquire))
    }

    /// Which store's readers those of this cell are.
    #[must_use]
    pub fn store(&self) -> StoreId {
        self.line.store
    }

    /// The root that was published last, alive until the pin is dropped. Wait-free, but for the first
    /// pin of a thread and the fourth at a time on one thread, which are lock-free.
    #[inline]
    #[must_use]
    pub fn pin(&self) -> Pin<'_, T> {
        let early = broken!(ReaderAnnouncesAfterLoad).then(|| self.line.root.load(Ordering::Acquire));
        let seat = Seat::announce(self.line.store, Announcement::coarse(self.version()));
        let root = early.unwrap_or_else(|| self.line.root.load(Ordering::Acquire));
        Pin { root: non_null(root), seat, cell: self }
    }

    /// Fences, and returns the highest version up to which nobody reads what died: an object whose
    /// `death` is at most this may be freed. At most the version that was published when it was called.
    /// O(lines).
    #[must_use]
    pub fn low_watermark(&self) -> u64 {
        let version = self.version(); // before the fence: what is published later, readers may miss
        let mut oldest = Announcement::coarse(version);
        announcements(self.line.store, |announced| oldest = oldest.min(announced));
        oldest.version()
    }

    /// Fences, and adds what readers announce: a version, and whether it is exact. Returns the version up to
    /// which this decides: objects that died later are not to be judged by it. O(lines).
    #[must_use = "objects that died later must not be judged by the announcements"]
    pub fn announcements(&self, out: &mut impl Extend<(u64, bool)>) -> u64 {
        let version = self.version();
        announcements(self.line.store, |announced| {
            out.extend([(announced.version(), announced.is_exact())]);
        });
        version
    }
}

/// A pointer that was loaded from the cell.
#[inline]
fn non_null<T>(root: *mut T) -> NonNull<T> {
    // SAFETY: only `new` and `publish` write it, from a `NonNull`.
    unsafe { NonNull::new_unchecked(root) }
}

/// Whether a reader may read an object that was born in version `birth` and replaced by version `death`,
/// by what [`VersionCell::announcements`] gave: an exact announcement keeps what lived in its version, a
/// coarse one all that died after it.
#[must_use]
pub fn is_read(birth: u64, death: u64, announced: &[(u64, bool)]) -> bool {
    announced.iter().any(|&(version, exact)| {
        version < death && if exact { birth <= version } else { !broken!(IntervalIgnoresCoarse) }
    })
}

/// A root that is kept alive for a reader. Of the thread that made it.
#[derive(Debug)]
pub struct Pin<'a, T> {
    /// Raw, so that a pin stays on its thread.
    root: NonNull<T>,
    seat: Seat,
    cell: &'a VersionCell<T>,
}

impl<T> Pin<'_, T> {
    /// The pointer that was published.
    #[inline]
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<T> {
        self.root
    }
}

impl<T: Versioned> Pin<'_, T> {
    /// Keeps alive what this root's version needs and nothing else from now on. For readers that
    /// stay; one plain store.
    #[inline]
    pub fn announce_exactly(&self) {
        let version = if broken!(ExactTakesNewest) { self.cell.version() } else { self.version() };
        self.seat.announce_exactly(version);
    }
}

impl<T> Deref for Pin<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: loaded from the cell after it was announced and before it is left, so by the contract
        // of `publish` and rules R1 to R7 it lives and does not change.
        unsafe { self.root.as_ref() }
    }
}

impl<T> Drop for Pin<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !model_has_failed() {
            self.seat.leave();
        }
    }
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests;
