//! Writers that fail, are slow, or panic, and callbacks that do: nothing is left behind.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arcfs::{ArchiveOptions, Compression, ErrorKind, MemFs};

use crate::support::*;

/// Takes so many bytes and then fails; notes whether it was used after that.
struct Failing<'a> {
    left: usize,
    failed: &'a AtomicBool,
}

impl Write for Failing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.failed.load(Ordering::Relaxed), "used after it failed");
        if self.left == 0 {
            self.failed.store(true, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no more"));
        }
        let n = bytes.len().min(self.left);
        self.left -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[0]).map(drop)
    }
}

#[test]
fn a_writer_that_fails_at_any_byte_is_an_error_that_keeps_its_own() -> TestResult {
    let fs = MemFs::new();
    fs.import_tree([("/a/b", text(500, 1)), ("/c", Vec::new()), ("/d", noise(200, 2))])?;
    fs.create_dir("/empty")?;
    let before = fs.stats();
    for kind in KINDS {
        for threads in [1, 2] {
            let options = || ArchiveOptions::new().threads(threads);
            let len = kind.export(&fs.snapshot(), options())?.len();
            for left in 0..=len {
                let failed = AtomicBool::new(false);
                let writer = Failing { left, failed: &failed };
                let error = kind.export_to(&fs.snapshot(), writer, options()).expect_err("no room");
                assert!(failed.load(Ordering::Relaxed));
                assert_eq!((error.kind(), error.path()), (&ErrorKind::Other, Some("/")));
                let source = std::error::Error::source(&error).expect("the writer's");
                let source = source.downcast_ref::<io::Error>().expect("an error of the host");
                assert_eq!(source.kind(), io::ErrorKind::StorageFull);
                assert_eq!(fs.stats(), before);
            }
        }
    }
    Ok(())
}

#[test]
fn a_writer_that_fails_in_the_middle_of_a_large_file_stops_the_work() -> TestResult {
    let fs = mixed()?;
    let before = fs.stats();
    for kind in KINDS {
        for left in [0, 100_000, 1_000_000] {
            let failed = AtomicBool::new(false);
            let writer = Failing { left, failed: &failed };
            let error = kind.export_to(&fs.snapshot(), writer, ArchiveOptions::new().threads(3));
            assert_eq!(error.expect_err("no room").kind(), &ErrorKind::Other);
            assert_eq!(fs.stats(), before);
            // Nothing runs on that holds content: all of it is free when it is removed.
            let snapshot = fs.snapshot();
            fs.clear()?;
            fs.restore(&snapshot)?;
        }
    }
    let failed = AtomicBool::new(false);
    let writer = Failing { left: 100_000, failed: &failed };
    fs.export_zip(writer, ArchiveOptions::new().threads(3)).expect_err("no room");
    fs.clear()?;
    assert_eq!(fs.stats().used_bytes, 0);
    Ok(())
}

#[test]
fn writers_that_take_little_slowly_and_with_interruptions_get_the_same_bytes() -> TestResult {
    struct Reluctant {
        taken: Vec<u8>,
        calls: usize,
    }
    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.calls.is_multiple_of(10) {
                // Blocks get ready faster than they are taken, mostly; the bytes are the same in any case.
                std::thread::sleep(Duration::from_millis(1));
            }
            let n = bytes.len().min(self.calls % 20_000 + 1);
            self.taken.extend_from_slice(&bytes[..n]);
            Ok(n)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let snapshot = mixed()?.snapshot();
    for kind in KINDS {
        let mut reluctant = Reluctant { taken: Vec::new(), calls: 15_000 };
        kind.export_to(&snapshot, &mut reluctant, ArchiveOptions::new().threads(2))?;
        assert!(reluctant.taken == kind.export(&snapshot, ArchiveOptions::new())?, "{kind:?}");
    }
    Ok(())
}

#[test]
fn callbacks_and_writers_that_panic_leave_nothing_behind() -> TestResult {
    struct Panicking;
    impl Write for Panicking {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("the writer");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let fs = mixed()?;
    let before = fs.stats();
    for kind in KINDS {
        let mut calls = 0;
        let progress = ArchiveOptions::new().threads(3).progress(move |_| {
            calls += 1;
            assert!(calls < 5, "the callback");
        });
        let filter = ArchiveOptions::new().filter(|path| path.len() < 10 || panic!("the filter"));
        for options in [progress, filter] {
            catch_unwind(AssertUnwindSafe(|| kind.export(&fs.snapshot(), options))).expect_err("panics");
            assert_eq!(fs.stats(), before);
        }
        let options = ArchiveOptions::new().threads(3);
        catch_unwind(AssertUnwindSafe(|| kind.export_to(&fs.snapshot(), Panicking, options)))
            .expect_err("panics");
        assert_eq!(fs.stats(), before);
    }
    fs.clear()?;
    assert_eq!(fs.stats().used_bytes, 0);
    Ok(())
}

#[test]
fn it_works_from_within_a_pool_and_inside_its_only_thread() -> TestResult {
    let snapshot = mixed()?.snapshot();
    let outside = Kind::Zip(Compression::Deflate).export(&snapshot, ArchiveOptions::new())?;
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        for wanted in [0, 1, 5] {
            let options = ArchiveOptions::new().threads(wanted);
            let inside = pool.install(|| Kind::Zip(Compression::Deflate).export(&snapshot, options))?;
            assert!(inside == outside);
        }
    }
    Ok(())
}
