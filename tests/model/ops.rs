//! What can be done to a filesystem, as data, and how such data is drawn.

use std::time::Duration;

use arcfs::Storage;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Bytes, by length and kind; even seeds give text.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    pub len: usize,
    pub seed: u8,
}

impl Bytes {
    pub fn make(self) -> Vec<u8> {
        let byte = |i: usize| {
            let mixed = (i as u64 ^ (u64::from(self.seed) << 20)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
            if self.seed.is_multiple_of(2) { b'a' + (mixed % 26) as u8 } else { 128 | mixed as u8 }
        };
        (0..self.len).map(byte).collect()
    }
}

/// What a filesystem is built with.
#[derive(Debug, Clone)]
pub struct Config {
    pub quota: u64,
    pub nodes: u64,
    pub depth: usize,
    pub storage: Storage,
    pub promotion_limit: u64,
    pub chunk_overhead: u64,
    pub node_overhead: u64,
}

/// Where reading calls are sent: the filesystem itself, or a snapshot, if that slot has one.
pub type Source = Option<usize>;

/// A path, as it is spelled or as what will stand there when its turn comes.
#[derive(Debug, Clone)]
pub enum Pick {
    Spelled(String),
    Node(usize),
    File(usize),
    Dir(usize),
    /// A name in one of the directories.
    In(usize, String),
    /// A path that is open under a lock.
    Held(usize),
}

#[derive(Debug, Clone)]
pub enum Read<P = Pick> {
    Look(P),
    List(P),
    Whole(P),
    Walk(P, u8),
    Glob(String),
    Export(P, bool),
    ExportBytes(P, Option<u64>),
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub read: bool,
    pub write: bool,
    pub append: bool,
    pub truncate: bool,
    pub create: bool,
    pub create_new: bool,
    pub atomic: bool,
    pub shared_lock: bool,
    pub preallocate: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Open,
    Create,
    Named(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub enum SeekTo {
    Start(u64),
    Current(i64),
    End(i64),
}

#[derive(Debug, Clone, Copy)]
pub enum FileOp {
    ReadAt(usize, u64),
    Read(usize),
    WriteAt(Bytes, u64),
    Write(Bytes),
    Seek(SeekTo),
    SetLen(u64),
    Flush,
    Commit,
    Close,
    Discard,
    Drop,
}

#[derive(Debug, Clone)]
pub enum Op<P = Pick> {
    CreateDir(P),
    CreateDirAll(P),
    RemoveFile(P),
    RemoveDir(P),
    RemoveDirAll(P),
    Clear,
    Rename(P, P),
    Replace(P, P),
    Exchange(P, P),
    MovePath(P, P),
    Copy(P, P),
    CopyDirAll(P, P),
    CopyFrom(usize, P, P),
    SetModified(P, u64),
    Write(P, Bytes),
    WriteVec(P, Bytes),
    WriteContent(P, usize),
    Append(P, Bytes),
    Import(Vec<(P, Bytes)>),
    Read(Source, Read<P>),
    Open(P, Options),
    OpenAs(P, Mode),
    File(usize, FileOp),
    SetMaxQuota(u64),
    SetMaxNodes(u64),
    KeepContent(usize, Source, P),
    DropContent(usize),
    TakeSnapshot(usize),
    DropSnapshot(usize),
    Restore(usize),
    Diff(usize, usize),
    Fork(usize, Config),
    /// Moves the clock, perhaps back.
    Tick(i64),
}

/// Which tree a path is picked from: that of the filesystem, or of a snapshot.
pub type PathIn<'a> = &'a dyn Fn(&Pick, Source) -> String;

impl Read {
    fn spelled(&self, source: Source, path: PathIn<'_>) -> Read<String> {
        let p = |pick| path(pick, source);
        match self {
            Read::Look(a) => Read::Look(p(a)),
            Read::List(a) => Read::List(p(a)),
            Read::Whole(a) => Read::Whole(p(a)),
            Read::Walk(a, skip) => Read::Walk(p(a), *skip),
            Read::Glob(pattern) => Read::Glob(pattern.clone()),
            Read::Export(a, dirty) => Read::Export(p(a), *dirty),
            Read::ExportBytes(a, max) => Read::ExportBytes(p(a), *max),
        }
    }
}

impl Op {
    /// The operation with the paths that were picked.
    pub fn spelled(&self, path: PathIn<'_>) -> Op<String> {
        let p = |pick| path(pick, None);
        match self {
            Op::CreateDir(a) => Op::CreateDir(p(a)),
            Op::CreateDirAll(a) => Op::CreateDirAll(p(a)),
            Op::RemoveFile(a) => Op::RemoveFile(p(a)),
            Op::RemoveDir(a) => Op::RemoveDir(p(a)),
            Op::RemoveDirAll(a) => Op::RemoveDirAll(p(a)),
            Op::Clear => Op::Clear,
            Op::Rename(a, b) => Op::Rename(p(a), p(b)),
            Op::Replace(a, b) => Op::Replace(p(a), p(b)),
            Op::Exchange(a, b) => Op::Exchange(p(a), p(b)),
            Op::MovePath(a, b) => Op::MovePath(p(a), p(b)),
            Op::Copy(a, b) => Op::Copy(p(a), p(b)),
            Op::CopyDirAll(a, b) => Op::CopyDirAll(p(a), p(b)),
            Op::CopyFrom(slot, a, b) => Op::CopyFrom(*slot, path(a, Some(*slot)), p(b)),
            Op::SetModified(a, time) => Op::SetModified(p(a), *time),
            Op::Write(a, bytes) => Op::Write(p(a), *bytes),
            Op::WriteVec(a, bytes) => Op::WriteVec(p(a), *bytes),
            Op::WriteContent(a, slot) => Op::WriteContent(p(a), *slot),
            Op::Append(a, bytes) => Op::Append(p(a), *bytes),
            Op::Import(files) => Op::Import(files.iter().map(|(a, bytes)| (p(a), *bytes)).collect()),
            Op::Read(source, read) => Op::Read(*source, read.spelled(*source, path)),
            Op::Open(a, options) => Op::Open(p(a), options.clone()),
            Op::OpenAs(a, mode) => Op::OpenAs(p(a), *mode),
            Op::File(index, op) => Op::File(*index, *op),
            Op::SetMaxQuota(bytes) => Op::SetMaxQuota(*bytes),
            Op::SetMaxNodes(nodes) => Op::SetMaxNodes(*nodes),
            Op::KeepContent(slot, source, a) => Op::KeepContent(*slot, *source, path(a, *source)),
            Op::DropContent(slot) => Op::DropContent(*slot),
            Op::TakeSnapshot(slot) => Op::TakeSnapshot(*slot),
            Op::DropSnapshot(slot) => Op::DropSnapshot(*slot),
            Op::Restore(slot) => Op::Restore(*slot),
            Op::Diff(a, b) => Op::Diff(*a, *b),
            Op::Fork(slot, config) => Op::Fork(*slot, config.clone()),
            Op::Tick(secs) => Op::Tick(*secs),
        }
    }
}

/// An operation, and which of the filesystems it is for.
#[derive(Debug, Clone)]
pub struct Step {
    pub fs: usize,
    pub op: Op,
}

const LONG: &str = "a-name-of-twenty-four-by";

fn component() -> BoxedStrategy<String> {
    prop_oneof![
        30 => select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned),
        6 => select(vec!["e", "a.b", "é", "a-"]).prop_map(str::to_owned),
        3 => Just(LONG.to_owned()),
        1 => Just("n".repeat(23)),
        1 => Just("n".repeat(255)),
    ]
    .boxed()
}

/// A path that is valid unless it is too deep, mostly shallow.
fn plain() -> BoxedStrategy<String> {
    prop_oneof![
        10 => vec(component(), 1..=1),
        12 => vec(component(), 2..=2),
        5 => vec(component(), 3..=3),
        2 => vec(component(), 4..=7),
    ]
    .prop_map(|components| format!("/{}", components.join("/")))
    .boxed()
}

fn spelled() -> BoxedStrategy<String> {
    let odd = select(vec![
        "",
        "/",
        ".",
        "//",
        "/..",
        "/a/../..",
        "/a\0b",
        "a\0/..",
        "..",
        "/a/./b/..",
        "\\",
        "/a/b/../../a",
    ]);
    prop_oneof![
        60 => plain(),
        2 => plain().prop_map(|path| path.replace('/', "//")),
        2 => plain().prop_map(|path| path.replace('/', "\\")),
        2 => plain().prop_map(|path| path.replacen('/', "./x/../", 1) + "/."),
        1 => plain().prop_map(|path| format!("{path}/{}/../../{}", "d/".repeat(9), "../".repeat(9))),
        1 => plain().prop_map(|path| format!("{path}/{}", "n".repeat(256))),
        3 => odd.prop_map(str::to_owned),
    ]
    .boxed()
}

/// Mostly of one kind, sometimes of any.
fn mostly(kind: BoxedStrategy<Pick>) -> BoxedStrategy<Pick> {
    prop_oneof![
        14 => kind,
        5 => spelled().prop_map(Pick::Spelled),
        2 => pick().prop_map(Pick::Node),
        1 => pick().prop_map(Pick::Dir),
        1 => pick().prop_map(Pick::File),
        1 => pick().prop_map(Pick::Held),
        1 => (pick(), component()).prop_map(|(dir, name)| Pick::In(dir, name)),
    ]
    .boxed()
}

fn pick() -> BoxedStrategy<usize> {
    (0..1000_usize).boxed()
}

pub fn any_path() -> BoxedStrategy<Pick> {
    mostly(pick().prop_map(Pick::Node).boxed())
}

fn file() -> BoxedStrategy<Pick> {
    mostly(pick().prop_map(Pick::File).boxed())
}

fn dir() -> BoxedStrategy<Pick> {
    mostly(pick().prop_map(Pick::Dir).boxed())
}

/// Something that may not exist yet, in a directory that does.
fn fresh() -> BoxedStrategy<Pick> {
    mostly((pick(), component()).prop_map(|(dir, name)| Pick::In(dir, name)).boxed())
}

/// A file, or where one may be made.
fn file_or_fresh() -> BoxedStrategy<Pick> {
    prop_oneof![file(), fresh()].boxed()
}

fn bytes() -> BoxedStrategy<Bytes> {
    let len = prop_oneof![
        2 => Just(0_usize),
        14 => 1..40_usize,
        3 => 40..600_usize,
        2 => select(vec![65_535, 65_536, 65_537, 70_000, 131_072, 131_073, 32_768, 16_384]),
    ];
    (len, 0..6_u8).prop_map(|(len, seed)| Bytes { len, seed }).boxed()
}

fn offset() -> BoxedStrategy<u64> {
    prop_oneof![
        20 => 0..40_u64,
        4 => 40..700_u64,
        4 => select(vec![65_535_u64, 65_536, 65_537, 131_072, 98_304, 16_384]),
        1 => select(vec![1 << 33, (1 << 63) - 1, (1 << 63) - 20, 1 << 63, u64::MAX]),
    ]
    .boxed()
}

fn pattern() -> BoxedStrategy<String> {
    let part = prop_oneof![
        select(vec!["*", "**", "a", "b", "?", "a*", "*b", "[a-b]", "[!a]", "[]a]", "[!]]", "[b-a]", "[a-]"]),
        select(vec!["[", "a[", "[]", "[!", "[!]", ".", "..", "a**", "**b", "?*?", "[[]", "[^a]", "{a,b}"]),
        select(vec!["a-*", "*a*m*y", "?", "**", "*", "]", "é", "[é]", "n*n", "\\a", "a/[", "[a/b]"]),
    ];
    vec(part, 0..=4).prop_map(|parts| format!("/{}", parts.join("/"))).boxed()
}

fn read() -> BoxedStrategy<Read> {
    prop_oneof![
        3 => any_path().prop_map(Read::Look),
        2 => dir().prop_map(Read::List),
        3 => file().prop_map(Read::Whole),
        2 => (dir(), any::<u8>()).prop_map(|(p, skip)| Read::Walk(p, skip)),
        3 => pattern().prop_map(Read::Glob),
        2 => (any_path(), any::<bool>()).prop_map(|(p, d)| Read::Export(p, d)),
        1 => (file(), proptest::option::of(0..30_u64)).prop_map(|(p, max)| Read::ExportBytes(p, max)),
    ]
    .boxed()
}

fn options() -> BoxedStrategy<Options> {
    let flags = any::<[bool; 8]>();
    let preallocate = prop_oneof![6 => Just(0_u64), 2 => 1..100_u64, 1 => select(vec![65_536_u64, 70_000])];
    let any_flags = (flags, preallocate).prop_map(|(flags, preallocate)| {
        let [read, write, append, truncate, create, create_new, atomic, shared_lock] = flags;
        Options { read, write, append, truncate, create, create_new, atomic, shared_lock, preallocate }
    });
    // Half of those drawn blindly are refused; these are not.
    let sensible = (any_flags.clone(), 0..8_u8).prop_map(|(any, how)| {
        let mut options = Options { create_new: any.create_new && any.shared_lock, ..any };
        match how {
            0 => Options { read: true, shared_lock: true, ..Options::default() },
            1 => Options { read: true, ..Options::default() },
            2 | 3 => {
                options = Options { append: true, truncate: false, shared_lock: false, ..options };
                options
            }
            _ => {
                options = Options { read: true, write: true, append: false, shared_lock: false, ..options };
                options
            }
        }
    });
    prop_oneof![1 => any_flags, 5 => sensible].boxed()
}

fn file_op() -> BoxedStrategy<FileOp> {
    let by = prop_oneof![6 => -50..50_i64, 1 => select(vec![i64::MIN, i64::MAX, 65_536, -65_536])];
    let seek = prop_oneof![
        offset().prop_map(SeekTo::Start),
        by.clone().prop_map(SeekTo::Current),
        by.prop_map(SeekTo::End),
    ];
    prop_oneof![
        3 => (0..50_usize, offset()).prop_map(|(len, at)| FileOp::ReadAt(len, at)),
        3 => prop_oneof![9 => 0..50_usize, 1 => Just(140_000)].prop_map(FileOp::Read),
        6 => (bytes(), offset()).prop_map(|(bytes, at)| FileOp::WriteAt(bytes, at)),
        8 => bytes().prop_map(FileOp::Write),
        4 => seek.prop_map(FileOp::Seek),
        4 => offset().prop_map(FileOp::SetLen),
        3 => Just(FileOp::Flush),
        3 => Just(FileOp::Commit),
        4 => Just(FileOp::Close),
        2 => Just(FileOp::Discard),
        2 => Just(FileOp::Drop),
    ]
    .boxed()
}

fn quota() -> BoxedStrategy<u64> {
    prop_oneof![
        6 => Just(4_u64 << 20),
        3 => 0..400_u64,
        2 => 400..2000_u64,
        2 => 65_000..300_000_u64,
    ]
    .boxed()
}

fn nodes() -> BoxedStrategy<u64> {
    prop_oneof![3 => Just(10_000_u64), 2 => 1..12_u64].boxed()
}

pub fn config() -> BoxedStrategy<Config> {
    let storage = prop_oneof![3 => Just(Storage::Auto), 1 => Just(Storage::Sequential), 1 => Just(Storage::RandomAccess)];
    let depth = prop_oneof![3 => 2..7_usize, 2 => Just(512_usize)];
    let promotion = prop_oneof![Just(512_u64 << 20), 0..60_u64];
    let overheads = prop_oneof![3 => Just((0_u64, 0_u64)), 1 => (0..10_u64, 0..10_u64), 1 => Just((16, 100))];
    (quota(), nodes(), depth, storage, promotion, overheads)
        .prop_map(|(quota, nodes, depth, storage, promotion_limit, (chunk_overhead, node_overhead))| Config {
            quota,
            nodes,
            depth,
            storage,
            promotion_limit,
            chunk_overhead,
            node_overhead,
        })
        .boxed()
}

const SNAPSHOTS: std::ops::Range<usize> = 0..3;
const CONTENTS: std::ops::Range<usize> = 0..2;

fn namespace() -> BoxedStrategy<Op> {
    prop_oneof![
        10 => fresh().prop_map(Op::CreateDir),
        6 => fresh().prop_map(Op::CreateDirAll),
        4 => file().prop_map(Op::RemoveFile),
        4 => dir().prop_map(Op::RemoveDir),
        3 => dir().prop_map(Op::RemoveDirAll),
        1 => Just(Op::Clear),
        6 => (any_path(), fresh()).prop_map(|(a, b)| Op::Rename(a, b)),
        6 => (any_path(), prop_oneof![fresh(), any_path()]).prop_map(|(a, b)| Op::Replace(a, b)),
        5 => (any_path(), any_path()).prop_map(|(a, b)| Op::Exchange(a, b)),
        5 => (any_path(), prop_oneof![fresh(), spelled().prop_map(Pick::Spelled)]).prop_map(|(a, b)| Op::MovePath(a, b)),
        5 => (file(), fresh()).prop_map(|(a, b)| Op::Copy(a, b)),
        5 => (dir(), fresh()).prop_map(|(a, b)| Op::CopyDirAll(a, b)),
        4 => (SNAPSHOTS, any_path(), fresh()).prop_map(|(slot, a, b)| Op::CopyFrom(slot, a, b)),
    ]
    .boxed()
}

fn writing() -> BoxedStrategy<Op> {
    prop_oneof![
        12 => (file_or_fresh(), bytes()).prop_map(|(p, b)| Op::Write(p, b)),
        3 => (file_or_fresh(), bytes()).prop_map(|(p, b)| Op::WriteVec(p, b)),
        4 => (file_or_fresh(), CONTENTS).prop_map(|(p, slot)| Op::WriteContent(p, slot)),
        9 => (file_or_fresh(), bytes()).prop_map(|(p, b)| Op::Append(p, b)),
        5 => vec((prop_oneof![spelled().prop_map(Pick::Spelled), file_or_fresh()], bytes()), 0..=4).prop_map(Op::Import),
        3 => (any_path(), 0..100_u64).prop_map(|(p, time)| Op::SetModified(p, time)),
    ]
    .boxed()
}

fn around() -> BoxedStrategy<Op> {
    prop_oneof![
        1 => quota().prop_map(Op::SetMaxQuota),
        1 => nodes().prop_map(Op::SetMaxNodes),
        6 => (CONTENTS, proptest::option::of(SNAPSHOTS), file()).prop_map(|(c, s, p)| Op::KeepContent(c, s, p)),
        1 => CONTENTS.prop_map(Op::DropContent),
        8 => SNAPSHOTS.prop_map(Op::TakeSnapshot),
        2 => SNAPSHOTS.prop_map(Op::DropSnapshot),
        3 => SNAPSHOTS.prop_map(Op::Restore),
        3 => (SNAPSHOTS, SNAPSHOTS).prop_map(|(a, b)| Op::Diff(a, b)),
        2 => (SNAPSHOTS, config()).prop_map(|(slot, config)| Op::Fork(slot, config)),
        3 => (-5..20_i64).prop_map(Op::Tick),
    ]
    .boxed()
}

fn mode() -> BoxedStrategy<Mode> {
    prop_oneof![
        2 => Just(Mode::Open),
        3 => Just(Mode::Create),
        3 => select(vec!["rb", "wb", "ab", "r+b", "xb", "w+", ""]).prop_map(Mode::Named),
    ]
    .boxed()
}

pub fn op() -> BoxedStrategy<Op> {
    prop_oneof![
        26 => namespace(),
        22 => writing(),
        14 => (proptest::option::weighted(0.3, SNAPSHOTS), read()).prop_map(|(s, r)| Op::Read(s, r)),
        8 => (file_or_fresh(), options()).prop_map(|(p, o)| Op::Open(p, o)),
        3 => (file_or_fresh(), mode()).prop_map(|(p, m)| Op::OpenAs(p, m)),
        22 => (0..6_usize, file_op()).prop_map(|(h, op)| Op::File(h, op)),
        16 => around(),
    ]
    .boxed()
}

fn step() -> BoxedStrategy<Step> {
    (prop_oneof![5 => Just(0_usize), 2 => 0..3_usize], op()).prop_map(|(fs, op)| Step { fs, op }).boxed()
}

/// Something to begin with.
pub fn beginning() -> BoxedStrategy<Vec<Step>> {
    let path = || plain().prop_map(Pick::Spelled);
    let op = prop_oneof![
        path().prop_map(Op::CreateDirAll),
        vec((path(), bytes()), 1..5).prop_map(Op::Import),
        (path(), bytes()).prop_map(|(path, bytes)| Op::Write(path, bytes)),
    ];
    vec(op.prop_map(|op| Step { fs: 0, op }), 0..6).boxed()
}

/// What is done in one case.
pub fn steps() -> BoxedStrategy<Vec<Step>> {
    (beginning(), vec(step(), 1..60)).prop_map(|(beginning, rest)| [beginning, rest].concat()).boxed()
}

/// The time that a number of seconds stands for.
pub fn time(secs: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}
