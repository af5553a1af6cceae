//! No bytes make a load panic, recurse or take memory without end; what is loaded is a filesystem
//! that keeps every invariant, and saving it gives an image of the same.
//!
//! The input is an image. It is loaded as it is, which finds what stands before the digests, and once
//! more with all digests made right, which lets the fuzzer behind them.

#![no_main]

use std::collections::BTreeMap;

use arcfs::internals::image::{open, seal};
use arcfs::{ErrorKind, Image, MemFs, Snapshot, load_image, load_image_with, save_image};
use libfuzzer_sys::fuzz_target;

/// Room for what is loaded. Few bytes never become many.
const QUOTA: u64 = 64 << 20;

fuzz_target!(|input: &[u8]| {
    judge(input);
    if let Some((meta, data)) = open(input) {
        judge(&seal(&meta, &data));
    } else if let Some(rest) = input.get(64..) {
        judge(&seal(rest, b""));
    }
});

fn judge(bytes: &[u8]) {
    match load_image_with(bytes, |builder| builder.max_quota(QUOTA).chunk_overhead(112).node_overhead(192)) {
        Ok(image) => check(&image),
        Err(error) => {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::InvalidData
                        | ErrorKind::Unsupported
                        | ErrorKind::QuotaExceeded { .. }
                        | ErrorKind::NodeLimit { .. }
                ),
                "{error}"
            );
            assert!(!error.operation().is_empty() && error.to_string().len() > 30, "{error}");
        }
    }
}

fn check(image: &Image) {
    image.fs.check_consistent().expect("every invariant holds");
    let stats = image.fs.stats();
    assert!(stats.used_bytes <= QUOTA);
    if stats.payload_bytes > 4 << 20 || stats.file_count + stats.dir_count > 10_000 {
        return; // contents may be shared so often that reading them all takes long
    }
    let mut bytes = Vec::new();
    save_image(&mut bytes, &image.fs, &image.snapshots).expect("it can be saved");
    let again = load_image(&bytes[..]).expect("it was just saved");
    again.fs.check_consistent().expect("every invariant holds");
    assert_eq!(again.fs.version(), image.fs.version());
    assert_eq!(nodes(&again.fs.snapshot()), nodes(&image.fs.snapshot()));
    assert!(again.snapshots.keys().eq(image.snapshots.keys()));
    for (again, named) in again.snapshots.values().zip(image.snapshots.values()) {
        assert_eq!(again.taken, named.taken);
        assert_eq!(again.snapshot.version(), named.snapshot.version());
        assert_eq!(
            again.snapshot.usage("/").expect("the root exists"),
            named.snapshot.usage("/").expect("the root exists")
        );
    }
    change(&image.fs);
}

/// It can be used as any other.
fn change(fs: &MemFs) {
    for snapshot in [fs.snapshot()] {
        let _ = fs.create_dir_all("/fuzz/a");
        let _ = fs.write("/fuzz/a/b", b"written");
        for name in fs.read_dir("/").expect("the root exists").take(4) {
            let _ = fs.append(name.path(), b"more");
            let _ = fs.copy_dir_all(name.path(), "/fuzz/c");
        }
        fs.check_consistent().expect("every invariant holds");
        fs.restore(&snapshot).expect("nothing is held");
    }
    fs.clear().expect("nothing is held");
}

type Nodes = BTreeMap<String, (arcfs::Metadata, Option<Vec<u8>>)>;

fn nodes(snapshot: &Snapshot) -> Nodes {
    let mut nodes = Nodes::new();
    for dir in snapshot.walk("/").expect("the root exists") {
        let metadata = snapshot.metadata(&dir.path).expect("it was walked");
        for name in &dir.files {
            let path = format!("{}/{name}", dir.path.trim_end_matches('/'));
            let metadata = snapshot.metadata(&path).expect("it was walked");
            let bytes = snapshot.read(&path).expect("it was walked");
            nodes.insert(path, (metadata, Some(bytes)));
        }
        nodes.insert(dir.path, (metadata, None));
    }
    nodes
}
