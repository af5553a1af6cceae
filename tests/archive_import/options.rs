//! What is left out, what is limited, and what is told.

use std::sync::{Arc, Mutex};

use arcfs::{ArchiveReport, ErrorKind, ImportLimits, ImportOptions, MemFs, OnConflict, import_archive};

use crate::archives::*;
use crate::support::*;

#[test]
fn entries_are_stripped_filtered_and_rerooted() -> TestResult {
    let bytes =
        tar_of_files(&[("top/", b""), ("top/src/a.rs", b"a"), ("top/src/b.txt", b"b"), ("top/x/", b"")]);
    let fs = MemFs::new();
    let options = ImportOptions::new().strip_components(1).filter(|path| path.ends_with(".rs"));
    let report = import_archive(&fs, bytes, "/d", options)?;
    assert_eq!(fs.glob("**")?, ["/d", "/d/src", "/d/src/a.rs"]);
    assert_eq!((report.files, report.dirs, report.skipped.len()), (1, 0, 0));

    let bytes = tar_of_files(&[("/etc/passwd", b"1"), ("../../up", b"2")]);
    let error = import_archive(&fs, bytes.clone(), "/r", ImportOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidPath, Some("/etc/passwd")));
    import_archive(&fs, bytes, "/r", ImportOptions::new().reroot(true))?;
    assert_eq!(fs.glob("/r/**")?, ["/r/etc", "/r/etc/passwd", "/r/up"]);
    Ok(())
}

#[test]
fn what_is_not_wanted_is_not_looked_into() -> TestResult {
    // It is encrypted, and its checksum is wrong, and nobody asks.
    let mut secret = RawEntry::stored(b"secret", b"12345");
    (secret.flags, secret.crc) = (1, 0);
    let zip = raw_zip(b"", &[secret, RawEntry::stored(b"open", b"1")]);
    let fs = MemFs::new();
    import_archive(&fs, zip, "/", options().filter(|path| path != "/secret"))?;
    assert_eq!(fs.glob("**")?, ["/open"]);
    Ok(())
}

#[test]
fn links_and_devices_are_listed_and_left_out() -> TestResult {
    let mut link = RawEntry::stored(b"zip link", b"target");
    link.mode = 0o120_777;
    let mut pipe = RawEntry::stored(b"zip pipe", b"");
    pipe.mode = 0o010_644;
    let zip = raw_zip(b"", &[link, pipe, RawEntry::stored(b"file", b"1")]);
    let tar = tar_of(&[
        member(b"hard", b'1', b""),
        member(b"soft", b'2', b""),
        member(b"char", b'3', b""),
        member(b"block", b'4', b""),
        member(b"fifo", b'6', b""),
        member(b"vendor", b'Z', b"some data that is not for us"),
        member(b"\xff\xfe", b'0', b"in another encoding"),
        member(b"file", b'0', b"1"),
    ]);
    let reasons = |report: &ArchiveReport| -> Vec<String> {
        report.skipped.iter().map(|entry| format!("{} {:?}", entry.name, entry.reason)).collect()
    };
    for (bytes, expected) in [
        (zip, &["zip link SymbolicLink", "zip pipe Special"][..]),
        (
            tar,
            &[
                "hard HardLink",
                "soft SymbolicLink",
                "char Special",
                "block Special",
                "fifo Special",
                "vendor Special",
                "\u{fffd}\u{fffd} NotUtf8",
            ],
        ),
    ] {
        both(MemFs::new, |fs, import| {
            let report = import(fs, bytes.clone(), "/", options()).unwrap();
            assert_eq!(reasons(&report), expected);
            assert_eq!(fs.glob("**").unwrap(), ["/file"]);
            assert_eq!(fs.read("/file").unwrap(), b"1");
        });
    }
    Ok(())
}

#[test]
fn limits_stop_an_import() {
    let entries: &[(&str, &[u8])] = &[("a", &[7; 60_000]), ("b", &[7; 60_000]), ("c", b"")];
    let limits = ImportLimits::default();
    let tar = tar_of_files(entries);
    for bytes in [deflated(entries), tar.clone(), gzip(&tar)] {
        for (limits, told) in [
            (ImportLimits { entry_bytes: 59_999, ..limits }, "entry_bytes"),
            (ImportLimits { total_bytes: 119_999, ..limits }, "total_bytes"),
            (ImportLimits { entries: 2, ..limits }, "entries"),
        ] {
            both(MemFs::new, |fs, import| {
                let error = import(fs, bytes.clone(), "/", options().limits(limits)).unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
                assert!(error.to_string().contains(told), "{error}");
                if error.operation() == "import_archive" {
                    assert_eq!(fs.stats().used_bytes, 0);
                }
            });
        }
        let exact = ImportLimits {
            entry_bytes: 60_000,
            total_bytes: 120_000,
            entries: 3,
            ratio: 2000,
            passed_bytes: 0,
        };
        both(MemFs::new, |fs, import| drop(import(fs, bytes.clone(), "/", options().limits(exact)).unwrap()));
    }
    let large: &[(&str, &[u8])] = &[("a", &[7; 200_000])];
    for bytes in [deflated(large), gzip(&tar_of_files(large))] {
        let limits = ImportLimits { ratio: 50, ..limits };
        let error = import_archive(&MemFs::new(), bytes, "/", options().limits(limits)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("ratio"), "{error}");
    }
}

#[test]
fn what_became_of_each_entry_is_told() -> TestResult {
    use arcfs::EntryFate::{Directory, Overwritten, Skipped, Written};
    let entries: &[(&str, &[u8])] = &[("d/", b""), ("d/a", b"1"), ("there", b"2"), ("d/b", b"3")];
    for bytes in [deflated(entries), tar_of_files(entries)] {
        for (conflict, there) in
            [(OnConflict::Overwrite, (Some("/to/there"), Overwritten)), (OnConflict::Skip, (None, Skipped))]
        {
            let furnished = || {
                let fs = MemFs::new();
                fs.import_tree([("/to/there", "old")]).unwrap();
                fs
            };
            both(furnished, |fs, import| {
                let told = Arc::new(Mutex::new(Vec::new()));
                let note = Arc::clone(&told);
                let options = options().on_conflict(conflict).on_entry(move |entry| {
                    let path = entry.path.map(str::to_owned);
                    note.lock().unwrap().push((entry.name.to_owned(), path, entry.fate));
                });
                import(fs, bytes.clone(), "/to", options).unwrap();
                let told = told.lock().unwrap();
                let mut told: Vec<_> =
                    told.iter().map(|(name, path, fate)| (&**name, path.as_deref(), *fate)).collect();
                told.sort_by_key(|(name, ..)| *name);
                assert_eq!(
                    told,
                    [
                        ("d/", Some("/to/d"), Directory),
                        ("d/a", Some("/to/d/a"), Written),
                        ("d/b", Some("/to/d/b"), Written),
                        ("there", there.0, there.1),
                    ]
                );
            });
        }
    }
    Ok(())
}
