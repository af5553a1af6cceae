//! Large trees that were detached and must be freed by whoever detached them, not by a reader.
//!
//! A commit that detaches more than 1,024 nodes or chunks buries the old tree here before it
//! swaps the root. From then on no reader can be its last holder; it is freed, iteratively, by a
//! sweep once this is the only place that holds it.

#[cfg(arcfs_root_cell = "slots")]
use std::sync::{Arc, OnceLock};

use super::cell::RootCell;
#[cfg(arcfs_root_cell = "slots")]
use super::slots::Retired;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, broken};
use crate::tree::held::Tree;
#[cfg(feature = "image")]
use crate::tree::node::FREED_BY_READERS;

/// How many graves a commit that buried nothing looks at.
const GLANCE: usize = 4;

/// The trees that wait for their last reader.
#[derive(Debug, Default)]
pub struct Graves {
    buried: Mutex<Vec<Tree>>,
    /// Held while trees are freed, so that a refused charge can wait for what is coming back.
    freeing: Mutex<()>,
    /// Graves and trees being freed; spares the locks when there is nothing to do. Whoever buries
    /// sweeps afterwards, so no grave depends on another thread seeing that the count has grown.
    ///
    /// Ordering: counting down releases and reading acquires, so that a refused charge which finds
    /// nothing to wait for sees what was given back. Growth is relaxed: it publishes nothing.
    /// Model: `commit::a_refused_charge_waits_for_a_sweep_under_way`.
    count: AtomicUsize,
    /// Whole roots that wait for readers, where the root cell has such: they hold trees.
    #[cfg(arcfs_root_cell = "slots")]
    roots: OnceLock<Arc<Retired>>,
}

impl Graves {
    /// Sweeps what `cell` has retired, too, from now on; always the same cell.
    #[inline]
    pub fn see_to(&self, cell: &RootCell) {
        #[cfg(arcfs_root_cell = "slots")]
        self.roots.get_or_init(|| Arc::clone(cell.retired()));
        #[cfg(not(arcfs_root_cell = "slots"))]
        let _ = cell;
    }

    /// Frees roots that no reader is on any more; gives back whether there were any.
    #[cfg(arcfs_root_cell = "slots")]
    #[inline]
    fn sweep_roots(&self, wait: bool) -> bool {
        self.roots.get().is_some_and(|roots| roots.sweep(wait))
    }

    /// Other cells count their readers: whoever lets go of a root last frees it.
    #[cfg(not(arcfs_root_cell = "slots"))]
    #[inline]
    fn sweep_roots(&self, _wait: bool) -> bool {
        false
    }

    /// Keeps `tree` until nobody else does. One that was restored may be buried already.
    pub fn bury(&self, tree: &Tree) {
        let mut buried = self.buried.lock();
        if broken!(GravesBuryTwice) || !buried.iter().any(|known| known.ptr_eq(tree)) {
            self.count.fetch_add(1, Ordering::Relaxed);
            buried.push(tree.clone());
        }
    }

    /// As if commits had replaced the tree of a snapshot that comes with a filesystem by `current`: whoever lets
    /// go of it last need not free all of it.
    #[cfg(feature = "image")]
    pub fn bury_snapshot(&self, tree: &Tree, current: &Tree) {
        if !tree.ptr_eq(current) && tree.totals.nodes() + tree.totals.chunks > FREED_BY_READERS {
            self.bury(tree);
        }
    }

    /// Frees what nobody else holds any more. Waits for another sweep to finish, so that when it
    /// returns every byte that could come back has come back. O(graves).
    pub fn sweep(&self) -> bool {
        let swept = self.sweep_roots(true);
        if self.is_idle() {
            return swept;
        }
        let _freeing =
            if broken!(GravesDoNotWait) { self.freeing.try_lock() } else { Some(self.freeing.lock()) };
        let free = {
            let mut buried = self.buried.lock();
            let (free, held) = std::mem::take(&mut *buried).into_iter().partition(unheld);
            *buried = held;
            free
        };
        self.free(free);
        true
    }

    /// Looks at a few graves, and only if no other sweep is under way: what an ordinary commit
    /// does in passing.
    pub fn glance(&self) {
        self.sweep_roots(false);
        if self.is_idle() {
            return;
        }
        let Some(_freeing) = self.freeing.try_lock() else { return };
        let free = {
            let mut buried = self.buried.lock();
            let looked_at = buried.len().min(GLANCE);
            let (free, held): (Vec<_>, Vec<_>) = buried.drain(..looked_at).partition(unheld);
            buried.extend(held); // behind those that were not looked at
            free
        };
        self.free(free);
    }

    fn free(&self, trees: Vec<Tree>) {
        let freed = trees.len();
        if broken!(GravesForgetCount) {
            self.count.fetch_sub(freed, Ordering::Release);
            return;
        }
        drop(trees);
        let release = if broken!(GravesCountRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.count.fetch_sub(freed, release);
    }

    /// Whether there was nothing to free, and nothing was being freed.
    fn is_idle(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }
}

/// Whether nobody but the graves holds the tree; nobody can come to hold it again.
fn unheld(tree: &Tree) -> bool {
    tree.is_held_here_alone() || broken!(GravesFreeHeld)
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use crate::MemFs;
    use crate::tree::node::FREED_BY_READERS;

    #[test]
    fn a_large_tree_that_comes_back_and_goes_again_is_freed() {
        let fs = MemFs::new();
        fs.import_tree((0..=FREED_BY_READERS).map(|number| (format!("/d/{number}"), "x"))).unwrap();
        let snapshot = fs.snapshot();
        fs.remove_dir_all("/d").unwrap();
        fs.restore(&snapshot).unwrap();
        fs.remove_dir_all("/d").unwrap();
        assert!(fs.stats().used_bytes > 0);
        drop(snapshot);
        assert_eq!(fs.stats().used_bytes, 0);
    }
}
