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

#[derive(Debug, Clone)]
pub enum Read {
    Look(String),
    ReadDir(String),
    Read(String),
    Walk(String, u8),
    Glob(String),
    Export(String, bool),
    ExportBytes(String, Option<u64>),
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
pub enum Op {
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
    Write(String, Bytes),
    WriteVec(String, Bytes),
    WriteContent(String, usize),
    Append(String, Bytes),
    Import(Vec<(String, Bytes)>),
    Read(Source, Read),
    Open(String, Options),
    OpenAs(String, Mode),
    File(usize, FileOp),
    SetMaxQuota(u64),
    SetMaxNodes(u64),
    KeepContent(usize, Source, String),
    DropContent(usize),
    TakeSnapshot(usize),
    DropSnapshot(usize),
    Restore(usize),
    Diff(usize, usize),
    Fork(usize, Config),
    /// Moves the clock, perhaps back.
    Tick(i64),
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
        30 => select(vec!["a", "b"]).prop_map(str::to_owned),
        6 => select(vec!["c", "a.b", "é", "a-"]).prop_map(str::to_owned),
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

pub fn path() -> BoxedStrategy<String> {
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
        3 => path().prop_map(Read::Look),
        2 => path().prop_map(Read::ReadDir),
        3 => path().prop_map(Read::Read),
        2 => (prop_oneof![Just("/".to_owned()), path()], any::<u8>()).prop_map(|(p, skip)| Read::Walk(p, skip)),
        3 => pattern().prop_map(Read::Glob),
        2 => (prop_oneof![Just("/".to_owned()), path()], any::<bool>()).prop_map(|(p, d)| Read::Export(p, d)),
        1 => (path(), proptest::option::of(0..30_u64)).prop_map(|(p, max)| Read::ExportBytes(p, max)),
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
        10 => path().prop_map(Op::CreateDir),
        6 => path().prop_map(Op::CreateDirAll),
        4 => path().prop_map(Op::RemoveFile),
        4 => path().prop_map(Op::RemoveDir),
        3 => path().prop_map(Op::RemoveDirAll),
        1 => Just(Op::Clear),
        6 => (path(), path()).prop_map(|(a, b)| Op::Rename(a, b)),
        6 => (path(), path()).prop_map(|(a, b)| Op::Replace(a, b)),
        5 => (path(), path()).prop_map(|(a, b)| Op::Exchange(a, b)),
        5 => (path(), path()).prop_map(|(a, b)| Op::MovePath(a, b)),
        5 => (path(), path()).prop_map(|(a, b)| Op::Copy(a, b)),
        5 => (path(), path()).prop_map(|(a, b)| Op::CopyDirAll(a, b)),
        4 => (SNAPSHOTS, path(), path()).prop_map(|(slot, a, b)| Op::CopyFrom(slot, a, b)),
    ]
    .boxed()
}

fn writing() -> BoxedStrategy<Op> {
    prop_oneof![
        12 => (path(), bytes()).prop_map(|(p, b)| Op::Write(p, b)),
        3 => (path(), bytes()).prop_map(|(p, b)| Op::WriteVec(p, b)),
        4 => (path(), CONTENTS).prop_map(|(p, slot)| Op::WriteContent(p, slot)),
        9 => (path(), bytes()).prop_map(|(p, b)| Op::Append(p, b)),
        5 => vec((path(), bytes()), 0..=4).prop_map(Op::Import),
        3 => (path(), 0..100_u64).prop_map(|(p, time)| Op::SetModified(p, time)),
    ]
    .boxed()
}

fn around() -> BoxedStrategy<Op> {
    prop_oneof![
        1 => quota().prop_map(Op::SetMaxQuota),
        1 => nodes().prop_map(Op::SetMaxNodes),
        2 => (CONTENTS, proptest::option::of(SNAPSHOTS), path()).prop_map(|(c, s, p)| Op::KeepContent(c, s, p)),
        2 => CONTENTS.prop_map(Op::DropContent),
        4 => SNAPSHOTS.prop_map(Op::TakeSnapshot),
        3 => SNAPSHOTS.prop_map(Op::DropSnapshot),
        3 => SNAPSHOTS.prop_map(Op::Restore),
        3 => (SNAPSHOTS, SNAPSHOTS).prop_map(|(a, b)| Op::Diff(a, b)),
        1 => (SNAPSHOTS, config()).prop_map(|(slot, config)| Op::Fork(slot, config)),
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

fn op() -> BoxedStrategy<Op> {
    prop_oneof![
        26 => namespace(),
        22 => writing(),
        14 => (proptest::option::weighted(0.3, SNAPSHOTS), read()).prop_map(|(s, r)| Op::Read(s, r)),
        8 => (path(), options()).prop_map(|(p, o)| Op::Open(p, o)),
        3 => (path(), mode()).prop_map(|(p, m)| Op::OpenAs(p, m)),
        22 => (0..6_usize, file_op()).prop_map(|(h, op)| Op::File(h, op)),
        10 => around(),
    ]
    .boxed()
}

pub fn step() -> BoxedStrategy<Step> {
    (prop_oneof![5 => Just(0_usize), 2 => 0..3_usize], op()).prop_map(|(fs, op)| Step { fs, op }).boxed()
}

/// The time that a number of seconds stands for.
pub fn time(secs: u64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
}
