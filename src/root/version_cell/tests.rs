//! With real threads; `loom-tests/tests/readers.rs` has the orderings.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use super::super::readers::{Announcement, lines};
use super::{Pin, VersionCell, Versioned, is_read};

/// A root that overwrites itself before it is deallocated.
struct Root {
    version: u64,
    twice: AtomicU64,
}

impl Versioned for Root {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Root {
    fn new(version: u64) -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self { version, twice: AtomicU64::new(2 * version) })))
    }

    fn check(&self) -> u64 {
        assert_eq!(self.twice.load(Ordering::Relaxed), 2 * self.version, "freed under a reader");
        self.version
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.twice.store(u64::MAX, Ordering::Relaxed);
    }
}

/// One committer's store, in which each version is its root and nothing else.
struct Store {
    cell: VersionCell<Root>,
    dead: Mutex<Vec<NonNull<Root>>>,
}

// SAFETY: the pointers are owned, and what they point to may be sent.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Store {
    fn new() -> Self {
        // SAFETY: freed by the rules below, at the latest when nobody can have a pin.
        Self { cell: unsafe { VersionCell::new(Root::new(1), 1) }, dead: Mutex::default() }
    }

    fn publish(&self) -> u64 {
        let mut dead = self.dead.lock().unwrap();
        dead.push(self.cell.root());
        let version = self.cell.version() + 1;
        // SAFETY: under the lock; freed by the rules below.
        unsafe { self.cell.publish(Root::new(version), version) };
        version
    }

    /// Frees those for which `free` says so, by birth and death; returns how many are left.
    fn free(&self, free: impl Fn(u64, u64) -> bool) -> usize {
        let mut dead = self.dead.lock().unwrap();
        dead.retain(|&root| {
            // SAFETY: not freed yet.
            let birth = unsafe { root.as_ref() }.check();
            let free = free(birth, birth + 1);
            if free {
                // SAFETY: made by `Box::leak`, and no reader can have it.
                drop(unsafe { Box::from_raw(root.as_ptr()) });
            }
            !free
        });
        dead.len()
    }

    fn free_by_watermark(&self) -> usize {
        let watermark = self.cell.low_watermark();
        self.free(|_, death| death <= watermark)
    }

    fn free_by_interval(&self) -> usize {
        let mut announced = Vec::new();
        let decided = self.cell.announcements(&mut announced);
        self.free(|birth, death| death <= decided && !is_read(birth, death, &announced))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.dead.get_mut().unwrap().push(self.cell.root());
        assert_eq!(self.free(|_, _| true), 0);
    }
}

#[test]
fn an_announcement_is_a_version_and_how_it_is_meant() {
    for version in [0, 1, 2, (1 << 63) - 2] {
        let (coarse, exact) = (Announcement::coarse(version), Announcement::exact(version));
        assert_eq!((coarse.version(), coarse.is_exact()), (version, false));
        assert_eq!((exact.version(), exact.is_exact()), (version, true));
        assert!(coarse < exact && exact < Announcement::coarse(version + 1));
    }
}

#[test]
fn who_reads_an_interval() {
    let (coarse, exact) = ([(5, false)], [(5, true)]);
    for (birth, death, by_coarse, by_exact) in
        [(1, 5, false, false), (1, 6, true, true), (5, 6, true, true), (6, 7, true, false)]
    {
        assert_eq!(is_read(birth, death, &coarse), by_coarse, "{birth}..{death}");
        assert_eq!(is_read(birth, death, &exact), by_exact, "{birth}..{death}");
    }
    assert!(!is_read(1, 9, &[]));
    assert!(is_read(1, 9, &[(9, false), (3, true)]));
}

#[test]
fn a_pin_keeps_its_version_until_it_is_dropped() {
    let store = Store::new();
    let pin = store.cell.pin();
    store.publish();
    assert_eq!((store.cell.low_watermark(), store.free_by_watermark()), (1, 1));
    assert_eq!((pin.check(), store.cell.pin().check()), (1, 2));
    drop(pin);
    assert_eq!((store.cell.low_watermark(), store.free_by_watermark()), (2, 0));
}

#[test]
fn an_exact_pin_keeps_its_version_alone() {
    let store = Store::new();
    let pin = store.cell.pin();
    for _ in 0..100 {
        store.publish();
    }
    assert_eq!(store.free_by_interval(), 100); // all that it may read
    pin.announce_exactly();
    assert_eq!(store.free_by_watermark(), 100);
    assert_eq!(store.free_by_interval(), 1);
    assert_eq!(pin.check(), 1);
    drop(pin);
    assert_eq!(store.free_by_interval(), 0);
}

#[test]
fn pins_of_one_thread_end_in_any_order() {
    let (store, other) = (Store::new(), Store::new());
    let mut pins: Vec<Pin<'_, Root>> = Vec::new();
    for _ in 0..10 {
        pins.push(store.cell.pin());
        pins.push(other.cell.pin());
        store.publish();
    }
    for _ in 0..20 {
        let middle = pins.len() / 2;
        drop(pins.swap_remove(middle));
        store.free_by_interval();
        store.free_by_watermark();
        assert_eq!(other.cell.low_watermark(), 1);
        for pin in &pins {
            pin.check();
        }
    }
    assert_eq!(store.free_by_watermark(), 0);
}

#[test]
fn a_reader_of_one_store_keeps_nothing_in_another() {
    let (store, other) = (Store::new(), Store::new());
    let pin = other.cell.pin();
    store.publish();
    assert_eq!(store.free_by_watermark(), 0);
    drop(pin);
}

#[test]
fn lines_are_reused_and_made_as_needed() {
    const TOGETHER: usize = 70;
    let store = Store::new();
    let (pinned, looked) = (Barrier::new(TOGETHER + 1), Barrier::new(TOGETHER + 1));
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                let pin = store.cell.pin();
                pinned.wait();
                looked.wait();
                pin.check();
            });
        }
        pinned.wait();
        let mut announced = Vec::new();
        assert_eq!(store.cell.announcements(&mut announced), 1);
        assert_eq!(announced, [(1, false); TOGETHER]);
        looked.wait();
    });
    let before = lines();
    assert!(before >= TOGETHER);
    for _ in 0..500 {
        thread::scope(|scope| drop(scope.spawn(|| store.cell.pin().check()).join()));
    }
    assert!(lines() < before + 400, "{before} lines became {}", lines()); // others may test beside
}

#[test]
fn a_pin_that_is_forgotten_keeps_its_version_and_stops_nobody() {
    let store = Store::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            std::mem::forget([store.cell.pin(), store.cell.pin(), store.cell.pin(), store.cell.pin()]);
        });
    });
    store.publish();
    for _ in 0..10 {
        thread::scope(|scope| drop(scope.spawn(|| store.cell.pin().check()).join()));
    }
    assert_eq!((store.cell.low_watermark(), store.free_by_watermark()), (1, 1));
}

/// Reads when its thread ends; the pin that it has had until then goes last.
struct Late {
    store: Arc<Store>,
    pin: Option<Pin<'static, Root>>,
    read: Arc<AtomicBool>,
}

impl Drop for Late {
    fn drop(&mut self) {
        let pin = self.store.cell.pin();
        let version = pin.check();
        self.store.publish();
        self.store.free_by_watermark();
        assert_eq!(pin.check(), version);
        drop(pin);
        drop(self.pin.take());
        self.store.free_by_watermark();
        self.read.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn a_thread_may_read_while_it_ends() {
    let store = Arc::new(Store::new());
    let read = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let late = |index: usize| {
        // SAFETY: `late` holds the store, and drops the pin before it.
        let cell: &'static VersionCell<Root> = unsafe { &*std::ptr::from_ref(&store.cell) };
        Late { store: Arc::clone(&store), pin: Some(cell.pin()), read: Arc::clone(&read[index]) }
    };
    thread::scope(|scope| {
        let ending = scope.spawn(|| {
            FIRST.with(|_| ()); // its destructor is registered before that of the thread's line
            FIRST.set(Some(late(0)));
            LAST.set(Some(late(1)));
        });
        ending.join().unwrap(); // the end of the scope would not wait for destructors
    });
    assert!(read.iter().all(|read| read.load(Ordering::Relaxed)));
    assert_eq!(store.free_by_watermark(), 0);
}

#[test]
fn nothing_is_freed_under_readers() {
    const COMMITS: u64 = 20_000;
    let (store, other) = (Store::new(), Store::new());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..3 {
            let (store, other, done) = (&store, &other, &done);
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let pin = store.cell.pin();
                    if reader == 1 {
                        pin.announce_exactly();
                    }
                    let nested = other.cell.pin();
                    assert!(pin.check() >= last, "a version came after a newer one");
                    last = pin.check();
                    nested.check();
                    if reader == 2 {
                        drop(pin);
                        thread::yield_now();
                        nested.check();
                    }
                }
            });
        }
        for commit in 0..COMMITS {
            store.publish();
            other.publish();
            if commit % 3 == 0 {
                store.free_by_watermark();
                other.free_by_interval();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((store.free_by_watermark(), other.free_by_interval()), (0, 0));
}
