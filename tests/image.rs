//! Images: whatever can be observed of a filesystem is the same after saving and loading, and nothing
//! but an image that was saved is loaded.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use arcfs::internals::ManualClock;
use arcfs::{
    Change, ErrorKind, Image, ImageReader, MemFs, Metadata, NamedSnapshot, OpenOptions, Snapshot, Stats,
    Storage, load_image, load_image_file, load_image_with, resolve_image_path, save_image, save_image_file,
};
use proptest::prelude::*;

type Snapshots = BTreeMap<String, NamedSnapshot>;

/// All nodes of a tree with their metadata and bytes.
type Nodes = Vec<(String, Metadata, Option<Vec<u8>>)>;

fn nodes(snapshot: &Snapshot) -> Nodes {
    let mut nodes = Vec::new();
    for dir in snapshot.walk("/").unwrap() {
        nodes.push((dir.path.clone(), snapshot.metadata(&dir.path).unwrap(), None));
        for name in &dir.files {
            let path = format!("{}/{name}", dir.path.trim_end_matches('/'));
            let bytes = snapshot.read(&path).unwrap();
            nodes.push((path.clone(), snapshot.metadata(&path).unwrap(), Some(bytes)));
        }
    }
    nodes
}

fn saved(fs: &MemFs, snapshots: &Snapshots) -> Vec<u8> {
    let mut bytes = Vec::new();
    let summary = save_image(&mut bytes, fs, snapshots).unwrap();
    assert_eq!(summary.bytes, bytes.len() as u64);
    bytes
}

/// Chunks that are no longer are never written anew in part, and of others at most half is.
const UNCUT: usize = 16_384;

/// The figures of what was loaded and of what was saved, without what is charged where a file may have parts of
/// chunks, which an image has as chunks of their own.
fn charged(fs: &MemFs, snapshots: &Snapshots, loaded: &MemFs) -> (Stats, Stats) {
    let (mut stats, mut ours) = (loaded.stats(), fs.stats());
    let is_long = |bytes: &Option<Vec<u8>>| bytes.as_ref().is_some_and(|bytes| bytes.len() > UNCUT / 2);
    let has_long = |snapshot: &Snapshot| nodes(snapshot).iter().any(|(.., bytes)| is_long(bytes));
    if has_long(&fs.snapshot()) || snapshots.values().any(|named| has_long(&named.snapshot)) {
        for stats in [&mut stats, &mut ours] {
            (stats.used_bytes, stats.free_bytes, stats.pinned_bytes, stats.chunk_count) = (0, 0, 0, 0);
        }
    }
    (stats, ours)
}

/// Asserts that nothing tells the two apart.
fn assert_same(fs: &MemFs, snapshots: &Snapshots, loaded: &MemFs, loaded_snapshots: &Snapshots) {
    let (stats, ours) = charged(fs, snapshots, loaded);
    assert_eq!(stats, ours);
    assert_looks_the_same(fs, snapshots, loaded, loaded_snapshots);
}

/// The same, but for what is charged where versions of a file shared a charge of which the one that owed it is
/// gone, as they do in the versioned tree: what is loaded is charged once in any case.
fn assert_same_or_charged(fs: &MemFs, snapshots: &Snapshots, loaded: &MemFs, loaded_snapshots: &Snapshots) {
    let (stats, ours) = charged(fs, snapshots, loaded);
    if cfg!(not(arcfs_tree = "counted")) {
        assert!(stats.used_bytes >= ours.used_bytes, "{stats:?}, {ours:?}");
        let Stats { used_bytes, free_bytes, pinned_bytes, .. } = ours;
        assert_eq!(Stats { used_bytes, free_bytes, pinned_bytes, ..stats }, ours);
    } else {
        assert_eq!(stats, ours);
    }
    assert_looks_the_same(fs, snapshots, loaded, loaded_snapshots);
}

fn assert_looks_the_same(fs: &MemFs, snapshots: &Snapshots, loaded: &MemFs, loaded_snapshots: &Snapshots) {
    assert_eq!(loaded.version(), fs.version());
    loaded.check_consistent().unwrap();
    let all = |fs: &MemFs, snapshots: &Snapshots| -> Vec<Snapshot> {
        let named = snapshots.values().map(|named| named.snapshot.clone());
        named.chain([fs.snapshot()]).collect()
    };
    assert!(loaded_snapshots.keys().eq(snapshots.keys()));
    for (loaded, named) in loaded_snapshots.values().zip(snapshots.values()) {
        assert_eq!(loaded.taken, named.taken);
    }
    let (ours, theirs) = (all(fs, snapshots), all(loaded, loaded_snapshots));
    for (a, loaded_a) in ours.iter().zip(&theirs) {
        assert_eq!(loaded_a.version(), a.version());
        assert_eq!(nodes(loaded_a), nodes(a));
        for dir in a.walk("/").unwrap() {
            assert_eq!(loaded_a.usage(&dir.path).unwrap(), a.usage(&dir.path).unwrap());
        }
        for (b, loaded_b) in ours.iter().zip(&theirs) {
            assert!(!a.same_as(b) || loaded_a.same_as(loaded_b), "what was the same is the same");
            let (ours, theirs): (Vec<Change>, Vec<Change>) =
                (a.diff(b).collect(), loaded_a.diff(loaded_b).collect());
            assert_eq!(theirs, ours);
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    Write(String, usize),
    Append(String, usize),
    WriteAt(String, u64, usize),
    MakeDirs(String),
    Remove(String),
    Rename(String, String),
    Exchange(String, String),
    Copy(String, String),
    Import(Vec<String>, usize),
    SetModified(String, u64),
    SetModifiedWhenFull(String, u64),
    Keep(u8),
    Forget(u8),
    Restore(u8),
    Saved,
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => "[abc]",
        1 => Just("caf\u{e9}".to_owned()),
        1 => Just("a name that is longer than twenty-three bytes".to_owned()),
        1 => Just("x".repeat(255)),
    ];
    prop::collection::vec(name, 1..4).prop_map(|names| format!("/{}", names.join("/")))
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![Just(0_usize), 1..40_usize, 1000..3000_usize, Just(65_536), 65_537..140_000_usize];
    prop_oneof![
        6 => (path(), len.clone()).prop_map(|(path, len)| Op::Write(path, len)),
        3 => (path(), len.clone()).prop_map(|(path, len)| Op::Append(path, len)),
        3 => (path(), 0..200_000_u64, len.clone()).prop_map(|(path, at, len)| Op::WriteAt(path, at, len)),
        4 => path().prop_map(Op::MakeDirs),
        2 => path().prop_map(Op::Remove),
        3 => (path(), path()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => (path(), path()).prop_map(|(from, to)| Op::Exchange(from, to)),
        3 => (path(), path()).prop_map(|(from, to)| Op::Copy(from, to)),
        2 => (prop::collection::vec(path(), 1..20), len).prop_map(|(paths, len)| Op::Import(paths, len)),
        1 => (path(), 0..u64::MAX / 2).prop_map(|(path, time)| Op::SetModified(path, time)),
        1 => (path(), 0..1000_u64).prop_map(|(path, time)| Op::SetModifiedWhenFull(path, time)),
        3 => (0..4_u8).prop_map(Op::Keep),
        1 => (0..4_u8).prop_map(Op::Forget),
        1 => (0..4_u8).prop_map(Op::Restore),
        1 => Just(Op::Saved),
    ]
}

fn fill(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ seed as u8).collect()
}

/// A filesystem, its named snapshots and its clock.
struct World {
    fs: MemFs,
    snapshots: Snapshots,
    clock: Arc<ManualClock>,
}

impl World {
    fn new(storage: Storage, overheads: (u64, u64)) -> Self {
        let clock = Arc::new(ManualClock::new());
        let fs = MemFs::builder()
            .storage(storage)
            .chunk_overhead(overheads.0)
            .node_overhead(overheads.1)
            .max_nodes(5000)
            .max_quota(64 << 20)
            .clock(Arc::clone(&clock) as _)
            .build()
            .unwrap();
        Self { fs, snapshots: Snapshots::new(), clock }
    }

    /// The same, saved and loaded.
    fn loaded(&self) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.set_now(arcfs::Clock::now(&*self.clock));
        let bytes = saved(&self.fs, &self.snapshots);
        let Image { fs, snapshots } =
            load_image_with(&bytes[..], |builder| builder.clock(Arc::clone(&clock) as _)).unwrap();
        Self { fs, snapshots, clock }
    }

    /// Does it, or fails: what matters is that both do the same.
    fn apply(&mut self, number: usize, op: &Op) -> Result<(), ErrorKind> {
        self.clock.advance(Duration::from_nanos(1_234_567));
        let fs = &self.fs;
        let name = |number: &u8| format!("snapshot {number}");
        let done = match op {
            Op::Write(path, len) => fs.write(path, fill(*len, number)),
            Op::Append(path, len) => fs.append(path, fill(*len, number)),
            Op::WriteAt(path, at, len) => {
                let opened = OpenOptions::new().write(true).create(true).open(fs, path);
                opened.and_then(|mut file| {
                    file.write_at(&fill(*len, number), *at)?;
                    file.close()
                })
            }
            Op::MakeDirs(path) => fs.create_dir_all(path),
            Op::Remove(path) => {
                if fs.is_dir(path) {
                    fs.remove_dir_all(path)
                } else {
                    fs.remove_file(path)
                }
            }
            Op::Rename(from, to) => fs.move_path(from, to),
            Op::Exchange(a, b) => fs.exchange(a, b),
            Op::Copy(from, to) if fs.is_dir(from) => fs.copy_dir_all(from, to),
            Op::Copy(from, to) => fs.copy(from, to).map(drop),
            Op::Import(paths, len) => fs.import_tree(paths.iter().map(|path| (path, fill(*len, number)))),
            Op::SetModified(path, time) => {
                fs.set_modified(path, SystemTime::UNIX_EPOCH + Duration::from_nanos(*time))
            }
            Op::SetModifiedWhenFull(path, time) => {
                fs.set_max_quota(fs.stats().used_bytes);
                let set = fs.set_modified(path, SystemTime::UNIX_EPOCH + Duration::from_nanos(*time));
                fs.set_max_quota(64 << 20);
                set
            }
            Op::Keep(number) => {
                let taken = arcfs::Clock::now(&*self.clock);
                self.snapshots.insert(name(number), NamedSnapshot { snapshot: fs.snapshot(), taken });
                Ok(())
            }
            Op::Forget(number) => {
                self.snapshots.remove(&name(number));
                Ok(())
            }
            Op::Restore(number) => match self.snapshots.get(&name(number)) {
                Some(named) => fs.restore(&named.snapshot),
                None => Ok(()),
            },
            Op::Saved => {
                *self = self.loaded();
                Ok(())
            }
        };
        done.map_err(|error| match error.kind() {
            ErrorKind::QuotaExceeded { .. } => ErrorKind::QuotaExceeded { requested: 0, available: 0 },
            kind => kind.clone(),
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Anything that can be done, saved and loaded in between; and anything that can be done after
    /// that does the same to both.
    #[test]
    fn what_is_loaded_is_what_was_saved_and_behaves_the_same(
        before in prop::collection::vec(op(), 1..60),
        after in prop::collection::vec(op(), 0..25),
        storage in prop_oneof![Just(Storage::Auto), Just(Storage::RandomAccess), Just(Storage::Sequential)],
        overheads in prop_oneof![Just((112, 192)), Just((0, 0)), Just((7, 0))],
    ) {
        let mut world = World::new(storage, overheads);
        for (number, op) in before.iter().enumerate() {
            let _ = world.apply(number, op);
        }
        let mut loaded = world.loaded();
        assert_same_or_charged(&world.fs, &world.snapshots, &loaded.fs, &loaded.snapshots);
        let again = loaded.loaded();
        assert_same(&loaded.fs, &loaded.snapshots, &again.fs, &again.snapshots);
        drop(again);
        for (number, op) in after.iter().enumerate() {
            prop_assert_eq!(loaded.apply(number, op), world.apply(number, op), "{:?}", op);
        }
        assert_same_or_charged(&world.fs, &world.snapshots, &loaded.fs, &loaded.snapshots);
        for named in loaded.snapshots.values() {
            loaded.fs.restore(&named.snapshot).unwrap();
            let restored = loaded.fs.snapshot();
            // In the versioned tree what is restored stands beside what the snapshot keeps.
            prop_assert!(cfg!(not(arcfs_tree = "counted")) || restored.same_as(&named.snapshot));
            prop_assert_eq!(restored.diff(&named.snapshot).next(), None);
            prop_assert_eq!(nodes(&restored), nodes(&named.snapshot));
            loaded.fs.check_consistent().unwrap();
        }
        loaded.snapshots.clear();
        loaded.fs.clear().unwrap();
        let stats = loaded.fs.stats();
        prop_assert_eq!((stats.used_bytes, stats.chunk_count, stats.snapshots), (0, 0, 0));
    }

    /// The reader tells of the current tree what the loaded filesystem does.
    #[test]
    fn a_reader_answers_as_the_loaded_filesystem_does(
        ops in prop::collection::vec(op(), 1..40),
        strange in "[/a.]{0,6}",
    ) {
        let mut world = World::new(Storage::Auto, (112, 192));
        for (number, op) in ops.iter().enumerate() {
            let _ = world.apply(number, op);
        }
        let host = tempfile::tempdir().unwrap();
        let file = host.path().join("state.arcfs");
        save_image_file(&file, &world.fs, &world.snapshots).unwrap();
        let (fs, image) = (&world.fs, ImageReader::open(&file).unwrap());
        prop_assert_eq!(image.version(), fs.version());
        let names: Vec<_> = image.snapshots().unwrap().into_iter().map(|info| info.name).collect();
        prop_assert!(names.iter().eq(world.snapshots.keys()));
        let walked: Vec<_> = image.walk("/").unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(walked, fs.walk("/").unwrap().collect::<Vec<_>>());
        let mut paths: Vec<_> = nodes(&fs.snapshot()).into_iter().map(|(path, ..)| path).collect();
        paths.extend([strange, "/no/such".to_owned(), "/a/a/a/a/a".to_owned(), "..".to_owned()]);
        for path in &paths {
            let (ours, theirs) = (fs.metadata(path), image.metadata(path));
            prop_assert_eq!(theirs.map_err(|error| error.to_string()), ours.map_err(|error| error.to_string()));
            let (ours, theirs) = (fs.read(path), image.read(path));
            prop_assert_eq!(theirs.map_err(|error| error.to_string()), ours.map_err(|error| error.to_string()));
            prop_assert_eq!(image.exists(path), fs.exists(path));
            let ours = fs.read_dir(path).map(|dir| dir.map(|e| (e.path().to_owned(), e.metadata())).collect::<Vec<_>>());
            let theirs = image.read_dir(path);
            let theirs = theirs.map(|dir| dir.iter().map(|e| (e.path().to_owned(), e.metadata())).collect::<Vec<_>>());
            prop_assert_eq!(theirs.map_err(|error| error.to_string()), ours.map_err(|error| error.to_string()));
        }
    }
}

/// Files of several sorts and a snapshot, in a small image.
fn small() -> (MemFs, Snapshots) {
    let fs = MemFs::new();
    fs.import_tree([("/a", "one"), ("/d/b", "two"), ("/d/a name of more than 23 bytes", "")]).unwrap();
    let snapshots = Snapshots::from([("s".to_owned(), NamedSnapshot::new(fs.snapshot()))]);
    fs.write("/a", "three").unwrap();
    (fs, snapshots)
}

#[test]
fn every_flipped_bit_is_noticed() {
    let (fs, snapshots) = small();
    let image = saved(&fs, &snapshots);
    for at in 0..image.len() {
        for bit in 0..8 {
            let mut damaged = image.clone();
            damaged[at] ^= 1 << bit;
            let error = load_image(&damaged[..]).expect_err("a bit is wrong");
            assert_eq!(error.kind(), &ErrorKind::InvalidData, "byte {at}, bit {bit}: {error}");
        }
    }
}

#[test]
fn an_image_cut_anywhere_or_with_something_behind_it_is_refused() {
    let (fs, snapshots) = small();
    let image = saved(&fs, &snapshots);
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    for len in 0..image.len() {
        let error = load_image(&image[..len]).expect_err("a part is missing");
        assert_eq!(error.kind(), &ErrorKind::InvalidData, "{len} bytes: {error}");
        assert!(error.to_string().contains("truncated"), "{len} bytes: {error}");
        fs::write(&path, &image[..len]).unwrap();
        for error in [load_image_file(&path).unwrap_err(), ImageReader::open(&path).unwrap_err()] {
            assert!(error.to_string().contains("truncated"), "{len} bytes: {error}");
            assert_eq!(error.path(), path.to_str());
        }
    }
    let more = [&image[..], b"\0"].concat();
    fs::write(&path, &more).unwrap();
    let errors = [
        load_image(&more[..]).unwrap_err(),
        load_image_file(&path).unwrap_err(),
        ImageReader::open(&path).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("something follows"), "{error}");
    }
    assert!(path.exists(), "the file is kept");
}

#[test]
fn damage_in_a_large_image_is_noticed_wherever_it_is() {
    let fs = MemFs::new();
    for file in 0..40 {
        fs.write(format!("/{file}"), fill(50_000, file)).unwrap();
    }
    let image = saved(&fs, &Snapshots::new());
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    for at in (0..image.len()).step_by(20_011).chain(image.len() - 40..image.len()) {
        let mut damaged = image.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        for error in [
            load_image(&damaged[..]).unwrap_err(),
            load_image_file(&path).unwrap_err(),
            ImageReader::open(&path).unwrap_err(),
        ] {
            assert_eq!(error.kind(), &ErrorKind::InvalidData, "byte {at}: {error}");
        }
    }
    // Two groups of one length, one in the place of the other.
    let fs = MemFs::new();
    for file in 0..16 {
        fs.write(format!("/{file}"), fill(65_536, file / 4)).unwrap();
    }
    let mut image = saved(&fs, &Snapshots::new());
    let group = 262_144 + 16;
    let first = image.len() - 16 - 4 * group;
    let (a, b) = image[first..first + 2 * group].split_at_mut(group);
    a.swap_with_slice(b);
    let error = load_image(&image[..]).unwrap_err();
    assert!(error.to_string().contains("do not belong together"), "{error}");
}

#[test]
fn a_file_that_is_changed_under_a_reader_is_noticed() {
    let fs = MemFs::new();
    fs.write("/a", fill(100_000, 1)).unwrap();
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    save_image_file(&path, &fs, &Snapshots::new()).unwrap();
    let image = ImageReader::open(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 1000;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(image.read("/a").unwrap_err().kind(), &ErrorKind::InvalidData);
}

#[test]
fn other_files_are_told_apart_from_images() {
    for bytes in [&b"{\"files\": {}, \"dirs\": []}"[..], b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"x"] {
        let error = load_image(bytes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidData);
        assert!(error.to_string().contains("not an arcfs image"), "{error}");
    }
    let error = load_image(&b""[..]).unwrap_err();
    assert!(error.to_string().contains("truncated: it has 0 bytes"), "{error}");
}

/// A writer or reader that fails after so many bytes, and works by little pieces until then.
struct Failing<T>(T, usize);

impl<W: Write> Write for Failing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(self.1).min(7);
        self.1 -= n;
        if n == 0 { Err(io::ErrorKind::StorageFull.into()) } else { self.0.write(&buf[..n]) }
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<R: Read> Read for Failing<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.1).min(7);
        self.1 -= n;
        if n == 0 && !buf.is_empty() {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            self.0.read(&mut buf[..n])
        }
    }
}

#[test]
fn errors_of_readers_and_writers_are_told_and_little_pieces_do() {
    let (fs, snapshots) = small();
    let image = saved(&fs, &snapshots);
    for limit in 0..image.len() {
        let error = save_image(Failing(Vec::new(), limit), &fs, &snapshots).unwrap_err();
        assert_eq!((error.kind(), error.operation()), (&ErrorKind::Other, "save_image"));
        let error = load_image(Failing(&image[..], limit)).unwrap_err();
        assert_eq!((error.kind(), error.operation()), (&ErrorKind::Other, "load_image"), "{limit}: {error}");
        assert!(std::error::Error::source(&error).is_some());
    }
    let mut pieces = Vec::new();
    save_image(Failing(&mut pieces, usize::MAX), &fs, &snapshots).unwrap();
    assert!(pieces == image, "the same state is the same image");
    let loaded = load_image(Failing(&image[..], usize::MAX)).unwrap();
    assert_same(&fs, &snapshots, &loaded.fs, &loaded.snapshots);
}

#[test]
fn what_versions_share_is_written_once() {
    let fs = MemFs::new();
    fs.import_tree((0..2000).map(|file| (format!("/d{}/f{file:04}", file % 4), fill(1000, file)))).unwrap();
    let alone = saved(&fs, &Snapshots::new()).len();
    let mut snapshots = Snapshots::new();
    for number in 0..50 {
        fs.write(format!("/d1/f{:04}", 4 * number + 1), b"changed").unwrap();
        snapshots.insert(format!("{number:02}"), NamedSnapshot::new(fs.snapshot()));
    }
    fs.copy_dir_all("/d0", "/copy").unwrap();
    let all = saved(&fs, &snapshots);
    // 500 copied nodes without their bytes, 50 old contents, and some records for each snapshot.
    let most = alone + 500 * 100 + 50 * (1000 + 700);
    assert!(all.len() < most, "{} bytes, {alone} without snapshots", all.len());
    let loaded = load_image(&all[..]).unwrap();
    assert_same(&fs, &snapshots, &loaded.fs, &loaded.snapshots);
    assert_eq!(loaded.fs.stats().pinned_bytes, fs.stats().pinned_bytes);
}

#[test]
fn saving_is_of_one_instant_beside_writers() {
    let fs = MemFs::new();
    fs.import_tree((0..50).map(|file| (format!("/{file}"), vec![0_u8; 3000]))).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in (1..=250_u8).cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let files = (0..50).map(|file| (format!("/{file}"), vec![round; 3000]));
                fs.import_tree(files).unwrap();
            }
        });
        for _ in 0..30 {
            let loaded = load_image(&saved(&fs, &Snapshots::new())[..]).unwrap().fs;
            let first = loaded.read("/0").unwrap();
            assert!((0..50).all(|file| loaded.read(format!("/{file}")).unwrap() == first));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_open_for_writing_is_saved_as_it_was_published() {
    let fs = MemFs::new();
    fs.write("/a", b"published").unwrap();
    let mut file = OpenOptions::new().write(true).open(&fs, "/a").unwrap();
    file.write_all(b"a draft").unwrap();
    let loaded = load_image(&saved(&fs, &Snapshots::new())[..]).unwrap().fs;
    assert_eq!(loaded.read("/a").unwrap(), b"published");
    loaded.write("/a", b"not held here").unwrap();
    file.discard();
}

#[test]
fn a_fork_is_saved_as_a_filesystem_of_its_own() {
    let fs = MemFs::new();
    fs.write("/a", fill(1000, 1)).unwrap();
    let fork = MemFs::from_snapshot(&fs.snapshot(), MemFs::builder().max_quota(10)).unwrap();
    assert_eq!(fork.stats().used_bytes, 0);
    let loaded = load_image(&saved(&fork, &Snapshots::new())[..]).unwrap().fs;
    assert_eq!(loaded.read("/a").unwrap(), fill(1000, 1));
    assert_eq!(loaded.stats().used_bytes, fs.stats().used_bytes);
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_failed_save_leaves_the_old_file_and_nothing_beside_it() {
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    let fs = MemFs::new();
    save_image_file(&path, &fs, &Snapshots::new()).unwrap();
    let old = fs::read(&path).unwrap();
    let foreign = Snapshots::from([("x".to_owned(), NamedSnapshot::new(MemFs::new().snapshot()))]);
    let error = save_image_file(&path, &fs, &foreign).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::InvalidInput, path.to_str()));
    assert_eq!(fs::read(&path).unwrap(), old);
    assert_eq!(names_in(host.path()), ["state"]);

    let error = save_image_file(host.path(), &fs, &Snapshots::new()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::IsADirectory);
    let error = save_image_file(host.path().join("no/state"), &fs, &Snapshots::new()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound);
    let error = load_image_file(host.path()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::IsADirectory);
    assert_eq!(names_in(host.path()), ["state"]);
}

#[cfg(unix)]
#[test]
fn an_image_is_private_and_links_to_it_are_kept() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let host = tempfile::tempdir().unwrap();
    fs::create_dir(host.path().join("real")).unwrap();
    let (link, second) = (host.path().join("link"), host.path().join("second"));
    symlink("real/state", &link).unwrap(); // dangling at first
    symlink(&link, &second).unwrap();
    assert_eq!(resolve_image_path(&second).unwrap(), host.path().join("real/state"));
    let fs = MemFs::new();
    for path in [&link, &second, &link] {
        fs.write("/a", path.to_str().unwrap()).unwrap();
        save_image_file(path, &fs, &Snapshots::new()).unwrap();
        assert!(fs::symlink_metadata(path).unwrap().is_symlink());
        let metadata = fs::symlink_metadata(host.path().join("real/state")).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(load_image_file(path).unwrap().fs.read_to_string("/a").unwrap(), path.to_str().unwrap());
    }
    // Whoever has the old file open keeps it.
    let old = fs::File::open(&link).unwrap();
    save_image_file(&link, &fs, &Snapshots::new()).unwrap();
    assert_ne!(old.metadata().unwrap().ino(), fs::metadata(&link).unwrap().ino());
    assert_eq!(names_in(&host.path().join("real")), ["state"]);
    assert_eq!(names_in(host.path()), ["link", "real", "second"]);

    let circle = host.path().join("circle");
    symlink("circle", &circle).unwrap();
    assert_eq!(save_image_file(&circle, &fs, &Snapshots::new()).unwrap_err().kind(), &ErrorKind::Other);
    let error = resolve_image_path(&circle).unwrap_err();
    assert_eq!((error.kind(), error.path()), (&ErrorKind::Other, circle.to_str()));

    // What stands below a file is told before anything is written.
    let below = host.path().join("real/state/below");
    assert_eq!(resolve_image_path(&below).unwrap(), below);
    let error = save_image_file(&below, &fs, &Snapshots::new()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotADirectory);

    // A device is neither replaced nor read.
    let error = save_image_file("/dev/null", &fs, &Snapshots::new()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    assert_eq!(load_image_file("/dev/null").unwrap_err().kind(), &ErrorKind::InvalidInput);
}

#[test]
fn a_relative_path_without_a_directory_is_in_the_current_one() {
    let name = format!(".arcfs-test-{}.arcfs", std::process::id());
    save_image_file(&name, &MemFs::new(), &Snapshots::new()).unwrap();
    load_image_file(&name).unwrap();
    fs::remove_file(&name).unwrap();
}

/// A history with all that both ways to keep the tree do differently: moved files and directories, charges that
/// versions share, names that come and go, a tree that comes back.
fn history() -> World {
    let mut world = World::new(Storage::Auto, (112, 192));
    let long = "/d/a name that is longer than twenty-three bytes";
    let ops = [
        Op::Import((0..20).map(|file| format!("/d/e/{file}")).collect(), 300),
        Op::Write("/d/empty".into(), 0),
        Op::Write(long.into(), 3000),
        Op::Copy("/d/empty".into(), "/empty".into()),
        Op::MakeDirs("/f/g".into()),
        Op::Keep(0),
        Op::Rename("/d/e".into(), "/f/e".into()),
        Op::Rename("/d/empty".into(), "/f/moved".into()),
        Op::Write("/f/e/7".into(), 10),
        Op::SetModifiedWhenFull(long.into(), 5),
        Op::Keep(1),
        Op::Remove(long.into()),
        Op::Write(long.into(), 8),
        Op::Exchange("/d".into(), "/f/e".into()),
        Op::Copy("/f".into(), "/copy".into()),
        Op::Keep(2),
        Op::Restore(0),
        Op::Append("/d/e/3".into(), 100),
        Op::Keep(3),
        Op::Remove("/d".into()),
    ];
    ops.iter().enumerate().for_each(|(number, op)| world.apply(number, op).unwrap());
    world
}

/// Images of the same history that each way to keep the tree has written, and what they are charged: over
/// versions, what was restored is charged beside what the snapshot keeps.
const WRITTEN: [(&str, u64); 2] = [("counted", 18_997), ("versioned", 23_378)];

#[test]
fn what_either_tree_has_written_both_load() {
    let world = history();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images");
    if std::env::var_os("ARCFS_WRITE_IMAGES").is_some() {
        fs::create_dir_all(&dir).unwrap();
        let (name, _) = WRITTEN[usize::from(cfg!(not(arcfs_tree = "counted")))];
        fs::write(dir.join(name), saved(&world.fs, &world.snapshots)).unwrap();
    }
    for (name, used) in WRITTEN {
        let path = dir.join(name);
        let image = load_image_file(&path).unwrap();
        assert_looks_the_same(&world.fs, &world.snapshots, &image.fs, &image.snapshots);
        assert_eq!(image.fs.stats().used_bytes, used, "{name}");
        let again = load_image(&saved(&image.fs, &image.snapshots)[..]).unwrap();
        assert_same(&image.fs, &image.snapshots, &again.fs, &again.snapshots);
        for named in image.snapshots.values() {
            image.fs.restore(&named.snapshot).unwrap();
            assert_eq!(nodes(&image.fs.snapshot()), nodes(&named.snapshot));
            image.fs.check_consistent().unwrap();
        }
        drop(image.snapshots);
        image.fs.clear().unwrap();
        assert_eq!(image.fs.stats().used_bytes, 0, "{name}");
    }
}

/// Images for the fuzz target to start from, by name. The first word says what becomes of them.
fn corpus() -> BTreeMap<String, Vec<u8>> {
    use arcfs::internals::image::{open, seal};

    let mut images = BTreeMap::new();
    let mut world = World::new(Storage::Auto, (112, 192));
    images.insert("valid_empty".to_owned(), saved(&world.fs, &world.snapshots));
    let long = "/d/a name that is longer than twenty-three bytes";
    let ops = [
        Op::Write("/a".into(), 3),
        Op::MakeDirs("/d/e/f".into()),
        Op::Import((0..9).map(|file| format!("/d/{file}")).collect(), 5),
        Op::Write(long.into(), 9),
        Op::Keep(0),
        Op::Write("/d/3".into(), 6),
        Op::Rename("/d/e".into(), "/e".into()),
        Op::Keep(1),
    ];
    ops.iter().enumerate().for_each(|(number, op)| world.apply(number, op).unwrap());
    let small = saved(&world.fs, &world.snapshots);
    let ops = [
        Op::Copy("/d".into(), "/c".into()),
        Op::SetModifiedWhenFull(long.into(), 5),
        Op::Exchange("/a".into(), "/e".into()),
        Op::Keep(2),
        Op::Restore(0),
    ];
    ops.iter().enumerate().for_each(|(number, op)| world.apply(number, op).unwrap());
    images.insert("valid_copies".to_owned(), saved(&world.fs, &world.snapshots));
    let mut world = World::new(Storage::RandomAccess, (0, 0));
    let ops = [
        Op::WriteAt("/sparse".into(), 66_000, 3),
        Op::Keep(0),
        Op::Append("/sparse".into(), 3),
        Op::Copy("/sparse".into(), "/copy".into()),
    ];
    ops.iter().enumerate().for_each(|(number, op)| world.apply(number, op).unwrap());
    images.insert("valid_chunks".to_owned(), saved(&world.fs, &world.snapshots));

    images.insert("damaged_truncated".to_owned(), small[..small.len() / 2].to_vec());
    images.insert("damaged_appended".to_owned(), [&small[..], b"x"].concat());
    let mut flipped = small.clone();
    flipped[300] ^= 4;
    images.insert("damaged_bit".to_owned(), flipped);
    let (meta, data) = open(&small).unwrap();
    for (name, at, byte) in [("root", 60, 0), ("count", 112, 255), ("version", 64, 1), ("name", 165, b'/')] {
        let mut meta = meta.clone();
        meta[at] = byte;
        images.insert(format!("malformed_{name}"), seal(&meta, &data));
    }
    images.insert("valid_small".to_owned(), small);
    images
}

#[test]
fn the_corpus_of_the_fuzz_target_is_what_its_names_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/image");
    if std::env::var_os("ARCFS_WRITE_CORPUS").is_some() {
        fs::create_dir_all(&dir).unwrap();
        corpus().into_iter().for_each(|(name, image)| fs::write(dir.join(name), image).unwrap());
    }
    for name in corpus().keys() {
        assert!(dir.join(name).exists(), "{name} is missing; ARCFS_WRITE_CORPUS=1 writes it");
    }
    for name in names_in(&dir) {
        let loaded = load_image_file(dir.join(&name));
        match name.split('_').next() {
            Some("valid") => drop(loaded.unwrap_or_else(|error| panic!("{name}: {error}"))),
            Some("damaged" | "malformed") => {
                assert_eq!(loaded.expect_err(&name).kind(), &ErrorKind::InvalidData);
            }
            _ => {} // found by the fuzzer
        }
    }
}
