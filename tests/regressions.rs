//! Defects that were found once, each with the smallest program that shows it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

use arcfs::{Clock, Content, ErrorKind, MemFs, OpenOptions};

fn files(n: usize) -> impl Iterator<Item = (String, Content)> {
    (0..n).map(|file| (format!("/d/{file}"), Content::default()))
}

#[test]
fn a_fork_and_its_origin_free_what_both_let_go() {
    let origin = MemFs::new();
    origin.import_tree(files(3000)).unwrap();
    let fork = MemFs::from_snapshot(&origin.snapshot(), MemFs::builder()).unwrap();
    assert!(fork.snapshot().same_as(&origin.snapshot()));
    origin.clear().unwrap();
    assert!(origin.stats().used_bytes > 0, "the fork still shows the files");
    fork.clear().unwrap();
    if cfg!(not(arcfs_tree = "counted")) {
        drop(fork); // it keeps the version that it grew from
    }
    assert_eq!(origin.stats().used_bytes, 0);
}

#[test]
fn what_was_preallocated_is_not_spent_beyond_its_length() {
    const LEN: usize = 256 << 10;
    let fs = MemFs::builder().max_quota(4 << 20).build().unwrap();
    fs.write("/f", vec![1; LEN]).unwrap();
    let mut options = OpenOptions::new();
    let mut file = options.write(true).preallocate(2 * LEN as u64).open(&fs, "/f").unwrap();
    file.write_at(&vec![2; LEN], 2 * LEN as u64).unwrap(); // beyond, so from the quota
    fs.set_max_quota(0);
    file.write_at(b"x", 0).unwrap();
    file.write_at(b"x", LEN as u64 - 1).unwrap();
    file.write_at(b"x", 2 * LEN as u64 - 1).unwrap();
    file.close().unwrap();
}

#[test]
fn overheads_of_several_long_names_do_not_wrap() {
    let long = "n".repeat(40);
    let fs = MemFs::builder().chunk_overhead(1 << 63).build().unwrap();
    fs.create_dir("/d").unwrap();
    let path = format!("/{long}/{long}/x");
    for outcome in [fs.create_dir_all(&path), fs.move_path("/d", &path), fs.import_tree([(&path, "")])] {
        assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::QuotaExceeded { .. }));
    }
}

#[test]
fn a_long_name_that_comes_and_goes_in_one_transaction_is_not_charged_for_ever() {
    let long = format!("/{}", "n".repeat(40));
    let fs = MemFs::new();
    fs.transaction(|tx| {
        tx.write(&long, b"")?;
        tx.rename(&long, "/a")
    })
    .unwrap();
    fs.transaction(|tx| {
        tx.create_dir(&long)?;
        tx.remove_dir(&long)
    })
    .unwrap();
    assert_eq!(fs.stats().pinned_bytes, 0);
    fs.clear().unwrap();
    assert_eq!(fs.stats().used_bytes, 0);
}

thread_local! {
    static KEPT: RefCell<Option<MemFs>> = const { RefCell::new(None) };
}

#[test]
fn a_deep_tree_that_goes_with_its_thread_does_not_overflow_the_stack() {
    let deep = || {
        let fs = MemFs::builder().max_depth(4096).build().unwrap();
        fs.create_dir_all("/d".repeat(4096)).unwrap();
        fs
    };
    let keep = move || {
        KEPT.with(|kept| *kept.borrow_mut() = Some(deep()));
        drop(deep()); // whatever a drop leaves behind on this thread is there from now on
    };
    thread::Builder::new().stack_size(256 << 10).spawn(keep).unwrap().join().unwrap();
}

/// A clock that writes to the filesystem that asks it.
#[derive(Debug, Default)]
struct Meddler {
    fs: OnceLock<MemFs>,
    busy: AtomicBool,
}

impl Clock for Meddler {
    fn now(&self) -> SystemTime {
        if let Some(fs) = self.fs.get()
            && !self.busy.swap(true, Ordering::SeqCst)
        {
            let _ = fs.append("/source", b"."); // refused while the commits of others wait
            self.busy.store(false, Ordering::SeqCst);
        }
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_that_changes_what_is_copied_cannot_block_the_copy() {
    let clock = Arc::new(Meddler::default());
    let fs = MemFs::builder().clock(Arc::clone(&clock) as _).build().unwrap();
    fs.write("/source", b"").unwrap();
    clock.fs.set(fs.clone()).unwrap();
    let copied = fs.copy("/source", "/copy").unwrap();
    assert_eq!(fs.metadata("/copy").unwrap().len(), copied);
    clock.busy.store(true, Ordering::SeqCst); // the clock no longer keeps the filesystem busy
}

/// A clock that panics on demand.
#[derive(Debug, Default)]
struct Fragile(AtomicBool);

impl Clock for Fragile {
    fn now(&self) -> SystemTime {
        assert!(!self.0.load(Ordering::SeqCst), "as it was told");
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_that_panics_leaves_no_hold() {
    let clock = Arc::new(Fragile::default());
    let builder = MemFs::builder().clock(Arc::clone(&clock) as _).lock_timeout(Some(Duration::ZERO));
    let fs = builder.build().unwrap();
    let mut file = fs.create("/f").unwrap();
    file.write_at(b"draft", 0).unwrap();
    let shared = {
        fs.write("/s", b"").unwrap();
        OpenOptions::new().read(true).shared_lock(true).open(&fs, "/s").unwrap()
    };
    clock.0.store(true, Ordering::SeqCst);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| file.close())).is_err());
    drop(shared);
    clock.0.store(false, Ordering::SeqCst);
    assert_eq!(fs.read("/f").unwrap(), b"");
    fs.remove_file("/f").unwrap();
    fs.remove_file("/s").unwrap();
    assert_eq!((fs.stats().used_bytes, fs.stats().open_handles), (0, 0));
}

#[test]
fn an_export_that_is_under_way_is_no_snapshot() {
    let fs = MemFs::new();
    fs.write("/a", b"1").unwrap();
    let files = fs.iter_export_tree("/", arcfs::ExportOptions::default()).unwrap();
    assert_eq!(fs.stats().snapshots, 0);
    assert_eq!(files.count(), 1);
}

#[test]
fn the_earliest_time_survives() {
    let fs = MemFs::new();
    fs.write("/a", b"").unwrap();
    let mut seconds = 1_u64 << 63;
    let earliest = loop {
        match SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(seconds)) {
            Some(time) => break time,
            None => seconds >>= 1,
        }
    };
    fs.set_modified("/a", earliest).unwrap();
    assert_eq!(fs.metadata("/a").unwrap().modified(), earliest);
}
