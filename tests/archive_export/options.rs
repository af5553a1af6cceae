//! What the options choose, and which are refused.

use std::io::{self, Write};
use std::sync::mpsc;

use arcfs::{ArchiveOptions, Compression, Error, ErrorKind, MemFs};

use crate::support::*;

#[test]
fn prefixes_are_paths() -> TestResult {
    let fs = MemFs::new();
    fs.import_tree([("/d/sub/f", "1"), ("/d/g", "22"), ("/e", "333")])?;
    let snapshot = fs.snapshot();
    for kind in KINDS {
        let names = |prefix: &str| {
            let archive = kind.export(&snapshot, ArchiveOptions::new().prefix(prefix))?;
            Ok::<_, Error>(kind.read(&archive).expect("valid").into_keys().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names("")?, "d/ d/g d/sub/ d/sub/f e");
        assert_eq!(names("/d")?, "g sub/ sub/f");
        assert_eq!(names("d/./x/../sub//")?, "f");
        assert_eq!(names("/d/sub/f")?, "f");
        assert_eq!(names("/e")?, "e");
        let fails = |prefix: &str| {
            let error = names(prefix).unwrap_err();
            let operation = if matches!(kind, Kind::Zip(_)) { "export_zip" } else { "export_tar" };
            assert_eq!(error.operation(), operation);
            (error.kind().clone(), error.path().map(str::to_owned))
        };
        assert_eq!(fails("/missing/x"), (ErrorKind::NotFound, Some("/missing/x".into())));
        assert_eq!(fails("/e/below"), (ErrorKind::NotADirectory, Some("/e/below".into())));
        assert_eq!(fails("/.."), (ErrorKind::InvalidPath, Some("/..".into())));
    }
    Ok(())
}

#[test]
fn options_that_do_not_exist_are_refused_before_anything_is_written() -> TestResult {
    struct Untouched;
    impl Write for Untouched {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("written to");
        }
        fn flush(&mut self) -> io::Result<()> {
            panic!("flushed");
        }
    }
    let snapshot = mixed()?.snapshot();
    let refused = |kind: Kind, options| {
        kind.export_to(&snapshot, Untouched, options).expect_err("refused").kind().clone()
    };
    for (kind, level) in [
        (Kind::Zip(Compression::Deflate), 0),
        (Kind::Zip(Compression::Deflate), 10),
        (Kind::Tar(Compression::Deflate), u32::MAX),
        (Kind::Tar(Compression::Zstd), 0),
        (Kind::Tar(Compression::Zstd), 23),
    ] {
        assert_eq!(refused(kind, ArchiveOptions::new().level(level)), ErrorKind::InvalidInput);
    }
    assert_eq!(refused(Kind::Zip(Compression::Zstd), ArchiveOptions::new()), ErrorKind::Unsupported);
    assert_eq!(
        refused(Kind::Zip(Compression::None), ArchiveOptions::new().prefix("/missing")),
        ErrorKind::NotFound
    );
    Ok(())
}

#[test]
fn only_dirty_takes_files_that_were_written_here() -> TestResult {
    let fs = MemFs::new();
    fs.import_tree([("/d/imported", "1"), ("/d/changed", "2"), ("/e/imported", "3")])?;
    fs.append("/d/changed", b" and more")?;
    fs.create("/d/created empty")?.close()?;
    fs.create_dir("/empty")?;
    fs.write("/new", b"4")?;
    for kind in KINDS {
        let archive = kind.export(&fs.snapshot(), ArchiveOptions::new().only_dirty(true))?;
        let names: Vec<_> = kind.read(&archive)?.into_keys().collect();
        assert_eq!(names, ["d/changed", "new"], "{kind:?}");
    }
    let none = ArchiveOptions::new().only_dirty(true).prefix("/e");
    assert!(read_zip(&Kind::Zip(Compression::Deflate).export(&fs.snapshot(), none)?)?.is_empty());
    Ok(())
}

#[test]
fn the_filter_is_asked_once_for_each_entry_in_order_and_may_change_its_mind() -> TestResult {
    let fs = mixed()?;
    for kind in KINDS {
        let (sender, receiver) = mpsc::channel();
        let mut number = 0_usize;
        let options = ArchiveOptions::new().filter(move |path| {
            sender.send(path.to_owned()).expect("received");
            number += 1;
            number.is_multiple_of(3)
        });
        let archive = kind.export(&fs.snapshot(), options)?;
        let asked: Vec<_> = receiver.iter().collect();
        let mut all: Vec<_> = expected(&fs.snapshot(), "/", kind).into_keys().collect();
        let mut taken: Vec<_> = asked.iter().skip(2).step_by(3).cloned().collect();
        assert!(
            asked
                .is_sorted_by(|a, b| { a.split('/').map(str::as_bytes).lt(b.split('/').map(str::as_bytes)) })
        );
        let mut names: Vec<_> = asked.iter().map(|path| path[1..].to_owned()).collect();
        all.iter_mut().for_each(|name| *name = name.trim_end_matches('/').to_owned());
        all.sort();
        names.sort();
        assert_eq!(names, all);
        let found = kind.read(&archive)?.into_keys();
        let mut found: Vec<_> = found.map(|name| format!("/{}", name.trim_end_matches('/'))).collect();
        found.sort();
        taken.sort();
        assert_eq!(found, taken, "{kind:?}");
    }
    Ok(())
}

#[test]
fn progress_grows_to_its_totals_with_any_selection() -> TestResult {
    let fs = mixed()?;
    fs.append("/readme", b"dirty")?;
    let selections: [fn() -> ArchiveOptions; 4] = [
        ArchiveOptions::new,
        || ArchiveOptions::new().prefix("/src/many blocks"),
        || ArchiveOptions::new().only_dirty(true),
        || ArchiveOptions::new().filter(|path| path.contains("noise")),
    ];
    for kind in KINDS {
        for select in selections {
            let (sender, receiver) = mpsc::channel();
            let options = select().threads(2).progress(move |done| sender.send(done).expect("received"));
            let archive = kind.export(&fs.snapshot(), options)?;
            let calls: Vec<_> = receiver.iter().collect();
            let (last, tree) = (calls.last().expect("called"), kind.read(&archive)?);
            assert_eq!((last.entries, last.bytes), (last.total_entries, last.total_bytes));
            assert_eq!(last.entries, tree.len() as u64);
            let bytes = tree.values().map(|(bytes, _)| bytes.as_ref().map_or(0, Vec::len) as u64).sum();
            assert_eq!(last.bytes, bytes);
            for pair in calls.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                assert!(
                    a.entries <= b.entries && a.bytes <= b.bytes && b.bytes - a.bytes <= BLOCK as u64 * 2
                );
                assert_eq!((a.total_entries, a.total_bytes), (b.total_entries, b.total_bytes));
            }
        }
    }
    Ok(())
}
