//! Answers that must be true of one instant, where something comes between the look at a root and
//! the commit.
//!
//! The engine asks its clock in between. Here the clock is one that does something else first.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use arcfs::{Clock, ErrorKind, File, MemFs, OpenOptions};

type Action = Box<dyn FnOnce() + Send>;

/// A clock that does something once, before it tells the time.
#[derive(Default)]
struct Interruption(Mutex<Option<Action>>);

impl Clock for Interruption {
    fn now(&self) -> SystemTime {
        let action = self.0.lock().unwrap().take();
        if let Some(action) = action {
            action();
        }
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

impl std::fmt::Debug for Interruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interruption")
    }
}

/// A filesystem with files at `/a` and `/b`, and a way to interrupt its next call.
fn filesystem() -> (MemFs, Arc<Interruption>) {
    let interruption = Arc::new(Interruption::default());
    let fs = MemFs::builder().clock(Arc::clone(&interruption) as Arc<dyn Clock>).build().unwrap();
    fs.import_tree([("/a", "a"), ("/b", "b")]).unwrap();
    (fs, interruption)
}

impl Interruption {
    fn set(&self, fs: &MemFs, action: impl FnOnce(&MemFs) + Send + 'static) {
        let fs = fs.clone();
        *self.0.lock().unwrap() = Some(Box::new(move || action(&fs)));
    }
}

fn is_busy<T>(outcome: &arcfs::Result<T>) -> bool {
    matches!(outcome, Err(error) if matches!(error.kind(), ErrorKind::Busy { .. }))
}

#[test]
fn a_copy_onto_a_directory_that_appears_is_as_onto_one_that_was_there() {
    let (fs, interruption) = filesystem();
    let snapshot = fs.snapshot();
    interruption.set(&fs, |fs| fs.create_dir("/d").unwrap());
    assert_eq!(fs.copy("/a", "/d").unwrap_err().kind(), &ErrorKind::AlreadyExists);
    fs.remove_dir("/d").unwrap();
    interruption.set(&fs, |fs| fs.create_dir("/d").unwrap());
    assert_eq!(fs.copy_from(&snapshot, "/a", "/d").unwrap_err().kind(), &ErrorKind::AlreadyExists);
}

/// What is held and what is in the way appear together: never was the one there without the other.
#[test]
fn a_lock_that_appears_does_not_hide_errors_that_come_before_it() {
    let (fs, interruption) = filesystem();
    let held: Arc<Mutex<Option<File>>> = Arc::default();
    let hold = Arc::clone(&held);
    interruption.set(&fs, move |fs| {
        fs.remove_file("/b").unwrap();
        fs.create_dir("/b").unwrap();
        *hold.lock().unwrap() = Some(OpenOptions::new().write(true).open(fs, "/a").unwrap());
    });
    let error = fs.import_tree([("/a", "1"), ("/b", "2")]).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::IsADirectory, Some("/b")));
    *held.lock().unwrap() = None;

    let hold = Arc::clone(&held);
    interruption.set(&fs, move |fs| {
        fs.remove_file("/a").unwrap();
        let file = OpenOptions::new().write(true).create(true).atomic(true).open(fs, "/new").unwrap();
        *hold.lock().unwrap() = Some(file);
    });
    let error = fs.move_path("/a", "/new/a").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound);
}

/// While anybody holds `/new` it exists, so that one who would create it meets the file.
#[test]
fn a_file_that_is_held_exists_before_it_is_busy() {
    let (fs, _) = filesystem();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for _ in 0..20_000 {
                OpenOptions::new().write(true).create(true).open(&fs, "/new").unwrap().close().unwrap();
                fs.remove_file("/new").ok();
            }
        });
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).lock_timeout(Some(Duration::ZERO));
        while !other.is_finished() {
            let outcome = options.open(&fs, "/new");
            assert!(!is_busy(&outcome), "{outcome:?}");
        }
    });
}

/// A writer that waits goes first, so who only tries does not get the lock; nor does it wait.
#[test]
fn a_try_for_a_shared_lock_does_not_wait_behind_a_writer() {
    let fs = MemFs::builder().lock_timeout(Some(Duration::from_secs(1))).build().unwrap();
    fs.write("/a", "1").unwrap();
    let mut shared = OpenOptions::new();
    shared.read(true).shared_lock(true).lock_timeout(Some(Duration::ZERO));
    let reader = shared.open(&fs, "/a").unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| fs.write("/a", "2"));
        // Until the writer waits, readers get in.
        while shared.open(&fs, "/a").is_ok() {
            assert!(!writer.is_finished(), "the writer gave up, and nobody was refused");
            thread::yield_now();
        }
        assert!(!writer.is_finished());
        drop(reader);
        writer.join().unwrap().unwrap();
    });
}
