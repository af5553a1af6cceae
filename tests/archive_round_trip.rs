//! What one filesystem exports, another imports: everything that an archive can hold is there again.

use std::time::{Duration, SystemTime};

use arcfs::{
    ArchiveOptions, Change, Compression, Content, ImportOptions, MemFs, Result, Snapshot, import_archive,
    import_archive_streaming,
};
use proptest::prelude::*;

/// Everything that survives: kinds, paths, times and bytes, in tree order.
fn shown(snapshot: &Snapshot) -> Vec<(String, SystemTime, Option<Vec<u8>>)> {
    let mut shown = Vec::new();
    for dir in snapshot.walk("/").expect("the root is there") {
        let join = |name: &str| format!("{}/{name}", dir.path.trim_end_matches('/'));
        if dir.path != "/" {
            // The directory at the prefix has no entry, so its time is not kept.
            shown.push((dir.path.clone(), snapshot.metadata(&dir.path).expect("listed").modified(), None));
        }
        for name in &dir.files {
            let path = join(name.as_ref());
            let modified = snapshot.metadata(&path).expect("listed").modified();
            let bytes = snapshot.read(&path).expect("listed");
            shown.push((path, modified, Some(bytes)));
        }
    }
    shown
}

#[derive(Debug, Clone)]
struct Item {
    path: String,
    time: Duration,
    bytes: Option<Vec<u8>>,
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let name = prop_oneof![
        4 => "[a-c]{1,2}",
        1 => "[a-z]{90,130}",
        1 => Just("naïve 名前 \u{1F600}".to_owned()),
        1 => Just(" .x. ".to_owned()),
    ];
    let path = prop::collection::vec(name, 1..4).prop_map(|names| format!("/{}", names.join("/")));
    let bytes = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (any::<u8>(), 0usize..400_000).prop_map(|(byte, len)| vec![byte; len]),
        1 => (0usize..400_000).prop_map(|len| (0..len).map(|i| ((i * i) >> 7) as u8).collect()),
    ];
    let time =
        (0u64..4_000_000_000, 0u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos));
    let item = (path, time, prop::option::weighted(0.7, bytes)).prop_map(|(path, time, bytes)| Item {
        path,
        time,
        bytes,
    });
    prop::collection::vec(item, 0..12)
}

/// A filesystem with those of the items that fit together.
fn build(items: &[Item], exact: bool) -> MemFs {
    let fs = MemFs::new();
    for item in items {
        match &item.bytes {
            Some(bytes) => {
                let parent = item.path.rsplit_once('/').expect("absolute").0;
                let _ = fs.create_dir_all(parent).and_then(|()| fs.write(&item.path, bytes));
            }
            None => {
                let _ = fs.create_dir_all(&item.path);
            }
        }
    }
    for item in items {
        // A zip keeps whole seconds.
        let time = if exact { item.time } else { Duration::from_secs(item.time.as_secs()) };
        let _ = fs.set_modified(&item.path, SystemTime::UNIX_EPOCH + time);
    }
    let listed: Vec<_> = fs.walk("/").expect("the root is there").map(|dir| dir.path).collect();
    for dir in listed.iter().filter(|dir| !items.iter().any(|item| item.path == **dir)) {
        fs.set_modified(dir, SystemTime::UNIX_EPOCH).expect("listed");
    }
    fs
}

fn check(bytes: &[u8], from: &MemFs) -> Result<()> {
    let expected = shown(&from.snapshot());
    for streaming in [false, true] {
        let into = MemFs::new();
        let bytes = bytes.to_vec();
        let report = if streaming {
            import_archive_streaming(&into, bytes, "/", ImportOptions::new())?
        } else {
            import_archive(&into, bytes, "/", ImportOptions::new())?
        };
        assert_eq!(shown(&into.snapshot()), expected, "streaming: {streaming}");
        assert_eq!(report.files, from.usage("/")?.files);
        assert!(report.skipped.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_zip_brings_everything_back(items in items(), stored in any::<bool>()) {
        let fs = build(&items, false);
        let compression = if stored { Compression::None } else { Compression::Deflate };
        let mut zip = Vec::new();
        fs.export_zip(&mut zip, ArchiveOptions::new().compression(compression)).expect("written");
        check(&zip, &fs).expect("read");
    }

    #[test]
    fn a_tar_brings_everything_back(items in items(), packed in 0..3) {
        let fs = build(&items, true);
        let compression = [Compression::None, Compression::Deflate, Compression::Zstd][packed as usize];
        let mut tar = Vec::new();
        fs.export_tar(&mut tar, ArchiveOptions::new().compression(compression)).expect("written");
        check(&tar, &fs).expect("read");
    }
}

#[test]
fn an_archive_inside_the_filesystem_is_a_source_too() -> Result<()> {
    let fs = MemFs::new();
    fs.import_tree([("/a/one", "1"), ("/a/b/two", "2")])?;
    let before = fs.snapshot();
    let mut zip = Vec::new();
    fs.export_zip(&mut zip, ArchiveOptions::new().prefix("/a"))?;
    fs.write("/kept.zip", &zip)?;
    fs.remove_dir_all("/a")?;

    let content: Content = fs.content("/kept.zip")?;
    import_archive(&fs, content, "/a", ImportOptions::new())?;
    let changes: Vec<_> =
        fs.snapshot().diff(&before).filter(|change| !matches!(change, Change::Modified(_))).collect();
    assert_eq!(changes, [Change::Created("/kept.zip".into())]);
    assert_eq!(fs.read_to_string("/a/b/two")?, "2");
    Ok(())
}
