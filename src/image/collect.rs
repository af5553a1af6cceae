//! From trees to tables: every node, content, chunk and long name once, whoever shares it.
//!
//! The current tree comes first, with all directories in full. Each further tree goes down beside
//! the one before it: what is known by pointer is only referred to, and a directory that differs
//! little from the one at its place there is written as the changes. So what a snapshot adds is
//! about its difference, and after loading both share the maps of their entries as well.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::errors::too_many;
use super::format::{
    ChangeRecord, ChunkLen, ChunkNumber, ContentRef, DirRecord, EntryRecord, FileRecord, NameRef, NodeRef,
    Record, SnapshotRecord, Span, Text, Time,
};
use super::payers::Payers;
use crate::content::{Chunk, Content, Parts};
use crate::error::Result;
use crate::tree::dir_map::{self, Difference};
use crate::tree::held::Tree;
use crate::tree::meta::Timestamp;
use crate::tree::node::{self as tree, Dir, EntryRef, FileNode, Payment};

/// Records as they are written.
pub struct List<R> {
    pub bytes: Vec<u8>,
    what: &'static str,
    records: PhantomData<R>,
}

impl<R: Record> List<R> {
    fn new(what: &'static str) -> Self {
        Self { bytes: Vec::new(), what, records: PhantomData }
    }

    pub fn len(&self) -> u64 {
        (self.bytes.len() / R::SIZE) as u64
    }

    /// Adds a record; gives its number.
    fn push(&mut self, record: &R) -> Result<u32> {
        let number = u32::try_from(self.len()).ok().filter(|number| *number < u32::MAX);
        let number = number.ok_or_else(|| too_many(self.what))?;
        record.put(&mut self.bytes);
        Ok(number)
    }

    /// As [`push`](Self::push), of records that are referred to by range and may be more.
    fn add(&mut self, record: &R) {
        record.put(&mut self.bytes);
    }
}

/// Numbers by where things are kept. What they number lives as long as the trees that are collected.
type Known = HashMap<usize, u32, RandomState>;

/// Everything that some trees hold.
pub struct Collected<'a> {
    pub texts: Vec<u8>,
    pub longs: List<Text>,
    pub chunk_lens: List<ChunkLen>,
    pub contents: List<Span>,
    pub parts: List<ChunkNumber>,
    pub files: List<FileRecord>,
    pub dirs: List<DirRecord>,
    pub entries: List<EntryRecord>,
    pub changes: List<ChangeRecord>,
    pub snapshots: List<SnapshotRecord>,
    /// The chunks themselves.
    pub chunks: Vec<&'a Arc<Chunk>>,
    /// The sum of their lengths.
    pub data: u64,
    /// Receipts of directories.
    pub receipts: u64,
    known_longs: Known,
    known_chunks: Known,
    known_contents: Known,
    known_files: Known,
    known_dirs: Known,
    known_receipts: Known,
    /// Which version the tree is of that is being added.
    at: u64,
    file_payers: Payers<FileKey>,
    receipt_payers: Payers<Timestamp>,
    /// Long names by their texts.
    long_texts: HashMap<&'a str, u32, RandomState>,
}

/// What versions of a file have in common of which one pays for the other.
type FileKey = (ContentRef, Timestamp, u64);

/// A directory that is being written.
struct Visit<'a> {
    dir: &'a Dir,
    way: Way<'a>,
    /// The directories below that may still have to be written, each with the one at its place in
    /// the tree before.
    todo: std::vec::IntoIter<Beside<'a>>,
}

type Beside<'a> = (&'a Dir, Option<&'a Dir>);

/// How a directory is written.
enum Way<'a> {
    Full,
    Changes { base: u32, changes: Vec<Difference<'a>> },
}

impl<'a> Collected<'a> {
    pub fn new() -> Self {
        Self {
            texts: Vec::new(),
            longs: List::new("long names"),
            chunk_lens: List::new("chunks"),
            contents: List::new("contents"),
            parts: List::new("parts"),
            files: List::new("versions of files"),
            dirs: List::new("versions of directories"),
            entries: List::new("entries"),
            changes: List::new("changes"),
            snapshots: List::new("snapshots"),
            chunks: Vec::new(),
            data: 0,
            receipts: 0,
            known_longs: Known::default(),
            known_chunks: Known::default(),
            known_contents: Known::default(),
            known_files: Known::default(),
            known_dirs: Known::default(),
            known_receipts: Known::default(),
            at: 0,
            file_payers: Payers::new(),
            receipt_payers: Payers::new(),
            long_texts: HashMap::default(),
        }
    }

    /// Adds a tree; gives the number of its root. `before` is one that was added already, is likely to be much
    /// the same, and not of an earlier version.
    ///
    /// # Errors
    ///
    /// `Unsupported` if there are more records than can be numbered.
    pub fn tree(&mut self, tree: &'a Tree, before: Option<&'a Tree>) -> Result<u32> {
        let (root, before) = (&**tree, before.map(|before| &**before));
        self.at = tree.number();
        if let Some(number) = self.known_dir(root) {
            return Ok(number);
        }
        let mut way = vec![self.visit(root, before)];
        loop {
            let visit = way.last_mut().expect("ends with the root");
            if let Some((dir, before)) = visit.todo.next() {
                if self.known_dir(dir).is_none() {
                    way.push(self.visit(dir, before));
                }
                continue;
            }
            let Visit { dir, way: how, .. } = way.pop().expect("it was just there");
            let number = self.dir(dir, &how)?;
            if way.is_empty() {
                return Ok(number);
            }
        }
    }

    /// Adds a named snapshot whose tree was added.
    ///
    /// # Errors
    ///
    /// `Unsupported`, as above.
    pub fn snapshot(&mut self, name: &str, version: u64, taken: Timestamp, root: u32) -> Result<()> {
        let len = u32::try_from(name.len()).map_err(|_| too_many("bytes in the name of a snapshot"))?;
        let name = Text { at: self.text(name), len };
        self.snapshots.push(&SnapshotRecord { name, version, taken: time(taken), root }).map(drop)
    }

    fn known_dir(&self, dir: &Dir) -> Option<u32> {
        self.known_dirs.get(&kept_at(dir)).copied()
    }

    /// How a directory is to be written, and what is to be written before it.
    fn visit(&self, dir: &'a Dir, before: Option<&'a Dir>) -> Visit<'a> {
        let way = before.and_then(|before| self.changes(dir, before)).unwrap_or(Way::Full);
        let todo: Vec<Beside<'a>> = match &way {
            Way::Full if dir.totals.dirs == 0 => Vec::new(),
            Way::Full => {
                let at = |name: dir_map::NameRef<'a>| as_dir(before?.entries.get(name.as_str()));
                let below = dir.entries.iter().filter_map(|(name, entry)| Some((name, as_dir(Some(entry))?)));
                below.map(|(name, dir)| (dir, at(name))).collect()
            }
            Way::Changes { changes, .. } => {
                changes.iter().filter_map(|(_, old, new)| Some((as_dir(*new)?, as_dir(*old)))).collect()
            }
        };
        Visit { dir, way, todo: todo.into_iter() }
    }

    /// The changes since `before`, if they are few enough to be written instead of all entries.
    fn changes(&self, dir: &'a Dir, before: &'a Dir) -> Option<Way<'a>> {
        let base = self.known_dir(before)?;
        let most = dir.entries.len() / 4;
        let changes: Vec<_> = dir.entries.changes_since(&before.entries).take(most + 1).collect();
        (changes.len() <= most).then_some(Way::Changes { base, changes })
    }

    /// Writes a directory; those below it are known.
    fn dir(&mut self, dir: &'a Dir, way: &Way<'a>) -> Result<u32> {
        let (base, span) = match way {
            Way::Full => {
                let first = self.entries.len();
                for (name, entry) in dir.entries.iter() {
                    let node = self.node(entry)?;
                    let name = self.name(name)?;
                    self.entries.add(&EntryRecord { name, placed: entry.placed, node });
                }
                (None, Span { first, count: count(dir.entries.len())? })
            }
            Way::Changes { base, changes } => {
                let first = self.changes.len();
                for (name, old, new) in changes {
                    let old = old.map(|entry| self.node(entry)).transpose()?;
                    let new = new.map(|entry| Ok((self.node(entry)?, entry.placed))).transpose()?;
                    let name = self.name(name)?;
                    self.changes.add(&ChangeRecord { name, old, new });
                }
                (Some(*base), Span { first, count: count(changes.len())? })
            }
        };
        let receipt = dir.payment().map(|payment| self.receipt(&payment, dir.meta.created)).transpose()?;
        let meta = &dir.meta;
        let number = self.dirs.push(&DirRecord {
            created: time(meta.created),
            modified: time(meta.modified),
            listed: meta.listed,
            receipt,
            base,
            span,
        })?;
        self.known_dirs.insert(kept_at(dir), number);
        Ok(number)
    }

    fn node(&mut self, entry: EntryRef<'a>) -> Result<NodeRef> {
        match entry.node {
            tree::NodeRef::Dir(dir) => {
                Ok(NodeRef::Dir(self.known_dir(dir).expect("written before what it is in")))
            }
            tree::NodeRef::File(file) => self.file(file).map(NodeRef::File),
        }
    }

    fn file(&mut self, file: &'a FileNode) -> Result<u32> {
        let kept_at = kept_at(file);
        if let Some(number) = self.known_files.get(&kept_at) {
            return Ok(*number);
        }
        let content = self.content(&file.content)?;
        let key = (content, file.meta.created, file.meta.generation);
        let Payment { birth, is_owed, payer, .. } = file.payment();
        let payer = match payer {
            Some(payer) => Some(self.file(payer)?), // which is paid by no other
            None if is_owed => None,
            None => self.file_payers.find(key, birth, self.at),
        };
        let number = self.files.push(&FileRecord {
            created: time(file.meta.created),
            modified: time(file.meta.modified),
            generation: file.meta.generation,
            random: file.content.is_random(),
            content,
            payer,
        })?;
        self.known_files.insert(kept_at, number);
        if payer.is_none() {
            self.file_payers.note(key, birth, number);
        }
        Ok(number)
    }

    fn receipt(&mut self, payment: &Payment<'_>, created: Timestamp) -> Result<u32> {
        let Payment { kept_at, birth, is_owed, .. } = *payment;
        if let Some(number) = self.known_receipts.get(&kept_at) {
            return Ok(*number);
        }
        let payer = if is_owed { None } else { self.receipt_payers.find(created, birth, self.at) };
        let number = match payer {
            Some(number) => number,
            None => {
                let next = u32::try_from(self.receipts).ok().filter(|next| *next < u32::MAX);
                let next = next.ok_or_else(|| too_many("directories"))?;
                self.receipts += 1;
                self.receipt_payers.note(created, birth, next);
                next
            }
        };
        self.known_receipts.insert(kept_at, number);
        Ok(number)
    }

    fn content(&mut self, content: &'a Content) -> Result<ContentRef> {
        match content.parts() {
            Parts::None => Ok(ContentRef::None),
            Parts::One(chunk) => self.chunk(chunk).map(ContentRef::Chunk),
            Parts::Many(many) => {
                if let Some(number) = self.known_contents.get(&many.kept_at()) {
                    return Ok(ContentRef::Content(*number));
                }
                let first = self.parts.len();
                for chunk in many.chunks() {
                    let number = self.chunk(chunk)?;
                    self.parts.add(&ChunkNumber(number));
                }
                let number = self.parts.len() - first;
                let count = u32::try_from(number).map_err(|_| too_many("chunks"))?;
                let number = self.contents.push(&Span { first, count })?;
                self.known_contents.insert(many.kept_at(), number);
                Ok(ContentRef::Content(number))
            }
        }
    }

    fn chunk(&mut self, chunk: &'a Arc<Chunk>) -> Result<u32> {
        let kept_at = Arc::as_ptr(chunk).addr();
        if let Some(number) = self.known_chunks.get(&kept_at) {
            return Ok(*number);
        }
        let number = self.chunk_lens.push(&ChunkLen(chunk.len()))?;
        self.chunks.push(chunk);
        self.data += chunk.len() as u64;
        self.known_chunks.insert(kept_at, number);
        Ok(number)
    }

    fn name(&mut self, name: dir_map::NameRef<'a>) -> Result<NameRef> {
        let text = name.as_str();
        let len = count(text.len())?;
        let Some(kept_at) = name.kept_at() else {
            return Ok(NameRef::Short(Text { at: self.text(text), len }));
        };
        if let Some(number) = self.known_longs.get(&kept_at) {
            return Ok(NameRef::Long((*number).into()));
        }
        let number = match self.long_texts.get(text).filter(|_| !name.is_owed()) {
            Some(number) => *number, // which pays for both
            None => {
                let at = self.text(text);
                let number = self.longs.push(&Text { at, len })?;
                self.long_texts.insert(text, number);
                number
            }
        };
        self.known_longs.insert(kept_at, number);
        Ok(NameRef::Long(number.into()))
    }

    /// Adds a text; gives where it begins.
    fn text(&mut self, text: &str) -> u64 {
        let at = self.texts.len() as u64;
        self.texts.extend_from_slice(text.as_bytes());
        at
    }
}

fn as_dir(entry: Option<EntryRef<'_>>) -> Option<&Dir> {
    entry?.node.as_dir()
}

fn kept_at<T>(kept: &T) -> usize {
    std::ptr::from_ref(kept).addr()
}

fn time(time: Timestamp) -> Time {
    let (secs, nanos) = time.parts();
    Time { secs, nanos }
}

fn count(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| too_many("entries of a directory"))
}
