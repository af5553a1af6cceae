//! Random plans: what the threads of a history do.
//!
//! Nothing that is planned can wait for ever. A thread has one handle at most, and while it may
//! hold a lock it calls what waits (one-shot writes; it opens nothing) only on paths that come
//! after the held one: the order that users are told to open several files in.

use std::fmt;

use crate::history::{Create, Op, Opening, THREADS};

const OPS: usize = 6;
const PATHS: [&str; 6] = ["/a", "/b", "/d", "/d/a", "/d/b", "/e"];

/// A small generator of random numbers: the same seed gives the same ones.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below a usize")
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// How the threads of a history keep out of step. Windows of a few instructions are met best by
/// threads that run at full speed, those between two steps of an operation by threads that give
/// way in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// They do not.
    Fast,
    /// They pause for up to some hundred nanoseconds.
    Pausing,
    /// They pause for longer, and let others have their core.
    Yielding,
}

/// What happens in one history.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Performed before, by one thread; all of it succeeds.
    pub before: Vec<Op>,
    pub threads: [Vec<Op>; THREADS],
    pub temper: Temper,
    /// Where the jitter of each thread begins.
    pub jitter: [u64; THREADS],
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ops: &[Op]| ops.iter().map(|op| format!("    {op}\n")).collect::<String>();
        write!(f, "before:\n{}", list(&self.before))?;
        self.threads
            .iter()
            .enumerate()
            .try_for_each(|(number, ops)| write!(f, "thread {number}:\n{}", list(ops)))
    }
}

/// What kinds of calls there are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Write,
    Append,
    Read,
    Content,
    Remove,
    CreateDir,
    CreateDirAll,
    Clear,
    Rename,
    Replace,
    Exchange,
    MovePath,
    CopyFile,
    CopyDirAll,
    Metadata,
    SetModified,
    ReadDir,
    WholeTree,
    Import,
    Snapshot,
    Restore,
    Open,
    Transaction,
}

use Kind::{
    Append, Clear, Content, CopyDirAll, CopyFile, CreateDir, CreateDirAll, Exchange, Import, Metadata,
    MovePath, Open, Read, ReadDir, Remove, Rename, Replace, Restore, SetModified, Snapshot, Transaction,
    WholeTree, Write,
};

/// All kinds; those that say more come more often.
const KINDS: [Kind; 34] = [
    Write,
    Write,
    Append,
    Append,
    Append,
    Read,
    Read,
    Content,
    Remove,
    Remove,
    CreateDir,
    CreateDirAll,
    Clear,
    Rename,
    Rename,
    Replace,
    Exchange,
    MovePath,
    CopyFile,
    CopyDirAll,
    Metadata,
    SetModified,
    ReadDir,
    WholeTree,
    Import,
    Import,
    Snapshot,
    Snapshot,
    Restore,
    Open,
    Open,
    Open,
    Transaction,
    Transaction,
];

impl Plan {
    /// The plan of a seed. Each is of a few kinds of calls on a few paths, so that calls meet.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut before = Vec::new();
        if !random.one_in(6) {
            before.push(Op::CreateDir("/d"));
        }
        for path in ["/a", "/b", "/d/a", "/d/b"] {
            if !random.one_in(3) && (!path.starts_with("/d/") || before.first() == Some(&Op::CreateDir("/d")))
            {
                before.push(Op::Write(path, ["", "old"][random.below(2)].to_owned()));
            }
        }
        let kinds = (0..3 + random.below(6)).map(|_| random.pick(&KINDS)).collect();
        let paths = (0..1 + random.below(4)).map(|_| random.pick(&PATHS)).collect();
        let mut writer = Writer { random, kinds, paths, written: 0 };
        let threads = [0, 1, 2].map(|thread| writer.thread(thread));
        let temper = writer.random.pick(&[Temper::Fast, Temper::Pausing, Temper::Yielding]);
        let jitter = [0; THREADS].map(|_| writer.random.next());
        Self { before, threads, temper, jitter }
    }

    /// The same plan with other jitter.
    pub fn again(&self, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let temper = random.pick(&[Temper::Fast, Temper::Pausing, Temper::Yielding]);
        Self { temper, jitter: [0; THREADS].map(|_| random.next()), ..self.clone() }
    }
}

struct Writer {
    random: Random,
    kinds: Vec<Kind>,
    paths: Vec<&'static str>,
    written: usize,
}

impl Writer {
    fn thread(&mut self, thread: usize) -> Vec<Op> {
        let mut ops = Vec::with_capacity(OPS + 1);
        let (mut open, mut saved) = (None, false);
        while ops.len() < OPS {
            let op = match open {
                Some(_) if self.random.below(5) < 3 => self.of_handle(thread),
                _ => self.call(thread, open, saved),
            };
            match &op {
                Op::Open(path, _) => open = Some(*path),
                Op::Close | Op::Discard | Op::DropHandle => open = None,
                Op::Snapshot => saved = true,
                _ => {}
            }
            ops.push(op);
        }
        if open.is_some() {
            ops.push(if self.random.one_in(3) { Op::DropHandle } else { Op::Close });
        }
        ops
    }

    fn path(&mut self) -> &'static str {
        self.random.pick(&self.paths.clone())
    }

    /// Mostly another one than the first.
    fn second(&mut self, first: &str) -> &'static str {
        let mut path = self.random.pick(&PATHS);
        for _ in 0..2 {
            if path == first {
                path = self.random.pick(&PATHS);
            }
        }
        path
    }

    /// Bytes that nothing else writes, or rarely none.
    fn bytes(&mut self, thread: usize) -> String {
        if self.random.one_in(10) {
            return String::new();
        }
        self.written += 1;
        format!("{}{}", ["x", "y", "z"][thread], self.written)
    }

    /// A path that may be waited for with a handle on `held`.
    fn after(&mut self, held: &str) -> Option<&'static str> {
        let mut allowed: Vec<_> = self.paths.iter().copied().filter(|path| *path > held).collect();
        if allowed.is_empty() {
            allowed.extend(PATHS.iter().copied().filter(|path| *path > held));
        }
        if allowed.is_empty() { None } else { Some(self.random.pick(&allowed)) }
    }

    fn call(&mut self, thread: usize, held: Option<&str>, saved: bool) -> Op {
        let kind = self.random.pick(&self.kinds.clone());
        match (kind, held) {
            (Open, Some(_)) => self.of_handle(thread),
            (Open, None) => {
                let path = self.path();
                Op::Open(path, self.opening())
            }
            (Write | Append, Some(held)) => match self.after(held) {
                Some(path) if kind == Write => Op::Write(path, self.bytes(thread)),
                Some(path) => Op::Append(path, self.bytes(thread)),
                None => Op::Read(self.path()),
            },
            (Restore, _) if !saved => Op::Snapshot,
            (Restore, _) if self.random.one_in(3) => {
                let path = self.path();
                Op::CopyFrom(path, self.second(path))
            }
            (Restore, _) => Op::Restore,
            (Snapshot, _) => Op::Snapshot,
            (Transaction, _) => self.transaction(thread),
            (kind, _) => self.plain(kind, thread),
        }
    }

    /// A call that a filesystem and a transaction have in common.
    fn plain(&mut self, kind: Kind, thread: usize) -> Op {
        let path = self.path();
        match kind {
            Write => Op::Write(path, self.bytes(thread)),
            Append => Op::Append(path, self.bytes(thread)),
            Content => Op::Content(path),
            Remove => match self.random.below(4) {
                0 | 1 => Op::RemoveFile(path),
                2 => Op::RemoveDir(path),
                _ => Op::RemoveDirAll(path),
            },
            CreateDir => Op::CreateDir(path),
            CreateDirAll => Op::CreateDirAll(path),
            Clear => Op::Clear,
            Rename => Op::Rename(path, self.second(path)),
            Replace => Op::Replace(path, self.second(path)),
            Exchange => Op::Exchange(path, self.second(path)),
            MovePath => Op::MovePath(path, self.second(path)),
            CopyFile => Op::Copy(path, self.second(path)),
            CopyDirAll => Op::CopyDirAll(path, self.second(path)),
            Metadata => Op::Metadata(path),
            SetModified => {
                self.written += 1;
                Op::SetModified(path, u8::try_from(self.written).expect("a plan is short"))
            }
            ReadDir => Op::ReadDir(if self.random.one_in(2) { "/" } else { path }),
            WholeTree => match self.random.below(4) {
                0 => Op::Glob,
                1 => Op::Walk,
                2 => Op::Export,
                _ => Op::Usage,
            },
            Import => {
                let other = self.second(path);
                Op::Import(vec![(path, self.bytes(thread)), (other, self.bytes(thread))])
            }
            _ => Op::Read(path),
        }
    }

    fn transaction(&mut self, thread: usize) -> Op {
        const STEPS: [Kind; 14] = [
            Write,
            Append,
            Append,
            Rename,
            Rename,
            Replace,
            Exchange,
            CopyFile,
            Remove,
            CreateDirAll,
            Import,
            WholeTree,
            ReadDir,
            SetModified,
        ];
        let mut steps = vec![Op::Read(self.path())];
        for _ in 0..1 + self.random.below(3) {
            let own: Vec<Kind> = self.kinds.iter().copied().filter(|kind| STEPS.contains(kind)).collect();
            let any = own.is_empty() || self.random.one_in(3);
            let kind = self.random.pick(if any { &STEPS } else { &own });
            steps.push(self.plain(kind, thread));
        }
        for step in &mut steps {
            match step {
                // Whether one of no bytes is Busy depends on a lock alone, and only at its look.
                Op::Append(_, bytes) if bytes.is_empty() => bytes.push('-'),
                Op::Export => *step = Op::Walk, // transactions have no exports
                _ => {}
            }
        }
        Op::Transaction(steps)
    }

    fn opening(&mut self) -> Opening {
        let wait = self.random.one_in(3);
        match self.random.below(8) {
            0 => Opening::Read,
            1 => Opening::Shared { wait },
            _ => {
                let create = match self.random.below(6) {
                    0 | 1 => Create::Never,
                    2 => Create::New,
                    _ => Create::IfMissing,
                };
                let truncate = self.random.one_in(4);
                let append = !truncate && self.random.one_in(3);
                Opening::Write { create, truncate, append, atomic: self.random.one_in(4), wait }
            }
        }
    }

    fn of_handle(&mut self, thread: usize) -> Op {
        match self.random.below(16) {
            0..5 => Op::HandleWrite(self.bytes(thread)),
            5 => Op::HandleSetLen(u8::try_from(self.random.below(5)).expect("it is small")),
            6..8 => Op::HandleRead,
            8..11 => Op::Flush,
            11 => Op::Commit,
            12..14 => Op::Close,
            14 => Op::Discard,
            _ => Op::DropHandle,
        }
    }
}
