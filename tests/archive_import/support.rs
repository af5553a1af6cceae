//! Filesystems to look at, bytes to pack, and both ways of importing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use arcfs::{ArchiveReport, ImportOptions, MemFs, Result, import_archive, import_archive_streaming};

pub type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

/// What `header` in a tar and `zip_of` set as the time of everything.
pub fn usual_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

pub fn options() -> ImportOptions {
    ImportOptions::new()
}

/// All files with their bytes, and the paths of all directories that have nothing in them.
pub fn tree(fs: &MemFs) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut tree = BTreeMap::new();
    for path in fs.glob("**").unwrap() {
        let bytes = fs.is_file(&path).then(|| fs.read(&path).unwrap());
        if bytes.is_some() || fs.read_dir(&path).unwrap().count() == 0 {
            tree.insert(path, bytes);
        }
    }
    tree
}

/// Both ways of importing, each into a filesystem of its own.
pub fn both(
    make: impl Fn() -> MemFs,
    import: impl Fn(&MemFs, &dyn Fn(&MemFs, Vec<u8>, &str, ImportOptions) -> Result<ArchiveReport>),
) {
    import(&make(), &|fs, bytes, dest, options| import_archive(fs, bytes, dest, options));
    import(&make(), &|fs, bytes, dest, options| import_archive_streaming(fs, bytes, dest, options));
}

pub fn long_text() -> Vec<u8> {
    (0..30_000).flat_map(|line| format!("line {line} of a text\n").into_bytes()).collect()
}

pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| step()).collect()
}
