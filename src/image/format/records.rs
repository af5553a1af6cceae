//! The records of the tables, each with its bytes.

use std::marker::PhantomData;
use std::ops::Range;

/// The fields of a record that are still to be read. The record is as long as its fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("a record is as long as its fields");
        self.0 = rest;
        *field
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// Something of a fixed size in a table.
pub trait Record: Sized {
    /// Bytes of one.
    const SIZE: usize;

    /// Appends it to `out`.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads one.
    fn get(fields: Fields<'_>) -> Self;
}

/// Records one after the other, not looked at before they are asked for.
#[derive(Debug)]
pub struct Table<'a, R> {
    bytes: &'a [u8],
    records: PhantomData<R>,
}

impl<R> Clone for Table<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Table<'_, R> {}

impl<'a, R: Record> Table<'a, R> {
    /// The table that fills these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, records: PhantomData }
    }

    pub fn len(self) -> usize {
        self.bytes.len() / R::SIZE
    }

    pub fn get(self, number: usize) -> Option<R> {
        let from = number.checked_mul(R::SIZE)?;
        let record = self.bytes.get(from..from.checked_add(R::SIZE)?)?;
        Some(R::get(Fields(record)))
    }

    /// The records of a range; `None` if it is not all within the table.
    pub fn slice(self, range: Range<u64>) -> Option<Self> {
        let at = |number: u64| usize::try_from(number).ok()?.checked_mul(R::SIZE);
        let bytes = self.bytes.get(at(range.start)?..at(range.end)?)?;
        Some(Self { bytes, records: PhantomData })
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = R> + ExactSizeIterator + use<'a, R> {
        self.bytes.chunks_exact(R::SIZE).map(|record| R::get(Fields(record)))
    }
}

/// What a filesystem was built with, and how many records each table has: 160 bytes.
///
/// Fields of 8 bytes in this order, but where a size is given: quota, nodes, depth (4), storage (4:
/// 0 automatic, 1 sequential, 2 random-access), promotion limit, chunk overhead, node overhead,
/// lock timeout in seconds and nanoseconds (4; 2³² − 1 for no timeout), the number of the current
/// tree's root (4), its version; bytes of all texts; and the number of long names, chunks, contents,
/// parts, files, directories, receipts of directories, entries, changes and snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    pub max_quota: u64,
    pub max_nodes: u64,
    pub max_depth: u32,
    pub storage: u32,
    pub promotion_limit: u64,
    pub chunk_overhead: u64,
    pub node_overhead: u64,
    pub timeout_secs: u64,
    pub timeout_nanos: u32,
    pub root: u32,
    pub version: u64,
    pub texts: u64,
    pub longs: u64,
    pub chunks: u64,
    pub contents: u64,
    pub parts: u64,
    pub files: u64,
    pub dirs: u64,
    pub receipts: u64,
    pub entries: u64,
    pub changes: u64,
    pub snapshots: u64,
}

impl Record for Head {
    const SIZE: usize = 160;

    fn put(&self, out: &mut Vec<u8>) {
        put_u64s(out, &[self.max_quota, self.max_nodes]);
        put_u32s(out, &[self.max_depth, self.storage]);
        put_u64s(out, &[self.promotion_limit, self.chunk_overhead, self.node_overhead, self.timeout_secs]);
        put_u32s(out, &[self.timeout_nanos, self.root]);
        put_u64s(out, &[self.version, self.texts, self.longs, self.chunks, self.contents, self.parts]);
        put_u64s(out, &[self.files, self.dirs, self.receipts, self.entries, self.changes, self.snapshots]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self {
            max_quota: fields.u64(),
            max_nodes: fields.u64(),
            max_depth: fields.u32(),
            storage: fields.u32(),
            promotion_limit: fields.u64(),
            chunk_overhead: fields.u64(),
            node_overhead: fields.u64(),
            timeout_secs: fields.u64(),
            timeout_nanos: fields.u32(),
            root: fields.u32(),
            version: fields.u64(),
            texts: fields.u64(),
            longs: fields.u64(),
            chunks: fields.u64(),
            contents: fields.u64(),
            parts: fields.u64(),
            files: fields.u64(),
            dirs: fields.u64(),
            receipts: fields.u64(),
            entries: fields.u64(),
            changes: fields.u64(),
            snapshots: fields.u64(),
        }
    }
}

/// Some of the texts, 12 bytes: where it begins (8) and its length (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub at: u64,
    pub len: u32,
}

impl Record for Text {
    const SIZE: usize = 12;

    fn put(&self, out: &mut Vec<u8>) {
        put_u64s(out, &[self.at]);
        put_u32s(out, &[self.len]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self { at: fields.u64(), len: fields.u32() }
    }
}

/// The name of an entry, 8 bytes. The lowest byte is the length of its text and the others are where
/// that begins; or that byte is 0, and the others are the number of a long name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRef {
    Short(Text),
    Long(u64),
}

impl NameRef {
    fn encode(self) -> u64 {
        match self {
            Self::Short(text) => (text.at << 8) | u64::from(text.len & 0xff),
            Self::Long(number) => number << 8,
        }
    }

    fn decode(word: u64) -> Self {
        match (word >> 8, (word & 0xff) as u32) {
            (number, 0) => Self::Long(number),
            (at, len) => Self::Short(Text { at, len }),
        }
    }
}

/// The length of a chunk less one, in 2 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLen(pub usize);

impl Record for ChunkLen {
    const SIZE: usize = 2;

    fn put(&self, out: &mut Vec<u8>) {
        let less_one = u16::try_from(self.0 - 1).expect("a chunk has 1 to 64 KiB");
        out.extend_from_slice(&less_one.to_le_bytes());
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self(usize::from(fields.u16()) + 1)
    }
}

/// A range of records, 12 bytes: where it begins (8) and how many they are (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: u64,
    pub count: u32,
}

impl Span {
    pub fn range(self) -> Range<u64> {
        self.first..self.first.saturating_add(self.count.into())
    }
}

impl Record for Span {
    const SIZE: usize = 12;

    fn put(&self, out: &mut Vec<u8>) {
        put_u64s(out, &[self.first]);
        put_u32s(out, &[self.count]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self { first: fields.u64(), count: fields.u32() }
    }
}

/// The number of a chunk, 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkNumber(pub u32);

impl Record for ChunkNumber {
    const SIZE: usize = 4;

    fn put(&self, out: &mut Vec<u8>) {
        put_u32s(out, &[self.0]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self(fields.u32())
    }
}

/// A point in time, 12 bytes: whole seconds since the Unix epoch, rounded down (8, signed), and
/// nanoseconds after those (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub secs: i64,
    pub nanos: u32,
}

impl Time {
    fn put(self, out: &mut Vec<u8>) {
        put_u64s(out, &[self.secs.cast_unsigned()]);
        put_u32s(out, &[self.nanos]);
    }

    fn get(fields: &mut Fields<'_>) -> Self {
        Self { secs: fields.u64().cast_signed(), nanos: fields.u32() }
    }
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentRef {
    None,
    /// The chunk of this number.
    Chunk(u32),
    /// The content of this number.
    Content(u32),
}

/// A version of a file, 44 bytes: created and modified (12 each), generation (8), flags (4), the
/// number of the chunk or content (4), the number of the file that pays for it plus one (4; 0 if it
/// is paid for itself).
///
/// Flags: bits 0 and 1 are 0 for no content, 1 for a chunk, 2 for a content; bit 2 is set if the
/// file has become random-access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRecord {
    pub created: Time,
    pub modified: Time,
    pub generation: u64,
    pub random: bool,
    pub content: ContentRef,
    pub payer: Option<u32>,
}

impl Record for FileRecord {
    const SIZE: usize = 44;

    fn put(&self, out: &mut Vec<u8>) {
        self.created.put(out);
        self.modified.put(out);
        let (kind, number) = match self.content {
            ContentRef::None => (0, 0),
            ContentRef::Chunk(number) => (1, number),
            ContentRef::Content(number) => (2, number),
        };
        put_u64s(out, &[self.generation]);
        put_u32s(out, &[kind | (u32::from(self.random) << 2), number, one_more(self.payer)]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        let (created, modified) = (Time::get(&mut fields), Time::get(&mut fields));
        let (generation, flags, number) = (fields.u64(), fields.u32(), fields.u32());
        let content = match flags & 3 {
            0 => ContentRef::None,
            1 => ContentRef::Chunk(number),
            _ => ContentRef::Content(number),
        };
        Self {
            created,
            modified,
            generation,
            random: flags & 4 != 0,
            content,
            payer: fields.u32().checked_sub(1),
        }
    }
}

/// A version of a directory, 52 bytes: created and modified (12 each), the version that listed it
/// last (8), the number of the receipt that pays for it plus one (4; 0 for a root, which is free),
/// the number of its base plus one (4; 0 for none), and the range of its entries or, with a base, of
/// its changes (12).
///
/// Versions of one directory have the same receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirRecord {
    pub created: Time,
    pub modified: Time,
    pub listed: u64,
    pub receipt: Option<u32>,
    pub base: Option<u32>,
    pub span: Span,
}

impl Record for DirRecord {
    const SIZE: usize = 52;

    fn put(&self, out: &mut Vec<u8>) {
        self.created.put(out);
        self.modified.put(out);
        put_u64s(out, &[self.listed]);
        put_u32s(out, &[one_more(self.receipt), one_more(self.base)]);
        self.span.put(out);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        Self {
            created: Time::get(&mut fields),
            modified: Time::get(&mut fields),
            listed: fields.u64(),
            receipt: fields.u32().checked_sub(1),
            base: fields.u32().checked_sub(1),
            span: Span { first: fields.u64(), count: fields.u32() },
        }
    }
}

/// A file or a directory, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRef {
    Dir(u32),
    File(u32),
}

impl NodeRef {
    fn parts(self) -> (bool, u32) {
        match self {
            Self::Dir(number) => (true, number),
            Self::File(number) => (false, number),
        }
    }

    fn of(is_dir: bool, number: u32) -> Self {
        if is_dir { Self::Dir(number) } else { Self::File(number) }
    }
}

const IS_DIR: u64 = 1 << 63;

/// An entry of a directory, 20 bytes: its name (8), the version that placed it, with the top bit set
/// for a directory (8), the number of its node (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRecord {
    pub name: NameRef,
    pub placed: u64,
    pub node: NodeRef,
}

impl Record for EntryRecord {
    const SIZE: usize = 20;

    fn put(&self, out: &mut Vec<u8>) {
        let (is_dir, number) = self.node.parts();
        put_u64s(out, &[self.name.encode(), self.placed | if is_dir { IS_DIR } else { 0 }]);
        put_u32s(out, &[number]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        let (name, placed) = (NameRef::decode(fields.u64()), fields.u64());
        let node = NodeRef::of(placed & IS_DIR != 0, fields.u32());
        Self { name, placed: placed & !IS_DIR, node }
    }
}

/// How a directory differs from its base at one name, 28 bytes: the name (8), the version that
/// placed what stands there now (8), the numbers of the nodes that stood and stand there (4 each),
/// flags (4): bit 0 if something stood there, bit 1 if that was a directory, bits 2 and 3 the same
/// of what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeRecord {
    pub name: NameRef,
    pub old: Option<NodeRef>,
    pub new: Option<(NodeRef, u64)>,
}

impl Record for ChangeRecord {
    const SIZE: usize = 28;

    fn put(&self, out: &mut Vec<u8>) {
        let flags = |node: Option<(bool, u32)>| {
            node.map_or((0, 0), |(is_dir, number)| (1 | (u32::from(is_dir) << 1), number))
        };
        let (old_flags, old) = flags(self.old.map(NodeRef::parts));
        let (new_flags, new) = flags(self.new.map(|(node, _)| node.parts()));
        let placed = self.new.map_or(0, |(_, placed)| placed);
        put_u64s(out, &[self.name.encode(), placed]);
        put_u32s(out, &[old, new, old_flags | (new_flags << 2)]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        let (name, placed) = (NameRef::decode(fields.u64()), fields.u64());
        let (old, new, flags) = (fields.u32(), fields.u32(), fields.u32());
        let node = |flags: u32, number| (flags & 1 != 0).then(|| NodeRef::of(flags & 2 != 0, number));
        Self { name, old: node(flags, old), new: node(flags >> 2, new).map(|node| (node, placed)) }
    }
}

/// A named snapshot, 36 bytes: its name (12), its version (8), when it was taken (12), the number of
/// its root (4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRecord {
    pub name: Text,
    pub version: u64,
    pub taken: Time,
    pub root: u32,
}

impl Record for SnapshotRecord {
    const SIZE: usize = 36;

    fn put(&self, out: &mut Vec<u8>) {
        self.name.put(out);
        put_u64s(out, &[self.version]);
        self.taken.put(out);
        put_u32s(out, &[self.root]);
    }

    fn get(mut fields: Fields<'_>) -> Self {
        let name = Text { at: fields.u64(), len: fields.u32() };
        Self { name, version: fields.u64(), taken: Time::get(&mut fields), root: fields.u32() }
    }
}

fn one_more(number: Option<u32>) -> u32 {
    number.map_or(0, |number| number + 1)
}

fn put_u64s(out: &mut Vec<u8>, fields: &[u64]) {
    fields.iter().for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
}

fn put_u32s(out: &mut Vec<u8>, fields: &[u32]) {
    fields.iter().for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
        let mut bytes = Vec::new();
        record.put(&mut bytes);
        assert_eq!(bytes.len(), R::SIZE, "{record:?}");
        assert_eq!(&R::get(Fields(&bytes)), record);
    }

    #[test]
    fn records_are_as_long_as_they_say_and_come_back() {
        let text = Text { at: 77, len: 9 };
        let (created, modified) = (Time { secs: -5, nanos: 6 }, Time { secs: 7, nanos: 999_999_999 });
        let span = Span { first: 1 << 40, count: u32::MAX };
        round_trip(&text);
        round_trip(&span);
        round_trip(&ChunkNumber(u32::MAX));
        for len in [1, 65_536] {
            round_trip(&ChunkLen(len));
        }
        for content in [ContentRef::None, ContentRef::Chunk(3), ContentRef::Content(4)] {
            for (random, payer) in [(false, None), (true, Some(0)), (true, Some(u32::MAX - 1))] {
                round_trip(&FileRecord { created, modified, generation: 9, random, content, payer });
            }
        }
        for (receipt, base) in [(None, None), (Some(0), Some(5))] {
            round_trip(&DirRecord { created, modified, listed: 8, receipt, base, span });
        }
        for name in [NameRef::Short(text), NameRef::Long(0), NameRef::Long(1 << 50)] {
            for node in [NodeRef::Dir(1), NodeRef::File(0)] {
                round_trip(&EntryRecord { name, placed: (1 << 62) - 1, node });
                for (old, new) in [(Some(node), None), (None, Some((node, 3))), (Some(node), Some((node, 4)))]
                {
                    round_trip(&ChangeRecord { name, old, new });
                }
            }
        }
        round_trip(&SnapshotRecord { name: text, version: 4, taken: created, root: 2 });
        round_trip(&Head { max_quota: 1, root: 2, version: 3, snapshots: 4, ..Head::default() });
    }
}
