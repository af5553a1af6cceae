//! One of the two: filesystems with what is held of them, driven by acts. Built once for each engine.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read as _, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use super::engine::testing::{Injected, ManualClock};
use super::engine::{
    Content, Error, ErrorKind, ExportOptions, File, MemFs, MemFsBuilder, Metadata, OpenOptions, Snapshot,
    Storage,
};
use crate::ops::{Config, FileOp, Mode, Op, Options, Read, SeekTo, Source, time};
use crate::script::{Act, Fault, Way};
use crate::{Account, Seen, Side};

/// Handles that are open at once, and iterators.
const MOST: usize = 5;

/// The versions that only a transaction sees begin here.
const PRIVATE: u64 = 1 << 62;

/// Filesystems with what is held of them.
pub struct World {
    clock: Arc<ManualClock>,
    iterators: Vec<Box<dyn Iterator<Item = String>>>,
    files: Vec<Vec<File>>,
    contents: [Option<Content>; 2],
    snaps: [Option<Snapshot>; 3],
    fss: Vec<MemFs>,
}

/// How a call ended, as text.
fn told<T: Debug>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => {
            let kind = match error.kind() {
                ErrorKind::Busy { .. } => "Busy".to_owned(),
                kind => format!("{kind:?}"),
            };
            let (path, other) = (error.path(), error.other_path());
            let why = std::error::Error::source(&error).map(ToString::to_string);
            let text = match error.kind() {
                ErrorKind::Busy { .. } => String::new(), // it says how long was waited
                _ => error.to_string(),
            };
            format!("{kind} {path:?} {other:?} {:?} {why:?} {text}", error.operation())
        }
    }
}

/// The same of a call on a handle as `std::io` knows it.
fn told_io<T: Debug>(outcome: std::io::Result<T>) -> String {
    let own = |error: std::io::Error| {
        let inner = error.into_inner().expect("it carries one");
        *inner.downcast::<Error>().expect("of the engine")
    };
    told(outcome.map_err(own))
}

/// Bytes, for an answer.
fn digest(bytes: impl AsRef<[u8]>) -> (usize, u64) {
    let mut hasher = DefaultHasher::new();
    bytes.as_ref().hash(&mut hasher);
    (bytes.as_ref().len(), hasher.finish())
}

/// The same of a content, and of how it is cut.
fn of_content(content: &Content) -> (u64, Vec<(usize, u64)>) {
    (content.len(), content.chunks().map(|chunk| digest(chunk.expect("nothing is allocated"))).collect())
}

fn line(path: &str, of: &Metadata) -> String {
    let times = (of.created(), of.modified());
    let (dir, file) = (of.is_dir(), of.is_file());
    // Inside a transaction one tree counts edits, and the other one calls.
    let version = of.version().min(PRIVATE);
    format!("{path} {dir} {file} {} {times:?} {} {version}", of.len(), of.generation())
}

fn builder(config: &Config, clock: &Arc<ManualClock>) -> MemFsBuilder {
    let storage = match format!("{:?}", config.storage).as_str() {
        "Sequential" => Storage::Sequential,
        "RandomAccess" => Storage::RandomAccess,
        _ => Storage::Auto,
    };
    MemFs::builder()
        .max_quota(config.quota)
        .max_nodes(config.nodes)
        .max_depth(config.depth)
        .storage(storage)
        .promotion_limit(config.promotion_limit)
        .chunk_overhead(config.chunk_overhead)
        .node_overhead(config.node_overhead)
        .lock_timeout(Some(Duration::ZERO))
        .clock(Arc::clone(clock) as _)
}

fn options_of(options: &Options) -> OpenOptions {
    let mut real = OpenOptions::new();
    real.read(options.read)
        .write(options.write)
        .append(options.append)
        .truncate(options.truncate)
        .create(options.create)
        .create_new(options.create_new)
        .atomic(options.atomic)
        .shared_lock(options.shared_lock)
        .preallocate(options.preallocate)
        .lock_timeout(Some(Duration::ZERO));
    real
}

/// What both a filesystem and a transaction can do; `None` for the rest.
macro_rules! change {
    ($target:expr, $op:expr, $snaps:expr, $contents:expr) => {
        match $op {
            Op::CreateDir(a) => Some(told($target.create_dir(a))),
            Op::CreateDirAll(a) => Some(told($target.create_dir_all(a))),
            Op::RemoveFile(a) => Some(told($target.remove_file(a))),
            Op::RemoveDir(a) => Some(told($target.remove_dir(a))),
            Op::RemoveDirAll(a) => Some(told($target.remove_dir_all(a))),
            Op::Clear => Some(told($target.clear())),
            Op::Rename(a, b) => Some(told($target.rename(a, b))),
            Op::Replace(a, b) => Some(told($target.replace(a, b))),
            Op::Exchange(a, b) => Some(told($target.exchange(a, b))),
            Op::MovePath(a, b) => Some(told($target.move_path(a, b))),
            Op::Copy(a, b) => Some(told($target.copy(a, b))),
            Op::CopyDirAll(a, b) => Some(told($target.copy_dir_all(a, b))),
            Op::CopyFrom(slot, a, b) => match &$snaps[*slot] {
                Some(snapshot) => Some(told($target.copy_from(snapshot, a, b))),
                None => Some(String::new()),
            },
            Op::SetModified(a, secs) => Some(told($target.set_modified(a, time(1000 + secs - 50)))),
            Op::Write(a, bytes) => Some(told($target.write(a, bytes.make()))),
            Op::WriteVec(a, bytes) => Some(told($target.write_owned(a, bytes.make()))),
            Op::WriteContent(a, slot) => match &$contents[*slot] {
                Some(content) => Some(told($target.write_owned(a, content.clone()))),
                None => Some(String::new()),
            },
            Op::Append(a, bytes) => Some(told($target.append(a, bytes.make()))),
            Op::Import(files) => {
                Some(told($target.import_tree(files.iter().map(|(path, bytes)| (path, bytes.make())))))
            }
            _ => None,
        }
    };
}

/// What filesystems, snapshots and transactions can be asked.
macro_rules! ask {
    ($view:expr, $read:expr) => {
        match $read {
            Read::Look(a) => {
                let kinds = ($view.exists(a), $view.is_file(a), $view.is_dir(a));
                let metadata = $view.metadata(a).map(|metadata| line(a, &metadata));
                format!("{kinds:?} {} {}", told(metadata), told($view.usage(a)))
            }
            Read::List(a) => told($view.read_dir(a).map(|listing| {
                listing.map(|e| (e.name().to_owned(), line(e.path(), &e.metadata()))).collect::<Vec<_>>()
            })),
            Read::Whole(a) => {
                let text = $view.read_to_string(a).map(digest);
                told($view.read(a).map(digest))
                    + &told(text)
                    + &told($view.content(a).map(|c| of_content(&c)))
            }
            Read::Walk(a, skip) => told($view.walk(a).map(|mut walk| {
                let mut dirs = Vec::new();
                while let Some(dir) = walk.next() {
                    if dirs.len() < 8 && skip & (1 << dirs.len()) != 0 {
                        walk.skip_current_dir();
                    }
                    dirs.push(format!("{dir:?}"));
                }
                dirs
            })),
            Read::Glob(pattern) => told($view.glob(pattern)),
            Read::Export(..) | Read::ExportBytes(..) => String::new(),
        }
    };
}

macro_rules! export {
    ($view:expr, $read:expr) => {
        match $read {
            Read::Export(a, only_dirty) => {
                let options = ExportOptions { only_dirty: *only_dirty };
                told($view.iter_export_tree(a, options).map(|files| {
                    files.map(|(path, content)| (path, of_content(&content))).collect::<Vec<_>>()
                }))
            }
            Read::ExportBytes(a, max) => told($view.export_bytes(a, *max).map(digest)),
            other => ask!($view, other),
        }
    };
}

macro_rules! begin {
    ($view:expr, $way:expr, $at:expr) => {
        match $way {
            Way::Walk => $view.walk($at).map(|walk| Box::new(walk.map(|dir| format!("{dir:?}"))) as _),
            Way::List => {
                $view.read_dir($at).map(|list| Box::new(list.map(|e| line(e.path(), &e.metadata()))) as _)
            }
            Way::Export => $view.iter_export_tree($at, ExportOptions::default()).map(|files| {
                Box::new(files.map(|(path, content)| format!("{path} {:?}", of_content(&content)))) as _
            }),
        }
    };
}

/// Lines and bytes of everything below the root.
macro_rules! look {
    ($view:expr, $version:expr) => {{
        let mut seen =
            Seen { lines: vec![format!("version {}", $version)], paths: Vec::new(), bytes: Vec::new() };
        for path in $view.glob("**").expect("a pattern") {
            let metadata = $view.metadata(&path).expect("it was listed");
            seen.lines.push(line(&path, &metadata));
            if metadata.is_file() {
                let content = $view.content(&path).expect("it was listed");
                seen.bytes.push(content.chunks().collect::<Result<_, _>>().expect("memory"));
            }
            seen.paths.push((path, metadata.is_dir()));
        }
        seen.lines.push(format!("{:?}", $view.usage("/").expect("the root")));
        seen
    }};
}

impl World {
    fn op(&mut self, at: usize, op: &Op<String>) -> String {
        let fs = &self.fss[at];
        if let Some(done) = change!(fs, op, self.snaps, self.contents) {
            return done;
        }
        match op {
            Op::Read(source, read) => match source.and_then(|slot| self.snaps[slot].as_ref()) {
                Some(snapshot) => export!(snapshot, read),
                None => export!(fs, read),
            },
            Op::Open(path, options) => self.open(at, |fs| options_of(options).open(fs, path)),
            Op::OpenAs(path, mode) => self.open(at, |fs| match mode {
                Mode::Open => fs.open(path),
                Mode::Create => fs.create(path),
                Mode::Named(name) => OpenOptions::from_mode(name)?.open(fs, path),
            }),
            Op::File(index, op) => match self.files[at].len() {
                0 => String::new(),
                handles => self.file_op(at, index % handles, *op),
            },
            Op::SetMaxQuota(bytes) => {
                fs.set_max_quota(*bytes);
                String::new()
            }
            Op::SetMaxNodes(nodes) => {
                fs.set_max_nodes(*nodes);
                String::new()
            }
            Op::KeepContent(slot, source, path) => {
                let kept = match source.and_then(|slot| self.snaps[slot].as_ref()) {
                    Some(snapshot) => snapshot.content(path),
                    None => fs.content(path),
                };
                told(kept.map(|content| of_content(self.contents[*slot].insert(content))))
            }
            Op::DropContent(slot) => {
                self.contents[*slot] = None;
                String::new()
            }
            Op::TakeSnapshot(slot) => {
                self.snaps[*slot] = Some(fs.snapshot());
                String::new()
            }
            Op::DropSnapshot(slot) => format!("{:?}", self.snaps[*slot].take().map(|old| old.version())),
            Op::Restore(slot) => match &self.snaps[*slot] {
                Some(snapshot) => told(fs.restore(snapshot)),
                None => String::new(),
            },
            Op::Diff(a, b) => match (&self.snaps[*a], &self.snaps[*b]) {
                (Some(a), Some(b)) => {
                    let changes: Vec<_> = a.diff(b).collect();
                    assert!(changes.is_empty() || !a.same_as(b), "the same snapshots differ");
                    // One tree shares what a restore brings back, and the other one makes it anew.
                    let same = (a.version() == b.version()).then(|| a.same_as(b));
                    format!("{changes:?} {same:?}")
                }
                _ => String::new(),
            },
            Op::Fork(slot, config) => match &self.snaps[*slot] {
                Some(snapshot) if self.fss.len() < 3 => {
                    let fork = MemFs::from_snapshot(snapshot, builder(config, &self.clock));
                    told(fork.map(|fork| {
                        self.files.push(Vec::new());
                        self.fss.push(fork);
                        self.fss[self.fss.len() - 1].version()
                    }))
                }
                _ => String::new(),
            },
            Op::Tick(secs) => {
                use super::engine::Clock;
                let (now, by) = (self.clock.now(), Duration::from_secs(secs.unsigned_abs()));
                self.clock.set_now(if *secs < 0 { now - by } else { now + by });
                String::new()
            }
            changing => unreachable!("{changing:?} changes something"),
        }
    }

    fn open(&mut self, at: usize, open: impl FnOnce(&MemFs) -> Result<File, Error>) -> String {
        if self.files[at].len() >= MOST {
            return String::new();
        }
        match open(&self.fss[at]) {
            Ok(file) => {
                let answer = format!("{} {}", file.path(), file.len());
                self.files[at].push(file);
                answer
            }
            Err(error) => told::<()>(Err(error)),
        }
    }

    fn file_op(&mut self, at: usize, index: usize, op: FileOp) -> String {
        let file = &mut self.files[at][index];
        let done = match op {
            FileOp::ReadAt(len, offset) => {
                let mut buf = vec![0; len];
                told(file.read_at(&mut buf, offset)) + &format!("{:?}", digest(&buf))
            }
            FileOp::Read(len) => {
                let mut buf = vec![0; len];
                told_io(file.read(&mut buf)) + &format!("{:?}", digest(&buf))
            }
            FileOp::WriteAt(bytes, offset) => told(file.write_at(&bytes.make(), offset)),
            FileOp::Write(bytes) => told_io(file.write(&bytes.make())),
            FileOp::Seek(SeekTo::Start(to)) => told_io(file.seek(SeekFrom::Start(to))),
            FileOp::Seek(SeekTo::Current(by)) => told_io(file.seek(SeekFrom::Current(by))),
            FileOp::Seek(SeekTo::End(by)) => told_io(file.seek(SeekFrom::End(by))),
            FileOp::SetLen(len) => told(file.set_len(len)),
            FileOp::Flush => told_io(file.flush()),
            FileOp::Commit => told(file.commit()),
            FileOp::Close => return told(self.files[at].remove(index).close()),
            FileOp::Discard => {
                self.files[at].remove(index).discard();
                return String::new();
            }
            FileOp::Drop => {
                drop(self.files[at].remove(index));
                return String::new();
            }
        };
        let file = &mut self.files[at][index];
        done + &format!(" {} {:?} {}", file.len(), file.stream_position().ok(), line("", &file.metadata()))
    }

    fn transaction(&self, at: usize, ops: &[Op<String>], give_up: bool) -> String {
        let mut answers = Vec::new();
        let outcome = self.fss[at].transaction(|tx| {
            for op in ops {
                let done = change!(tx, op, self.snaps, self.contents);
                answers.push(done.unwrap_or_else(|| match op {
                    Op::Read(_, read) => ask!(tx, read),
                    _ => format!("{} {:?}", tx.version(), tx.glob("**")),
                }));
            }
            if give_up { tx.create_dir("/") } else { Ok(()) }
        });
        format!("{answers:?} {}", told(outcome))
    }

    fn begin(&mut self, at: usize, source: Source, way: Way, path: &str) -> String {
        let begun: Result<Box<dyn Iterator<Item = String>>, Error> =
            match source.and_then(|slot| self.snaps[slot].as_ref()) {
                Some(snapshot) => begin!(snapshot, way, path),
                None => begin!(self.fss[at], way, path),
            };
        match begun {
            Ok(iterator) => {
                self.iterators.truncate(MOST - 1);
                self.iterators.push(iterator);
                String::new()
            }
            Err(error) => told::<()>(Err(error)),
        }
    }
}

impl Side for World {
    const VERSIONED: bool = super::engine::internals::VERSIONED;

    fn new(config: &Config) -> Self {
        let clock = Arc::new(ManualClock::at(crate::start()));
        let fs = builder(config, &clock).build().expect("a valid configuration");
        let (contents, snaps) = Default::default();
        Self { clock, iterators: Vec::new(), files: vec![Vec::new()], contents, snaps, fss: vec![fs] }
    }

    fn act(&mut self, at: usize, act: &Act) -> String {
        match act {
            Act::One(op) => self.op(at, op),
            Act::Failing(fault, n, op) => {
                let armed = match fault {
                    Fault::Charge => Injected::charge(*n),
                    Fault::Node => Injected::node(*n),
                    Fault::Allocation => Injected::allocation(*n),
                };
                let answer = self.op(at, op);
                // One tree alone asks for room to restore, and takes a refusal.
                let may_differ = matches!((fault, op), (Fault::Charge, Op::Restore(_)));
                format!("{answer} {}", armed.struck() && !may_differ)
            }
            Act::Transaction(ops, give_up) => self.transaction(at, ops, *give_up),
            Act::Begin(source, way, path) => self.begin(at, *source, *way, path),
            Act::Advance(which, items) => match self.iterators.len() {
                0 => String::new(),
                n => format!("{:?}", self.iterators[which % n].by_ref().take(*items).collect::<Vec<_>>()),
            },
            Act::Forget(which) => {
                if !self.iterators.is_empty() {
                    drop(self.iterators.remove(which % self.iterators.len()));
                }
                String::new()
            }
        }
    }

    fn look(&self, at: usize) -> Seen {
        let fs = &self.fss[at];
        let stats = fs.stats();
        let mut seen = look!(fs, fs.version());
        seen.lines.push(format!(
            "{} {} {} {} {} {} {} {:?}",
            stats.payload_bytes,
            stats.file_count,
            stats.dir_count,
            stats.chunk_overhead,
            stats.node_overhead,
            stats.open_handles,
            stats.snapshots,
            fs.check_consistent(),
        ));
        seen
    }

    fn look_back(&self, slot: usize) -> Option<Seen> {
        self.snaps[slot].as_ref().map(|snapshot| look!(snapshot, snapshot.version()))
    }

    fn account(&self, at: usize) -> Account {
        let stats = self.fss[at].stats();
        let (used, pinned) = (stats.used_bytes, stats.pinned_bytes);
        Account { used, pinned, free: stats.free_bytes, chunks: stats.chunk_count }
    }

    fn filesystems(&self) -> usize {
        self.fss.len()
    }

    fn holds_versions(&self) -> bool {
        !self.iterators.is_empty() || self.snaps.iter().any(Option::is_some)
    }

    fn let_go(&mut self) {
        self.iterators.clear();
        self.contents = Default::default();
        self.snaps = Default::default();
        self.files.iter_mut().flat_map(std::mem::take).for_each(File::discard);
    }

    fn end_fork(&mut self) {
        drop((self.files.pop(), self.fss.pop()));
    }
}
