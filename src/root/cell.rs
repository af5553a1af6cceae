//! The cell that holds the published root.
//!
//! One cell per filesystem, and nothing else is swapped anywhere in the engine. Readers take a
//! [`RootGuard`], which is cheap and must not be kept: whoever needs a root for longer clones the
//! `Arc` in it.
//!
//! Three cells share one interface. `ArcSwap` is the default: its readers never wait. The sharded
//! lock (`--cfg arcfs_root_cell="sharded"`) is the second implementation that keeps the seam
//! honest: its readers take one of several locks for the length of a pointer clone. Under loom,
//! which cannot see inside `ArcSwap`, a plain mutex stands in for it: the models check what arcfs
//! does with the cell, not the cell.

use std::sync::Arc;

use crate::tree::root::Root;

#[cfg(not(any(arcfs_loom, arcfs_root_cell = "sharded")))]
mod imp {
    use super::{Arc, Root};
    use arc_swap::ArcSwap;

    /// A root, protected while this lives; cheap to have and not to be kept.
    pub type RootGuard = arc_swap::Guard<Arc<Root>>;

    /// The published root.
    #[derive(Debug)]
    pub struct RootCell(ArcSwap<Root>);

    impl RootCell {
        /// A cell that holds `root`.
        #[must_use]
        pub fn new(root: Arc<Root>) -> Self {
            Self(ArcSwap::new(root))
        }

        /// The root published last. Wait-free.
        #[inline]
        pub fn load(&self) -> RootGuard {
            self.0.load()
        }

        /// Publishes `next` and gives back what it replaces.
        pub fn swap(&self, next: Arc<Root>) -> Arc<Root> {
            self.0.swap(next)
        }

        /// Publishes `next` if `current` is still published; gives back whether it was.
        #[cfg(feature = "internals")]
        pub fn compare_and_swap(&self, current: &Arc<Root>, next: Arc<Root>) -> bool {
            Arc::ptr_eq(&self.0.compare_and_swap(current, next), current)
        }
    }
}

#[cfg(all(arcfs_root_cell = "sharded", not(arcfs_loom)))]
mod imp {
    use super::{Arc, Root};
    use crossbeam_utils::sync::ShardedLock;
    use std::sync::PoisonError;

    /// A root, counted.
    pub type RootGuard = Arc<Root>;

    /// The published root.
    #[derive(Debug)]
    pub struct RootCell(ShardedLock<Arc<Root>>);

    impl RootCell {
        /// A cell that holds `root`.
        #[must_use]
        pub fn new(root: Arc<Root>) -> Self {
            Self(ShardedLock::new(root))
        }

        /// The root published last.
        pub fn load(&self) -> RootGuard {
            Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
        }

        /// Publishes `next` and gives back what it replaces.
        pub fn swap(&self, next: Arc<Root>) -> Arc<Root> {
            std::mem::replace(&mut self.0.write().unwrap_or_else(PoisonError::into_inner), next)
        }

        /// Publishes `next` if `current` is still published; gives back whether it was.
        #[cfg(feature = "internals")]
        pub fn compare_and_swap(&self, current: &Arc<Root>, next: Arc<Root>) -> bool {
            let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let same = Arc::ptr_eq(&slot, current);
            if same {
                *slot = next;
            }
            same
        }
    }
}

#[cfg(arcfs_loom)]
mod imp {
    use super::{Arc, Root};
    use crate::sync::Mutex;
    #[cfg(feature = "internals")]
    use crate::sync::broken;

    /// A root, counted.
    pub type RootGuard = Arc<Root>;

    /// The published root: a stand-in for `ArcSwap`, whose atomics loom cannot see.
    #[derive(Debug)]
    pub struct RootCell(Mutex<Arc<Root>>);

    impl RootCell {
        /// A cell that holds `root`.
        #[must_use]
        pub fn new(root: Arc<Root>) -> Self {
            Self(Mutex::new(root))
        }

        /// The root published last.
        pub fn load(&self) -> RootGuard {
            Arc::clone(&self.0.lock())
        }

        /// Publishes `next` and gives back what it replaces.
        pub fn swap(&self, next: Arc<Root>) -> Arc<Root> {
            std::mem::replace(&mut *self.0.lock(), next)
        }

        /// Publishes `next` if `current` is still published; gives back whether it was.
        #[cfg(feature = "internals")]
        pub fn compare_and_swap(&self, current: &Arc<Root>, next: Arc<Root>) -> bool {
            let mut slot = self.0.lock();
            let same = Arc::ptr_eq(&slot, current) || broken!(CellSwapsBlindly);
            if same {
                *slot = next;
            }
            same
        }
    }
}

pub use imp::{RootCell, RootGuard};
