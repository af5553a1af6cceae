//! What happened: operations, their answers, and when they began and ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use arcfs::{Error, ErrorKind};

/// Threads of a history.
pub const THREADS: usize = 3;

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Write(&'static str, String),
    Append(&'static str, String),
    Read(&'static str),
    /// As `Read`, the bytes copied some time after the call.
    Content(&'static str),
    RemoveFile(&'static str),
    CreateDir(&'static str),
    CreateDirAll(&'static str),
    RemoveDir(&'static str),
    RemoveDirAll(&'static str),
    Clear,
    Rename(&'static str, &'static str),
    Replace(&'static str, &'static str),
    Exchange(&'static str, &'static str),
    MovePath(&'static str, &'static str),
    Copy(&'static str, &'static str),
    CopyDirAll(&'static str, &'static str),
    Metadata(&'static str),
    SetModified(&'static str, u8),
    ReadDir(&'static str),
    Glob,
    Walk,
    Export,
    Usage,
    Import(Vec<(&'static str, String)>),
    /// Takes a snapshot, reads all of it, and keeps it as the thread's own.
    Snapshot,
    /// Restores the thread's snapshot.
    Restore,
    /// Copies out of the thread's snapshot.
    CopyFrom(&'static str, &'static str),
    /// Opens the thread's handle; it has one at most.
    Open(&'static str, Opening),
    HandleWrite(String),
    HandleSetLen(u8),
    HandleRead,
    Flush,
    Commit,
    Close,
    Discard,
    DropHandle,
    /// Runs these calls, and goes on after each error but `Busy`.
    Transaction(Vec<Op>),
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// For reading, without a lock.
    Read,
    /// For reading, under the shared lock.
    Shared { wait: bool },
    /// For reading and writing, under the exclusive lock.
    Write { create: Create, truncate: bool, append: bool, atomic: bool, wait: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    Never,
    IfMissing,
    New,
}

/// What can be seen of one file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    pub is_dir: bool,
    pub len: u64,
    pub generation: u64,
    pub modified: u8,
}

/// A file or directory with all that can be seen of it. Children of a directory have paths of
/// their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    File { bytes: Vec<u8>, generation: u64, modified: u8 },
    Dir { modified: u8 },
}

/// Everything but the root, by path.
pub type Tree = BTreeMap<String, Node>;

/// What a call answered when it succeeded.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Unit,
    Len(u64),
    Bytes(Vec<u8>),
    Meta(Meta),
    Entries(Vec<(String, Meta)>),
    Paths(Vec<String>),
    Walk(Vec<(String, Vec<String>, Vec<String>)>),
    Files(Vec<(String, Vec<u8>)>),
    Usage { bytes: u64, files: u64, dirs: u64 },
    Tree(Tree),
    Many(Vec<Outcome>),
}

/// What a call answered. `Busy` is without its duration.
pub type Outcome = Result<Answer, ErrorKind>;

/// `Busy`, as outcomes are compared.
pub const BUSY: ErrorKind = ErrorKind::Busy { waited: Duration::ZERO };

/// An error as outcomes are compared.
pub fn kind_of(error: &Error) -> ErrorKind {
    match error.kind() {
        ErrorKind::Busy { .. } => BUSY,
        kind => kind.clone(),
    }
}

/// One call of one thread, from its invocation to its response.
///
/// Both are numbers of one sequence: a call that responded before another was invoked came first.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub thread: usize,
    pub op: Op,
    pub outcome: Outcome,
    pub invoked: u64,
    pub responded: u64,
}

impl Event {
    /// Whether this ended before the other began.
    pub fn precedes(&self, other: &Event) -> bool {
        self.responded < other.invoked
    }

    pub fn overlaps(&self, other: &Event) -> bool {
        self.thread != other.thread && !self.precedes(other) && !other.precedes(self)
    }
}

/// Whether any two calls ran at the same time.
pub fn has_overlap(events: &[Event]) -> bool {
    events.iter().enumerate().any(|(at, one)| events[at..].iter().any(|other| one.overlaps(other)))
}

/// One line for each invocation and each response, one column for each thread.
pub struct Timeline<'a>(pub &'a [Event]);

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: usize = 44;
        let mut moments: Vec<_> = self
            .0
            .iter()
            .enumerate()
            .flat_map(|(number, event)| [(event.invoked, number, true), (event.responded, number, false)])
            .collect();
        moments.sort_unstable();
        write!(f, "{:>5}", "")?;
        for thread in 0..THREADS {
            write!(f, "  {:WIDTH$}", format!("thread {thread}"))?;
        }
        writeln!(f)?;
        let mut running = [false; THREADS];
        for (row, (_, number, begins)) in moments.into_iter().enumerate() {
            let event = &self.0[number];
            running[event.thread] = begins;
            write!(f, "{row:>5}")?;
            for (thread, runs) in running.iter().enumerate() {
                let cell = match (thread == event.thread, begins) {
                    (true, true) => format!("┌ [{number}] {}", event.op),
                    (true, false) => format!("└ [{number}] {}", Shown(&event.outcome)),
                    (false, _) if *runs => "│".to_owned(),
                    (false, _) => String::new(),
                };
                write!(f, "  {cell:WIDTH$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// An outcome, short.
pub struct Shown<'a>(pub &'a Outcome);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(answer) => write!(f, "{answer}"),
            Err(ErrorKind::Busy { .. }) => write!(f, "Busy"),
            Err(kind) => write!(f, "{kind:?}"),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => write!(f, "ok"),
            Self::Len(len) => write!(f, "ok, {len} bytes"),
            Self::Bytes(bytes) => write!(f, "{}", text(bytes)),
            Self::Meta(meta) => write!(f, "{meta}"),
            Self::Entries(entries) => {
                let entries: Vec<_> = entries.iter().map(|(name, meta)| format!("{name}: {meta}")).collect();
                write!(f, "[{}]", entries.join(", "))
            }
            Self::Paths(paths) => write!(f, "{}", paths.join(" ")),
            Self::Walk(steps) => {
                for (path, dirs, files) in steps {
                    write!(f, "{path} [{}|{}] ", dirs.join(" "), files.join(" "))?;
                }
                Ok(())
            }
            Self::Files(files) => {
                let files: Vec<_> =
                    files.iter().map(|(path, bytes)| format!("{path}={}", text(bytes))).collect();
                write!(f, "{{{}}}", files.join(", "))
            }
            Self::Usage { bytes, files, dirs } => write!(f, "{bytes} bytes, {files} files, {dirs} dirs"),
            Self::Tree(tree) => write!(f, "{}", ShownTree(tree)),
            Self::Many(outcomes) => {
                let outcomes: Vec<_> = outcomes.iter().map(|outcome| Shown(outcome).to_string()).collect();
                write!(f, "[{}]", outcomes.join("; "))
            }
        }
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_dir, len, generation, modified } = self;
        match is_dir {
            true => write!(f, "dir")?,
            false => write!(f, "file of {len}, generation {generation}")?,
        }
        if *modified > 0 { write!(f, ", modified {modified}") } else { Ok(()) }
    }
}

/// A tree in one line.
pub struct ShownTree<'a>(pub &'a Tree);

impl fmt::Display for ShownTree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.0.iter().map(|(path, node)| match node {
            Node::File { bytes, generation, modified } => {
                format!("{path}={}@{generation}m{modified}", text(bytes))
            }
            Node::Dir { modified } => format!("{path}/m{modified}"),
        });
        write!(f, "{{{}}}", nodes.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(path, bytes) => write!(f, "write {path} {bytes:?}"),
            Self::Append(path, bytes) => write!(f, "append {path} {bytes:?}"),
            Self::Read(path) => write!(f, "read {path}"),
            Self::Content(path) => write!(f, "content {path}"),
            Self::RemoveFile(path) => write!(f, "remove_file {path}"),
            Self::CreateDir(path) => write!(f, "create_dir {path}"),
            Self::CreateDirAll(path) => write!(f, "create_dir_all {path}"),
            Self::RemoveDir(path) => write!(f, "remove_dir {path}"),
            Self::RemoveDirAll(path) => write!(f, "remove_dir_all {path}"),
            Self::Rename(from, to) => write!(f, "rename {from} {to}"),
            Self::Replace(from, to) => write!(f, "replace {from} {to}"),
            Self::Exchange(from, to) => write!(f, "exchange {from} {to}"),
            Self::MovePath(from, to) => write!(f, "move_path {from} {to}"),
            Self::Copy(from, to) => write!(f, "copy {from} {to}"),
            Self::CopyDirAll(from, to) => write!(f, "copy_dir_all {from} {to}"),
            Self::CopyFrom(from, to) => write!(f, "copy_from its snapshot {from} {to}"),
            Self::Metadata(path) => write!(f, "metadata {path}"),
            Self::SetModified(path, time) => write!(f, "set_modified {path} {time}"),
            Self::ReadDir(path) => write!(f, "read_dir {path}"),
            Self::Import(files) => {
                let files: Vec<_> = files.iter().map(|(path, bytes)| format!("{path}={bytes:?}")).collect();
                write!(f, "import_tree {}", files.join(" "))
            }
            Self::Open(path, Opening::Read) => write!(f, "open {path} to read"),
            Self::Open(path, Opening::Shared { wait }) => {
                write!(f, "open {path} shared{}", if *wait { "" } else { ", no wait" })
            }
            Self::Open(path, Opening::Write { create, truncate, append, atomic, wait }) => {
                write!(f, "open {path} to write")?;
                match create {
                    Create::Never => {}
                    Create::IfMissing => write!(f, ", create")?,
                    Create::New => write!(f, ", create_new")?,
                }
                for (set, name) in
                    [(truncate, "truncate"), (append, "append"), (atomic, "atomic"), (&!wait, "no wait")]
                {
                    if *set {
                        write!(f, ", {name}")?;
                    }
                }
                Ok(())
            }
            Self::HandleWrite(bytes) => write!(f, "handle: write {bytes:?}"),
            Self::HandleSetLen(len) => write!(f, "handle: set_len {len}"),
            Self::HandleRead => write!(f, "handle: read"),
            Self::Flush => write!(f, "handle: flush"),
            Self::Commit => write!(f, "handle: commit"),
            Self::Close => write!(f, "handle: close"),
            Self::Discard => write!(f, "handle: discard"),
            Self::DropHandle => write!(f, "handle: drop"),
            Self::Transaction(steps) => {
                let steps: Vec<_> = steps.iter().map(Op::to_string).collect();
                write!(f, "transaction {{{}}}", steps.join("; "))
            }
            Self::Clear => write!(f, "clear"),
            Self::Glob => write!(f, "glob"),
            Self::Walk => write!(f, "walk"),
            Self::Export => write!(f, "export"),
            Self::Usage => write!(f, "usage"),
            Self::Snapshot => write!(f, "snapshot"),
            Self::Restore => write!(f, "restore"),
        }
    }
}
