//! The cell that holds the published root.
//!
//! One cell per filesystem, and nothing else is swapped anywhere in the engine. Readers take a
//! [`RootGuard`], which is cheap and must not be kept: whoever needs a root for longer clones the
//! `Arc` in it.
//!
//! Two cells share one interface. `ArcSwap` is the default: its readers never wait. With
//! `--cfg arcfs_root_cell="slots"` readers announce themselves ([`readers`](crate::root::readers)), so that a
//! commit costs the same however many threads have ever read; a root that somebody is just reading
//! when it is replaced is freed by whoever commits or sweeps next. Each keeps the seam of the other honest.
//! Under loom, which cannot see inside `ArcSwap`, a plain mutex stands in for it: the models check what
//! arcfs does with the cell, not the cell.

#[cfg(arcfs_root_cell = "slots")]
pub use super::slots::{RootCell, RootGuard};
#[cfg(not(arcfs_root_cell = "slots"))]
pub use guarded::{RootCell, RootGuard};

#[cfg(not(arcfs_root_cell = "slots"))]
mod guarded {
    use std::marker::PhantomData;
    use std::ops::Deref;
    use std::sync::Arc;

    use super::imp::Guarded;
    pub use super::imp::RootCell;
    use crate::tree::root::Root;

    /// A root, protected while this lives; cheap to have and not to be kept.
    #[derive(Debug)]
    pub struct RootGuard<'a> {
        root: Guarded,
        cell: PhantomData<&'a RootCell>,
    }

    impl RootGuard<'_> {
        #[inline]
        pub(super) fn of(root: Guarded) -> Self {
            Self { root, cell: PhantomData }
        }
    }

    impl Deref for RootGuard<'_> {
        type Target = Arc<Root>;

        #[inline]
        fn deref(&self) -> &Arc<Root> {
            &self.root
        }
    }
}

#[cfg(not(any(arcfs_loom, arcfs_root_cell = "slots")))]
mod imp {
    use std::sync::Arc;

    use super::RootGuard;
    use crate::tree::root::Root;
    use arc_swap::ArcSwap;

    pub type Guarded = arc_swap::Guard<Arc<Root>>;

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
        pub fn load(&self) -> RootGuard<'_> {
            RootGuard::of(self.0.load())
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

#[cfg(all(arcfs_loom, not(arcfs_root_cell = "slots")))]
mod imp {
    use std::sync::Arc;

    use super::RootGuard;
    use crate::sync::Mutex;
    #[cfg(feature = "internals")]
    use crate::sync::broken;
    use crate::tree::root::Root;

    pub type Guarded = Arc<Root>;

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
        pub fn load(&self) -> RootGuard<'_> {
            RootGuard::of(Arc::clone(&self.0.lock()))
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
