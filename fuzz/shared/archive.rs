//! What holds of any archive, however wrong it is.
//!
//! * An import that fails leaves nothing: no path, no byte charged, no version.
//! * One that succeeds brings what going through the entries gives, below the destination only.
//! * Bringing it again with `Skip` changes nothing, though there may be no room for the names that
//!   it lists.
//! * Entry by entry comes to the same tree, where both succeed, and gives directories the same times.
//! * Quota, node limit and depth hold, and when all is removed nothing stays charged.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::SystemTime;

use arcfs::{
    Archive, EntryKind, ErrorKind, ImportOptions, MemFs, OnConflict, import_archive, import_archive_streaming,
};

const QUOTA: u64 = 256 << 10;
const NODES: u64 = 300;

fn filesystem() -> MemFs {
    MemFs::builder().max_quota(QUOTA).max_nodes(NODES).max_depth(24).build().expect("valid limits")
}

fn tree(fs: &MemFs) -> BTreeMap<String, Option<Vec<u8>>> {
    let paths = fs.glob("**").expect("a pattern").into_iter();
    paths.map(|path| (path.clone(), fs.read(&path).ok())).collect()
}

/// Every file with its bytes, where going through the archive gives them without an error.
fn entries(input: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = Archive::open(input).ok()?;
    let mut files = Vec::new();
    while let Some(mut entry) = archive.next_entry().ok()? {
        if entry.kind() == EntryKind::File && entry.is_utf8() {
            let (name, mut bytes) = (entry.name().to_owned(), Vec::new());
            entry.by_ref().take(QUOTA + 1).read_to_end(&mut bytes).ok()?;
            files.push((name, bytes));
        }
    }
    Some(files)
}

/// Imports `input` and holds the outcome against all that must be true.
pub fn check(input: &[u8]) {
    // Which options are tried follows from the input, so that the corpus is plain archives.
    let sum = input.iter().fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(*byte)));
    let conflict = [OnConflict::Error, OnConflict::Overwrite, OnConflict::Skip][sum % 3];
    let reroot = sum / 3 % 2 == 0;
    let options = || ImportOptions::new().on_conflict(conflict).reroot(reroot);

    let started = SystemTime::now();
    let fs = filesystem();
    let outcome = import_archive(&fs, input, "/to", options());
    fs.check_consistent().expect("consistent");
    let stats = fs.stats();
    assert!(stats.used_bytes <= QUOTA && stats.file_count + stats.dir_count <= NODES);
    match &outcome {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!((stats.used_bytes, fs.version()), (0, 0), "{error}");
        }
        Ok(report) => {
            let tree = tree(&fs);
            assert!(tree.keys().all(|path| path == "/to" || path.starts_with("/to/")));
            assert_eq!(report.files - report.overwritten, stats.file_count);
            if let Some(entries) = entries(input) {
                assert!(entries.len() as u64 >= stats.file_count);
                for bytes in tree.values().flatten() {
                    assert!(entries.iter().any(|(_, entry)| entry == bytes));
                }
            }
            let again = options().on_conflict(OnConflict::Skip);
            match import_archive(&fs, input, "/to", again) {
                Ok(again) => assert_eq!((again.files, again.bytes), (0, 0)),
                Err(error) => assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}"),
            }
            assert_eq!(self::tree(&fs), tree);
        }
    }

    let other = filesystem();
    let streamed = import_archive_streaming(&other, input, "/to", options());
    other.check_consistent().expect("consistent");
    if outcome.is_ok() && streamed.is_ok() {
        assert_eq!(tree(&fs), tree(&other));
        let now = started..=SystemTime::now();
        for path in tree(&fs).keys() {
            let [at, streamed] = [&fs, &other].map(|fs| fs.metadata(path).expect("it is there").modified());
            assert!(at == streamed || now.contains(&at) && now.contains(&streamed), "{path}");
        }
    }
    for fs in [fs, other] {
        fs.clear().expect("nothing is held");
        assert_eq!(fs.stats().used_bytes, 0);
    }
}
