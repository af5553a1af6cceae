//! Versions that handles held which are gone, until somebody with the commit lock ends them.
//!
//! Dropping a handle waits for no commit: it notes the version here and, if the lock is free, does the rest itself.
//! Where it is not, whoever has it or comes next does. So nothing may be lost between the two, and who comes next must
//! learn of it for the price of one load.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, broken};

/// Such versions, in any order.
#[derive(Debug)]
pub struct Left {
    versions: Mutex<Vec<u64>>,
    /// Whether there are any: written with the lock of the list only. Ordering: publishes nothing, since the list
    /// is read under its lock; relaxed. Model: `snapshots::what_a_handle_leaves_is_not_lost`.
    any: AtomicBool,
}

impl Left {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self { versions: Mutex::new(Vec::new()), any: AtomicBool::new(false) }
    }

    /// Notes that a handle of `version` is gone.
    pub fn note(&self, version: u64) {
        if broken!(LeftToldBeforeNoted) {
            self.any.store(true, Ordering::Relaxed);
        }
        let mut versions = self.versions.lock();
        versions.push(version);
        if !broken!(LeftToldBeforeNoted) {
            self.any.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is nothing to [`take`](Self::take): one load.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    /// Takes all of them out.
    #[must_use]
    pub fn take(&self) -> Vec<u64> {
        let mut versions = self.versions.lock();
        let taken = std::mem::take(&mut *versions);
        if broken!(LeftEmptiedLate) {
            drop(versions);
            self.any.store(false, Ordering::Relaxed);
            return taken;
        }
        self.any.store(false, Ordering::Relaxed);
        taken
    }
}

impl Default for Left {
    fn default() -> Self {
        Self::new()
    }
}
