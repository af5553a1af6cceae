//! The deepest chain, many directories, and a million files in one: every operation works on a
//! thread with a small stack, dropping included.

use std::collections::HashSet;
use std::thread;

use arcfs::{Change, Content, ExportOptions, MemFs, MemFsBuilder};

/// Far less than a recursion by depth or by width would need.
const STACK: usize = 1 << 20;

const DEEPEST: usize = 4096;

/// Runs `test` on a thread with a small stack.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(test).unwrap().join().unwrap();
}

fn roomy() -> MemFsBuilder {
    MemFs::builder().max_quota(1 << 40).max_depth(DEEPEST)
}

fn everything() -> ExportOptions {
    ExportOptions::default()
}

/// What each tree is put through, whatever its shape: `top` is its one directory, and `file` and
/// `dir` are a file and a directory in it, as deep and as late as there are.
fn put_through(fs: &MemFs, top: &str, file: &str, dir: &str) {
    let below = |path: &str| path.strip_prefix(top).unwrap().to_string();
    let usage = fs.usage(top).unwrap();
    let (files, dirs) = (usage.files as usize, usage.dirs as usize);
    let before = fs.snapshot();

    // Looking.
    assert!(fs.is_file(file) && fs.is_dir(dir) && fs.metadata(file).unwrap().is_file());
    assert_eq!(fs.read(file).unwrap(), b"content");
    let entries = fs.read_dir(top).unwrap().count();
    assert!(entries > 0);
    let walked = fs.walk(top).unwrap().fold((0, 0), |(dirs, files), dir| (dirs + 1, files + dir.files.len()));
    assert_eq!(walked, (dirs, files));
    for all in ["/**", "/**/**/**"] {
        assert_eq!(fs.glob(all).unwrap().len(), dirs + files);
    }
    let name = file.rsplit_once('/').unwrap().1;
    let found = fs.glob(format!("/**/**/{name}")).unwrap();
    assert!(found.iter().any(|path| path == file));
    assert_eq!(fs.iter_export_tree(top, everything()).unwrap().count(), files);
    assert_eq!(fs.export_tree(top, everything()).unwrap().len(), files);

    // Changing one.
    fs.write(file, b"changed").unwrap();
    fs.append(file, b"!").unwrap();
    assert_eq!(fs.snapshot().diff(&before).collect::<Vec<_>>(), [Change::Modified(file.to_string())]);
    fs.remove_file(file).unwrap();
    fs.write(file, b"content").unwrap();

    // Moving all.
    fs.rename(top, "/renamed").unwrap();
    assert_eq!(fs.read(format!("/renamed{}", below(file))).unwrap(), b"content");
    fs.write("/other", b"").unwrap();
    fs.exchange("/renamed", "/other").unwrap();
    fs.move_path("/other", top).unwrap();
    fs.remove_file("/renamed").unwrap();
    assert_eq!(fs.usage(top).unwrap(), usage);

    // Copying, comparing, restoring, forking.
    let alone = fs.snapshot();
    let used = fs.stats().used_bytes;
    fs.copy_dir_all(top, "/copy").unwrap();
    assert_eq!(fs.usage("/copy").unwrap(), usage);
    let with_copy = fs.snapshot();
    assert_eq!(with_copy.diff(&alone).count(), dirs + files);
    assert_eq!(
        alone.diff(&with_copy).filter(|change| matches!(change, Change::Removed(_))).count(),
        dirs + files
    );
    fs.remove_dir_all(top).unwrap();
    fs.restore(&alone).unwrap();
    assert!(fs.exists(file) && !fs.exists("/copy"));
    drop(with_copy);
    // In the versioned tree what is restored stands beside what the snapshot keeps.
    let most = if cfg!(not(arcfs_tree = "counted")) { 2 * used } else { used };
    assert!((used..=most).contains(&fs.stats().used_bytes), "{:?}, {used} before", fs.stats());
    let fork = MemFs::from_snapshot(&alone, roomy()).unwrap();
    fork.remove_dir_all(top).unwrap();
    assert!(fs.exists(file));
    drop(fork);

    // Leaving nothing.
    drop((before, alone));
    fs.remove_dir_all(top).unwrap();
    assert_eq!((fs.stats().used_bytes, fs.stats().chunk_count, fs.stats().file_count), (0, 0, 0));
}

#[test]
fn the_deepest_chain() {
    on_a_small_stack(|| {
        let fs = roomy().build().unwrap();
        // A directory at each depth, and a file at the bottom and half-way.
        let dir = "/d".repeat(DEEPEST - 1);
        let file = format!("{dir}/f");
        fs.import_tree([(&*file, "content"), (&*format!("{}/half", "/d".repeat(DEEPEST / 2)), "way")])
            .unwrap();
        assert_eq!(fs.usage("/").unwrap().dirs, DEEPEST as u64);
        fs.create_dir(format!("{dir}/x")).unwrap();
        fs.remove_dir(format!("{dir}/x")).unwrap();
        assert!(fs.create_dir(format!("{file}/x")).is_err());
        assert!(
            fs.create_dir("/e").is_ok() && fs.rename("/d", "/e/d").is_err() && fs.remove_dir("/e").is_ok()
        );
        let stars = fs.glob("/**/d".repeat(50)).unwrap();
        assert_eq!(stars.len(), DEEPEST - 50);
        put_through(&fs, "/d", &file, &dir);
    });
}

#[test]
fn a_deep_chain_made_step_by_step_and_dropped_with_the_filesystem() {
    on_a_small_stack(|| {
        let fs = roomy().build().unwrap();
        fs.create_dir_all("/d".repeat(DEEPEST)).unwrap();
        let snapshot = fs.snapshot();
        fs.create_dir_all("/e".repeat(DEEPEST)).unwrap();
        fs.clear().unwrap();
        assert_eq!(fs.stats().dir_count, 1);
        fs.create_dir_all("/d".repeat(DEEPEST)).unwrap();
        drop(fs);
        assert_eq!(snapshot.walk("/").unwrap().count(), DEEPEST + 1);
    });
}

#[test]
fn thousands_of_long_names_are_made_at_once() {
    on_a_small_stack(|| {
        let fs = roomy().build().unwrap();
        fs.create_dir_all("/there/too").unwrap();
        fs.write("/file", b"content").unwrap();
        let held = fs.create("/there/held").unwrap(); // there are holds to be looked at
        let name = |letter: &str| format!("/{}", letter.repeat(250));
        let deep = |letter| format!("/there/too{}", name(letter).repeat(DEEPEST - 3));
        let (a, b, c, d) = (deep("a"), deep("b"), deep("c"), deep("d"));
        let before = fs.version();
        fs.create_dir_all(&a).unwrap();
        fs.import_tree([(format!("{b}/f"), "1"), (format!("{b}/g"), "2"), (format!("{b}x/f"), "3")]).unwrap();
        fs.move_path("/file", format!("{c}/f")).unwrap();
        fs.transaction(|tx| {
            tx.create_dir_all(&d)?;
            tx.write(format!("{d}/f"), b"4")?;
            tx.move_path(format!("{d}/f"), format!("/there/too{}/e/f", name("d").repeat(DEEPEST / 2)))
        })
        .unwrap();
        assert_eq!(fs.version(), before + 4, "each is one publication");
        fs.create_dir_all(&a).unwrap();
        assert_eq!(fs.version(), before + 4, "nothing was missing");
        assert_eq!(fs.read(format!("{c}/f")).unwrap(), b"content");
        // Each `a`, `b`, `c` and `d`, the one `bx` beside a `b`, and `e`.
        assert_eq!(fs.usage("/there/too").unwrap().dirs as usize, 1 + 4 * (DEEPEST - 3) + 2);
        for dir in [&a, &b, &c, &d] {
            let metadata = fs.metadata(dir).unwrap();
            assert!(metadata.is_dir() && metadata.version() > before);
        }
        drop(held);
        fs.clear().unwrap();
        assert_eq!(fs.stats().used_bytes, 0);
    });
}

#[test]
fn many_directories_side_by_side() {
    const DIRS: usize = 100_000;
    on_a_small_stack(|| {
        let fs = roomy().build().unwrap();
        fs.write("/content", b"content").unwrap();
        let content = fs.content("/content").unwrap();
        fs.remove_file("/content").unwrap();
        let path = |number| format!("/top/{number:05}/f");
        fs.import_tree((0..DIRS).map(|number| (path(number), content.clone()))).unwrap();
        drop(content);
        assert_eq!(fs.stats().chunk_count, 1);
        let names: HashSet<_> = fs.read_dir("/top").unwrap().map(|entry| entry.name().to_string()).collect();
        assert_eq!(names.len(), DIRS);
        assert_eq!(fs.glob("/*/*/g").unwrap(), [""; 0]);
        put_through(&fs, "/top", "/top/99999/f", "/top/99999");
    });
}

#[test]
fn a_million_files_in_one_directory() {
    const FILES: usize = 1_000_000;
    on_a_small_stack(|| {
        let fs = roomy().build().unwrap();
        fs.import_tree((0..FILES - 1).map(|number| (format!("/top/{number:06}"), Content::default())))
            .unwrap();
        fs.write("/top/last", b"content").unwrap();
        fs.create_dir("/top/dir").unwrap();
        assert_eq!(fs.stats().file_count, FILES as u64);
        assert_eq!(fs.glob("/top/99999?").unwrap().len(), 9);
        put_through(&fs, "/top", "/top/last", "/top/dir");
    });
}
