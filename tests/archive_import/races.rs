//! Others who write to the filesystem and read it meanwhile.

use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arcfs::{
    ArchiveReport, ArchiveSource, ErrorKind, ImportOptions, MemFs, OnConflict, Result, import_archive,
};

use crate::archives::*;
use crate::support::*;

/// Changes a filesystem when its archive is being read.
struct Meddling<F>(Cursor<Vec<u8>>, Option<F>);

impl<F: FnOnce()> Read for Meddling<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        // At the very end everything has been looked at once.
        if n == 0
            && let Some(meddle) = self.1.take()
        {
            meddle();
        }
        Ok(n)
    }
}

fn import_meddled(
    fs: &MemFs,
    conflict: OnConflict,
    meddle: impl FnOnce(&MemFs) + Send + 'static,
) -> Result<ArchiveReport> {
    let tar = gzip(&tar_of_files(&[("a", b"new a"), ("d/b", b"new b")]));
    let other = fs.clone();
    let source = ArchiveSource::stream(Meddling(Cursor::new(tar), Some(move || meddle(&other))));
    import_archive(fs, source, "/", ImportOptions::new().on_conflict(conflict))
}

#[test]
fn what_appears_meanwhile_is_a_conflict_like_any_other() -> TestResult {
    let appear = |fs: &MemFs| fs.write("/a", b"quicker").unwrap();
    let fs = MemFs::new();
    let error = import_meddled(&fs, OnConflict::Error, appear).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::AlreadyExists, Some("/a")));
    assert_eq!(fs.glob("**")?, ["/a"]);

    let report = import_meddled(&MemFs::new(), OnConflict::Overwrite, appear)?;
    assert_eq!((report.files, report.overwritten), (2, 1));

    let fs = MemFs::new();
    let report = import_meddled(&fs, OnConflict::Skip, appear)?;
    assert_eq!((report.files, report.bytes, report.skipped.len()), (1, 5, 1));
    assert_eq!(report.skipped[0].name, "a");
    assert_eq!((fs.read("/a")?, fs.read("/d/b")?), (b"quicker".to_vec(), b"new b".to_vec()));

    for conflict in [OnConflict::Error, OnConflict::Overwrite, OnConflict::Skip] {
        let fs = MemFs::new();
        let error = import_meddled(&fs, conflict, |fs| fs.write("/d", b"a file").unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::NotADirectory, Some("/d/b")));
        assert_eq!(fs.glob("**")?, ["/d"]);
        let fs = MemFs::new();
        let error = import_meddled(&fs, conflict, |fs| fs.create_dir_all("/d/b").unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.path()), (&ErrorKind::IsADirectory, Some("/d/b")));
        assert!(!fs.exists("/a"));
    }
    Ok(())
}

#[test]
fn an_import_holds_out_against_a_writer_beside_it() -> TestResult {
    let names: Vec<_> = (0..200).map(|n| format!("d{}/f{n}", n % 10)).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, name.as_bytes())).collect();
    let (zip, fs) = (deflated(&entries), MemFs::new());
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let n = writes.fetch_add(1, Ordering::Relaxed);
                fs.create_dir_all(format!("/to/d{}", n % 10)).unwrap();
                fs.write(format!("/to/d{}/f{}", n % 10, n % 40), b"by the writer").unwrap();
                let _ = fs.remove_dir_all(format!("/to/d{}", (n + 5) % 10));
            }
        });
        for round in 0..20 {
            let options = options().on_conflict(OnConflict::Overwrite);
            let before = fs.version();
            let report = import_archive(&fs, zip.clone(), "/to", options).unwrap();
            assert_eq!(report.files, 200, "{round}");
            assert!(fs.version() > before);
        }
        stop.store(true, Ordering::Relaxed);
    });
    fs.clear()?;
    assert_eq!(fs.stats().used_bytes, 0);
    Ok(())
}

#[test]
fn an_import_is_seen_as_a_whole() -> TestResult {
    let names: Vec<_> = (0..100).map(|n| format!("f{n}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, &b"1"[..])).collect();
    let (zip, fs, stop) = (deflated(&entries), MemFs::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let seen = fs.snapshot().usage("/").unwrap().files;
                assert!(seen == 0 || seen == 100, "{seen}");
            }
        });
        for _ in 0..50 {
            import_archive(&fs, zip.clone(), "/", options()).unwrap();
            fs.clear().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}
