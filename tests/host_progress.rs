//! What is told of a directory of the host that comes in or goes out, while it is under way.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use arcfs::{HostOptions, HostProgress, MemFs};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn std::error::Error>>;

const MIB: usize = 1 << 20;

/// All that is told of some work.
fn told<T>(work: impl FnOnce(HostOptions) -> T) -> (T, Vec<HostProgress>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    let done = work(HostOptions::new().progress(move |done| note.lock().unwrap().push(done)));
    (done, Arc::try_unwrap(told).expect("given up").into_inner().unwrap())
}

/// Checks what holds of all work: sums grow, none is over its total, and the end is told.
#[track_caller]
fn check(told: &[HostProgress], files: u64, bytes: u64) {
    assert!(told.is_sorted_by(|a, b| a.files <= b.files && a.bytes <= b.bytes), "{told:?}");
    assert!(told.iter().all(|done| done.files <= done.total_files && done.bytes <= done.total_bytes));
    assert!(told.iter().all(|done| done.total_files == files), "{told:?}");
    let last = told.last().expect("the end is told");
    assert_eq!((last.files, last.bytes, last.total_bytes), (files, bytes, bytes));
}

/// 20 small files, and four large ones.
fn some_files() -> MemFs {
    let memory = MemFs::new();
    let small = (0..20).map(|n| (format!("/small/{n}"), vec![n; 10]));
    let large = (0..4).map(|n| (format!("/large/{n}"), vec![n; MIB]));
    memory.import_tree(small.chain(large)).expect("it fits");
    memory
}

/// Every name below a directory of the host.
fn names(host: &Path) -> io::Result<Vec<String>> {
    let (mut names, mut todo) = (Vec::new(), vec![host.to_owned()]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            names.push(entry.file_name().into_string().expect("UTF-8"));
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    Ok(names)
}

#[test]
fn out_and_in_are_told_from_the_beginning_to_the_end() -> TestResult {
    let (memory, host) = (some_files(), TempDir::new()?);
    let bytes = 200 + 4 * MIB as u64;
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let (report, out) =
            told(|options| pool.install(|| memory.export_dir_with("/", host.path(), options)));
        assert_eq!((report?.files, out[0].total_bytes), (24, bytes));
        check(&out, 24, bytes);
        let copy = MemFs::new();
        let (report, back) = told(|options| pool.install(|| copy.import_dir_with(host.path(), "/", options)));
        assert_eq!((report?.files, back[0].total_bytes), (24, bytes));
        check(&back, 24, bytes);
        assert_eq!(copy.read("/large/3")?, vec![3; MIB]);
        if threads == 1 {
            // Three within each large file, one for each file, and the end.
            assert_eq!((out.len(), back.len()), (4 * 4 + 24 + 1, 4 * 4 + 24 + 1));
        }
    }
    let (report, one) = told(|options| memory.export_dir_with("/small/7", host.path(), options));
    assert_eq!(report?.files, 1);
    check(&one, 1, 10);
    let (report, none) = told(|options| MemFs::new().export_dir_with("/", host.path(), options));
    assert_eq!(report?.files, 0);
    check(&none, 0, 0);
    assert_eq!(none.len(), 1);
    Ok(())
}

#[test]
fn what_cannot_be_written_is_done_as_well() -> TestResult {
    let (memory, host) = (some_files(), TempDir::new()?);
    fs::create_dir_all(host.path().join("small/3"))?; // where a file should be
    fs::write(host.path().join("large"), "a file")?; // where a directory should be
    let (report, out) = told(|options| memory.export_dir_with("/", host.path(), options));
    let report = report?;
    assert_eq!((report.files, report.bytes, report.skipped.len()), (19, 190, 2));
    check(&out, 24, 200 + 4 * MIB as u64);
    Ok(())
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_done_as_well() -> TestResult {
    let host = TempDir::new()?;
    fs::write(host.path().join("a"), vec![1; MIB])?;
    fs::write(host.path().join("b"), "12345")?;
    std::os::unix::fs::symlink("a", host.path().join("link"))?;
    let gone = host.path().join("b");
    // The file is gone when it is to be read: each is told of after another.
    let (memory, pool) = (MemFs::new(), rayon::ThreadPoolBuilder::new().num_threads(1).build()?);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let options = HostOptions::new().progress(move |done| {
        if done.files == 0 {
            let _ = fs::remove_file(&gone);
        }
        note.lock().unwrap().push(done);
    });
    let report = pool.install(|| memory.import_dir_with(host.path(), "/", options))?;
    let told = seen.lock().unwrap();
    // Whichever the host lists first.
    assert_eq!(report.files + report.skipped.len() as u64, 3, "{report:?}");
    check(&told, 2, MIB as u64 + 5);
    Ok(())
}

#[test]
fn a_file_that_grows_after_it_was_listed_puts_the_total_right() -> TestResult {
    let host = TempDir::new()?;
    for name in ["a", "b"] {
        fs::write(host.path().join(name), vec![1; MIB])?;
    }
    let (memory, pool) = (MemFs::new(), rayon::ThreadPoolBuilder::new().num_threads(1).build()?);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (note, dir) = (Arc::clone(&seen), host.path().to_owned());
    let options = HostOptions::new().progress(move |done| {
        if done.files == 1 && done.bytes == MIB as u64 {
            // One of them is read already, and nobody will know.
            fs::write(dir.join("a"), vec![2; 2 * MIB]).unwrap();
            fs::write(dir.join("b"), vec![2; 2 * MIB]).unwrap();
        }
        note.lock().unwrap().push(done);
    });
    let report = pool.install(|| memory.import_dir_with(host.path(), "/", options))?;
    assert_eq!(report.bytes, 3 * MIB as u64);
    let told = seen.lock().unwrap();
    assert_eq!(told[0].total_bytes, 2 * MIB as u64);
    check(&told, 2, 3 * MIB as u64);
    Ok(())
}

#[test]
fn whoever_is_told_may_call_the_filesystem() -> TestResult {
    let (memory, host) = (some_files(), TempDir::new()?);
    let note = |memory: &MemFs| {
        let memory = memory.clone();
        HostOptions::new().progress(move |done| {
            memory.write("/how far", done.bytes.to_string()).unwrap();
            // Also what the threads that read and write take part in.
            rayon::join(|| memory.glob("**").unwrap(), || memory.stats());
        })
    };
    memory.export_dir_with("/", host.path(), note(&memory))?;
    let all = (200 + 4 * MIB).to_string();
    assert_eq!(memory.read_to_string("/how far")?, all);
    let copy = MemFs::new();
    copy.import_dir_with(host.path(), "/", note(&copy))?;
    assert_eq!(copy.read_to_string("/how far")?, all);
    Ok(())
}

#[test]
fn a_panic_of_whoever_is_told_leaves_no_trace() -> TestResult {
    let (memory, host) = (some_files(), TempDir::new()?);
    memory.export_dir("/", host.path())?;
    for after in 0..30 {
        // Of many threads some are not waited for, so that there are fewer calls.
        let threads = if after < 4 { 4 } else { 1 };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let calls = Arc::new(AtomicU32::new(0));
        let panicking = || {
            calls.store(0, Ordering::Relaxed);
            let calls = Arc::clone(&calls);
            HostOptions::new().progress(move |_| {
                if calls.fetch_add(1, Ordering::Relaxed) == after {
                    std::panic::resume_unwind(Box::new("of a user")); // without a message
                }
            })
        };
        let copy = MemFs::new();
        let (before, version) = (copy.stats(), copy.version());
        let import = || pool.install(|| copy.import_dir_with(host.path(), "/", panicking())).map(drop);
        let panic = catch_unwind(AssertUnwindSafe(import)).expect_err("it panics");
        assert_eq!(panic.downcast_ref(), Some(&"of a user"));
        assert_eq!(calls.load(Ordering::Relaxed), after + 1, "it is not called again");
        assert_eq!((copy.stats(), copy.version()), (before, version));

        let out = TempDir::new()?;
        let export = || pool.install(|| memory.export_dir_with("/", out.path(), panicking())).map(drop);
        let panic = catch_unwind(AssertUnwindSafe(export)).expect_err("it panics");
        assert_eq!(panic.downcast_ref(), Some(&"of a user"));
        assert_eq!(calls.load(Ordering::Relaxed), after + 1, "it is not called again");
        // What is there is whole, and nothing is there but what should be.
        for name in names(out.path())? {
            assert!(["small", "large"].contains(&&*name) || name.parse::<u8>().is_ok(), "{name}");
        }
        for (path, content) in memory.iter_export_tree("/", Default::default())? {
            if let Ok(bytes) = fs::read(out.path().join(&path[1..])) {
                assert_eq!(bytes, content.to_vec()?, "{path}");
            }
        }
    }
    Ok(())
}
