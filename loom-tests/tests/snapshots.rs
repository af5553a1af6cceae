//! Models of snapshots that are taken and dropped beside commits, and of what they keep: it is not freed under who
//! reads it, and it is freed once nobody does. They run the production store of versions, the cell, the
//! announcements and the list of what handles left.
//!
//! ```text
//! RUSTFLAGS="--cfg arcfs_loom" \
//!     cargo test --release --target-dir target/loom -p arcfs-loom-tests --test snapshots
//! ```
//!
//! Each version of this filesystem is one file. A file is an object of the store which leads to one of loom's: freeing
//! writes to that, reading reads it, and loom reports a write that does not come after a read.
//!
//! What they do not show: how directories share nodes (the store's own tests do, step by step), and anything beyond
//! the bound on preemptions.
#![cfg(arcfs_loom)]
#![allow(unsafe_code, reason = "the models are the owner of a store")]

use std::ptr::NonNull;

use arcfs::internals::Mutex;
use arcfs::internals::breaks::Break;
use arcfs::internals::root::left::Left;
use arcfs::internals::root::{VersionCell, Versioned};
use arcfs::internals::versioned::{Announced, Arena, Directory, Kinds, Map, Object, Store, Value};
use arcfs_loom_tests::models;
use loom::cell::UnsafeCell;
use loom::thread;

models! {
    a_snapshot_keeps_what_it_shows within 2 breaks with
        CommitIgnoresNewest: "freed" | "Causality violation";
    a_snapshot_is_taken_beside_a_commit within 2 breaks with
        CommitIgnoresNewest: "freed" | "Causality violation";
    an_older_snapshot_keeps_what_a_newer_one_leaves within 2 breaks with
        DropIgnoresOlder: "freed" | "Causality violation";
    a_reader_outlives_the_snapshot_of_its_version within 2 breaks with
        IgnoresReaders: "freed" | "Causality violation",
        ReaderWithoutFence: "freed" | "Causality violation";
    what_a_handle_leaves_is_not_lost within 3 breaks with
        LeftToldBeforeNoted: "kept for ever",
        LeftEmptiedLate: "kept for ever";
}

/// What a file leads to.
struct Bytes {
    version: u64,
    freed: UnsafeCell<bool>,
}

impl Bytes {
    fn read(&self) {
        // SAFETY: loom reports any write beside it.
        self.freed.with(|freed| assert!(!unsafe { *freed }, "{} is freed and read", self.version));
    }

    fn is_freed(&self) -> bool {
        // SAFETY: as above.
        self.freed.with(|freed| unsafe { *freed })
    }
}

#[repr(C)]
struct File {
    birth: u64,
    bytes: &'static Bytes,
}

/// There is none in these models.
#[repr(C)]
struct NoDirectory {
    birth: u64,
    entries: Map,
}

enum Files {}

impl Kinds for Files {
    type File = File;
    type Directory = NoDirectory;
    type Remains = ();
}

// SAFETY: `repr(C)` with the birth in front, in a block of the arena that `free` gives back.
unsafe impl Object<()> for File {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, (): &mut ()) {
        // SAFETY: loom reports any access beside the write; the block is given back once.
        unsafe {
            this.as_ref().bytes.freed.with_mut(|freed| *freed = true);
            arena.free(this.cast(), size_of::<Self>());
        }
    }
}

// SAFETY: as above.
unsafe impl Object<()> for NoDirectory {
    unsafe fn free(this: NonNull<Self>, arena: &mut Arena, (): &mut ()) {
        // SAFETY: the block is given back once.
        unsafe { arena.free(this.cast(), size_of::<Self>()) };
    }
}

// SAFETY: it has no values.
unsafe impl Directory<()> for NoDirectory {
    fn entries(&self) -> &Map {
        &self.entries
    }
}

/// A root: of one version, with one file. Never deallocated.
struct Root {
    version: u64,
    file: NonNull<File>,
}

impl Versioned for Root {
    fn version(&self) -> u64 {
        self.version
    }
}

impl Root {
    fn read(&self) {
        // SAFETY: the arena keeps the block, so that it is a file, this one or a later one; whether it is this one is what
        // the models ask.
        let bytes = unsafe { self.file.as_ref().bytes };
        assert!(bytes.version <= self.version, "the file of version {} is freed", self.version);
        bytes.read();
    }
}

// SAFETY: a root is only read.
unsafe impl Send for Root {}
// SAFETY: as above.
unsafe impl Sync for Root {}

/// What the holder of the commit lock owns.
struct State {
    store: Store<Files>,
    root: &'static Root,
    bytes: Vec<&'static Bytes>,
}

struct Versions {
    cell: VersionCell<Root>,
    state: Mutex<State>,
    left: Left,
}

/// A version that is held.
struct Snapshot {
    versions: &'static Versions,
    root: &'static Root,
    version: u64,
}

fn file(store: &mut Store<Files>, version: u64) -> (&'static Root, &'static Bytes) {
    let bytes: &'static Bytes = Box::leak(Box::new(Bytes { version, freed: UnsafeCell::new(false) }));
    let block = store.arena_mut().alloc(size_of::<File>()).expect("memory").cast::<File>();
    // SAFETY: the block is ours and large enough.
    unsafe { block.write(File { birth: version, bytes }) };
    (Box::leak(Box::new(Root { version, file: block })), bytes)
}

fn versions() -> &'static Versions {
    let mut store = Store::new(0);
    let (root, bytes) = file(&mut store, 1);
    // SAFETY: version 1 is published by making the cell; roots are never deallocated, and whether what they lead to is
    // freed too early is what is asked.
    let cell = unsafe {
        store.commit();
        VersionCell::new(NonNull::from(root), 1)
    };
    let state = Mutex::new(State { store, root, bytes: vec![bytes] });
    Box::leak(Box::new(Versions { cell, state, left: Left::new() }))
}

impl State {
    /// Ends what handles left, and frees what nobody needs.
    fn free(&mut self, versions: &Versions) {
        if !versions.left.is_empty() {
            for version in versions.left.take() {
                // SAFETY: the handle is gone, and nothing is under construction.
                unsafe { self.store.drop_snapshot(version) };
            }
        }
        let mut announced = Vec::new();
        let _ = versions.cell.announcements(&mut announced);
        let readers: Vec<_> =
            announced.iter().map(|&(version, exact)| Announced { version, exact }).collect();
        loop {
            // SAFETY: these are all who read without a snapshot.
            let more = unsafe { self.store.sweep(&readers, 64) };
            if !more {
                return;
            }
        }
    }
}

impl Versions {
    /// Publishes a version with another file.
    fn commit(&'static self) {
        let mut state = self.state.lock();
        let version = state.store.version() + 1;
        let (next, bytes) = file(&mut state.store, version);
        state.bytes.push(bytes);
        let old = std::mem::replace(&mut state.root, next);
        // SAFETY: the old file is replaced; the new root stays until the store frees what it leads to.
        unsafe {
            state.store.kill(Value::file(old.file)).expect("memory");
            state.store.prepare().expect("memory");
            self.cell.publish(NonNull::from(next), version);
            state.store.commit();
        }
        state.free(self);
    }

    fn take(&'static self) -> Snapshot {
        let mut state = self.state.lock();
        let version = state.store.take().expect("memory");
        Snapshot { versions: self, root: state.root, version }
    }

    fn read(&self) {
        self.cell.pin().read();
    }

    /// Asserts that all but the last version is freed, as far as who asks can do it.
    fn nothing_else_is_kept(&self) {
        let mut state = self.state.lock();
        state.free(self);
        let (last, gone) = state.bytes.split_last().expect("one was published");
        last.read();
        assert!(gone.iter().all(|bytes| bytes.is_freed()), "something is kept for ever");
    }
}

impl Snapshot {
    fn read(&self) {
        self.root.read();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        self.versions.left.note(self.version);
        if let Some(mut state) = self.versions.state.try_lock() {
            state.free(self.versions);
        }
    }
}

fn a_snapshot_keeps_what_it_shows() {
    let versions = versions();
    let snapshot = versions.take();
    let holder = thread::spawn(move || {
        snapshot.read();
        drop(snapshot);
    });
    versions.commit();
    versions.commit();
    holder.join().unwrap();
    versions.nothing_else_is_kept();
}

fn a_snapshot_is_taken_beside_a_commit() {
    let versions = versions();
    let taker = thread::spawn(move || {
        let snapshot = versions.take();
        snapshot.read();
    });
    versions.commit();
    taker.join().unwrap();
    versions.nothing_else_is_kept();
}

fn an_older_snapshot_keeps_what_a_newer_one_leaves() {
    let versions = versions();
    let older = versions.take();
    // The newer one is of the same file and has another number: what is published between is of no matter.
    let first = older.root;
    let newer = {
        let mut state = versions.state.lock();
        // SAFETY: a version in which nothing died is published.
        unsafe {
            versions.cell.publish(NonNull::from(first), 2);
            state.store.commit();
        }
        let version = state.store.take().expect("memory");
        Snapshot { versions, root: first, version }
    };
    let holder = thread::spawn(move || {
        older.read();
        drop(older);
    });
    versions.commit();
    newer.read();
    drop(newer);
    holder.join().unwrap();
    versions.nothing_else_is_kept();
}

fn a_reader_outlives_the_snapshot_of_its_version() {
    let versions = versions();
    let reader = thread::spawn(move || versions.read());
    let snapshot = versions.take();
    versions.commit();
    drop(snapshot);
    reader.join().unwrap();
    versions.nothing_else_is_kept();
}

fn what_a_handle_leaves_is_not_lost() {
    let versions = versions();
    let [first, second] = [versions.take(), versions.take()];
    let threads = [first, second].map(|snapshot| thread::spawn(move || drop(snapshot)));
    versions.commit();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    versions.nothing_else_is_kept();
}
