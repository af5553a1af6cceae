//! The words of one pin. All their orderings are here; the names P1 to P5, A and B and the rules are
//! those of the [protocol](super).

use std::sync::atomic::AtomicU64 as Counter;

use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::sync::broken;

/// Which store a pin reads; no two cells of a process have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreId(u64);

impl StoreId {
    /// One that was never given before.
    #[must_use]
    pub fn next() -> Self {
        /// Ordering: publishes nothing. Not one of loom's: it only has to give different numbers.
        static GIVEN: Counter = Counter::new(1);
        Self(GIVEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// What a reader says of the version that it reads. Ordered by version; coarse is below exact.
///
/// | word | meaning |
/// |---|---|
/// | 0 | nobody is here |
/// | 2 v + 1 | coarse: version v or any newer |
/// | 2 v + 2 | exact: version v |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announcement(u64);

impl Announcement {
    /// May read `version` and all newer ones.
    #[must_use]
    pub fn coarse(version: u64) -> Self {
        Self(2 * version + 1)
    }

    /// Reads `version` alone.
    #[must_use]
    pub fn exact(version: u64) -> Self {
        Self(2 * version + 2)
    }

    /// The version: the one that is read, or the oldest that may be.
    #[must_use]
    pub fn version(self) -> u64 {
        (self.0 - 1) / 2
    }

    /// Whether only that version is read.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

const IDLE: u64 = 0;

/// Where one pin announces itself. Only the owner of its line takes it.
#[derive(Debug)]
pub struct Place {
    announced: AtomicU64,
    store: AtomicU64,
}

impl Place {
    /// A place with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self { announced: AtomicU64::new(IDLE), store: AtomicU64::new(0) }
    }

    /// Whether the owner of the line may take it (R1).
    ///
    /// Ordering: acquire, for P5 of a pin that outlived its thread's claim; its reads must come before P1
    /// here releases them (R6). Model: `readers::a_pin_may_outlive_its_thread`.
    #[inline]
    pub fn is_free(&self) -> bool {
        let order = if broken!(PlaceTakenRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        self.announced.load(order) == IDLE
    }

    /// P1 and P2: from here on no committer that looks can miss this reader, or it loads a newer root.
    ///
    /// Ordering: P1 releases the end of the last cycle to whoever reads this one's store (R6; model
    /// `readers::a_place_serves_two_stores`), P2 to whoever reads the announcement (R7), and P1 with it. The
    /// fence is R2. Model: `readers::what_is_announced_is_not_freed`.
    #[inline]
    pub fn announce(&self, store: StoreId, announcement: Announcement) {
        let name = if broken!(ReaderNamesStoreRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        let say = if broken!(ReaderAnnouncesRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        if !broken!(ReaderNamesStoreLate) {
            self.store.store(store.0, name);
        }
        self.announced.store(announcement.0, say);
        if !broken!(ReaderWithoutFence) {
            fence(Ordering::SeqCst);
        }
        if broken!(ReaderNamesStoreLate) {
            self.store.store(store.0, name);
        }
    }

    /// P4: keeps alive what this version needs, and nothing else.
    ///
    /// Ordering: the fence of P2 released what earlier readers in this place have read (R7), and this
    /// one has read nothing yet that it does not go on keeping.
    /// Model: `readers::who_reads_exactly_has_read_the_past`.
    #[inline]
    pub fn announce_exactly(&self, version: u64) {
        self.announced.store(Announcement::exact(version).0, Ordering::Relaxed);
    }

    /// P5: nothing is read any more.
    ///
    /// Ordering: release, so that freeing comes after what was read (R7), and for R1.
    /// Model: `readers::what_is_announced_is_not_freed`.
    #[inline]
    pub fn leave(&self) {
        let order = if broken!(ReaderLeavesRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.announced.store(IDLE, order);
    }

    /// A and B: what a reader of `store` announces here. After the committer's fence.
    ///
    /// Ordering: both acquire, the announcement for R7 and for the store of its cycle, the store for R6.
    #[inline]
    pub fn look(&self, store: StoreId) -> Option<Announcement> {
        let word = self.announced.load(Ordering::Acquire);
        (word != IDLE && self.store.load(Ordering::Acquire) == store.0).then_some(Announcement(word))
    }
}
