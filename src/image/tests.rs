//! Images that nobody saved: each has right digests, and is refused all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::build::{build, builder};
use super::forge;
use super::format::{
    ChangeRecord, ChunkLen, ChunkNumber, ContentRef, DirRecord, EntryRecord, FileRecord, Head, Meta, NameRef,
    NodeRef, Record, SnapshotRecord, Span, Table, Text, Time,
};
use super::source::Source;
use super::{Image, ImageReader, NamedSnapshot, load_image, save_image};
use crate::charge::Account;
use crate::error::{Error, ErrorKind, Result};
use crate::{MemFs, MemFsBuilder};

const LONG: &str = "a name that is longer than twenty-three bytes";

/// The records of an image, to be changed at will.
#[derive(Clone)]
struct Forged {
    head: Head,
    texts: Vec<u8>,
    longs: Vec<Text>,
    chunks: Vec<ChunkLen>,
    contents: Vec<Span>,
    parts: Vec<ChunkNumber>,
    files: Vec<FileRecord>,
    dirs: Vec<DirRecord>,
    entries: Vec<EntryRecord>,
    changes: Vec<ChangeRecord>,
    snapshots: Vec<SnapshotRecord>,
    data: Vec<u8>,
}

impl Forged {
    fn of(image: &[u8]) -> Self {
        fn all<R: Record>(table: Table<'_, R>) -> Vec<R> {
            table.iter().collect()
        }
        let (meta, data) = forge::open(image).expect("an image");
        let meta = Meta::parse(&meta).expect("an image");
        Self {
            head: meta.head,
            texts: meta.texts.to_vec(),
            longs: all(meta.longs),
            chunks: all(meta.chunks),
            contents: all(meta.contents),
            parts: all(meta.parts),
            files: all(meta.files),
            dirs: all(meta.dirs),
            entries: all(meta.entries),
            changes: all(meta.changes),
            snapshots: all(meta.snapshots),
            data,
        }
    }

    /// The image of these records, with the head as it is but for the lengths of tables.
    fn seal(&self) -> Vec<u8> {
        fn put<R: Record>(records: &[R], out: &mut Vec<u8>) -> u64 {
            records.iter().for_each(|record| record.put(out));
            records.len() as u64
        }
        let (mut head, mut tables) = (self.head, self.texts.clone());
        head.texts = self.texts.len() as u64;
        head.longs = put(&self.longs, &mut tables);
        head.chunks = put(&self.chunks, &mut tables);
        head.contents = put(&self.contents, &mut tables);
        head.parts = put(&self.parts, &mut tables);
        head.files = put(&self.files, &mut tables);
        head.dirs = put(&self.dirs, &mut tables);
        head.entries = put(&self.entries, &mut tables);
        head.changes = put(&self.changes, &mut tables);
        head.snapshots = put(&self.snapshots, &mut tables);
        let mut meta = Vec::new();
        head.put(&mut meta);
        meta.extend_from_slice(&tables);
        forge::seal(&meta, &self.data)
    }

    /// Adds a name for entries.
    fn name(&mut self, text: &[u8]) -> NameRef {
        let at = self.texts.len() as u64;
        self.texts.extend_from_slice(text);
        NameRef::Short(Text { at, len: text.len() as u32 })
    }

    fn root(&mut self) -> &mut DirRecord {
        &mut self.dirs[self.head.root as usize]
    }
}

/// A filesystem of all sorts of things, with two snapshots.
fn sample() -> (MemFs, BTreeMap<String, NamedSnapshot>) {
    let fs = MemFs::new();
    fs.create_dir_all("/d/e").unwrap();
    for file in 0..12 {
        fs.write(format!("/d/file{file:02}"), format!("file {file}")).unwrap();
    }
    fs.write("/d/e/large", vec![7; 150_000]).unwrap();
    fs.write(format!("/d/{LONG}"), b"long").unwrap();
    fs.write("/none", b"").unwrap();
    let mut snapshots = BTreeMap::new();
    let mut keep = |name: &str| {
        snapshots.insert(name.to_owned(), NamedSnapshot::new(fs.snapshot()));
    };
    keep("one");
    fs.write("/d/file03", b"another").unwrap();
    fs.rename("/d/e", "/moved").unwrap();
    fs.remove_file("/d/file11").unwrap();
    keep("two");
    fs.copy("/moved/large", "/copy").unwrap();
    fs.set_max_quota(fs.stats().used_bytes); // so that one version pays for another, which a snapshot keeps
    fs.set_modified("/moved/large", SystemTime::UNIX_EPOCH).unwrap();
    fs.set_max_quota(1 << 20);
    (fs, snapshots)
}

fn saved(fs: &MemFs, snapshots: &BTreeMap<String, NamedSnapshot>) -> Vec<u8> {
    let mut bytes = Vec::new();
    save_image(&mut bytes, fs, snapshots).unwrap();
    bytes
}

fn sample_image() -> Vec<u8> {
    let (fs, snapshots) = sample();
    saved(&fs, &snapshots)
}

/// Loads, and looks at the account when that has failed.
fn load_on_account(
    image: &[u8],
    configure: impl FnOnce(MemFsBuilder) -> MemFsBuilder,
) -> (Result<()>, Arc<Account>) {
    let mut reader = image;
    let mut source = Source::Stream(&mut reader, 0);
    let front = source.front().expect("the digests are right");
    let mut account = Account::new();
    let outcome = Meta::parse(&front.meta).and_then(|meta| {
        configure(builder(&meta.head)?).build_with(|quota, nodes, config| {
            account = Arc::clone(quota.account());
            build(&front, &meta, &mut source, quota, nodes, config)
        })
    });
    (outcome.map(drop), account)
}

/// Asserts that an image is refused for `why`, and that nothing stays charged.
fn assert_refused(forged: &Forged, why: &str) {
    let image = forged.seal();
    let (outcome, account) = load_on_account(&image, |builder| builder);
    let error = outcome.expect_err(why);
    assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains(why), "{error}, not {why}");
    assert_eq!((account.used(), account.chunks_alive()), (0, 0), "{error}");
    let error = load_image(&image[..]).unwrap_err();
    assert!(error.operation() == "load_image" && error.to_string().contains("left as it is"), "{error}");
}

#[test]
fn the_sample_has_everything_and_loads() {
    let image = sample_image();
    let forged = Forged::of(&image);
    assert!(forged.seal() == image, "what is taken apart is put together again");
    assert!(!forged.longs.is_empty() && !forged.contents.is_empty() && !forged.changes.is_empty());
    assert!(forged.files.iter().any(|file| file.payer.is_some()));
    assert_eq!(forged.snapshots.len(), 2);
    load_image(&image[..]).unwrap();
}

#[test]
fn a_malformed_image_with_right_digests_is_refused_and_nothing_is_charged() {
    let sound = Forged::of(&sample_image());
    let refused = |why: &str, change: &dyn Fn(&mut Forged)| {
        let mut forged = sound.clone();
        change(&mut forged);
        assert_refused(&forged, why);
    };
    let root = sound.head.root as usize;
    let a_delta = sound.dirs.iter().position(|dir| dir.base.is_some()).unwrap();
    let a_listed = sound.dirs.iter().position(|dir| dir.base.is_none() && dir.span.count > 3).unwrap();
    let its_entries = sound.dirs[a_listed].span.first as usize;
    let a_paid = sound.files.iter().position(|file| file.payer.is_some()).unwrap();

    // The head.
    refused("limits", &|image| image.head.max_depth = 0);
    refused("limits", &|image| image.head.max_depth = 4097);
    refused("limits", &|image| image.head.max_nodes = 0);
    refused("storage mode", &|image| image.head.storage = 3);
    refused("lock timeout", &|image| image.head.timeout_nanos = 1_000_000_000);
    refused("version", &|image| image.head.version = 1 << 62);
    refused("after the last version", &|image| image.head.version = 1);
    refused("root", &|image| image.head.root = u32::MAX);
    refused("root", &|image| image.head.root = 0); // a directory that is paid for
    refused("receipts", &|image| image.head.receipts = 1 << 60);
    refused("receipt", &|image| image.head.receipts -= 1);
    refused("deep", &|image| image.head.max_depth = 1);

    // Names.
    for name in ["", ".", "..", "a/b", "a\\b", "a\0b"] {
        refused("name", &|image| image.entries[its_entries].name = image.name(name.as_bytes()));
    }
    refused("name", &|image| image.entries[its_entries].name = image.name(b"\xff\xfe"));
    refused("not among the long names", &|image| {
        image.entries[its_entries].name = image.name(&[b' '; 24]);
    });
    refused("name", &|image| image.entries[its_entries].name = NameRef::Long(1 << 50));
    refused("name", &|image| {
        image.entries[its_entries].name = NameRef::Short(Text { at: (1 << 56) - 1, len: 255 });
    });
    refused("not in order", &|image| image.entries.swap(its_entries, its_entries + 1));
    refused("not in order", &|image| image.entries[its_entries + 1] = image.entries[its_entries]);
    refused("long name", &|image| image.longs[0].len = 23);
    refused("long name", &|image| image.longs[0].len = u32::MAX);
    refused("long name", &|image| image.texts[sound.longs[0].at as usize] = b'/');

    // Numbers that refer to what there is not, or forward.
    for node in [NodeRef::Dir(u32::MAX), NodeRef::File(u32::MAX), NodeRef::Dir(a_listed as u32)] {
        refused("does not come before", &|image| image.entries[its_entries].node = node);
    }
    refused("does not come before", &|image| {
        let root = image.head.root;
        let last = image.root().span.range().end as usize - 1;
        image.entries[last].node = NodeRef::Dir(root);
    });
    refused("base", &|image| image.dirs[a_delta].base = Some(u32::MAX - 1));
    refused("base", &|image| image.dirs[a_delta].base = Some(a_delta as u32));
    refused("content that there is not", &|image| image.files[0].content = ContentRef::Chunk(u32::MAX));
    refused("content that there is not", &|image| image.files[0].content = ContentRef::Content(u32::MAX));
    refused("cannot pay", &|image| image.files[a_paid].payer = Some(a_paid as u32));
    refused("cannot pay", &|image| image.files[a_paid].payer = Some(u32::MAX - 1));
    refused("cannot pay", &|image| image.files[a_paid].content = ContentRef::None);
    refused("chunk twice", &|image| image.parts[1] = image.parts[0]);
    refused("chunk twice", &|image| image.parts[1] = ChunkNumber(u32::MAX));

    // Ranges that overlap, leave gaps, or lie outside.
    refused("entries", &|image| image.dirs[root].span.first = 0);
    refused("entries", &|image| image.dirs[root].span.count = u32::MAX);
    refused("entries", &|image| image.dirs[0].span.first = u64::MAX);
    refused("changes", &|image| image.dirs[a_delta].span.first = 1 << 60);
    refused("parts", &|image| image.contents[0].first = 1);
    refused("parts", &|image| image.contents[0].count = 1);

    // Changes that do not fit their base.
    let replaced = sound.changes.iter().position(|change| change.old.is_some()).unwrap();
    let another = (0..).map(NodeRef::File).find(|node| sound.changes[replaced].old != Some(*node));
    refused("differs", &|image| image.changes[replaced].old = None);
    refused("differs", &|image| image.changes[replaced].old = another);
    refused("does not come before", &|image| image.changes[replaced].old = Some(NodeRef::File(u32::MAX)));

    // Counters and times that nothing has.
    refused("generation", &|image| image.files[0].generation = u64::MAX);
    refused("after the last version", &|image| image.entries[its_entries].placed = (1 << 63) - 1);
    refused("after the last version", &|image| image.dirs[0].listed = u64::MAX);
    refused("time", &|image| image.files[0].created.nanos = 1_000_000_000);
    refused("time", &|image| image.dirs[0].modified.nanos = u32::MAX);
    refused("time", &|image| image.snapshots[0].taken.nanos = u32::MAX);

    // Snapshots.
    refused("names of its snapshots", &|image| image.snapshots.swap(0, 1));
    refused("names of its snapshots", &|image| image.snapshots[1] = image.snapshots[0]);
    refused("names of its snapshots", &|image| image.snapshots[0].name.at = u64::MAX);
    refused("later than the filesystem", &|image| image.snapshots[0].version = image.head.version + 1);
    refused("root", &|image| image.snapshots[0].root = 0);
}

#[test]
fn lengths_that_cannot_be_are_refused_without_an_allocation() {
    let (meta, data) = forge::open(&sample_image()).unwrap();
    for (at, what) in
        [(72, "texts"), (80, "long names"), (88, "chunks"), (120, "directories"), (152, "snapshots")]
    {
        let count = u64::from_le_bytes(*meta[at..].first_chunk().unwrap());
        for count in [count + 1, 1 << 30, 1 << 60, u64::MAX] {
            let mut meta = meta.clone();
            meta[at..at + 8].copy_from_slice(&count.to_le_bytes());
            let error = load_image(&forge::seal(&meta, &data)[..]).expect_err(what);
            assert_eq!(error.kind(), &ErrorKind::InvalidData, "{what}: {error}");
        }
    }
    let meta = [&meta[..], b"more"].concat();
    let error = load_image(&forge::seal(&meta, &data)[..]).unwrap_err();
    assert!(error.to_string().contains("behind its tables"), "{error}");

    // A header that is right and says that petabytes follow.
    let header = super::format::Header { meta: 1 << 60, data: 1 << 60, groups: 1 };
    let error = load_image(&header.encode()[..]).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
    let header = super::format::Header { meta: u64::MAX, ..header };
    assert_eq!(load_image(&header.encode()[..]).unwrap_err().kind(), &ErrorKind::InvalidData);
}

/// The least image: a root without entries.
fn empty() -> Forged {
    Forged::of(&saved(&MemFs::new(), &BTreeMap::new()))
}

const NEVER: Time = Time { secs: 0, nanos: 0 };

/// A file that pays for its own content.
fn file(content: ContentRef) -> FileRecord {
    FileRecord { created: NEVER, modified: NEVER, generation: 0, random: false, content, payer: None }
}

fn dir(receipt: Option<u32>, first: usize, count: usize) -> DirRecord {
    let span = Span { first: first as u64, count: count as u32 };
    DirRecord { created: NEVER, modified: NEVER, listed: 0, receipt, base: None, span }
}

#[test]
fn a_node_with_two_parents_is_refused() {
    // Forty levels, of which each has the next one twice: a trillion directories in a few bytes.
    let mut image = empty();
    let (a, b) = (image.name(b"a"), image.name(b"b"));
    image.dirs = vec![dir(Some(0), 0, 0)];
    for level in 0..40_u32 {
        let receipt = (level < 39).then_some(level + 1);
        image.dirs.push(dir(receipt, image.entries.len(), 2));
        let node = NodeRef::Dir(level);
        image.entries.extend([a, b].map(|name| EntryRecord { name, placed: 0, node }));
    }
    (image.head.root, image.head.receipts) = (40, 40);
    let error = load_image(&image.seal()[..]).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");

    // A file, once for each of two names.
    let mut image = empty();
    let (a, b) = (image.name(b"a"), image.name(b"b"));
    image.files = vec![file(ContentRef::None)];
    let node = NodeRef::File(0);
    image.entries = [a, b].map(|name| EntryRecord { name, placed: 0, node }).to_vec();
    image.root().span.count = 2;
    assert_refused(&image, "two places");

    // One file beside the one that pays for it.
    let mut twice = image.clone();
    twice.files.push(FileRecord { payer: Some(0), ..image.files[0] });
    twice.entries[1].node = NodeRef::File(1);
    assert_refused(&twice, "two places");

    // Two directories with one receipt.
    let mut image = empty();
    let (a, b) = (image.name(b"a"), image.name(b"b"));
    image.dirs = vec![dir(Some(0), 0, 0), dir(Some(0), 0, 0), dir(None, 0, 2)];
    image.entries =
        [(a, 0), (b, 1)].map(|(name, at)| EntryRecord { name, placed: 0, node: NodeRef::Dir(at) }).to_vec();
    (image.head.root, image.head.receipts) = (2, 1);
    assert_refused(&image, "two places");
}

#[test]
fn a_node_with_two_parents_in_a_snapshot_alone_is_refused() {
    let (fs, _) = sample();
    let snapshots = BTreeMap::from([("same".to_owned(), NamedSnapshot::new(fs.snapshot()))]);
    fs.write("/d/file05", b"next").unwrap();
    let mut image = Forged::of(&saved(&fs, &snapshots));
    let there = image.changes.iter().position(|change| matches!(change.new, Some((NodeRef::File(_), _))));
    let another = image.changes[there.unwrap()].new.unwrap().1;
    // Where the snapshot has its own version of one file, it gets another's, which it has already.
    let entry = image.entries.iter().find(|entry| image.changes[there.unwrap()].name != entry.name);
    image.changes[there.unwrap()].new = Some((entry.unwrap().node, another));
    let (outcome, account) = load_on_account(&image.seal(), |builder| builder);
    assert_eq!(outcome.unwrap_err().kind(), &ErrorKind::InvalidData);
    assert_eq!(account.used(), 0);
}

#[test]
fn a_chain_of_a_million_directories_is_refused_without_recursion() {
    let mut image = empty();
    let name = image.name(b"d");
    let deep = 1_000_000_u32;
    image.dirs = vec![dir(Some(0), 0, 0)];
    image.entries.clear();
    for level in 0..deep {
        image.dirs.push(dir((level + 1 < deep).then_some(level + 1), image.entries.len(), 1));
        image.entries.push(EntryRecord { name, placed: 0, node: NodeRef::Dir(level) });
    }
    (image.head.root, image.head.receipts) = (deep, u64::from(deep));
    image.head.max_quota = 1 << 40;
    assert_refused(&image, "deep");
}

#[test]
fn sums_that_cannot_be_are_refused() {
    // 2^48 bytes by 2^16 files of the same content, and so on up.
    let mut image = empty();
    image.chunks = vec![ChunkLen(65_536); 2];
    image.data = vec![0; 131_072];
    image.parts = vec![ChunkNumber(0), ChunkNumber(1)];
    image.contents = vec![Span { first: 0, count: 2 }];
    image.files = vec![file(ContentRef::Content(0))];
    let (a, b) = (image.name(b"a"), image.name(b"b"));
    let first = [a, b].map(|name| EntryRecord { name, placed: 0, node: NodeRef::File(0) });
    image.dirs = vec![dir(Some(0), 0, 2)];
    image.entries = first.to_vec();
    for level in 0..50_u32 {
        image.dirs.push(dir(Some(level + 1), image.entries.len(), 2));
        image.entries.extend([a, b].map(|name| EntryRecord { name, placed: 0, node: NodeRef::Dir(level) }));
    }
    image.head.receipts = 51;
    assert_refused(&image, "add up");
}

#[test]
fn limits_that_the_image_exceeds_refuse_it() {
    let (fs, snapshots) = sample();
    let (image, used) = (saved(&fs, &snapshots), fs.stats().used_bytes);
    let refused = |configure: &dyn Fn(MemFsBuilder) -> MemFsBuilder| {
        let (outcome, account) = load_on_account(&image, configure);
        assert_eq!(account.used(), 0);
        outcome.unwrap_err()
    };
    let error = refused(&|builder| builder.max_quota(used - 1));
    assert_eq!(error.kind(), &ErrorKind::QuotaExceeded { requested: used, available: used - 1 });
    let error = refused(&|builder| builder.node_overhead(1 << 40));
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    let error = refused(&|builder| builder.node_overhead(u64::MAX));
    assert!(matches!(error.kind(), ErrorKind::QuotaExceeded { .. }), "{error}");
    let nodes = fs.stats().file_count + fs.stats().dir_count;
    let error = refused(&|builder| builder.max_nodes(nodes - 1));
    assert_eq!(error.kind(), &ErrorKind::NodeLimit { current: nodes, limit: nodes - 1 });
    let error = refused(&|builder| builder.max_depth(1));
    assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    assert!(error.to_string().contains("max_depth is 1"), "{error}");
    let error = refused(&|builder| builder.max_depth(0));
    assert_eq!(error.kind(), &ErrorKind::InvalidInput);
    let (exact, account) = load_on_account(&image, |builder| builder.max_quota(used).max_nodes(nodes));
    exact.unwrap();
    assert_eq!(account.used(), 0, "it is gone");
}

#[test]
fn a_filesystem_above_its_own_limits_is_loaded_as_it_was() {
    let (fs, snapshots) = sample();
    fs.set_max_quota(10);
    fs.set_max_nodes(3);
    let Image { fs: loaded, .. } = load_image(&saved(&fs, &snapshots)[..]).unwrap();
    assert_eq!(loaded.stats().quota_bytes, 10);
    assert!(matches!(loaded.write("/x", b"1").unwrap_err().kind(), ErrorKind::NodeLimit { limit: 3, .. }));
    loaded.set_max_nodes(1000);
    assert!(matches!(loaded.write("/x", b"1").unwrap_err().kind(), ErrorKind::QuotaExceeded { .. }));
    loaded.clear().unwrap();
    assert_eq!(loaded.stats().used_bytes, 0);
}

#[test]
fn a_snapshot_of_another_filesystem_is_not_saved() {
    let other = BTreeMap::from([("other".to_owned(), NamedSnapshot::new(MemFs::new().snapshot()))]);
    let error = save_image(std::io::sink(), &MemFs::new(), &other).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::InvalidInput, "save_image"));
    assert!(error.to_string().contains("\"other\""), "{error}");
}

#[test]
fn a_filesystem_on_the_edge_of_what_times_and_names_can_be_comes_back() {
    let fs = MemFs::builder().lock_timeout(None).max_depth(4096).build().unwrap();
    let mut path = String::new();
    for level in 0..4096 {
        path.push_str(if level % 2 == 0 { "/a" } else { "/\u{1f980}" });
    }
    fs.create_dir_all(&path).unwrap();
    let longest = "n".repeat(255);
    fs.write(format!("/{longest}"), b"").unwrap();
    let times = [Duration::from_nanos(1), Duration::from_secs(u64::from(u32::MAX) * 1000)];
    for (at, time) in times.into_iter().enumerate() {
        fs.write(format!("/{at}"), b"x").unwrap();
        fs.set_modified(format!("/{at}"), SystemTime::UNIX_EPOCH - time).unwrap();
    }
    let empty_name = BTreeMap::from([(String::new(), NamedSnapshot::new(fs.snapshot()))]);
    let image = load_image(&saved(&fs, &empty_name)[..]).unwrap();
    assert!(image.fs.is_dir(&path) && image.fs.exists(format!("/{longest}")));
    for (at, time) in times.into_iter().enumerate() {
        let modified = image.fs.metadata(format!("/{at}")).unwrap().modified();
        assert_eq!(modified, SystemTime::UNIX_EPOCH - time);
    }
    assert!(image.snapshots[""].snapshot.same_as(&image.fs.snapshot()));
    assert_eq!(image.fs.stats().used_bytes, fs.stats().used_bytes);
}

#[test]
fn an_image_reader_does_not_trust_what_it_reads() {
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    let sound = Forged::of(&sample_image());
    let open = |change: &dyn Fn(&mut Forged)| {
        let mut forged = sound.clone();
        change(&mut forged);
        std::fs::write(&path, forged.seal()).unwrap();
        ImageReader::open(&path).unwrap()
    };
    let malformed = |error: Error| assert_eq!(error.kind(), &ErrorKind::InvalidData, "{error}");
    for root in [u32::MAX, sound.dirs.len() as u32] {
        let image = open(&|image| image.head.root = root);
        malformed(image.read("/none").unwrap_err());
        assert!(!image.exists("/"));
    }
    let image =
        open(&|image| image.entries.iter_mut().for_each(|entry| entry.node = NodeRef::File(u32::MAX)));
    malformed(image.read("/none").unwrap_err());
    malformed(image.read_dir("/").unwrap_err());
    // A circle: the root is in itself.
    let image = open(&|image| {
        let root = image.head.root;
        image.entries.iter_mut().for_each(|entry| entry.node = NodeRef::Dir(root));
    });
    assert!(image.walk("/").unwrap().take(10_000).any(|dir| dir.is_err()));
    let image = open(&|image| image.contents[0] = Span { first: u64::MAX, count: u32::MAX });
    malformed(image.read("/moved/large").unwrap_err());
    let image = open(&|image| image.parts[1] = image.parts[0]);
    malformed(image.read("/moved/large").unwrap_err());
    let image = open(&|image| image.files.iter_mut().for_each(|file| file.created.nanos = u32::MAX));
    malformed(image.metadata("/none").unwrap_err());
}

#[test]
fn an_image_reader_walks_trees_only() {
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    let walk = |image: &Forged| {
        std::fs::write(&path, image.seal()).unwrap();
        let reader = ImageReader::open(&path).unwrap();
        let dirs: Vec<_> = reader.walk("/").unwrap().take(1000).collect();
        let error = dirs.last().unwrap().as_ref().expect_err("it is no tree");
        assert_eq!((error.kind(), error.operation()), (&ErrorKind::InvalidData, "walk"));
        assert!(error.to_string().contains("two places"), "{error}");
        dirs.len()
    };
    // Forty levels, of which each has the next one twice.
    let mut image = empty();
    let (a, b) = (image.name(b"a"), image.name(b"b"));
    image.dirs = vec![dir(Some(0), 0, 0)];
    for level in 0..40 {
        image.dirs.push(dir(Some(0), image.entries.len(), 2));
        image.entries.extend([a, b].map(|name| EntryRecord { name, placed: 0, node: NodeRef::Dir(level) }));
    }
    image.head.root = 40;
    assert_eq!(walk(&image), 1);

    // Directories that say they have the same entries.
    let mut image = empty();
    let names = [image.name(b"a"), image.name(b"b")];
    image.dirs = vec![dir(Some(0), 2, 2), dir(Some(1), 2, 2), dir(None, 0, 2)];
    let child = |(name, at)| EntryRecord { name, placed: 0, node: NodeRef::Dir(at) };
    image.entries = vec![child((names[0], 0)), child((names[1], 1))];
    image.files = vec![file(ContentRef::None); 2];
    let files = [0, 1].map(|at| EntryRecord { name: names[at], placed: 0, node: NodeRef::File(at as u32) });
    image.entries.extend(files);
    image.head.root = 2;
    assert_eq!(walk(&image), 3);

    // A file in two places.
    image.dirs = vec![dir(None, 2, 2)];
    image.entries[3].node = NodeRef::File(0);
    image.head.root = 0;
    assert_eq!(walk(&image), 1);
}

#[test]
fn an_image_reader_reads_parts_in_any_order() {
    let host = tempfile::tempdir().unwrap();
    let path = host.path().join("state");
    // More than a group of tiny chunks, which a file has from the last to the first.
    let count = 3 * super::format::GROUP / 64;
    let mut image = empty();
    image.chunks = vec![ChunkLen(64); count];
    image.data = (0..count).flat_map(|number| [number as u8; 64]).collect();
    image.parts = (0..count as u32).rev().map(ChunkNumber).collect();
    image.contents = vec![Span { first: 0, count: count as u32 }];
    image.files = vec![file(ContentRef::Content(0))];
    let name = image.name(b"a");
    image.entries = vec![EntryRecord { name, placed: 0, node: NodeRef::File(0) }];
    image.root().span.count = 1;
    let bytes = image.seal();
    let expected: Vec<u8> = (0..count).rev().flat_map(|number| [number as u8; 64]).collect();
    std::fs::write(&path, &bytes).unwrap();
    assert!(ImageReader::open(&path).unwrap().read("/a").unwrap() == expected);
}

#[cfg(feature = "testing")]
#[test]
fn an_injected_failure_of_a_load_leaves_nothing_charged() {
    use crate::testing::{Fault, Injected};

    // Few enough bytes to be the work of this thread, where the faults are armed.
    let fs = MemFs::new();
    fs.import_tree([("/a", "one"), ("/d/b", "two"), (&format!("/d/{LONG}"), "three")]).unwrap();
    let image = saved(&fs, &BTreeMap::new());
    for fault in [Fault::Charge, Fault::Node, Fault::Allocation] {
        let mut failed = 0;
        for n in 1.. {
            let injected = Injected::new(fault, n);
            let (outcome, account) = load_on_account(&image, |builder| builder);
            assert_eq!((account.used(), account.chunks_alive()), (0, 0));
            if !injected.struck() {
                break;
            }
            outcome.unwrap_err();
            failed += 1;
        }
        let expected = match fault {
            Fault::Charge | Fault::Node => failed == 1,
            Fault::Allocation => failed >= 3, // each chunk, and what it is read into
        };
        assert!(expected, "{fault:?}: {failed}");
    }
    load_image(&image[..]).unwrap().fs.check_consistent().unwrap();
}
