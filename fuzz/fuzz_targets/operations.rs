//! A stream of operations keeps every invariant, whatever they are and in whatever order.
//!
//! The input is decoded to limits and operations on up to three filesystems, the later ones forks.
//! There is no model of the tree here; each answer is held against other answers of the engine:
//!
//! * a call that fails changes neither the version nor a figure;
//! * a call does the same on its own as in a transaction, which leaves no trace when it is given up;
//! * the live tree, a fresh snapshot and the differences between snapshots tell one story;
//! * what a snapshot or a content holds never changes, and a handle has what was written to it;
//! * the quota bounds what is used, and when all is let go nothing stays charged.

#![no_main]

use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arcfs::internals::ManualClock;
use arcfs::internals::pattern::Pattern;
use arcfs::{
    Change, Content, Error, ErrorKind, ExportOptions, File, MemFs, MemFsBuilder, Metadata, OpenOptions,
    Snapshot, Stats, Storage,
};
use libfuzzer_sys::arbitrary::{Result as Decoded, Unstructured};
use libfuzzer_sys::fuzz_target;

const MAX_OPERATIONS: usize = 200;
/// The longest content that an operation brings, and the farthest that a write is meant to succeed.
const MAX_SIZE: usize = 200 << 10;
/// Whole trees are read only up to that many bytes: copies multiply them at no charge.
const MAX_READ: u64 = 2 << 20;
const CHECK_EVERY: usize = 8;
const SLOTS: usize = 4;

fuzz_target!(|input: &[u8]| {
    let mut bytes = Unstructured::new(input);
    let Ok(mut world) = World::new(&mut bytes) else { return };
    for at in 0..MAX_OPERATIONS {
        if bytes.is_empty() || world.step(&mut bytes).is_err() {
            break;
        }
        world.check_limits();
        if at % CHECK_EVERY == 0 {
            world.check();
        }
    }
    world.check();
    world.end();
});

// What is decoded.

/// A call that both a filesystem and a transaction have.
#[derive(Debug)]
enum Call {
    CreateDir(String),
    CreateDirAll(String),
    RemoveFile(String),
    RemoveDir(String),
    RemoveDirAll(String),
    Clear,
    Rename(String, String),
    Replace(String, String),
    Exchange(String, String),
    MovePath(String, String),
    Copy(String, String),
    CopyDirAll(String, String),
    CopyFrom(usize, String, String),
    SetModified(String, u64),
    Write(String, Vec<u8>),
    WriteOwned(String, Vec<u8>),
    WriteKept(String, usize),
    Append(String, Vec<u8>),
    Import(Vec<(String, Vec<u8>)>),
}

fn pick<T: Copy>(bytes: &mut Unstructured<'_>, from: &[T]) -> Decoded<T> {
    bytes.choose(from).copied()
}

fn builder(bytes: &mut Unstructured<'_>, clock: &Arc<ManualClock>) -> Decoded<(MemFsBuilder, u64)> {
    let quota = match bytes.int_in_range(0..=5)? {
        0 => bytes.int_in_range(0..=2_000)?,
        1 => bytes.int_in_range(65_000..=300_000)?,
        2 => 1 << 20,
        _ => 4 << 20,
    };
    let nodes = pick(bytes, &[200, 200, 200, 200, 200, 40, 12, 5, 1])?;
    let overheads = pick(bytes, &[(112, 192), (112, 192), (0, 0), (1, 7), (0, 100), (4096, 0)])?;
    let built = MemFs::builder()
        .max_quota(quota)
        .max_nodes(nodes)
        .max_depth(pick(bytes, &[8, 8, 40, 40, 3, 1])?)
        .storage(pick(bytes, &[Storage::Auto, Storage::Sequential, Storage::RandomAccess])?)
        .promotion_limit(pick(bytes, &[512 << 20, 512 << 20, 70_000, 100, 0])?)
        .chunk_overhead(overheads.0)
        .node_overhead(overheads.1)
        .lock_timeout(Some(Duration::ZERO))
        .clock(Arc::clone(clock) as _);
    Ok((built, quota))
}

/// Bytes by length and kind, or some of the input.
fn payload(bytes: &mut Unstructured<'_>) -> Decoded<Vec<u8>> {
    let len = match bytes.int_in_range(0..=7_u8)? {
        0 => 0,
        1..=3 => bytes.int_in_range(1..=40)?,
        4 => bytes.int_in_range(41..=1000)?,
        5 => bytes.int_in_range(1..=MAX_SIZE)?,
        6 => pick(bytes, &[65_535, 65_536, 65_537, 131_072, 131_073, 16_384, 70_000, MAX_SIZE])?,
        _ => {
            let len = bytes.int_in_range(0..=64)?.min(bytes.len());
            return Ok(bytes.bytes(len)?.to_vec());
        }
    };
    let seed: u8 = bytes.arbitrary()?;
    Ok((0..len).map(|i| (i as u8).wrapping_mul(seed | 1).wrapping_add((i >> 8) as u8)).collect())
}

fn offset(bytes: &mut Unstructured<'_>) -> Decoded<u64> {
    match bytes.int_in_range(0..=7_u8)? {
        0..=3 => bytes.int_in_range(0..=60),
        4 => bytes.int_in_range(0..=MAX_SIZE as u64),
        5 | 6 => pick(bytes, &[0, 16_384, 65_535, 65_536, 65_537, 98_304, 131_072]),
        _ => pick(bytes, &[1 << 33, (1 << 63) - 1, (1 << 63) - 20, 1 << 63, u64::MAX]),
    }
}

fn name(bytes: &mut Unstructured<'_>) -> Decoded<String> {
    Ok(match bytes.int_in_range(0..=15_u8)? {
        0..=11 => pick(bytes, &["a", "b", "c", "d", "e"])?.to_owned(),
        12 => pick(bytes, &["a.b", "a-", "é", "..", ".", "*"])?.to_owned(),
        13 => "a-name-of-twenty-four-by".to_owned(),
        14 => "m".repeat(pick(bytes, &[23, 24, 255, 256])?),
        _ => raw(bytes)?,
    })
}

/// Text of the input as it is.
fn raw(bytes: &mut Unstructured<'_>) -> Decoded<String> {
    let len = bytes.int_in_range(0..=20)?.min(bytes.len());
    Ok(String::from_utf8_lossy(bytes.bytes(len)?).into_owned())
}

fn pattern(bytes: &mut Unstructured<'_>) -> Decoded<String> {
    let mut text = String::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        text.push('/');
        text += &match bytes.int_in_range(0..=5_u8)? {
            0 => "**".to_owned(),
            1 => "*".to_owned(),
            2 => name(bytes)?,
            3 => pick(bytes, &["?", "[a-c]", "[!a]", "a*", "*b", "*a*m*y", "[]", "[", "[b-a]"])?.to_owned(),
            _ => raw(bytes)?,
        };
    }
    Ok(text)
}

fn options(bytes: &mut Unstructured<'_>) -> Decoded<OpenOptions> {
    let mut options = match bytes.int_in_range(0..=7_u8)? {
        0 => OpenOptions::from_mode(pick(bytes, &["rb", "wb", "ab", "r+b", "xb"])?).expect("a mode"),
        1 => OpenOptions::new().read(true).shared_lock(true).clone(),
        2 | 3 => OpenOptions::new().read(true).write(true).create(true).atomic(bytes.arbitrary()?).clone(),
        4 => OpenOptions::new().read(true).append(true).create(true).atomic(bytes.arbitrary()?).clone(),
        5 => OpenOptions::new().read(true).write(true).create(true).truncate(true).clone(),
        _ => {
            let [read, write, append, truncate, create, create_new, atomic, shared]: [bool; 8] =
                bytes.arbitrary()?;
            let mut options = OpenOptions::new();
            options.read(read).write(write).append(append).truncate(truncate);
            options.create(create).create_new(create_new).atomic(atomic).shared_lock(shared);
            options
        }
    };
    options.lock_timeout(Some(Duration::ZERO));
    if bytes.ratio(1_u8, 5_u8)? {
        options.preallocate(offset(bytes)?);
    }
    Ok(options)
}

// What is held.

struct World {
    clock: Arc<ManualClock>,
    volumes: Vec<Volume>,
    handles: Vec<Handle>,
    snapshots: [Option<Kept<Snapshot>>; SLOTS],
    contents: [Option<Kept<Content>>; SLOTS],
    /// Iterators on their way.
    iterators: Vec<Box<dyn Any>>,
}

struct Volume {
    fs: MemFs,
    /// What may be in use: the quota, or what was used when it was lowered.
    ceiling: u64,
}

/// Something that must not change, and a hash of what was in it.
struct Kept<T> {
    held: T,
    hash: u64,
}

struct Handle {
    volume: usize,
    file: File,
    readable: bool,
    writes: bool,
    atomic: bool,
    append: bool,
    /// What the handle has to have.
    bytes: Vec<u8>,
    cursor: u64,
}

/// How a call ended, as far as it is the same in a transaction.
fn kind(outcome: &arcfs::Result<u64>) -> Result<u64, ErrorKind> {
    match outcome {
        Ok(answer) => Ok(*answer),
        Err(error) => Err(match error.kind() {
            ErrorKind::Busy { .. } => ErrorKind::Busy { waited: Duration::ZERO },
            other => other.clone(),
        }),
    }
}

macro_rules! apply {
    ($target:expr, $call:expr, $snapshots:expr, $contents:expr) => {
        match $call {
            Call::CreateDir(a) => $target.create_dir(a).map(|()| 0),
            Call::CreateDirAll(a) => $target.create_dir_all(a).map(|()| 0),
            Call::RemoveFile(a) => $target.remove_file(a).map(|()| 0),
            Call::RemoveDir(a) => $target.remove_dir(a).map(|()| 0),
            Call::RemoveDirAll(a) => $target.remove_dir_all(a).map(|()| 0),
            Call::Clear => $target.clear().map(|()| 0),
            Call::Rename(a, b) => $target.rename(a, b).map(|()| 0),
            Call::Replace(a, b) => $target.replace(a, b).map(|()| 0),
            Call::Exchange(a, b) => $target.exchange(a, b).map(|()| 0),
            Call::MovePath(a, b) => $target.move_path(a, b).map(|()| 0),
            Call::Copy(a, b) => $target.copy(a, b),
            Call::CopyDirAll(a, b) => $target.copy_dir_all(a, b).map(|()| 0),
            Call::CopyFrom(slot, a, b) => match &$snapshots[*slot] {
                Some(snapshot) => $target.copy_from(&snapshot.held, a, b),
                None => Ok(0),
            },
            Call::SetModified(a, secs) => {
                $target.set_modified(a, SystemTime::UNIX_EPOCH + Duration::from_secs(*secs)).map(|()| 0)
            }
            Call::Write(a, bytes) => $target.write(a, bytes).map(|()| 0),
            Call::WriteOwned(a, bytes) => $target.write_owned(a, bytes.clone()).map(|()| 0),
            Call::WriteKept(a, slot) => match &$contents[*slot] {
                Some(content) => $target.write_owned(a, content.held.clone()).map(|()| 0),
                None => Ok(0),
            },
            Call::Append(a, bytes) => $target.append(a, bytes).map(|()| 0),
            Call::Import(files) => {
                $target.import_tree(files.iter().map(|(path, bytes)| (path, &**bytes))).map(|()| 0)
            }
        }
    };
}

/// What can be seen of every node, by path.
type Listing = BTreeMap<String, Seen>;

type Seen = (bool, u64, SystemTime, SystemTime, u64);

fn seen(metadata: &Metadata) -> Seen {
    (metadata.is_dir(), metadata.len(), metadata.created(), metadata.modified(), metadata.generation())
}

macro_rules! listing {
    ($source:expr) => {{
        let mut listing = Listing::new();
        for path in $source.glob("**").expect("a pattern") {
            let metadata = $source.metadata(&path).expect("it was listed");
            listing.insert(path, seen(&metadata));
        }
        listing
    }};
}

fn hash_of(content: &Content) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut len = 0;
    for chunk in content.chunks() {
        let chunk = chunk.expect("memory");
        len += chunk.len() as u64;
        hasher.write(&chunk);
    }
    assert_eq!(len, content.len());
    hasher.finish()
}

/// Of all that is in a snapshot; of its bytes, if they are not too many.
fn hash_of_snapshot(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    listing!(snapshot).hash(&mut hasher);
    if snapshot.usage("/").expect("the root").bytes <= MAX_READ {
        for (path, content) in snapshot.iter_export_tree("/", ExportOptions::default()).expect("a path") {
            (path, hash_of(&content)).hash(&mut hasher);
        }
    }
    hasher.finish()
}

// What is done.

impl World {
    fn new(bytes: &mut Unstructured<'_>) -> Decoded<Self> {
        let clock = Arc::new(ManualClock::new());
        let (builder, quota) = builder(bytes, &clock)?;
        let fs = builder.build().expect("valid limits");
        if bytes.arbitrary()? {
            // Something to begin with, if there is room for it.
            let _ = fs.import_tree([("/a/a/a", "1"), ("/a/b", "22"), ("/b/c", "333"), ("/c", "4444")]);
        }
        Ok(Self {
            clock,
            volumes: vec![Volume { fs, ceiling: quota }],
            handles: Vec::new(),
            snapshots: Default::default(),
            contents: Default::default(),
            iterators: Vec::new(),
        })
    }

    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let at = bytes.choose_index(self.volumes.len())?;
        let fs = self.volumes[at].fs.clone();
        let slot = bytes.choose_index(SLOTS)?;
        match bytes.int_in_range(0..=31_u8)? {
            0..=11 => self.direct(&fs, bytes)?,
            12..=14 => self.transaction(&fs, bytes)?,
            15 | 16 => self.open(at, bytes)?,
            17..=22 if !self.handles.is_empty() => self.handle(bytes)?,
            23 => {
                let held = fs.snapshot();
                let hash = hash_of_snapshot(&held);
                self.snapshots[slot] = Some(Kept { held, hash });
            }
            24 => self.restore(at, slot),
            25 => self.diff(&fs, slot),
            26 if self.volumes.len() < 3 => {
                let Some(snapshot) = &self.snapshots[slot] else { return Ok(()) };
                let (builder, quota) = builder(bytes, &self.clock)?;
                if let Ok(fork) = MemFs::from_snapshot(&snapshot.held, builder) {
                    assert!(fork.snapshot().same_as(&snapshot.held));
                    self.volumes.push(Volume { fs: fork, ceiling: quota });
                }
            }
            27 => {
                let quota = pick(bytes, &[0, 1_000, 70_000, 300_000, 1 << 20, 4 << 20, 4 << 20])?;
                fs.set_max_quota(quota);
                let volume = &mut self.volumes[at];
                volume.ceiling = quota.max(fs.stats().used_bytes);
                fs.set_max_nodes(pick(bytes, &[200, 200, 200, 100, 20, 5, 0])?);
            }
            28 => {
                let content = fs.content(path(&fs, bytes, Want::File)?);
                self.contents[slot] = content.ok().map(|held| Kept { hash: hash_of(&held), held });
            }
            29 => match bytes.int_in_range(0..=3_u8)? {
                0 => self.snapshots[slot] = None,
                1 => self.contents[slot] = None,
                2 => self.iterators.clear(),
                _ => {
                    let now =
                        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(bytes.arbitrary::<u32>()?));
                    self.clock.set_now(now);
                }
            },
            30 => self.iterate(&fs, bytes)?,
            _ => check_reads(&fs, bytes)?,
        }
        Ok(())
    }

    /// A call on its own, sometimes after a rehearsal in a transaction that is given up.
    fn direct(&mut self, fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let call = call(fs, bytes)?;
        let (snapshots, contents) = (&self.snapshots, &self.contents);
        let before = State::of(fs);
        let mut rehearsed = None;
        if bytes.ratio(1_u8, 3_u8)? {
            let outcome = fs.transaction(|tx| -> arcfs::Result<()> {
                let outcome = apply!(tx, &call, snapshots, contents);
                rehearsed = Some((kind(&outcome), listing!(tx)));
                Err(Error::other("a rehearsal"))
            });
            assert_eq!(outcome.expect_err("it was given up").kind(), &ErrorKind::Other);
            assert_eq!(State::of(fs), before, "a transaction that was given up left a trace: {call:?}");
        }
        let outcome = apply!(fs, &call, snapshots, contents);
        before.check_after(fs, outcome.is_err(), &call);
        if let (Call::SetModified(..), Err(error)) = (&call, &outcome) {
            let needed_room = matches!(error.kind(), ErrorKind::QuotaExceeded { .. });
            assert!(!needed_room, "{call:?} never needs room");
        }
        if let Some((ended, listing)) = rehearsed {
            // Where something is held, the two may meet the reasons for a refusal in another order.
            let held = !self.handles.is_empty();
            assert!(
                kind(&outcome) == ended || (held && outcome.is_err() && ended.is_err()),
                "{call:?}: {outcome:?}, and in a transaction {ended:?}"
            );
            assert_eq!(listing!(fs), listing, "{call:?} differs in a transaction");
        }
        if outcome.is_ok() {
            let (path, written) = match &call {
                Call::Write(path, bytes) | Call::WriteOwned(path, bytes) => (path, bytes),
                _ => return Ok(()),
            };
            assert!(fs.read(path).expect("just written") == *written, "{path:?} is not what was written");
        }
        Ok(())
    }

    fn transaction(&mut self, fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let count = bytes.int_in_range(1..=6)?;
        let calls = (0..count).map(|_| call(fs, bytes)).collect::<Decoded<Vec<_>>>()?;
        let gives_up = bytes.ratio(1_u8, 5_u8)?;
        let disturbed = if bytes.ratio(1_u8, 6_u8)? { Some(call(fs, bytes)?) } else { None };
        let pattern = pattern(bytes)?;
        let (snapshots, contents) = (&self.snapshots, &self.contents);
        let before = State::of(fs);
        let mut runs = 0;
        let mut private = Listing::new();
        let outcome = fs.transaction(|tx| {
            runs += 1;
            let _ = tx.glob(&pattern);
            private = listing!(tx);
            for call in &calls {
                let done = apply!(tx, call, snapshots, contents);
                let after = listing!(tx);
                assert!(
                    done.is_ok() || after == private,
                    "{call:?} failed in a transaction and did something"
                );
                private = after;
            }
            if let Some(call) = &disturbed
                && runs == 1
            {
                let _ = apply!(fs, call, snapshots, contents);
            }
            if gives_up { Err(Error::other("given up")) } else { Ok(()) }
        });
        if disturbed.is_some() {
            return Ok(());
        }
        assert_eq!(runs, 1, "a transaction ran again, with nobody else there");
        assert_eq!(outcome.is_err(), gives_up, "{outcome:?} of {calls:?}");
        before.check_after(fs, outcome.is_err(), &calls);
        if outcome.is_ok() {
            assert!(fs.version() <= before.version + 1, "more than one publication");
            assert_eq!(listing!(fs), private, "another tree was published than was seen");
        }
        Ok(())
    }

    fn open(&mut self, at: usize, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let fs = &self.volumes[at].fs;
        let path = file_or_fresh(fs, bytes)?;
        let options = options(bytes)?;
        let before = State::of(fs);
        let old = fs.read(&path).unwrap_or_default();
        let opened = options.open(fs, &path);
        before.check_after(fs, opened.is_err(), &options);
        if self.handles.len() >= 6 {
            self.handles.remove(0);
        }
        if let Ok(file) = opened {
            self.handles.push(Handle {
                volume: at,
                file,
                readable: options.get_read(),
                writes: options.get_write() || options.get_append(),
                atomic: options.get_atomic(),
                append: options.get_append(),
                bytes: if options.get_truncate() { Vec::new() } else { old },
                cursor: 0,
            });
        }
        Ok(())
    }

    fn handle(&mut self, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let index = bytes.choose_index(self.handles.len())?;
        let operation = bytes.int_in_range(0..=15_u8)?;
        let handle = &mut self.handles[index];
        let fs = self.volumes[handle.volume].fs.clone();
        let before = State::of(&fs);
        match operation {
            0..=4 => {
                let (data, at) = (payload(bytes)?, offset(bytes)?);
                let from_cursor = bytes.arbitrary()?;
                let outcome = match from_cursor {
                    true => handle.file.write(&data).map_err(|_| ()),
                    false => handle.file.write_at(&data, at).map_err(|_| ()),
                };
                let at = match from_cursor {
                    _ if handle.append => handle.bytes.len() as u64,
                    true => handle.cursor,
                    false => at,
                };
                before.check_after(&fs, outcome.is_err(), &"a write");
                if let Ok(written) = outcome {
                    assert!(handle.writes && written == data.len());
                    if from_cursor {
                        handle.cursor = at + written as u64;
                    }
                    if written > 0 {
                        let (start, end) = (at as usize, at as usize + written);
                        handle.bytes.resize(handle.bytes.len().max(end), 0);
                        handle.bytes[start..end].copy_from_slice(&data);
                    }
                }
            }
            5 | 6 => {
                let len = offset(bytes)?;
                let outcome = handle.file.set_len(len);
                before.check_after(&fs, outcome.is_err(), &"set_len");
                if outcome.is_ok() {
                    handle.bytes.resize(len as usize, 0);
                }
            }
            7 | 8 => {
                let by = pick(bytes, &[0, 1, -1, 30, -30, 65_536, i64::MIN, i64::MAX])?;
                let to = match bytes.int_in_range(0..=2_u8)? {
                    0 => SeekFrom::Start(offset(bytes)?),
                    1 => SeekFrom::Current(by),
                    _ => SeekFrom::End(by),
                };
                if let Ok(position) = handle.file.seek(to) {
                    handle.cursor = position;
                }
            }
            9 | 10 => {
                let mut buf = vec![0; bytes.int_in_range(0..=100)?];
                let outcome = handle.file.read(&mut buf);
                assert_eq!(outcome.is_ok(), handle.readable);
                if let Ok(read) = outcome {
                    let from = handle.bytes.len().min(usize::try_from(handle.cursor).unwrap_or(usize::MAX));
                    let to = handle.bytes.len().min(from.saturating_add(buf.len()));
                    assert!(buf[..read] == handle.bytes[from..to], "a handle read something else");
                    handle.cursor += read as u64;
                }
            }
            11 | 12 => {
                let flush = operation == 11;
                match flush {
                    true => handle.file.flush().expect("publishing needs nothing"),
                    false => handle.file.commit().expect("publishing needs nothing"),
                }
                if handle.writes && !(flush && handle.atomic) {
                    handle.is_published(&fs);
                }
            }
            _ => {
                let handle = self.handles.remove(index);
                match operation {
                    13 => handle.end(&fs, |file| file.close().expect("publishing needs nothing"), true),
                    14 => handle.end(&fs, drop, false),
                    _ => handle.file.discard(),
                }
                return Ok(());
            }
        }
        self.handles[index].check();
        Ok(())
    }

    fn restore(&mut self, at: usize, slot: usize) {
        let fs = &self.volumes[at].fs;
        let Some(snapshot) = &self.snapshots[slot] else { return };
        let before = State::of(fs);
        let outcome = fs.restore(&snapshot.held);
        before.check_after(fs, outcome.is_err(), &"restore");
        if outcome.is_ok() {
            assert_eq!(listing!(fs), listing!(snapshot.held));
        }
    }

    fn diff(&self, fs: &MemFs, slot: usize) {
        let Some(older) = &self.snapshots[slot] else { return };
        let newer = fs.snapshot();
        check_diff(&older.held, &newer);
        check_diff(&newer, &older.held);
    }

    /// Begins an iteration that stays where it is.
    fn iterate(&mut self, fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<()> {
        let path = path(fs, bytes, Want::Any)?;
        let which = bytes.int_in_range(0..=4_u8)?;
        let steps = bytes.int_in_range(0..=3)?;
        self.iterators.truncate(8);
        macro_rules! begin {
            ($made:expr) => {
                if let Ok(mut iterator) = $made {
                    iterator.by_ref().take(steps).for_each(drop);
                    self.iterators.push(Box::new(iterator));
                }
            };
        }
        match which {
            0 => begin!(fs.walk(path)),
            1 => begin!(fs.read_dir(path)),
            2 => begin!(fs.iter_export_tree(path, ExportOptions { only_dirty: bytes.arbitrary()? })),
            3 => begin!(fs.content(path).map(|content| content.chunks())),
            _ => {
                if let Some(older) = &self.snapshots[steps] {
                    begin!(Ok::<_, Error>(fs.snapshot().diff(&older.held)));
                }
            }
        }
        Ok(())
    }
}

fn call(fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<Call> {
    use Want::{Any, Dir, File, Fresh};
    let path = |bytes: &mut Unstructured<'_>, want| path(fs, bytes, want);
    Ok(match bytes.int_in_range(0..=23_u8)? {
        0 => Call::CreateDir(path(bytes, Fresh)?),
        1 => Call::CreateDirAll(path(bytes, Fresh)?),
        2 => Call::RemoveFile(path(bytes, File)?),
        3 => Call::RemoveDir(path(bytes, Dir)?),
        4 => Call::RemoveDirAll(path(bytes, Dir)?),
        5 if bytes.ratio(1_u8, 8_u8)? => Call::Clear,
        5 | 6 => Call::Rename(path(bytes, Any)?, path(bytes, Fresh)?),
        7 => Call::Replace(path(bytes, Any)?, path(bytes, Any)?),
        8 => Call::Exchange(path(bytes, Any)?, path(bytes, Any)?),
        9 => Call::MovePath(path(bytes, Any)?, path(bytes, Any)?),
        10 => Call::Copy(path(bytes, File)?, file_or_fresh(fs, bytes)?),
        11 | 12 => Call::CopyDirAll(path(bytes, Dir)?, path(bytes, Fresh)?),
        13 => Call::CopyFrom(bytes.choose_index(SLOTS)?, path(bytes, Any)?, path(bytes, Fresh)?),
        14 => Call::SetModified(path(bytes, Any)?, u64::from(bytes.arbitrary::<u32>()?)),
        15 | 16 => Call::Append(file_or_fresh(fs, bytes)?, payload(bytes)?),
        17 => Call::WriteOwned(file_or_fresh(fs, bytes)?, payload(bytes)?),
        18 => Call::WriteKept(file_or_fresh(fs, bytes)?, bytes.choose_index(SLOTS)?),
        19 => {
            let mut files = Vec::new();
            for _ in 0..bytes.int_in_range(0..=4)? {
                files.push((file_or_fresh(fs, bytes)?, payload(bytes)?));
            }
            Call::Import(files)
        }
        _ => Call::Write(file_or_fresh(fs, bytes)?, payload(bytes)?),
    })
}

/// What a path is mostly wanted for.
#[derive(Clone, Copy)]
enum Want {
    Any,
    File,
    Dir,
    /// A name in a directory that exists.
    Fresh,
}

/// A path of the kind that is wanted, or another one, or any text.
fn path(fs: &MemFs, bytes: &mut Unstructured<'_>, want: Want) -> Decoded<String> {
    let listed = |bytes: &mut Unstructured<'_>, want| -> Decoded<String> {
        let mut paths = fs.glob("**").expect("a pattern");
        match want {
            Want::Any => {}
            Want::File => paths.retain(|path| fs.is_file(path)),
            Want::Dir | Want::Fresh => paths.retain(|path| fs.is_dir(path)),
        }
        let at = usize::from(bytes.arbitrary::<u8>()?);
        Ok(if paths.is_empty() { "/".to_owned() } else { paths.swap_remove(at % paths.len()) })
    };
    Ok(match bytes.int_in_range(0..=31_u8)? {
        0..=21 if matches!(want, Want::Fresh) => match bytes.arbitrary()? {
            true => listed(bytes, Want::Dir)? + "/" + &name(bytes)?,
            false => "/".to_owned() + &name(bytes)?,
        },
        0..=23 => listed(bytes, want)?,
        24 | 25 => listed(bytes, Want::Any)? + "/" + &name(bytes)?,
        26..=29 => {
            let mut path = String::new();
            for _ in 0..bytes.int_in_range(1..=4)? {
                path.push(pick(bytes, &['/', '/', '/', '\\'])?);
                path += &name(bytes)?;
            }
            path
        }
        30 => raw(bytes)?,
        _ => "/".to_owned(),
    })
}

fn file_or_fresh(fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<String> {
    let want = pick(bytes, &[Want::File, Want::Fresh])?;
    path(fs, bytes, want)
}

// What must hold.

/// What a call that fails must leave as it is.
#[derive(Debug, PartialEq)]
struct State {
    version: u64,
    stats: Stats,
}

impl State {
    fn of(fs: &MemFs) -> Self {
        Self { version: fs.version(), stats: fs.stats() }
    }

    fn check_after(&self, fs: &MemFs, failed: bool, what: &dyn std::fmt::Debug) {
        let now = Self::of(fs);
        assert!(!failed || now == *self, "{what:?} failed and did something: {self:?}, {now:?}");
        assert!(now.version >= self.version);
    }
}

impl Handle {
    fn is_published(&self, fs: &MemFs) {
        let read = fs.read(self.file.path()).expect("it cannot go away while it is held");
        assert!(read == self.bytes, "{:?} is not what its handle published", self.file.path());
    }

    fn check(&mut self) {
        assert_eq!(self.file.len(), self.bytes.len() as u64);
        assert_eq!(self.file.stream_position().expect("it has one"), self.cursor);
        if self.readable {
            let mut all = vec![0; self.bytes.len() + 1];
            let read = self.file.read_at(&mut all, 0).expect("it may read");
            assert!(all[..read] == self.bytes, "{:?} differs from what its handle wrote", self.file.path());
        }
        let metadata = self.file.metadata();
        assert!(metadata.is_file());
    }

    fn end(self, fs: &MemFs, end: impl FnOnce(File), always_publishes: bool) {
        let path = self.file.path().to_owned();
        end(self.file);
        if self.writes && (always_publishes || !self.atomic) {
            assert!(fs.read(&path).expect("published") == self.bytes, "{path:?} is not what was closed");
        }
    }
}

fn check_reads(fs: &MemFs, bytes: &mut Unstructured<'_>) -> Decoded<()> {
    let (text, path) = (pattern(bytes)?, path(fs, bytes, Want::Any)?);
    let snapshot = fs.snapshot();
    macro_rules! both {
        ($call:ident, $($argument:expr),*) => {
            match (fs.$call($($argument),*), snapshot.$call($($argument),*)) {
                (Ok(live), Ok(kept)) => Some((live, kept)),
                (Err(live), Err(kept)) => {
                    assert_eq!(live.kind(), kept.kind(), "{path:?}");
                    None
                }
                (live, kept) => panic!("{path:?}: {:?}, and a snapshot {:?}", live.err(), kept.err()),
            }
        };
    }
    macro_rules! same {
        ($call:ident, $($argument:expr),*) => {
            if let Some((live, kept)) = both!($call, $($argument),*) {
                assert!(live == kept, "{} differs on {path:?}", stringify!($call));
            }
        };
    }
    let exact = (fs.exists(&path), fs.is_file(&path), fs.is_dir(&path));
    assert_eq!(exact, (snapshot.exists(&path), snapshot.is_file(&path), snapshot.is_dir(&path)));
    assert_eq!(exact.0, exact.1 != exact.2);
    same!(metadata, &path);
    same!(usage, &path);
    same!(read, &path);
    same!(read_to_string, &path);
    same!(export_bytes, &path, Some(100));
    if let Some((live, kept)) = both!(walk, &path) {
        assert!(live.eq(kept), "walk differs on {path:?}");
    }
    if let Some((live, kept)) = both!(read_dir, &path) {
        let entry = |entry: arcfs::DirEntry| (entry.path().to_owned(), seen(&entry.metadata()));
        assert!(live.map(entry).eq(kept.map(entry)), "read_dir differs on {path:?}");
    }
    let export = ExportOptions { only_dirty: bytes.arbitrary()? };
    if fs.stats().payload_bytes <= MAX_READ {
        same!(export_tree, &path, export);
    }
    if let Some((live, kept)) = both!(glob, &text) {
        let pattern = Pattern::new(&text).expect("it was accepted");
        let all = fs.glob("**").expect("a pattern");
        assert!(live.iter().eq(all.iter().filter(|path| pattern.matches(path))), "{text:?} finds {live:?}");
        assert_eq!(live, kept);
    }
    Ok(())
}

fn check_diff(older: &Snapshot, newer: &Snapshot) {
    let (old, new) = (listing!(older), listing!(newer));
    let changes: Vec<_> = newer.diff(older).collect();
    assert!(!newer.same_as(older) || changes.is_empty());
    let (mut created, mut removed) = (Vec::new(), Vec::new());
    for change in &changes {
        match change {
            Change::Created(path) => created.push(path),
            Change::Removed(path) => removed.push(path),
            Change::Modified(path) => assert!(newer.is_file(path) && older.is_file(path), "{path:?}"),
            _ => panic!("{change:?} is of no kind that is known here"),
        }
    }
    let stands =
        |here: &Listing, path: &str, node: &Seen| here.get(path).is_some_and(|other| other.0 == node.0);
    let alone = |here: &Listing, there: &Listing| {
        let alone = here.iter().filter(|(path, node)| !stands(there, path, node));
        alone.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    created.sort();
    removed.sort();
    assert!(created.into_iter().eq(&alone(&new, &old)), "created: {changes:?}");
    assert!(removed.into_iter().eq(&alone(&old, &new)), "removed: {changes:?}");
    let bytes = |snapshot: &Snapshot| snapshot.usage("/").expect("the root").bytes;
    if bytes(older) + bytes(newer) > MAX_READ {
        return;
    }
    for (path, node) in new.iter().filter(|(path, node)| !node.0 && stands(&old, path, node)) {
        assert!(
            older.read(path).expect("a file") == newer.read(path).expect("a file")
                || changes.contains(&Change::Modified(path.clone())),
            "{path:?} ({node:?}) was modified, and {changes:?} does not say so"
        );
    }
}

impl World {
    fn check_limits(&mut self) {
        for volume in &mut self.volumes {
            let stats = volume.fs.stats();
            assert!(stats.used_bytes <= volume.ceiling, "{} of {}", stats.used_bytes, volume.ceiling);
            volume.ceiling = stats.used_bytes.max(stats.quota_bytes);
        }
    }

    fn check(&mut self) {
        for (at, volume) in self.volumes.iter().enumerate() {
            let fs = &volume.fs;
            if let Err(what) = fs.check_consistent() {
                panic!("{what}");
            }
            let stats = fs.stats();
            let usage = fs.usage("/").expect("the root");
            let figures = (stats.payload_bytes, stats.file_count, stats.dir_count);
            assert_eq!(figures, (usage.bytes, usage.files, usage.dirs));
            assert_eq!(stats.free_bytes, stats.quota_bytes.saturating_sub(stats.used_bytes));
            let open = self.handles.iter().filter(|handle| handle.volume == at).count();
            assert_eq!(stats.open_handles, open as u64);
            let fresh = fs.snapshot();
            let live = listing!(fs);
            assert_eq!(live, listing!(fresh));
            assert_eq!(live.len() as u64 + 1, stats.file_count + stats.dir_count);
            check_diff(&fresh, &fs.snapshot());
        }
        for kept in self.snapshots.iter().flatten() {
            assert_eq!(hash_of_snapshot(&kept.held), kept.hash, "a snapshot changed");
        }
        for kept in self.contents.iter().flatten() {
            assert_eq!(hash_of(&kept.held), kept.hash, "a content changed");
        }
        self.handles.iter_mut().for_each(Handle::check);
    }

    /// Lets go of everything and looks whether anything stays charged.
    fn end(self) {
        let Self { clock: _, volumes, handles, snapshots, contents, iterators } = self;
        for handle in handles {
            let fs = volumes[handle.volume].fs.clone();
            handle.end(&fs, drop, false);
        }
        drop((snapshots, contents, iterators));
        for volume in &volumes {
            volume.fs.check_consistent().expect("consistent at the end");
            volume.fs.clear().expect("nothing is held");
        }
        // What a fork reads stays charged where it comes from until the fork is gone, so forks go first.
        for Volume { fs, .. } in volumes.into_iter().rev() {
            let stats = fs.stats();
            let left = (stats.used_bytes, stats.chunk_count, stats.open_handles, stats.snapshots);
            assert_eq!(left, (0, 0, 0, 0), "{stats:?}");
            assert_eq!((stats.pinned_bytes, stats.file_count, stats.dir_count), (0, 0, 1), "{stats:?}");
        }
    }
}
