//! What stands at the destination already.

use arcfs::{ErrorKind, MemFs, OnConflict, SkipReason, import_archive};

use crate::archives::*;
use crate::support::*;

#[test]
fn files_that_stand_there_are_kept_replaced_or_an_error() {
    let zip = deflated(&[("a", b"new a"), ("b", b"new b"), ("d/c", b"new c")]);
    let tar = tar_of_files(&[("a", b"new a"), ("b", b"new b"), ("d/c", b"new c")]);
    let make = || {
        let fs = MemFs::new();
        fs.import_tree([("/b", "old b"), ("/d/other", "old")]).unwrap();
        fs
    };
    for bytes in [zip, tar] {
        both(make, |fs, import| {
            let created = fs.metadata("/b").unwrap().created();
            let error = import(fs, bytes.clone(), "/", options()).unwrap_err();
            assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/b")));
            assert_eq!(fs.read("/b").unwrap(), b"old b");
            let _ = fs.remove_file("/a"); // streaming has brought it

            let report = import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            assert_eq!((report.files, report.overwritten, report.bytes), (2, 0, 10));
            assert_eq!(report.skipped.len(), 1);
            assert_eq!(report.skipped[0].name, "b");
            assert!(matches!(report.skipped[0].reason, SkipReason::Exists));
            assert_eq!(fs.read("/b").unwrap(), b"old b");

            let report =
                import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap();
            assert_eq!((report.files, report.overwritten, report.skipped.len()), (3, 3, 0));
            assert_eq!(fs.read("/b").unwrap(), b"new b");
            assert_eq!(fs.read("/d/other").unwrap(), b"old");
            assert_eq!(fs.metadata("/b").unwrap().created(), created);
        });
    }
}

#[test]
fn several_entries_of_one_name_are_told_apart() {
    let stored = |name: &str, bytes: &[u8]| RawEntry::stored(name.as_bytes(), bytes);
    let zip = raw_zip(
        b"",
        &[stored("a", b"first"), stored("b", b"1"), stored("./a", b"2nd"), stored("a", b"last!!")],
    );
    let tar = tar_of_files(&[("a", b"first"), ("b", b"1"), ("./a", b"2nd"), ("a", b"last!!")]);
    for bytes in [zip, tar] {
        both(MemFs::new, |fs, import| {
            let error = import(fs, bytes.clone(), "/", options()).unwrap_err();
            assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/a")));
            fs.clear().unwrap();
            let report =
                import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap();
            assert_eq!(fs.read("/a").unwrap(), b"last!!");
            assert_eq!((report.files, report.overwritten, report.bytes), (4, 2, 15));
            fs.clear().unwrap();
            let report = import(fs, bytes.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            assert_eq!(fs.read("/a").unwrap(), b"first");
            let names: Vec<_> = report.skipped.iter().map(|entry| &*entry.name).collect();
            assert_eq!(names, ["./a", "a"]);
        });
    }
}

#[test]
fn a_file_and_a_directory_never_share_a_place() {
    use ErrorKind::{IsADirectory, NotADirectory};
    let fs_with = |path: &str| {
        let fs = MemFs::new();
        if path.ends_with('/') {
            fs.create_dir_all(path).unwrap();
        } else {
            fs.write(path, b"old").unwrap();
        }
        fs
    };
    let conflicts = [OnConflict::Error, OnConflict::Overwrite, OnConflict::Skip];
    for (before, entries, kind, path) in [
        ("/x/", &["x"][..], IsADirectory, "/x"),
        ("/x", &["x/y"], NotADirectory, "/x/y"),
        ("/x", &["x/"], NotADirectory, "/x"),
        ("/x", &["x/y/"], NotADirectory, "/x/y"),
        ("/z/", &["x/y", "x"], IsADirectory, "/x"),
        ("/z/", &["x/", "x"], IsADirectory, "/x"),
        ("/z/", &["x/y/z/", "x/y"], IsADirectory, "/x/y"),
        ("/z/", &["x", "x/y"], NotADirectory, "/x/y"),
        ("/z/", &["x", "x!", "x/y/z"], NotADirectory, "/x/y/z"),
        ("/z/", &["x", "x/"], NotADirectory, "/x"),
        ("/z/", &["x", "x/y/"], NotADirectory, "/x/y"),
    ] {
        let entries: Vec<_> = entries.iter().map(|name| (*name, &b""[..])).collect();
        for bytes in [deflated(&entries), tar_of_files(&entries)] {
            for conflict in conflicts {
                both(
                    || fs_with(before),
                    |fs, import| {
                        let state = tree(fs);
                        let options = options().on_conflict(conflict);
                        let error = import(fs, bytes.clone(), "/", options).unwrap_err();
                        assert_eq!((error.kind(), error.path()), (&kind, Some(path)), "{entries:?} {error}");
                        if error.operation() == "import_archive" {
                            assert_eq!(tree(fs), state);
                        }
                    },
                );
            }
        }
    }
}

#[test]
fn the_destination_is_made_or_is_a_directory() -> TestResult {
    let zip = deflated(&[("a", b"1")]);
    let fs = MemFs::new();
    fs.write("/file", b"")?;
    for dest in ["/file", "/file/below"] {
        let error = import_archive(&fs, zip.clone(), dest, options()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::NotADirectory, Some(dest)));
    }
    let error = import_archive(&fs, zip.clone(), "/..", options()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidPath);
    import_archive(&fs, zip, "x//y/../z", options())?;
    assert_eq!(fs.read("/x/z/a")?, b"1");
    Ok(())
}

#[test]
fn a_held_file_is_not_replaced() -> TestResult {
    let fs = MemFs::new();
    fs.write("/a", b"old")?;
    let held = fs.create("/a")?;
    let zip = deflated(&[("a", b"new"), ("b", b"new")]);
    both(
        || fs.clone(),
        |fs, import| {
            let error =
                import(fs, zip.clone(), "/", options().on_conflict(OnConflict::Overwrite)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Busy { .. }), "{error}");
            assert!(!fs.exists("/b"));
            // What stays is not in the way.
            import(fs, zip.clone(), "/", options().on_conflict(OnConflict::Skip)).unwrap();
            fs.remove_file("/b").unwrap();
        },
    );
    drop(held);
    Ok(())
}

#[test]
fn what_is_there_already_is_not_paid_for_again() {
    let names: Vec<_> = (0..100).map(|n| format!("directory {n}/")).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, &b""[..])).collect();
    let tar = tar_of_files(&entries);
    let fs = MemFs::new();
    import_archive(&fs, tar.clone(), "/", options()).unwrap();
    fs.set_max_quota(fs.stats().used_bytes + 4000);
    import_archive(&fs, tar, "/", options()).unwrap();
}
