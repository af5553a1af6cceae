//! Trees of the host's own filesystem, in and out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use arcfs::{Error, ErrorKind, MemFs, SkipReason, Skipped};
use proptest::prelude::*;
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A time that no test run happens at, to the nanosecond.
fn long_ago(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000 + seconds, 123_456_700)
}

fn put(host: &Path, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<PathBuf> {
    let path = host.join(name);
    fs::create_dir_all(path.parent().expect("has a parent"))?;
    fs::write(&path, bytes)?;
    Ok(path)
}

fn set_time(path: &Path, time: SystemTime) -> io::Result<()> {
    fs::File::open(path)?.set_modified(time)
}

/// The bytes of an entry if it is a file, and its time.
type HostEntry = (Option<Vec<u8>>, SystemTime);

/// Every entry below a host directory.
fn host_tree(host: &Path) -> io::Result<BTreeMap<PathBuf, HostEntry>> {
    let mut tree = BTreeMap::new();
    let mut todo = vec![host.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let bytes = if metadata.is_dir() { None } else { Some(fs::read(&path)?) };
            if metadata.is_dir() {
                todo.push(path.clone());
            }
            let below = path.strip_prefix(host).expect("it is below").to_owned();
            tree.insert(below, (bytes, metadata.modified()?));
        }
    }
    Ok(tree)
}

/// The last components of what was skipped, each with its reason.
fn skipped(report: &[Skipped]) -> Vec<(String, String)> {
    let name = |path: &Path| path.file_name().expect("has a name").to_string_lossy().into_owned();
    report.iter().map(|entry| (name(&entry.path), entry.reason.to_string())).collect()
}

/// Checks that a refused call has left the filesystem as it was, to the byte.
fn refused<T: std::fmt::Debug>(fs: &MemFs, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let (before, version) = (fs.stats(), fs.version());
    let error = call().expect_err("it should be refused");
    assert_eq!(fs.stats(), before, "after {error}");
    assert_eq!(fs.version(), version, "after {error}");
    error
}

#[derive(Debug, Clone)]
enum Planned {
    File(Vec<u8>),
    Dir,
}

fn trees() -> impl Strategy<Value = BTreeMap<Vec<String>, (Planned, u64)>> {
    // Where directories are found by path, only names that every host keeps as they are.
    let (usual, odd) = if cfg!(any(not(unix), arcfs_host = "pathname")) {
        ("[a-z0-9 ._äßλ-]{1,29}_", "[d-f]{1,8}")
    } else {
        ("[a-zA-Z0-9 ._ äßλ-]{1,30}", "\\PC{1,8}")
    };
    let name = prop_oneof!["[a-c]", usual, odd]
        .prop_map(|name| name.replace(['/', '\\', '\0'], "_"))
        .prop_filter("not a name", |name| !matches!(&**name, "" | "." | ".."));
    let size = prop_oneof![0..100_usize, 65_530..65_545_usize, Just(200_000)];
    let file = (size, any::<u8>()).prop_map(|(len, first)| {
        let bytes = (0..len).map(|at| first.wrapping_add((at * 7 % 251) as u8));
        Planned::File(bytes.collect())
    });
    let node = (prop_oneof![3 => file, 1 => Just(Planned::Dir)], 0..1_000_000_u64);
    prop::collection::btree_map(prop::collection::vec(name, 1..5), node, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands on the host stands there again after a visit here, to the nanosecond.
    #[test]
    fn a_tree_survives_the_round_trip(tree in trees()) {
        let (from, to) = (TempDir::new()?, TempDir::new()?);
        for (path, (node, _)) in &tree {
            let host = path.iter().fold(from.path().to_owned(), |dir, name| dir.join(name));
            // Where a file stands in the way of another entry, that one is left out.
            match node {
                Planned::Dir => drop(fs::create_dir_all(&host)),
                Planned::File(bytes) => {
                    if fs::create_dir_all(host.parent().expect("has a parent")).is_ok() {
                        drop(fs::write(&host, bytes));
                    }
                }
            }
        }
        // From below, so that no time is disturbed.
        for (path, (_, time)) in tree.iter().rev() {
            let host = path.iter().fold(from.path().to_owned(), |dir, name| dir.join(name));
            if host.exists() {
                set_time(&host, long_ago(*time))?;
            }
        }
        let original = host_tree(from.path())?;

        let memory = MemFs::new();
        let imported = memory.import_dir(from.path(), "/some/where")?;
        prop_assert!(imported.skipped.is_empty(), "{:?}", imported.skipped);
        let usage = memory.usage("/some/where")?;
        prop_assert_eq!((imported.files, imported.dirs + 1, imported.bytes), (usage.files, usage.dirs, usage.bytes));
        for (path, (bytes, time)) in &original {
            let path = format!("/some/where/{}", path.to_str().expect("planned as UTF-8"));
            let metadata = memory.metadata(&path)?;
            prop_assert_eq!(metadata.modified(), *time, "{}", path);
            prop_assert_eq!(metadata.generation(), 0);
            match bytes {
                Some(bytes) => prop_assert_eq!(&memory.read(&path)?, bytes),
                None => prop_assert!(metadata.is_dir()),
            }
        }

        let exported = memory.export_dir("/some/where", to.path())?;
        prop_assert!(exported.skipped.is_empty(), "{:?}", exported.skipped);
        prop_assert_eq!((exported.files, exported.dirs, exported.bytes), (imported.files, imported.dirs, imported.bytes));
        prop_assert_eq!(host_tree(to.path())?, original);

        // A second time onto what is there: the same, on both sides.
        memory.export_dir("/some/where", to.path())?;
        memory.import_dir(to.path(), "/some/where")?;
        prop_assert_eq!(host_tree(to.path())?, host_tree(from.path())?);
        prop_assert_eq!(memory.usage("/some/where")?, usage);

        memory.clear()?;
        prop_assert_eq!(memory.stats().used_bytes, 0);
    }
}

#[test]
fn imports_merge_into_what_is_there() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "a/new", "new")?;
    put(host.path(), "a/both", "of the host")?;
    let memory = MemFs::new();
    memory.import_tree([("/d/a/both", "of before"), ("/d/a/old", "old")])?;
    let created = memory.metadata("/d/a/both")?.created();
    let report = memory.import_dir(host.path(), "/d")?;
    assert_eq!((report.files, report.dirs, report.bytes), (2, 1, 14));
    let files = memory.export_tree("/d", Default::default())?;
    let files: Vec<_> = files.iter().map(|(path, bytes)| (&**path, &**bytes)).collect();
    assert_eq!(files, [("/d/a/both", &b"of the host"[..]), ("/d/a/new", b"new"), ("/d/a/old", b"old")]);
    assert_eq!(memory.metadata("/d/a/both")?.created(), created);
    Ok(())
}

#[test]
fn an_import_is_one_publication() -> TestResult {
    let host = TempDir::new()?;
    for n in 0..50 {
        put(host.path(), &format!("{}/{n}", n % 7), [n])?;
    }
    let memory = MemFs::new();
    let before = memory.version();
    memory.import_dir(host.path(), "/")?;
    assert_eq!(memory.version(), before + 1);
    Ok(())
}

#[test]
fn an_empty_directory_brings_itself_only() -> TestResult {
    let host = TempDir::new()?;
    set_time(host.path(), long_ago(1))?;
    let memory = MemFs::new();
    memory.import_dir(host.path(), "/a/b")?;
    assert_eq!(memory.usage("/a/b")?.dirs, 1);
    assert_eq!(memory.metadata("/a/b")?.modified(), long_ago(1));
    let version = memory.version();
    memory.import_dir(host.path(), "/")?;
    assert_eq!(memory.version(), version);
    Ok(())
}

#[test]
fn a_host_that_is_no_directory_is_named() -> TestResult {
    let host = TempDir::new()?;
    let file = put(host.path(), "file", "x")?;
    let memory = MemFs::new();
    let missing = host.path().join("missing");
    for (host, kind) in [(&missing, ErrorKind::NotFound), (&file, ErrorKind::NotADirectory)] {
        let error = refused(&memory, || memory.import_dir(host, "/d"));
        assert_eq!(error.kind(), &kind);
        assert_eq!(error.path(), host.to_str());
        assert_eq!(error.operation(), "import_dir");
        assert!(std::error::Error::source(&error).is_some_and(<dyn std::error::Error>::is::<io::Error>));
    }
    let error = memory.export_dir("/", &file).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::NotADirectory, file.to_str()));
    let error = memory.export_dir("/", file.join("below")).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotADirectory);
    Ok(())
}

#[test]
fn a_destination_that_cannot_be_is_refused() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "file/below", "x")?;
    put(host.path(), "dir", "x")?;
    let memory = MemFs::new();
    memory.import_tree([("/a/file", "a file"), ("/b/dir/x", "below a directory")])?;
    let kind = |dest: &str| refused(&memory, || memory.import_dir(host.path(), dest)).kind().clone();
    assert_eq!(kind("/a/file"), ErrorKind::NotADirectory);
    assert_eq!(kind("/a/file/below"), ErrorKind::NotADirectory);
    assert_eq!(kind("/a"), ErrorKind::NotADirectory);
    assert_eq!(kind("/b"), ErrorKind::IsADirectory);
    assert_eq!(kind("/../x"), ErrorKind::InvalidPath);
    Ok(())
}

#[test]
fn a_quota_that_is_too_small_publishes_nothing() -> TestResult {
    let host = TempDir::new()?;
    for n in 0..40 {
        put(host.path(), &format!("d/{n}"), vec![n; 10_000])?;
    }
    let memory = MemFs::with_quota(300_000);
    memory.write("/kept", b"kept")?;
    let error = refused(&memory, || memory.import_dir(host.path(), "/d"));
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");

    // A file that can never fit is not read: this one has no end in sight.
    let sparse = fs::File::create(host.path().join("sparse"))?;
    sparse.set_len(1 << 40)?;
    memory.set_max_quota(1 << 30);
    let error = refused(&memory, || memory.import_dir(host.path(), "/d"));
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { requested, .. } if *requested > 1 << 40));
    assert_eq!(error.path(), Some("/d/sparse"));

    fs::remove_file(host.path().join("sparse"))?;
    assert_eq!(memory.import_dir(host.path(), "/d")?.files, 40);
    Ok(())
}

#[test]
fn a_quota_that_fits_to_the_byte_is_enough() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "a/one", vec![1; 100_000])?;
    put(host.path(), "a name that is longer than those stored in place/two", "2")?;
    put(host.path(), "empty", "")?;
    let roomy = MemFs::new();
    roomy.import_dir(host.path(), "/d")?;
    let exact = roomy.stats().used_bytes;
    assert_eq!(MemFs::with_quota(exact).import_dir(host.path(), "/d")?.files, 3);
    let memory = MemFs::with_quota(exact - 1);
    refused(&memory, || memory.import_dir(host.path(), "/d"));
    Ok(())
}

#[test]
fn a_file_that_is_being_written_is_not_replaced() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "d/written", "of the host")?;
    put(host.path(), "d/free", "of the host")?;
    let memory = MemFs::new();
    memory.create_dir("/d")?;
    let writer = memory.create("/d/written")?;
    let error = refused(&memory, || memory.import_dir(host.path(), "/"));
    assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
    assert_eq!(error.path(), Some("/d/written"));
    writer.close()?;
    assert_eq!(memory.import_dir(host.path(), "/")?.files, 2);
    Ok(())
}

#[test]
fn the_node_limit_holds() -> TestResult {
    let host = TempDir::new()?;
    for n in 0..10 {
        put(host.path(), &format!("d/{n}"), "x")?;
    }
    let memory = MemFs::builder().max_nodes(12).build()?;
    let error = refused(&memory, || memory.import_dir(host.path(), "/in"));
    assert!(matches!(error.kind(), ErrorKind::NodeLimit { limit: 12, .. }), "{error}");
    memory.import_dir(host.path(), "/")?;
    assert_eq!(memory.stats().file_count + memory.stats().dir_count, 12);
    // Replacing needs no nodes.
    memory.import_dir(host.path(), "/")?;
    Ok(())
}

#[test]
fn what_is_too_deep_is_listed() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "1/2/3/4/file", "x")?;
    put(host.path(), "1/2/file", "x")?;
    let memory = MemFs::builder().max_depth(4).build()?;
    let report = memory.import_dir(host.path(), "/d")?;
    assert_eq!((report.files, report.dirs), (1, 3));
    assert_eq!(report.skipped.len(), 1);
    assert!(matches!(report.skipped[0].reason, SkipReason::TooDeep));
    assert_eq!(report.skipped[0].path, host.path().join("1/2/3/4"));
    Ok(())
}

#[test]
fn files_that_come_and_go_are_whole_or_listed() -> TestResult {
    let host = TempDir::new()?;
    let path = |n: usize| host.path().join(format!("{}/{n}", n % 10));
    for n in 0..400 {
        put(host.path(), &format!("{}/{n}", n % 10), vec![n as u8; 3000])?;
    }
    let memory = MemFs::new();
    std::thread::scope(|scope| -> TestResult {
        let removing = scope.spawn(|| (0..400).rev().step_by(2).try_for_each(|n| fs::remove_file(path(n))));
        let report = memory.import_dir(host.path(), "/")?;
        removing.join().expect("it does not panic")?;
        assert!(report.skipped.iter().all(|entry| matches!(entry.reason, SkipReason::Vanished)));
        let mut found = 0;
        for n in 0..400 {
            if let Ok(bytes) = memory.read(format!("/{}/{n}", n % 10)) {
                assert_eq!(bytes, vec![n as u8; 3000]);
                found += 1;
            } else {
                assert!(n % 2 == 1, "{n} was never removed");
            }
        }
        assert_eq!(report.files, found);
        Ok(())
    })
}

#[test]
fn a_file_that_grows_and_shrinks_has_one_length() -> TestResult {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Ends the writer however the reader ends, since nobody else would.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let host = TempDir::new()?;
    let mut file = fs::File::options().create_new(true).append(true).open(host.path().join("log"))?;
    file.write_all(&[7; 1000])?;
    let memory = MemFs::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| -> TestResult {
        let growing = scope.spawn(|| -> io::Result<()> {
            while !done.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    file.write_all(&[7; 5000])?;
                }
                file.set_len(1000)?;
            }
            Ok(())
        });
        let ends = Done(&done);
        for _ in 0..50 {
            let report = memory.import_dir(host.path(), "/")?;
            assert_eq!(report.bytes, memory.metadata("/log")?.len());
            assert!(memory.read("/log")?.iter().all(|byte| *byte == 7));
        }
        drop(ends);
        Ok(growing.join().expect("it does not panic")?)
    })
}

#[test]
fn an_export_of_a_file_has_its_name() -> TestResult {
    let host = TempDir::new()?;
    let memory = MemFs::new();
    let long = "a name that is longer than those stored in place";
    memory.import_tree([(format!("/a/{long}"), "bytes")])?;
    memory.set_modified(format!("/a/{long}"), long_ago(5))?;
    let report = memory.export_dir(format!("/a/{long}"), host.path().join("x/y"))?;
    assert_eq!((report.files, report.dirs, report.bytes), (1, 0, 5));
    let file = host.path().join("x/y").join(long);
    assert_eq!(fs::read(&file)?, b"bytes");
    assert_eq!(fs::metadata(&file)?.modified()?, long_ago(5));

    let error = memory.export_dir("/missing", host.path().join("none")).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::NotFound, "export_dir"));
    assert!(!host.path().join("none").exists());
    Ok(())
}

#[test]
fn an_export_replaces_files_and_leaves_nothing_else() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "a", "a longer one that was there before")?;
    put(host.path(), "d/b", "another")?;
    put(host.path(), "d/other", "not touched")?;
    let old = fs::File::open(host.path().join("a"))?;
    let memory = MemFs::new();
    memory.import_tree([("/a", "1"), ("/d/b", "2")])?;
    memory.export_dir("/", host.path())?;
    let tree = host_tree(host.path())?;
    let names: Vec<_> =
        tree.iter().filter_map(|(path, (bytes, _))| Some((path.to_str()?, bytes.clone()?))).collect();
    assert_eq!(names, [("a", b"1".to_vec()), ("d/b", b"2".to_vec()), ("d/other", b"not touched".to_vec())]);
    // Who has the old file open reads the old file.
    assert_eq!(io::read_to_string(old)?, "a longer one that was there before");
    Ok(())
}

#[test]
fn an_export_lists_what_stands_in_the_way() -> TestResult {
    let host = TempDir::new()?;
    put(host.path(), "file/x", "a directory where a file should be")?;
    put(host.path(), "dir", "a file where a directory should be")?;
    let memory = MemFs::new();
    memory.import_tree([("/file", "1"), ("/dir/below/x", "2"), ("/fine", "3")])?;
    let report = memory.export_dir("/", host.path())?;
    assert_eq!((report.files, report.dirs, report.bytes), (1, 0, 1));
    let expected = [
        ("dir".to_owned(), SkipReason::NotADirectory.to_string()),
        ("file".to_owned(), SkipReason::IsADirectory.to_string()),
    ];
    assert_eq!(skipped(&report.skipped), expected);
    assert_eq!(fs::read(host.path().join("dir"))?, b"a file where a directory should be");
    assert_eq!(fs::read_dir(host.path())?.count(), 3, "no temporary file is left");
    Ok(())
}

/// What differs between hosts: links, special files, names that are any bytes, permissions.
#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn links_are_not_followed_by_an_import() -> TestResult {
        let (host, outside) = (TempDir::new()?, TempDir::new()?);
        let secret = put(outside.path(), "secret", "secret")?;
        put(host.path(), "d/file", "x")?;
        symlink(&secret, host.path().join("to a file"))?;
        symlink(outside.path(), host.path().join("to a directory"))?;
        symlink("nowhere", host.path().join("d/dangling"))?;
        symlink("..", host.path().join("d/loop"))?;
        let memory = MemFs::new();
        let report = memory.import_dir(host.path(), "/")?;
        assert_eq!((report.files, report.dirs), (1, 1));
        let names: Vec<_> = skipped(&report.skipped).into_iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["dangling", "loop", "to a directory", "to a file"]);
        assert!(report.skipped.iter().all(|entry| matches!(entry.reason, SkipReason::SymbolicLink)));
        assert_eq!(memory.stats().file_count, 1);

        // The directory that is asked for may be reached through one.
        let link = outside.path().join("link");
        symlink(host.path().join("d"), &link)?;
        assert_eq!(memory.import_dir(&link, "/linked")?.files, 1);
        Ok(())
    }

    #[test]
    fn special_entries_and_strange_names_are_listed() -> TestResult {
        let host = TempDir::new()?;
        put(host.path(), "fine", "x")?;
        put(host.path(), r"back\slash", "x")?;
        put(host.path(), r"dir\with/below", "x")?;
        let _socket = std::os::unix::net::UnixListener::bind(host.path().join("socket"))?;
        make_pipe(&host.path().join("pipe"))?;
        let strange = fs::write(host.path().join(OsStr::from_bytes(b"not \xff utf-8")), "x").is_ok();
        let memory = MemFs::new();
        let report = memory.import_dir(host.path(), "/")?;
        assert_eq!((report.files, report.dirs), (1, 0));
        let reason = |name: &[u8]| {
            let is = |path: &Path| path.file_name() == Some(OsStr::from_bytes(name));
            report.skipped.iter().find(|entry| is(&entry.path)).map(|entry| &entry.reason)
        };
        assert!(matches!(reason(br"back\slash"), Some(SkipReason::InvalidName(_))));
        assert!(matches!(reason(br"dir\with"), Some(SkipReason::InvalidName(_))));
        assert!(matches!(reason(b"socket"), Some(SkipReason::Special)));
        assert!(matches!(reason(b"pipe"), Some(SkipReason::Special)));
        if strange {
            assert!(matches!(reason(b"not \xff utf-8"), Some(SkipReason::NotUtf8)));
        }
        let paths: Vec<_> = report.skipped.iter().map(|entry| &entry.path).collect();
        assert!(paths.is_sorted(), "{paths:?}");
        Ok(())
    }

    /// A pipe, made with the tool that every such system has.
    fn make_pipe(path: &Path) -> io::Result<()> {
        let status = std::process::Command::new("mkfifo").arg(path).status()?;
        assert!(status.success());
        Ok(())
    }

    #[test]
    fn what_may_not_be_read_is_listed() -> TestResult {
        let host = TempDir::new()?;
        let file = put(host.path(), "file", "x")?;
        put(host.path(), "dir/below", "x")?;
        let dir = host.path().join("dir");
        put(host.path(), "fine", "x")?;
        for path in [&file, &dir] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000))?;
        }
        let privileged = fs::read(&file).is_ok();
        let memory = MemFs::new();
        let report = memory.import_dir(host.path(), "/")?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        if privileged {
            return Ok(()); // this user may read everything
        }
        assert_eq!((report.files, report.dirs), (1, 0));
        let names: Vec<_> = skipped(&report.skipped).into_iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["dir", "file"]);
        assert!(report.skipped.iter().all(|entry| matches!(entry.reason, SkipReason::Unreadable(_))));
        Ok(())
    }

    #[test]
    fn an_export_never_writes_through_a_link() -> TestResult {
        let (host, outside) = (TempDir::new()?, TempDir::new()?);
        let target = put(outside.path(), "target", "untouched")?;
        put(outside.path(), "dir/file", "untouched")?;
        let before = host_tree(outside.path())?;
        symlink(&target, host.path().join("file"))?;
        symlink(outside.path().join("new"), host.path().join("dangling"))?;
        symlink(outside.path().join("dir"), host.path().join("dir"))?;
        put(host.path(), "real/inside", "old")?;
        symlink("real", host.path().join("within"))?;
        let memory = MemFs::new();
        memory.import_tree([
            ("/file", "1"),
            ("/dangling", "2"),
            ("/dir/file", "3"),
            ("/dir/sub/file", "4"),
            ("/within/inside", "5"),
        ])?;
        let report = memory.export_dir("/", host.path())?;
        assert_eq!(host_tree(outside.path())?, before);
        assert_eq!(fs::read(host.path().join("real/inside"))?, b"old");
        // Links in the place of files have been replaced by files, not written through.
        for (name, bytes) in [("file", b"1"), ("dangling", b"2")] {
            assert!(fs::symlink_metadata(host.path().join(name))?.is_file());
            assert_eq!(&fs::read(host.path().join(name))?, bytes);
        }
        assert_eq!(report.files, 2);
        let names: Vec<_> = skipped(&report.skipped).into_iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["dir", "within"]);
        assert!(report.skipped.iter().all(|entry| matches!(entry.reason, SkipReason::SymbolicLink)));

        // The directory that is asked for may be reached through one.
        let link = outside.path().join("link");
        let real = TempDir::new()?;
        symlink(real.path(), &link)?;
        assert_eq!(memory.export_dir("/dir", &link)?.files, 2);
        assert_eq!(fs::read(real.path().join("sub/file"))?, b"4");
        Ok(())
    }

    /// While an export runs, a directory becomes a link to the outside, again and again.
    #[test]
    #[cfg(not(arcfs_host = "pathname"))] // as documented
    fn an_export_is_not_diverted_by_who_plants_links_meanwhile() -> TestResult {
        use std::sync::atomic::{AtomicBool, Ordering};

        let (host, outside) = (TempDir::new()?, TempDir::new()?);
        let memory = MemFs::new();
        for n in 0..200 {
            memory.import_tree([(format!("/d/e/{n}"), "x")])?;
        }
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| -> TestResult {
            let planting = scope.spawn(|| {
                let (dir, aside) = (host.path().join("d/e"), host.path().join("aside"));
                while !done.load(Ordering::Relaxed) {
                    let _ = fs::rename(&dir, &aside);
                    let _ = symlink(outside.path(), &dir);
                    std::thread::yield_now();
                    let _ = fs::remove_file(&dir);
                    let _ = fs::rename(&aside, &dir);
                    std::thread::yield_now();
                }
            });
            for _ in 0..20 {
                let exported = memory.export_dir("/", host.path());
                assert!(exported.is_ok(), "{exported:?}");
            }
            done.store(true, Ordering::Relaxed);
            planting.join().expect("it does not panic");
            assert_eq!(fs::read_dir(outside.path())?.count(), 0);
            Ok(())
        })
    }

    #[test]
    fn pipes_in_the_place_of_files_are_replaced_not_written_to() -> TestResult {
        let host = TempDir::new()?;
        make_pipe(&host.path().join("file"))?;
        let memory = MemFs::new();
        memory.write("/file", b"bytes")?;
        assert_eq!(memory.export_dir("/", host.path())?.files, 1);
        assert_eq!(fs::read(host.path().join("file"))?, b"bytes");
        Ok(())
    }

    #[test]
    #[cfg(not(arcfs_host = "pathname"))] // as documented
    fn a_path_may_be_longer_than_the_host_allows_for_one() -> TestResult {
        let host = TempDir::new()?;
        let memory = MemFs::new();
        let deep = format!("/{}", vec!["d".repeat(200); 30].join("/"));
        memory.create_dir_all(&deep)?;
        memory.write(format!("{deep}/file"), b"x")?;
        let report = memory.export_dir("/", host.path())?;
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        assert_eq!((report.files, report.dirs), (1, 30));
        // The removal of so deep a tree is up to the guard of the directory; some cannot.
        let _ = std::process::Command::new("rm").arg("-rf").arg(host.path()).status();
        Ok(())
    }

    #[test]
    fn files_that_the_host_makes_up_are_read_to_their_end() -> TestResult {
        let made_up = Path::new("/proc/self/net/dev_snmp6");
        let sizes = || fs::read_dir(made_up).ok()?.next()?.ok().map(|entry| entry.path());
        let Some(file) = sizes() else { return Ok(()) };
        let memory = MemFs::new();
        memory.import_dir(made_up, "/")?;
        let name = file.file_name().and_then(OsStr::to_str).expect("an interface");
        assert_eq!(fs::metadata(&file)?.len(), 0);
        assert!(memory.metadata(format!("/{name}"))?.len() > 0);
        Ok(())
    }
}
