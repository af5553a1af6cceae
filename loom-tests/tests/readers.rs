//! Models of readers' announcements: what a reader can reach is not freed, and nothing is freed before
//! whoever has read it is known to have left. They run the production registry, places and cell.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test readers
//! ```
//!
//! What is freed here is an object of loom's: freeing writes to it, reading reads it, and loom reports a
//! write that does not come after a read. So a model fails on a read of what is freed, and as well
//! on a free that merely happened to come later.
//!
//! What they do not show: anything beyond the bound on preemptions.
#![cfg(arcfs_loom)]
#![allow(unsafe_code, reason = "the models publish objects that they never deallocate")]

use std::ptr::NonNull;

use arcfs::internals::breaks::Break;
use arcfs::internals::root::{Pin, VersionCell, Versioned, is_read};
use arcfs_loom_tests::models;
use loom::cell::UnsafeCell;
use loom::thread;

models! {
    what_is_announced_is_not_freed within 3 breaks with
        ReaderAnnouncesAfterLoad: "freed" | "Causality violation",
        ReaderWithoutFence: "freed" | "Causality violation",
        ReaderAnnouncesRelaxed: "Causality violation",
        ScanWithoutFence: "freed" | "Causality violation",
        ReaderLeavesRelaxed: "Causality violation",
        VersionBeforeRoot: "freed" | "Causality violation",
        LineNotCounted: "freed" | "Causality violation";
    a_line_is_found_by_whoever_counts_it within 2 breaks with
        LineNotCounted: "freed" | "Causality violation",
        BlockPublishedRelaxed: "Causality violation",
        LineClaimedInTwoSteps: "freed" | "Causality violation";
    a_line_is_reused_after_its_thread within 3 breaks with
        LineClaimedRelaxed: "freed" | "Causality violation";
    a_pin_may_outlive_its_thread within 2 breaks with
        PlaceTakenRelaxed: "Causality violation";
    a_place_serves_two_stores within 2 breaks with
        ReaderNamesStoreLate: "freed" | "Causality violation",
        ReaderNamesStoreRelaxed: "Causality violation";
    who_reads_exactly_has_read_the_past within 3 breaks with
        ReaderWithoutFence: "freed" | "Causality violation";
    an_interval_keeps_what_its_reader_needs within 3 breaks with
        ExactTakesNewest: "freed" | "Causality violation",
        IntervalIgnoresCoarse: "freed" | "Causality violation";
    nested_pins_do_not_disturb_each_other within 3 breaks with
        NestedReaderTakesThePlace: "freed" | "Causality violation";
    pins_without_a_place_have_a_line_of_their_own within 3 breaks with
        LineNotCounted: "freed" | "Causality violation";
}

/// Something that readers reach and that is freed: the root of a version, or what several share.
struct Object {
    version: u64,
    freed: UnsafeCell<bool>,
    below: Option<&'static Object>,
}

impl Object {
    fn new(version: u64, below: Option<&'static Object>) -> &'static Self {
        Box::leak(Box::new(Self { version, freed: UnsafeCell::new(false), below }))
    }

    fn read(&self) {
        // SAFETY: loom reports any write beside it.
        self.freed.with(|freed| assert!(!unsafe { *freed }, "{} is freed and read", self.version));
        if let Some(below) = self.below {
            below.read();
        }
    }

    fn free(&self) {
        // SAFETY: loom reports any access beside it.
        self.freed.with_mut(|freed| unsafe { *freed = true });
    }
}

impl Versioned for Object {
    fn version(&self) -> u64 {
        self.version
    }
}

/// The side of a store that reads.
#[derive(Clone, Copy)]
struct Readers(&'static VersionCell<Object>);

impl Readers {
    fn pin(self) -> Pin<'static, Object> {
        self.0.pin()
    }

    fn read(self) {
        self.pin().read();
    }
}

/// The side of a store that publishes and frees; version 1 is published.
struct Committer {
    cell: &'static VersionCell<Object>,
    root: &'static Object,
    /// Each with the version that it died in.
    dead: Vec<(&'static Object, u64)>,
}

fn store() -> (Readers, Committer) {
    store_over(None)
}

fn store_over(below: Option<&'static Object>) -> (Readers, Committer) {
    let root = Object::new(1, below);
    // SAFETY: objects are never deallocated; whether they are freed too early is what is asked.
    let cell = Box::leak(Box::new(unsafe { VersionCell::new(NonNull::from(root), 1) }));
    (Readers(cell), Committer { cell, root, dead: Vec::new() })
}

impl Committer {
    /// Publishes a next version whose root alone is new, and for the one before which `also` dies.
    fn publish(&mut self, below: Option<&'static Object>, also: Option<&'static Object>) {
        let version = self.root.version + 1;
        let next = Object::new(version, below);
        // SAFETY: as in `store_over`; the only publisher.
        unsafe { self.cell.publish(NonNull::from(next), version) };
        self.dead.push((std::mem::replace(&mut self.root, next), version));
        self.dead.extend(also.map(|object| (object, version)));
    }

    fn free_by_watermark(&mut self) {
        let watermark = self.cell.low_watermark();
        self.dead.retain(|(object, death)| {
            let free = *death <= watermark;
            if free {
                object.free();
            }
            !free
        });
    }

    fn free_by_interval(&mut self) {
        let mut announced = Vec::new();
        let decided = self.cell.announcements(&mut announced);
        self.dead.retain(|(object, death)| {
            let free = *death <= decided && !is_read(object.version, *death, &announced);
            if free {
                object.free();
            }
            !free
        });
    }

    fn commit(&mut self) {
        self.publish(None, None);
        self.free_by_watermark();
    }
}

fn what_is_announced_is_not_freed() {
    let (readers, mut committer) = store();
    let reader = thread::spawn(move || {
        readers.read();
        readers.read();
    });
    committer.commit();
    reader.join().unwrap();
    committer.free_by_watermark();
}

fn a_line_is_found_by_whoever_counts_it() {
    let (readers, mut committer) = store();
    let threads = [(); 2].map(|()| thread::spawn(move || readers.read()));
    committer.commit();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn a_line_is_reused_after_its_thread() {
    let ((ours, mut committer), (others, _)) = (store(), store());
    let first = thread::spawn(move || others.read());
    let second = thread::spawn(move || ours.read());
    committer.commit();
    first.join().unwrap();
    second.join().unwrap();
}

/// As when a pin is dropped by the destructor of a thread's variable, after the line was given back.
fn a_pin_may_outlive_its_thread() {
    let ((first, mut committer), (second, _)) = (store(), store());
    let pinning = thread::spawn(move || first.pin());
    let next = thread::spawn(move || second.read());
    let freeing = thread::spawn(move || committer.commit());
    let pin = pinning.join().unwrap();
    pin.read();
    drop(pin);
    next.join().unwrap();
    freeing.join().unwrap();
}

fn a_place_serves_two_stores() {
    let ((first, mut committer), (second, mut other_committer)) = (store(), store());
    let reader = thread::spawn(move || {
        first.read();
        second.read();
    });
    let other = thread::spawn(move || other_committer.commit());
    committer.commit();
    reader.join().unwrap();
    other.join().unwrap();
}

fn who_reads_exactly_has_read_the_past() {
    let (readers, mut committer) = store();
    let reader = thread::spawn(move || {
        readers.read();
        let pin = readers.pin();
        pin.announce_exactly();
        pin.read();
    });
    committer.publish(None, None);
    committer.free_by_interval();
    reader.join().unwrap();
}

fn an_interval_keeps_what_its_reader_needs() {
    let shared = Object::new(1, None);
    let (readers, mut committer) = store_over(Some(shared));
    let reader = thread::spawn(move || {
        let pin = readers.pin();
        pin.read();
        pin.announce_exactly();
        pin.read();
    });
    committer.publish(Some(shared), None);
    committer.free_by_interval();
    committer.publish(None, Some(shared));
    committer.free_by_interval();
    reader.join().unwrap();
}

fn nested_pins_do_not_disturb_each_other() {
    let (readers, mut committer) = store();
    let reader = thread::spawn(move || {
        let outer = readers.pin();
        let inner = readers.pin();
        inner.read();
        drop(inner);
        outer.read();
    });
    committer.commit();
    reader.join().unwrap();
}

fn pins_without_a_place_have_a_line_of_their_own() {
    let (readers, mut committer) = store();
    let reader = thread::spawn(move || {
        let pins = [readers.pin(), readers.pin(), readers.pin()];
        let [first, second, third] = pins;
        drop((first, second));
        third.read();
    });
    committer.commit();
    reader.join().unwrap();
}
