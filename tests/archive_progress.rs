//! What is told of an import of an archive while it is under way.

#[path = "common/archives.rs"]
mod archives;

use std::io::{Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arcfs::{
    ArchiveReport, ArchiveSource, ImportOptions, ImportProgress, MemFs, OnConflict, Result, import_archive,
    import_archive_streaming,
};
use archives::*;
use zip::CompressionMethod;

const MIB: usize = 1 << 20;

type Import = fn(&MemFs, ArchiveSource, ImportOptions) -> Result<ArchiveReport>;

/// Both ways of importing.
const WAYS: [Import; 2] = [
    |fs, source, options| import_archive(fs, source, "/", options),
    |fs, source, options| import_archive_streaming(fs, source, "/", options),
];

/// All that is told of an import, which succeeds.
fn told(
    import: Import,
    fs: &MemFs,
    source: impl Into<ArchiveSource>,
    options: ImportOptions,
) -> Vec<ImportProgress> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    import(fs, source.into(), options.progress(move |done| note.lock().unwrap().push(done))).unwrap();
    Arc::try_unwrap(told).expect("given up").into_inner().unwrap()
}

/// Checks what holds of every import: sums grow, none is over its total, and the end is told.
#[track_caller]
fn check(told: &[ImportProgress], entries: u64, bytes: u64, total: Option<u64>) {
    let grows = |a: &ImportProgress, b: &ImportProgress| {
        a.entries <= b.entries && a.bytes <= b.bytes && a.source_bytes <= b.source_bytes
    };
    assert!(told.is_sorted_by(grows), "{told:?}");
    assert!(told.iter().all(|done| done.total_source_bytes == total), "{told:?}");
    assert!(told.iter().all(|done| total.is_none_or(|total| done.source_bytes <= total)), "{told:?}");
    let last = told.last().expect("the end is told");
    assert_eq!((last.entries, last.bytes), (entries, bytes));
    if let Some(total) = total {
        assert_eq!(last.source_bytes, total);
    }
}

/// Bytes that no method makes smaller.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(|_| step()).collect()
}

/// The same entries in every format.
fn in_all_formats(entries: &[(&str, &[u8])]) -> Vec<Vec<u8>> {
    let tar = tar_of_files(entries);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&tar).unwrap();
    vec![
        zip_of(entries, CompressionMethod::Stored),
        deflated(entries),
        gzip(&tar),
        zstd::encode_all(&tar[..], 1).unwrap(),
        bzip2.finish().unwrap(),
        tar,
    ]
}

#[test]
fn each_entry_is_told_of_and_then_the_end() {
    let entries: &[(&str, &[u8])] = &[("d/", b""), ("d/a", b"123"), ("b", b"4567")];
    for archive in in_all_formats(entries) {
        for import in WAYS {
            let told = told(import, &MemFs::new(), archive.clone(), ImportOptions::new());
            check(&told, 3, 7, Some(archive.len() as u64));
            let entries: Vec<_> = told.iter().map(|done| done.entries).collect();
            assert_eq!(entries, [1, 2, 3, 3]);
            assert_eq!((told[0].bytes, told[2].bytes), (0, 7));
        }
    }
    let none = told(WAYS[0], &MemFs::new(), vec![0; 1024], ImportOptions::new());
    check(&none, 0, 0, Some(1024));
    assert_eq!(none.len(), 1);
}

#[test]
fn a_large_entry_is_told_of_while_it_is_unpacked() {
    let large = noise(4 * MIB, 1);
    for archive in in_all_formats(&[("small", b"1"), ("large", &large), ("last", b"2")]) {
        let len = archive.len() as u64;
        for import in WAYS {
            let told = told(import, &MemFs::new(), archive.clone(), ImportOptions::new());
            check(&told, 3, 2 + 4 * MIB as u64, Some(len));
            for part in 1..8 {
                let (from, to) = (part * len / 8, (part + 1) * len / 8);
                let within = told.iter().any(|done| (from..=to).contains(&done.source_bytes));
                assert!(within, "nothing between {from} and {to} of {len}: {told:?}");
            }
        }
    }
}

#[test]
fn many_threads_tell_in_one_order() {
    let noises: Vec<_> = (0..40).map(|seed| noise(MIB / 2, seed)).collect();
    let names: Vec<_> = (0..40).map(|n| format!("file {n}")).collect();
    let entries: Vec<_> = names.iter().zip(&noises).map(|(name, noise)| (&**name, &noise[..])).collect();
    let archive = deflated(&entries);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let told = pool.install(|| told(WAYS[0], &MemFs::new(), archive.clone(), ImportOptions::new()));
    check(&told, 40, 20 * MIB as u64, Some(archive.len() as u64));
    // Besides after each entry and at the end; less often than 80 times where two would tell at once.
    assert!(told.len() >= 40 + 1 + 10, "{told:?}");
}

#[test]
fn what_is_passed_over_counts_too() {
    let noises: Vec<_> = (0..8).map(|seed| noise(MIB / 4, seed)).collect();
    let names: Vec<_> = (0..8).map(|n| format!("{n}")).collect();
    let entries: Vec<_> = names.iter().zip(&noises).map(|(name, noise)| (&**name, &noise[..])).collect();
    for archive in in_all_formats(&entries) {
        let len = archive.len() as u64;
        for import in WAYS {
            let fs = MemFs::new();
            fs.write("/4", b"in the way").unwrap();
            let options = ImportOptions::new().filter(|path| path >= "/4").on_conflict(OnConflict::Skip);
            let told = told(import, &fs, archive.clone(), options);
            check(&told, 8, 3 * MIB as u64 / 4, Some(len));
            let passed = told.iter().find(|done| done.entries == 5).expect("told").source_bytes;
            assert!(passed >= len / 3, "{passed} of {len}");
        }
    }
}

#[test]
fn the_list_of_a_zip_and_what_stands_before_it_count_once() {
    let names: Vec<_> =
        (0..500).map(|n| format!("a name that is far longer than what the file has {n}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (&**name, &b"x"[..])).collect();
    let archive = [noise(10_000, 7), deflated(&entries)].concat();
    let len = archive.len() as u64;
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap(); // others may be far ahead
    for import in WAYS {
        let told = alone.install(|| told(import, &MemFs::new(), archive.clone(), ImportOptions::new()));
        check(&told, 500, 500, Some(len));
        // Nearly all of it when the last entry is done, and not long before.
        let [.., at_last, _] = told[..] else { panic!("{told:?}") };
        assert!(at_last.source_bytes * 10 >= len * 9, "{at_last:?}");
        let early = told.iter().find(|done| done.entries == 128).expect("told");
        assert!(early.source_bytes < len, "{early:?}");
    }
}

#[test]
fn of_a_stream_only_what_was_read_is_known() {
    let noise = noise(MIB, 1);
    let tar = tar_of_files(&[("a", &noise), ("b", b"2")]);
    for import in WAYS {
        let source = ArchiveSource::stream(Cursor::new(tar.clone()));
        let told = told(import, &MemFs::new(), source, ImportOptions::new());
        check(&told, 2, MIB as u64 + 1, None);
        let read = told.last().unwrap().source_bytes;
        assert!(read > MIB as u64 && read <= tar.len() as u64, "{read}");
    }
}

#[test]
fn a_source_that_grows_has_the_length_that_it_had() {
    // Each byte is there, and the length is only asked for once: as with a file that is appended to.
    struct Growing(Cursor<Vec<u8>>, bool);
    impl Read for Growing {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buf)
        }
    }
    impl std::io::Seek for Growing {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            match to {
                std::io::SeekFrom::End(0) if !std::mem::replace(&mut self.1, true) => Ok(1000),
                to => self.0.seek(to),
            }
        }
    }
    let tar = gzip(&tar_of_files(&[("a", &noise(MIB, 1))]));
    for import in WAYS {
        let source = ArchiveSource::reader(Growing(Cursor::new(tar.clone()), false));
        let told = told(import, &MemFs::new(), source, ImportOptions::new());
        check(&told, 1, MIB as u64, Some(1000));
    }
}

#[test]
fn whoever_is_told_may_call_the_filesystem() {
    let noise = noise(300 << 10, 1);
    let entries: &[(&str, &[u8])] = &[("a", &noise), ("b", &noise), ("c", &noise)];
    for archive in in_all_formats(entries) {
        for import in WAYS {
            let fs = MemFs::new();
            let other = fs.clone();
            let options = ImportOptions::new().progress(move |done| {
                other.write("/how far", done.source_bytes.to_string()).unwrap();
                // Also what the threads that unpack take part in.
                rayon::join(|| other.glob("**").unwrap(), || other.stats());
            });
            import(&fs, archive.clone().into(), options).unwrap();
            assert_eq!(fs.read_to_string("/how far").unwrap(), archive.len().to_string());
            assert_eq!(fs.usage("/").unwrap().files, 4);
        }
    }
}

#[test]
fn a_panic_of_whoever_is_told_leaves_no_trace() {
    let noise = noise(300 << 10, 1);
    let entries: &[(&str, &[u8])] = &[("first", b"1"), ("a", &noise), ("b", &noise), ("c", &noise)];
    for archive in in_all_formats(entries) {
        for after in 0..=entries.len() {
            for (import, is_atomic) in WAYS.into_iter().zip([true, false]) {
                let fs = MemFs::new();
                let (before, version) = (fs.stats(), fs.version());
                let calls = Arc::new(AtomicUsize::new(0));
                let count = Arc::clone(&calls);
                let options = ImportOptions::new().progress(move |_| {
                    if count.fetch_add(1, Ordering::Relaxed) == after {
                        std::panic::resume_unwind(Box::new("of a user")); // without a message
                    }
                });
                let import = || import(&fs, archive.clone().into(), options).map(drop);
                let panic = catch_unwind(AssertUnwindSafe(import)).expect_err("it panics");
                assert_eq!(panic.downcast_ref(), Some(&"of a user"));
                assert_eq!(calls.load(Ordering::Relaxed), after + 1, "it is not called again");
                if is_atomic {
                    assert_eq!((fs.stats(), fs.version()), (before, version));
                } else {
                    // What is there is whole, and paid for.
                    for (name, bytes) in entries {
                        assert!(!fs.exists(name) || fs.read(name).unwrap() == *bytes);
                    }
                    fs.clear().unwrap();
                    assert_eq!(fs.stats().used_bytes, before.used_bytes);
                }
            }
        }
    }
}
