//! The root cell whose readers announce themselves, for roots that are counted.
//!
//! The cell owns one count of the published root. What it replaces it gives back, as every cell does;
//! but while a reader may be on it, a count of it stays in the cell's [`Retired`], so the reader's root
//! lives whatever becomes of the other counts.
#![allow(unsafe_code, reason = "the published pointer is a count of the root")]

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::root::readers::{StoreId, announcements};
use crate::root::version_cell::{Pin, VersionCell};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::tree::root::Root;

/// A root, protected while this lives; cheap to have and not to be kept.
#[derive(Debug)]
pub struct RootGuard<'a> {
    /// Without a count of its own.
    root: ManuallyDrop<Arc<Root>>,
    _pin: Pin<'a, Root>,
}

impl Deref for RootGuard<'_> {
    type Target = Arc<Root>;

    #[inline]
    fn deref(&self) -> &Arc<Root> {
        &self.root
    }
}

/// The published root.
#[derive(Debug)]
pub struct RootCell {
    /// Invariant: its pointer is that of an `Arc`, whose count it owns.
    published: VersionCell<Root>,
    retired: Arc<Retired>,
}

/// Roots that were replaced while readers were on them.
#[derive(Debug)]
pub struct Retired {
    store: StoreId,
    /// Each with the version of the cell that replaced it. Locked by whoever replaces one, too.
    roots: Mutex<Vec<(u64, Arc<Root>)>>,
    /// Held while roots are freed, so that a refused charge can wait for what is coming back.
    freeing: Mutex<()>,
    /// Roots here and roots being freed. Ordering: as that of the graves.
    count: AtomicUsize,
}

impl Retired {
    /// Frees those that no reader is on any more; gives back whether there were any. Who does not wait
    /// leaves it to another sweep that is under way.
    pub fn sweep(&self, wait: bool) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let Some(_freeing) = (if wait { Some(self.freeing.lock()) } else { self.freeing.try_lock() }) else {
            return true;
        };
        let free: Vec<_> = {
            let mut roots = self.roots.lock();
            // Under the lock: what is here was replaced before the fence.
            let mut oldest = u64::MAX;
            announcements(self.store, |announced| oldest = oldest.min(announced.version()));
            let (free, read) =
                std::mem::take(&mut *roots).into_iter().partition(|(death, _)| *death <= oldest);
            *roots = read;
            free
        };
        let freed = free.len();
        drop(free);
        self.count.fetch_sub(freed, Ordering::Release);
        true
    }
}

impl RootCell {
    /// A cell that holds `root`.
    #[must_use]
    pub fn new(root: Arc<Root>) -> Self {
        // SAFETY: as for `publish` in `replace`.
        let published = unsafe { VersionCell::new(leak(root), 0) };
        let store = published.store();
        let (roots, freeing, count) = (Mutex::default(), Mutex::default(), AtomicUsize::new(0));
        Self { published, retired: Arc::new(Retired { store, roots, freeing, count }) }
    }

    /// The root published last.
    #[inline]
    pub fn load(&self) -> RootGuard<'_> {
        let pin = self.published.pin();
        // SAFETY: the invariant of `published`; the pin keeps one count, and this one is never dropped.
        let root = ManuallyDrop::new(unsafe { Arc::from_raw(pin.as_ptr().as_ptr()) });
        RootGuard { root, _pin: pin }
    }

    /// Publishes `next` and gives back what it replaces.
    pub fn swap(&self, next: Arc<Root>) -> Arc<Root> {
        self.replace(&mut self.retired.roots.lock(), next)
    }

    /// Publishes `next` if `current` is still published; gives back whether it was.
    #[cfg(feature = "internals")]
    pub fn compare_and_swap(&self, current: &Arc<Root>, next: Arc<Root>) -> bool {
        let mut roots = self.retired.roots.lock();
        let same = std::ptr::eq(self.published.root().as_ptr(), Arc::as_ptr(current));
        if same {
            self.replace(&mut roots, next);
        }
        same
    }

    fn replace(&self, roots: &mut Vec<(u64, Arc<Root>)>, next: Arc<Root>) -> Arc<Root> {
        // SAFETY: the invariant of `published`; its count becomes this one.
        let old = unsafe { Arc::from_raw(self.published.root().as_ptr()) };
        let death = self.published.version() + 1;
        // SAFETY: `roots` is locked, so nobody publishes beside. The count that is leaked here comes back above
        // when the root is replaced, and below one stays in `roots` until the watermark reaches `death`.
        unsafe { self.published.publish(leak(next), death) };
        if self.published.low_watermark() < death {
            self.retired.count.fetch_add(1, Ordering::Relaxed);
            roots.push((death, Arc::clone(&old)));
        }
        old
    }

    /// What waits for readers.
    pub fn retired(&self) -> &Arc<Retired> {
        &self.retired
    }
}

impl Drop for RootCell {
    fn drop(&mut self) {
        if !crate::sync::model_has_failed() {
            // SAFETY: the invariant of `published`; there are no guards any more.
            drop(unsafe { Arc::from_raw(self.published.root().as_ptr()) });
            self.retired.sweep(true);
        }
    }
}

/// The pointer that owns the count.
fn leak(root: Arc<Root>) -> NonNull<Root> {
    NonNull::new(Arc::into_raw(root).cast_mut()).expect("an `Arc` is never null")
}

#[cfg(all(test, not(arcfs_loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Weak};
    use std::thread;

    use super::{Root, RootCell};
    use crate::tree::meta::Timestamp;

    fn root(version: u64) -> (Arc<Root>, Weak<Root>) {
        let root = Arc::new(Root { version, ..Root::new(Timestamp::default()) });
        let weak = Arc::downgrade(&root);
        (root, weak)
    }

    fn is_alive(root: &Weak<Root>) -> bool {
        root.strong_count() > 0
    }

    #[test]
    fn a_root_that_nobody_reads_is_gone_when_it_is_replaced() {
        let ((first, old), (second, new)) = (root(1), root(2));
        let cell = RootCell::new(first);
        assert_eq!(cell.load().version, 1);
        assert_eq!(cell.swap(second).version, 1);
        assert!(!is_alive(&old) && is_alive(&new));
        assert!(!cell.retired().sweep(true));
        drop(cell);
        assert!(!is_alive(&new));
    }

    #[test]
    fn a_root_that_is_read_waits_for_its_readers() {
        let ((first, old), (second, _)) = (root(1), root(2));
        let cell = RootCell::new(first);
        let (guard, kept) = (cell.load(), Arc::clone(&cell.load()));
        drop(cell.swap(second));
        drop(kept);
        assert!(cell.retired().sweep(true));
        assert!(is_alive(&old));
        assert_eq!((guard.version, cell.load().version), (1, 2));
        drop(guard);
        assert!(is_alive(&old), "readers free nothing");
        assert!(cell.retired().sweep(false));
        assert!(!is_alive(&old));
    }

    #[test]
    fn who_sweeps_roots_frees_those_of_a_cell_that_is_gone() {
        let ((first, old), (second, new)) = (root(1), root(2));
        let cell = RootCell::new(first);
        let guard = cell.load();
        drop(cell.swap(second));
        drop(guard);
        drop(cell);
        assert!(!is_alive(&old) && !is_alive(&new));
    }

    #[test]
    fn roots_live_under_readers() {
        let cell = RootCell::new(root(0).0);
        let done = AtomicBool::new(false);
        let mut weak = Vec::new();
        thread::scope(|scope| {
            for keeps in [false, true] {
                let (cell, done) = (&cell, &done);
                scope.spawn(move || {
                    let mut last = (0, None);
                    while !done.load(Ordering::Relaxed) {
                        let guard = cell.load();
                        assert!(guard.version >= last.0);
                        last = (guard.version, keeps.then(|| Arc::clone(&guard)));
                    }
                });
            }
            for version in 1..5_000 {
                let (next, alive) = root(version);
                weak.push(alive);
                drop(cell.swap(next));
                cell.retired().sweep(false);
            }
            done.store(true, Ordering::Relaxed);
        });
        cell.retired().sweep(true);
        assert_eq!(weak.iter().filter(|root| is_alive(root)).count(), 1); // the published one
    }
}
